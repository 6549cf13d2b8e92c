//! The life of sessions against a peer that does what the test says.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use icescope_evidence::{BoxFuture, Evidence, Options, Peer};
use icescope_model::api::SessionState;
use icescope_model::report::{Outcome, Report, Trigger};
use icescope_model::signal::{
    Answer, CloseReason, Direction, LocalCandidates, Offer, PeerLink, PeerState, SignalError, Trickle,
    Trickled,
};
use icescope_model::uplink::UplinkStats;
use icescope_model::verdict::VerdictOutcome;
use icescope_model::{EventSink, Evidence as Kind, Lane, Observation, Scope, SessionId};
use serde_json::json;
use tokio::sync::watch;

#[derive(Default)]
struct FakePeer {
    state: Mutex<Option<watch::Sender<PeerState>>>,
    candidates: Mutex<Option<watch::Sender<LocalCandidates>>>,
    closed: Mutex<Vec<CloseReason>>,
}

impl FakePeer {
    fn say(&self, state: PeerState) {
        self.state.lock().unwrap().as_ref().expect("an answer was given").send_replace(state);
    }
}

impl Peer for FakePeer {
    fn answer(&self, _: SessionId, offer: Offer) -> BoxFuture<'_, Result<Answer, SignalError>> {
        Box::pin(async move {
            if offer.sdp.is_empty() {
                return Err(SignalError::BadOffer("empty".to_owned()));
            }
            let (state, state_receiver) = watch::channel(PeerState::Connecting);
            let (candidates, candidates_receiver) = watch::channel(LocalCandidates::default());
            *self.state.lock().unwrap() = Some(state);
            *self.candidates.lock().unwrap() = Some(candidates);
            let link = PeerLink { candidates: candidates_receiver, state: state_receiver };
            Ok(Answer { sdp: "answer".to_owned(), link })
        })
    }

    fn trickle(&self, _: SessionId, trickle: Trickle) -> BoxFuture<'_, Result<Trickled, SignalError>> {
        Box::pin(async move {
            Ok(if trickle.pwd.is_some() {
                Trickled::Restarted(LocalCandidates::default())
            } else {
                Trickled::Added
            })
        })
    }

    fn close(&self, _: SessionId, reason: CloseReason) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.closed.lock().unwrap().push(reason.clone());
            if let Some(state) = self.state.lock().unwrap().as_ref() {
                state.send_replace(PeerState::Closed(reason));
            }
        })
    }

    fn uplink(&self, _: SessionId) -> Option<UplinkStats> {
        Some(UplinkStats { packets_received: 7, ..UplinkStats::default() })
    }
}

fn offer(sdp: &str, direction: Direction) -> Offer {
    Offer { sdp: sdp.to_owned(), direction, gather_for: Duration::ZERO }
}

fn play() -> Offer {
    offer("offer", Direction::Play { source: None })
}

fn start(options: Options) -> (Evidence, Arc<FakePeer>) {
    let peer = Arc::new(FakePeer::default());
    let (sink, source) = EventSink::new(64);
    (Evidence::start(options, sink, source, Arc::clone(&peer) as Arc<dyn Peer>), peer)
}

