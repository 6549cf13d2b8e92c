//! How sessions begin, change and end.
#![allow(clippy::unwrap_used, clippy::large_futures, missing_docs)]

mod common;

use std::time::Duration;

use common::client::Client;
use common::sources::{Scripted, vp8, vp8_unit};
use common::{PATIENCE, Rig, options, play, rig};
use icescope_model::SessionId;
use icescope_model::signal::{Answer, CloseReason, PeerState, SignalError, Trickle, Trickled};
use icescope_peer::Options;

async fn closed(answer: &Answer) -> CloseReason {
    let mut state = answer.link.state.clone();
    let wait = state.wait_for(|state| matches!(state, PeerState::Closed(_)));
    let state = tokio::time::timeout(PATIENCE, wait).await.expect("the session closes").unwrap().clone();
    match state {
        PeerState::Closed(reason) => reason,
        state => panic!("{state:?}"),
    }
}

async fn connected(rig: &Rig, client: &mut Client) -> (SessionId, Answer) {
    let id = SessionId::random();
    let answer = rig.play(id, client.offer().await).await;
    client.accept(&answer).await;
    let mut state = answer.link.state.clone();
    tokio::time::timeout(PATIENCE, state.wait_for(|state| *state == PeerState::Connected))
        .await
        .unwrap()
        .unwrap();
    client.connected().await;
    (id, answer)
}

