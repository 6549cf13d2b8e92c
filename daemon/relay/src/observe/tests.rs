use icescope_model::sink::EventSource;

use super::*;
use crate::testing::{allocate, binding, via};
use crate::tuple::Transport;

fn describe(packet: &Packet<'_>) -> Option<Observation> {
    Message::parse(packet.bytes)?;
    Some(
        Observation::new(Scope::Daemon, Evidence::Packet, Lane::Peer, Lane::Peer, "message")
            .at(packet.at)
            .with("localAddress", packet.server.to_string())
            .with("remoteAddress", packet.client.to_string())
            .with("direction", if packet.inbound { "inbound" } else { "outbound" }),
    )
}

fn observer() -> (Observer, EventSource) {
    let (sink, source) = EventSink::new(1000);
    (Observer::new(sink, std::sync::Arc::new(describe)), source)
}

fn seen(inbound: bool, at: i64, bytes: &[u8]) -> Seen {
    Seen { inbound, at: Monotonic(at), uncertainty: 7, bytes: bytes.into(), refused: false }
}

fn answer(request: &[u8]) -> Vec<u8> {
    let mut answer = request.to_vec();
    answer[0] |= 1;
    answer
}

fn exchange(observer: &Observer, via: &FiveTuple, holder: Option<&Holder>, at: i64, request: &[u8]) {
    observer.exchange(via, holder, seen(true, at, request), Some(seen(false, at + 1, &answer(request))));
}

fn told(source: &mut EventSource) -> Vec<Observation> {
    std::iter::from_fn(|| source.try_next()).collect()
}

#[test]
fn a_user_name_claims_what_came_before_it() {
    let (observer, mut source) = observer();
    let session = SessionId::random();
    let holder = observer.id_of(session, 7, 1000, 0);
    let client = via("192.0.2.9:1");
    exchange(&observer, &client, None, 1, &binding(1).0);
    exchange(&observer, &client, None, 3, &allocate(2).0);
    exchange(&observer, &via("192.0.2.9:2"), None, 4, &binding(1).0);
    assert_eq!(told(&mut source), [], "nobody's yet");
    exchange(&observer, &client, Some(&holder), 5, &allocate(3).0);
    let events = told(&mut source);
    let lanes: Vec<_> = events.iter().map(|event| (event.from, event.to, event.at.0)).collect();
    assert_eq!(
        lanes,
        [
            (Lane::Web, Lane::Stun, 1),
            (Lane::Stun, Lane::Web, 2),
            (Lane::Web, Lane::Turn, 3),
            (Lane::Turn, Lane::Web, 4),
            (Lane::Web, Lane::Turn, 5),
            (Lane::Turn, Lane::Web, 6),
        ]
    );
    assert!(
        events.iter().all(|event| event.scope == Scope::Session(session) && event.seen_by == SeenBy::Relay)
    );
    assert!(events.iter().all(|event| event.uncertainty == 7), "how far the time may be off is told with it");
    assert_eq!(events[0].attributes["remoteAddress"], "192.0.2.9:1");
    assert_eq!(events[0].attributes["direction"], "inbound");
    exchange(&observer, &client, None, 7, &binding(4).0);
    assert_eq!(told(&mut source).len(), 2, "and what comes after it");
}

#[test]
fn a_server_reflexive_candidate_claims_its_address_and_no_other() {
    let (observer, mut source) = observer();
    let session = SessionId::random();
    let client = via("192.0.2.9:1");
    exchange(&observer, &client, None, 1, &binding(1).0);
    exchange(&observer, &FiveTuple { transport: Transport::Tcp, ..client }, None, 1, &binding(1).0);
    observer.claim(session, "192.0.2.9:2".parse().unwrap(), Monotonic(2));
    assert_eq!(told(&mut source), []);
    observer.claim(session, client.client, Monotonic(2));
    let events = told(&mut source);
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.attributes["protocol"] == "udp"));
}

#[test]
fn a_user_name_weighs_more_than_a_candidate_that_somebody_named() {
    let (observer, mut source) = observer();
    let [session, other] = [SessionId::random(), SessionId::random()];
    let holder = observer.id_of(session, 7, 1000, 0);
    let client = via("192.0.2.9:1");
    exchange(&observer, &client, None, 1, &binding(1).0);
    observer.claim(other, client.client, Monotonic(2));
    told(&mut source);
    exchange(&observer, &client, Some(&holder), 3, &allocate(2).0);
    exchange(&observer, &client, None, 5, &binding(3).0);
    let events = told(&mut source);
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|event| event.scope == Scope::Session(session)), "{events:?}");
}

#[test]
fn what_nobody_claims_in_time_is_dropped() {
    let (observer, mut source) = observer();
    let client = via("192.0.2.9:1");
    exchange(&observer, &client, None, 1, &binding(1).0);
    let late = Monotonic(31_000_000_000);
    observer.expire(late, 0, &HashSet::new());
    observer.claim(SessionId::random(), client.client, late);
    assert_eq!(told(&mut source), []);
}

#[test]
fn the_daemons_own_peer_is_left_to_its_wiretap() {
    let (observer, mut source) = observer();
    let client = via("192.0.2.9:1");
    exchange(&observer, &client, None, 1, &binding(1).0);
    exchange(&observer, &client, Some(&Holder::Daemon), 2, &allocate(2).0);
    exchange(&observer, &client, None, 3, &binding(3).0);
    observer.claim(SessionId::random(), client.client, Monotonic(4));
    assert_eq!(told(&mut source), []);
}

#[test]
fn the_end_of_an_allocation_says_why_and_how_much() {
    let (observer, mut source) = observer();
    let session = SessionId::random();
    let holder = observer.id_of(session, 7, 1000, 0);
    let traffic = Traffic { packets_to_peers: 3, bytes_to_peers: 30, ..Traffic::default() };
    let relayed = "198.51.100.1:50000".parse().unwrap();
    let what = What::Ended(End::Released, traffic);
    observer.note(&Note { via: via("192.0.2.9:1"), holder, relayed, what }, Monotonic(1));
    let [event] = &told(&mut source)[..] else { panic!("one event") };
    assert_eq!(event.kind, "relay.allocation_ended");
    assert_eq!(
        (&event.attributes["packetsToPeers"], &event.attributes["bytesToPeers"]),
        (&3.into(), &30.into())
    );
    assert_eq!(event.attributes["relayedAddress"], "198.51.100.1:50000");
    assert_eq!(
        observer.id_of_session(session).map(|(holder, until)| (holder.id().len(), until)),
        Some((16, 1000))
    );
}

#[test]
fn a_refused_credential_is_a_warning_and_a_challenge_is_not() {
    let (observer, mut source) = observer();
    let client = via("192.0.2.9:1");
    exchange(&observer, &client, None, 1, &allocate(1).0);
    let refusal = Seen { refused: true, ..seen(false, 4, &answer(&allocate(2).0)) };
    observer.exchange(&client, None, seen(true, 3, &allocate(2).0), Some(refusal));
    observer.claim(SessionId::random(), client.client, Monotonic(5));
    let levels: Vec<_> = told(&mut source).iter().map(|event| event.level).collect();
    assert_eq!(levels, [Level::Info, Level::Info, Level::Info, Level::Warn]);
}
