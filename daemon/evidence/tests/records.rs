//! A session's record as others read it: what is in it, and that it stays as it was.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use icescope_evidence::{BoxFuture, Evidence, Options, Peer, Session};
use icescope_model::api::{BrowserEvent, PageClock, RecordFormat};
use icescope_model::report::{Outcome, Report, Trigger};
use icescope_model::signal::{Answer, CloseReason, Offer, SignalError, Trickle, Trickled};
use icescope_model::uplink::UplinkStats;
use icescope_model::verdict::VerdictOutcome;
use icescope_model::{
    EventSink, Evidence as Kind, Lane, Level, Monotonic, Observation, Scope, SeenBy, SessionId,
};
use serde_json::json;

/// Nobody calls it: these sessions have no connection.
struct NoPeer;

impl Peer for NoPeer {
    fn answer(&self, _: SessionId, _: Offer) -> BoxFuture<'_, Result<Answer, SignalError>> {
        Box::pin(async { Err(SignalError::UnknownSession) })
    }
    fn trickle(&self, _: SessionId, _: Trickle) -> BoxFuture<'_, Result<Trickled, SignalError>> {
        Box::pin(async { Err(SignalError::UnknownSession) })
    }
    fn close(&self, _: SessionId, _: CloseReason) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
    fn uplink(&self, _: SessionId) -> Option<UplinkStats> {
        None
    }
}

fn start() -> Evidence {
    start_with_room(64)
}

fn start_with_room(capacity: usize) -> Evidence {
    let (sink, source) = EventSink::new(capacity);
    Evidence::start(Options::default(), sink, source, Arc::new(NoPeer))
}

fn seen(session: &Session, kind: &'static str) -> Observation {
    Observation::new(Scope::Session(session.id()), Kind::Packet, Lane::Web, Lane::Peer, kind)
}

fn told(number: u64, kind: &str) -> BrowserEvent {
    BrowserEvent {
        number,
        time: 1_000,
        from: Lane::Web,
        to: Lane::Web,
        kind: kind.to_owned(),
        evidence: Kind::Api,
        level: Level::Info,
        summary: String::new(),
        attributes: serde_json::Map::new(),
    }
}

fn report(subject: &str, unix_ms: i64) -> Report {
    let (probe, schema) = ("nat".to_owned(), "icescope.nat/1".to_owned());
    let subject = subject.to_owned();
    Report { probe, schema, subject, outcome: Outcome::Pass, unix_ms, document: json!({"mapping": "EIM"}) }
}

#[tokio::test]
async fn a_failed_sessions_record_stays_as_it_was() {
    let evidence = start();
    let session = evidence.open().unwrap();
    session.observe(seen(&session, "stun.binding.request"));
    session.set_clock(5_000, 70);
    session.browser_events(vec![told(1, "pc.created")]);
    session.close(CloseReason::Failed("no candidate pair answered its checks".to_owned())).await;
    evidence.shut_down().await;
    let record = session.record();
    let kinds: Vec<&str> = record.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["stun.binding.request", "pc.created", "session.closed"]);
    assert_eq!(record.session.verdict.as_ref().unwrap().outcome, VerdictOutcome::Failed);
    // Late words, late packets, late measurements: none of them is the session's any more.
    session.observe(seen(&session, "dtls.client_hello"));
    session.browser_events(vec![told(2, "stats")]);
    session.set_clock(9_000, 1);
    evidence.probes().configure(vec![("nat".to_owned(), "probe-nat".to_owned())]);
    let run = evidence.probes().begin("nat", Trigger::Demand).unwrap();
    run.finish(Outcome::Pass, vec![report("ipv4", i64::MAX)], 0);
    assert_eq!(session.record(), record);
}

#[tokio::test]
async fn a_record_says_what_it_is_and_until_when_it_tells() {
    let evidence = start();
    let session = evidence.open().unwrap();
    let running = session.record();
    assert_eq!((running.format, running.redacted), (RecordFormat::Session1, false));
    let later = session.axis(Monotonic::now());
    assert!((0..=later).contains(&running.until.unwrap()), "{:?} of {later}", running.until);
    session.close(CloseReason::Deleted).await;
    let closed = session.record();
    let end = closed.events.iter().find(|event| event.kind == "session.closed").unwrap();
    assert_eq!(closed.until, Some(end.time));
}