fn bars() -> std::sync::Arc<Scripted> {
    Scripted::new(&[("bars", vec![vp8()])])
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_closes_and_the_client_hears_of_it() {
    let mut rig = rig(options(), bars());
    let mut client = Client::viewer().await;
    let (id, answer) = connected(&rig, &mut client).await;
    rig.peer.close(id, CloseReason::Deleted);
    assert_eq!(closed(&answer).await, CloseReason::Deleted);
    assert_eq!(rig.event("session.closed").await.attributes["reason"], "deleted");
    assert!(rig.peer.sessions().is_empty());
    let unknown = rig.peer.trickle(id, Trickle::default()).await;
    assert_eq!(unknown, Err(SignalError::UnknownSession));
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_is_gone_at_once() {
    let rig = rig(options(), bars());
    let mut client = Client::viewer().await;
    let (_, answer) = connected(&rig, &mut client).await;
    let began = std::time::Instant::now();
    client.connection.close().await.unwrap();
    assert_eq!(closed(&answer).await, CloseReason::ClosedByRemote);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "by its close_notify, not by silence: {:?}",
        began.elapsed()
    );
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_is_shown_as_disconnected_and_then_closed() {
    let times =
        Options { disconnected: Duration::from_secs(1), vanished: Duration::from_secs(3), ..options() };
    let rig = rig(times, bars());
    let mut client = Client::viewer().await;
    let (_, answer) = connected(&rig, &mut client).await;
    client.vanish();
    let mut state = answer.link.state.clone();
    let lost = state.wait_for(|state| *state == PeerState::Disconnected);
    tokio::time::timeout(PATIENCE, lost).await.unwrap().unwrap();
    assert_eq!(closed(&answer).await, CloseReason::Vanished);
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_connects_is_closed_in_time() {
    let rig = rig(Options { connect_timeout: Duration::from_millis(300), ..options() }, bars());
    let answer = rig.play(SessionId::random(), Client::viewer().await.offer().await).await;
    assert_eq!(closed(&answer).await, CloseReason::NeverConnected);
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ice_does_not_give_up_before_the_session_does() {
    let times = Options {
        disconnected: Duration::from_secs(1),
        vanished: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(4),
        ..options()
    };
    let rig = rig(times, bars());
    let answer = rig.play(SessionId::random(), Client::viewer().await.offer().await).await;
    assert_eq!(closed(&answer).await, CloseReason::NeverConnected, "and not ICE's «failed» after 2 s");
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_can_be_trickled_to_the_daemon() {
    let mut rig = rig(options(), bars());
    let mut client = Client::viewer().await;
    let sdp = client.offer().await;
    let candidate = sdp.lines().find_map(|line| line.strip_prefix("a=candidate:")).unwrap();
    let candidates = vec![format!("candidate:{candidate}"), String::new()];
    let bare: String = sdp.split_inclusive('\n').filter(|line| !line.contains("candidate")).collect();
    let id = SessionId::random();
    let answer = rig.play(id, bare).await;
    client.accept(&answer).await;
    let fragment = Trickle { candidates, end_of_candidates: true, ..Trickle::default() };
    assert_eq!(rig.peer.trickle(id, fragment).await, Ok(Trickled::Added));
    let seen = rig.event("ice.remote_candidate").await;
    assert_eq!(
        (&seen.attributes["candidateType"], &seen.attributes["address"]),
        (&"host".into(), &"127.0.0.1".into())
    );
    client.connected().await;
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_sends_nowhere_it_should_not() {
    let mut rig = rig(Options { allow_loopback: true, ..options() }, bars());
    let id = SessionId::random();
    rig.play(id, Client::viewer().await.offer().await).await;
    rig.event("ice.remote_candidate").await;
    for (address, why) in
        [("169.254.1.1", "link-local"), ("224.0.0.1", "multicast"), ("0.0.0.0", "unspecified")]
    {
        let candidates = vec![format!("candidate:1 1 udp 1 {address} 5000 typ host")];
        rig.peer.trickle(id, Trickle { candidates, ..Trickle::default() }).await.unwrap();
        assert_eq!(rig.event("ice.remote_candidate").await.attributes["leftOut"], why);
    }
    let candidates = vec!["candidate:nonsense".to_owned()];
    let refused = rig.peer.trickle(id, Trickle { candidates, ..Trickle::default() }).await;
    assert!(matches!(refused, Err(SignalError::BadCandidate(_))), "{refused:?}");
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_candidates_are_limited() {
    let limits = Options { max_sessions: 1, max_remote_candidates: 5, ..options() };
    let rig = rig(limits, bars());
    let id = SessionId::random();
    let mut client = Client::viewer().await;
    let sdp = client.offer().await;
    rig.play(id, sdp.clone()).await;
    let again = rig.peer.answer(id, play(sdp.clone())).await;
    assert!(matches!(again, Err(SignalError::AlreadyAnswered)), "{again:?}");
    let other = rig.peer.answer(SessionId::random(), play(sdp)).await;
    assert!(matches!(other, Err(SignalError::TooManySessions { limit: 1, .. })), "{other:?}");
    let candidates =
        (0..6).map(|n| format!("candidate:{n} 1 udp 1 192.0.2.1 {} typ host", 5000 + n)).collect();
    let many = rig.peer.trickle(id, Trickle { candidates, ..Trickle::default() }).await;
    assert_eq!(many, Err(SignalError::TooManyCandidates { limit: 5 }));
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_given_back_when_the_offer_is_refused() {
    let rig = rig(Options { max_sessions: 1, ..options() }, bars());
    let id = SessionId::random();
    assert!(rig.peer.answer(id, play("v=0".into())).await.is_err());
    rig.play(id, Client::viewer().await.offer().await).await;
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_offers_leave_no_connection_behind() {
    let rig = rig(options(), bars());
    let sdp = Client::viewer().await.offer().await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let (files, tasks) = (open_files(), metrics.num_alive_tasks());
    for _ in 0..5 {
        // Seen only once the connection is open.
        let candidates = sdp.replace("a=candidate:", "a=candidate:x x x ");
        let refused = rig.peer.answer(SessionId::random(), play(candidates)).await;
        assert!(matches!(refused, Err(SignalError::BadCandidate(_))), "{refused:?}");
    }
    // One stream is open by now: its pump is the one task more.
    common::eventually("all is closed", || open_files() <= files && metrics.num_alive_tasks() <= tasks + 1)
        .await;
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ice_can_be_renewed_and_the_picture_goes_on() {
    let sources = bars();
    let rig = rig(options(), sources.clone());
    let mut client = Client::viewer().await;
    let (id, answer) = connected(&rig, &mut client).await;
    sources.last().unit(vp8_unit(0, true, 100, 1));
    let before = client.frame().await.pop().unwrap();
    let (ufrag, pwd, candidates) = client.restart().await;
    let fragment = Trickle { ufrag: Some(ufrag), pwd: Some(pwd), candidates, ..Trickle::default() };
    let renewed = match rig.peer.trickle(id, fragment).await.unwrap() {
        Trickled::Restarted(local) => local,
        other @ Trickled::Added => panic!("{other:?}"),
    };
    assert!(!renewed.candidates.is_empty() && renewed.complete, "{renewed:?}");
    let old = answer.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    assert_ne!(renewed.ufrag, old);
    client.accept_restart(&answer.sdp, &renewed).await;
    client.checked_again().await;
    sources.last().unit(vp8_unit(1, false, 100, 2));
    let after = client.frame().await.pop().unwrap();
    assert_eq!(after.header.sequence_number, before.header.sequence_number.wrapping_add(1));
    let stale = Trickle { ufrag: Some("stale".into()), candidates: vec![], ..Trickle::default() };
    assert!(matches!(rig.peer.trickle(id, stale).await, Err(SignalError::BadCandidate(_))));
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_all_sessions() {
    let rig = rig(options(), bars());
    let mut client = Client::viewer().await;
    let (_, answer) = connected(&rig, &mut client).await;
    rig.peer.shut_down().await;
    assert_eq!(closed(&answer).await, CloseReason::ShuttingDown);
    let refused = rig.peer.answer(SessionId::random(), play(Client::viewer().await.offer().await)).await;
    assert!(matches!(refused, Err(SignalError::UnknownSession)), "{refused:?}");
}

/// The ports of the UDP candidates in an answer.
fn udp_ports(answer: &Answer) -> Vec<String> {
    let candidates =
        answer.sdp.lines().filter(|line| line.starts_with("a=candidate:") && line.contains(" udp "));
    candidates.filter_map(|line| line.split(' ').nth(5).map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_share_one_port_and_each_gets_its_own_packets() {
    let sources = bars();
    let rig = rig(Options { udp_port: Some(0), ..options() }, sources.clone());
    let (mut one, mut two) = (Client::viewer().await, Client::viewer().await);
    let (first, second) = (connected(&rig, &mut one).await, connected(&rig, &mut two).await);
    assert_eq!(udp_ports(&first.1), udp_ports(&second.1));
    assert_eq!(udp_ports(&first.1).len(), 1, "{}", first.1.sdp);
    sources.last().unit(vp8_unit(0, true, 100, 1));
    let (a, b) = (one.frame().await, two.frame().await);
    assert_ne!(a[0].header.ssrc, b[0].header.ssrc);
    rig.peer.close(first.0, CloseReason::Deleted);
    assert_eq!(closed(&first.1).await, CloseReason::Deleted);
    sources.last().unit(vp8_unit(1, false, 100, 2));
    assert_eq!(two.frame().await[0].header.ssrc, b[0].header.ssrc, "the other goes on");
    two.connection.close().await.unwrap();
    assert_eq!(closed(&second.1).await, CloseReason::ClosedByRemote);
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_is_offered_on_one_port_for_all() {
    let rig = rig(Options { tcp_port: Some(0), ..options() }, bars());
    let (mut one, mut two) = (Client::viewer().await, Client::viewer().await);
    let answers = [connected(&rig, &mut one).await.1, connected(&rig, &mut two).await.1];
    let passive = |answer: &Answer| {
        let line = answer.sdp.lines().find(|line| line.contains(" tcp ") && line.contains("tcptype passive"));
        line.and_then(|line| line.split(' ').nth(5)).map_or_else(|| panic!("{}", answer.sdp), str::to_owned)
    };
    assert_eq!(passive(&answers[0]), passive(&answers[1]));
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_is_told_the_public_address_of_a_one_to_one_nat() {
    let public = "203.0.113.5".parse().unwrap();
    let mapped = icescope_peer::MappedAddress { local: Some("127.0.0.1".parse().unwrap()), public };
    let mut rig = rig(Options { addresses: vec![mapped], ..options() }, bars());
    let answer = rig.play(SessionId::random(), Client::viewer().await.offer().await).await;
    assert!(answer.sdp.contains(" 203.0.113.5 ") && !answer.sdp.contains(" 127.0.0.1 "), "{}", answer.sdp);
    let told = rig.event("ice.candidate").await.attributes;
    assert_eq!((&told["address"], &told["interface"]), (&"203.0.113.5".into(), &"lo".into()));
    rig.peer.shut_down().await;
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_cycles_leave_nothing_behind() {
    let sources = bars();
    let rig = rig(options(), sources.clone());
    let metrics = tokio::runtime::Handle::current().metrics();
    let mut settled = None;
    for cycle in 0..52 {
        let mut client = Client::viewer().await;
        let (id, answer) = connected(&rig, &mut client).await;
        rig.peer.close(id, CloseReason::Deleted);
        closed(&answer).await;
        client.connection.close().await.unwrap();
        drop((client, answer));
        if cycle == 1 {
            settled = Some((open_files(), metrics.num_alive_tasks()));
        }
    }
    let (files, tasks) = settled.unwrap();
    common::eventually("descriptors and tasks return to where they were", || {
        open_files() <= files && metrics.num_alive_tasks() <= tasks
    })
    .await;
    rig.peer.shut_down().await;
    common::eventually("no task is left", || metrics.num_alive_tasks() == 0).await;
}
