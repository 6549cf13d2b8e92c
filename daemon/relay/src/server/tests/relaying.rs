use icescope_model::SessionId;

use crate::server::{Outcome, What};
use crate::testing::{Bench, allocate, channel, permission, refresh, send, via};
use crate::wire::frame::Wrap;

const CLIENT: &str = "192.0.2.9:1000";
const OTHER: &str = "192.0.2.10:1000";
const PEER: &str = "198.51.100.1:5000";

fn allocated() -> Bench {
    let mut bench = Bench::default();
    assert_eq!(bench.ask(via(CLIENT), "aa", allocate(1)), 0);
    bench.server.rules.set_candidates(SessionId::random(), vec![PEER.parse().unwrap()]);
    bench
}

fn from_peer(bench: &mut Bench, client: &str, peer: &str) -> Option<Wrap> {
    let now = bench.now.monotonic;
    bench.server.peer_sent(now, &via(client), peer.parse().unwrap(), 4).map(|(_, wrap)| wrap)
}

#[test]
fn indications_go_both_ways_once_there_is_a_permission() {
    let mut bench = allocated();
    let packet = send(PEER, b"data");
    assert!(matches!(bench.handle(via(CLIENT), &packet.0), Outcome::Nothing));
    assert_eq!(from_peer(&mut bench, CLIENT, PEER), None);
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, PEER)), 0);
    let Outcome::ToPeer { port, peer, payload } = bench.handle(via(CLIENT), &packet.0) else {
        panic!("not relayed")
    };
    assert_eq!((port, peer, &packet.0[payload]), (50_001, PEER.parse().unwrap(), &b"data"[..]));
    assert!(
        matches!(from_peer(&mut bench, CLIENT, PEER), Some(Wrap::Indication(peer, _)) if peer == PEER.parse().unwrap())
    );
    bench.pass(300);
    assert!(matches!(bench.handle(via(CLIENT), &packet.0), Outcome::Nothing), "permissions end");
    assert_eq!(from_peer(&mut bench, CLIENT, PEER), None);
}

#[test]
fn a_channel_is_used_both_ways_and_ends() {
    let mut bench = allocated();
    let packet = [0x40, 0x07, 0, 3, 1, 2, 3, 0];
    assert!(matches!(bench.handle(via(CLIENT), &packet), Outcome::Nothing));
    assert_eq!(bench.ask(via(CLIENT), "aa", channel(2, 0x4007, PEER)), 0);
    let Outcome::ToPeer { peer, payload, .. } = bench.handle(via(CLIENT), &packet) else {
        panic!("not relayed")
    };
    assert_eq!((peer, payload), (PEER.parse().unwrap(), 4..7));
    assert_eq!(from_peer(&mut bench, CLIENT, PEER), Some(Wrap::Channel(0x4007)));
    assert!(matches!(bench.handle(via(OTHER), &packet), Outcome::Nothing), "another client's");
    bench.pass(299);
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(3, PEER)), 0);
    bench.pass(299);
    assert_eq!(from_peer(&mut bench, CLIENT, PEER), Some(Wrap::Channel(0x4007)));
}

#[test]
fn two_clients_of_the_relay_reach_each_other_without_the_network() {
    let mut bench = allocated();
    assert_eq!(bench.ask(via(OTHER), "bb", allocate(1)), 0);
    let (one, two) = ("198.51.100.1:50001", "198.51.100.1:50002");
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, two)), 0);
    assert!(
        matches!(bench.handle(via(CLIENT), &send(two, b"x").0), Outcome::Nothing),
        "the other must permit it too"
    );
    assert_eq!(bench.ask(via(OTHER), "bb", channel(2, 0x4001, one)), 0);
    let packet = send(two, b"data");
    let Outcome::ToClient { port, payload, wrap } = bench.handle(via(CLIENT), &packet.0) else {
        panic!("not relayed")
    };
    assert_eq!((port, &packet.0[payload], wrap), (50_002, &b"data"[..], Wrap::Channel(0x4001)));
}

#[test]
fn what_went_through_is_counted_and_told_at_the_end() {
    let mut bench = allocated();
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, PEER)), 0);
    for _ in 0..3 {
        assert!(matches!(bench.handle(via(CLIENT), &send(PEER, b"data").0), Outcome::ToPeer { .. }));
    }
    from_peer(&mut bench, CLIENT, PEER);
    bench.handle(via(CLIENT), &send("198.51.100.1:22", b"data").0);
    assert_eq!(bench.ask(via(CLIENT), "aa", refresh(3, 0)), 0);
    let notes = bench.server.take_notes();
    let peer = PEER.parse().unwrap();
    let [first, back, refused, ended] = &notes[..] else { panic!("{notes:?}") };
    assert_eq!((first.what, back.what), (What::FirstToPeer(peer), What::FirstFromPeer(peer)));
    assert_eq!(refused.what, What::PeerRefused("198.51.100.1:22".parse().unwrap()));
    let What::Ended(_, traffic) = ended.what else { panic!("{ended:?}") };
    assert_eq!((traffic.packets_to_peers, traffic.bytes_to_peers), (3, 12));
    assert_eq!((traffic.packets_from_peers, traffic.bytes_from_peers), (1, 4));
    assert_eq!(traffic.packets_refused, 1);
    assert!(
        matches!(bench.handle(via(CLIENT), &send(PEER, b"data").0), Outcome::Nothing),
        "nothing after the end"
    );
}

#[test]
fn an_indication_with_more_than_it_may_have_is_dropped() {
    let mut bench = allocated();
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, PEER)), 0);
    let draft = send(PEER, b"data").with(0x001a, &[]);
    assert!(matches!(bench.handle(via(CLIENT), &draft.0), Outcome::Nothing), "DONT-FRAGMENT");
}