async fn until(session: &icescope_evidence::Session, what: impl Fn(&icescope_evidence::Session) -> bool) {
    let mut revision = session.revision();
    let wait = async {
        while !what(session) {
            revision.changed().await.expect("the session is alive");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it happens");
}

#[tokio::test]
async fn a_session_follows_its_peer_to_the_end() {
    let (evidence, peer) = start(Options::default());
    let session = evidence.open().unwrap();
    assert_eq!(session.answer(play()).await.unwrap(), "answer");
    assert_eq!(session.generation(), 1);
    assert_eq!(session.answer(play()).await, Err(SignalError::AlreadyAnswered));
    peer.say(PeerState::Connected);
    until(&session, |session| session.summary().state == SessionState::Connected).await;
    peer.say(PeerState::Closed(CloseReason::ClosedByRemote));
    until(&session, icescope_evidence::Session::is_closed).await;
    let head = session.summary();
    assert_eq!(head.closed.unwrap().code, "closed-by-remote");
    assert_eq!(head.ended, session.record().until, "the list tells how long it lasted, too");
    let kinds: Vec<_> = session.record().events.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["session.closed"]);
}

#[tokio::test]
async fn a_refused_offer_leaves_the_session_open_for_another() {
    let (evidence, _) = start(Options::default());
    let session = evidence.open().unwrap();
    let bad = offer("", Direction::Play { source: None });
    assert_eq!(session.answer(bad).await, Err(SignalError::BadOffer("empty".to_owned())));
    assert!(session.answer(play()).await.is_ok());
}

#[tokio::test]
async fn a_restart_makes_a_new_generation_and_a_candidate_does_not() {
    let (evidence, _) = start(Options::default());
    let session = evidence.open().unwrap();
    assert_eq!(session.trickle(Trickle::default()).await, Err(SignalError::UnknownSession));
    session.answer(play()).await.unwrap();
    session.trickle(Trickle::default()).await.unwrap();
    assert_eq!(session.generation(), 1);
    session.trickle(Trickle { pwd: Some("new".to_owned()), ..Trickle::default() }).await.unwrap();
    assert_eq!(session.generation(), 2);
}

#[tokio::test]
async fn the_limit_counts_open_sessions_only() {
    let (evidence, peer) = start(Options { max_sessions: 1, ..Options::default() });
    let session = evidence.open().unwrap();
    session.answer(play()).await.unwrap();
    assert!(matches!(evidence.open(), Err(SignalError::TooManySessions { limit: 1, .. })));
    session.close(CloseReason::Deleted).await;
    assert_eq!(*peer.closed.lock().unwrap(), [CloseReason::Deleted]);
    assert!(evidence.open().is_ok());
}

#[tokio::test]
async fn what_concerns_the_daemon_is_noted_by_every_live_session() {
    let (evidence, _) = start(Options::default());
    let (live, over) = (evidence.open().unwrap(), evidence.open().unwrap());
    over.close(CloseReason::Deleted).await;
    evidence.sink().send(Observation::new(
        Scope::Daemon,
        Kind::Api,
        Lane::Peer,
        Lane::Peer,
        "plugin.crashed",
    ));
    until(&live, |session| session.summary().events == 1).await;
    assert_eq!(live.record().events[0].kind, "plugin.crashed");
    assert!(over.record().events.iter().all(|event| event.kind != "plugin.crashed"));
}

#[tokio::test(start_paused = true)]
async fn a_session_without_an_offer_is_closed_and_old_ones_are_forgotten() {
    let (evidence, peer) =
        start(Options { keep_closed: 1, unanswered_timeout: Duration::ZERO, ..Options::default() });
    let (first, second) = (evidence.open().unwrap(), evidence.open().unwrap());
    until(&first, icescope_evidence::Session::is_closed).await;
    until(&second, icescope_evidence::Session::is_closed).await;
    while evidence.sessions().len() > 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(evidence.sessions().len(), 1);
    assert_eq!(*peer.closed.lock().unwrap(), [CloseReason::NeverConnected, CloseReason::NeverConnected]);
}

#[tokio::test]
async fn an_uplink_tells_its_figures_until_it_is_over() {
    let (evidence, _) = start(Options::default());
    let session = evidence.open().unwrap();
    session.answer(offer("offer", Direction::Ingest)).await.unwrap();
    assert_eq!(session.summary().uplink.unwrap().packets_received, 7);
    evidence.shut_down().await;
    assert!(session.summary().uplink.is_none());
    assert_eq!(session.summary().closed.unwrap().code, "shutting-down");
}

#[tokio::test]
async fn a_session_notes_what_probes_had_reported_at_its_start_and_what_came_until_its_end() {
    let report = |subject: &str, unix_ms| Report {
        probe: "nat".to_owned(),
        schema: "icescope.nat/1".to_owned(),
        subject: subject.to_owned(),
        outcome: Outcome::Pass,
        unix_ms,
        document: json!({ "summary": format!("all is well with {subject}") }),
    };
    let (evidence, _) = start(Options::default());
    let probes = evidence.probes();
    probes.configure(vec![("nat".to_owned(), "probe-nat".to_owned())]);
    probes.begin("nat", Trigger::Start).unwrap().finish(Outcome::Pass, vec![report("ipv4", 1)], 0);
    let session = evidence.open().unwrap();
    let again = vec![report("ipv4", 1), report("ipv6", i64::MAX)];
    probes.begin("nat", Trigger::Demand).unwrap().finish(Outcome::Pass, again, 0);
    session.close(CloseReason::Deleted).await;
    let events = session.record().events;
    let said: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.summary.as_str())).collect();
    let expected = [
        ("probe.report", "Probe nat: all is well with ipv4"),
        ("probe.report", "Probe nat: all is well with ipv6"),
    ];
    assert_eq!(said[..2], expected);
    assert_eq!(said[2].0, "session.closed");
    assert_eq!(
        (&events[0].attributes["outcome"], &events[0].attributes["subject"]),
        (&json!("pass"), &json!("ipv4"))
    );
}

#[tokio::test]
async fn the_verdict_comes_by_itself_with_the_events_that_show_it() {
    let (evidence, _) = start(Options::default());
    let session = evidence.open().unwrap();
    session.answer(play()).await.unwrap();
    let note = |kind: &'static str| {
        Observation::new(Scope::Session(session.id()), Kind::Api, Lane::Peer, Lane::Signalling, kind)
    };
    evidence.sink().send(note("signalling.answer"));
    until(&session, |session| session.summary().verdict.is_some()).await;
    assert_eq!(session.summary().verdict.unwrap().outcome, VerdictOutcome::Pending);
    let alert = note("dtls.alert")
        .with("alertLevel", "fatal")
        .with("alert", "bad_certificate")
        .with("direction", "inbound");
    evidence.sink().send(alert);
    until(&session, |session| session.summary().verdict.unwrap().cause.is_some()).await;
    session.close(CloseReason::Failed("the DTLS handshake failed".to_owned())).await;
    until(&session, |session| session.summary().verdict.unwrap().outcome == VerdictOutcome::Failed).await;
    let (verdict, events) = (session.summary().verdict.unwrap(), session.record().events);
    assert_eq!(verdict.cause.as_deref(), Some("F6"));
    let shown: Vec<&str> = events
        .iter()
        .filter(|event| verdict.evidence.contains(&event.sequence))
        .map(|event| event.kind.as_str())
        .collect();
    assert_eq!(shown, ["dtls.alert"]);
    assert_eq!(evidence.sessions()[0].verdict, Some(verdict), "the list of sessions has it, too");
}