#[tokio::test]
async fn what_a_packets_time_may_be_off_by_stays_with_it() {
    let evidence = start();
    let session = evidence.open().unwrap();
    session.observe(seen(&session, "stun.binding.request").uncertain(34));
    session.observe(seen(&session, "stun.binding.success"));
    let record = session.record();
    let told: Vec<u32> = record.events.iter().map(|event| event.uncertainty).collect();
    assert_eq!(told, [34, 0]);
}

#[tokio::test]
async fn a_record_has_the_pages_clock_and_its_events_stand_on_the_sessions_axis() {
    let evidence = start();
    let session = evidence.open().unwrap();
    assert_eq!(session.record().clock, None, "no page has told anything");
    session.set_clock(5_000, 70);
    session.set_clock(5_010, 40);
    session.browser_events(vec![told(1, "pc.created")]);
    let record = session.record();
    let clock = record.clock.unwrap();
    assert_eq!(clock, PageClock { offset: 5_010, uncertainty: 40, at: clock.at, estimates: 2 });
    let event = record.events.iter().find(|event| event.seen_by == SeenBy::Browser).unwrap();
    assert_eq!((event.time, event.uncertainty), (6_010, 40));
}

#[tokio::test]
async fn a_record_has_the_reports_of_its_start_and_what_was_newer_at_its_end() {
    let evidence = start();
    let probes = evidence.probes();
    probes.configure(vec![("nat".to_owned(), "probe-nat".to_owned())]);
    let run = |reports| {
        let run = probes.begin("nat", Trigger::Demand).unwrap();
        run.finish(Outcome::Pass, reports, 0);
    };
    run(vec![report("ipv4", 1), report("ipv6", 1)]);
    let session = evidence.open().unwrap();
    run(vec![report("ipv4", i64::MAX - 1), report("ipv6", 1)]);
    let reports = || -> Vec<(String, i64)> {
        session.record().reports.into_iter().map(|report| (report.subject, report.unix_ms)).collect()
    };
    let expected = [("ipv4", 1), ("ipv6", 1), ("ipv4", i64::MAX - 1)];
    let expected: Vec<_> = expected.map(|(subject, at)| (subject.to_owned(), at)).into();
    assert_eq!(reports(), expected, "while it goes on, too");
    session.close(CloseReason::Deleted).await;
    assert_eq!(reports(), expected);
    run(vec![report("ipv4", i64::MAX)]);
    assert_eq!(reports(), expected, "what comes after its end is none of its own");
}

#[tokio::test]
async fn what_came_too_fast_is_counted_in_the_record() {
    let evidence = start_with_room(2);
    let session = evidence.open().unwrap();
    let mut revision = session.revision();
    // The dispatcher has no turn before this test waits: two of five find room.
    (0..5).for_each(|_| evidence.sink().send(seen(&session, "stun.binding.request")));
    let gap = loop {
        revision.changed().await.unwrap();
        if let Some(gap) = session.record().events.into_iter().find(|event| event.kind == "evidence.dropped")
        {
            break gap;
        }
    };
    assert_eq!(gap.attributes["dropped"], 3);
    assert_eq!(gap.level, Level::Warn);
}

#[tokio::test]
async fn what_a_page_tells_brings_no_secret_into_the_record() {
    let evidence = start();
    let session = evidence.open().unwrap();
    session.set_clock(0, 1);
    let mut event = told(1, "signalling.answer.received");
    event.attributes.insert("location".to_owned(), json!("/whep/sessions/ec5e.451c59c464db"));
    event.attributes.insert("sdp".to_owned(), json!("v=0\r\na=ice-pwd:pXEnFOjZwuyzUgCEJhRi\r\n"));
    session.browser_events(vec![event]);
    let text = serde_json::to_string(&session.record()).unwrap();
    assert!(text.contains("/whep/sessions/ec5e.…"), "{text}");
    assert!(!text.contains("451c59c464db") && !text.contains("pXEnFOjZwuyzUgCEJhRi"), "{text}");
}
