//! The page and signalling.

use icescope_model::verdict::{Certainty, Side, Stage, VerdictOutcome, Weight};
use icescope_model::{Lane, SeenBy};
use serde_json::json;

use crate::build::{Built, OURS, THEIRS};

fn refused(status: u16, code: &str, message: &str) -> Built {
    Built::new().browser("pc.created", json!({})).event(
        SeenBy::Daemon,
        Lane::Signalling,
        Lane::Web,
        "signalling.refused",
        json!({"status": status, "code": code, "method": "POST", "message": message}),
    )
}

#[test]
fn a1_an_insecure_page_that_wants_a_camera() {
    let page =
        Built::new().page("http://10.0.0.2:8085", json!({"isSecureContext": false, "mediaDevices": false}));
    page.finds("A1", Weight::Harmless);
    let verdict = page
        .browser("page.error", json!({"summary": "navigator.mediaDevices is undefined"}))
        .closed("never-connected")
        .fails("A1", Stage::Page);
    assert_eq!(verdict.certainty, Certainty::Proven);
}

#[test]
fn a3_candidates_that_were_refused() {
    let built = Built::answered().browser("signalling.candidate.sent", json!({"outcome": "stale"}));
    assert!(built.finds("A3", Weight::Degraded).summary.contains("stale"));
    let patch =
        json!({"status": 428, "code": "if-match-missing", "method": "PATCH", "message": "no If-Match"});
    let built =
        Built::answered().event(SeenBy::Daemon, Lane::Signalling, Lane::Web, "signalling.refused", patch);
    assert!(built.finds("A3", Weight::Degraded).summary.contains("428"));
}

#[test]
fn a4_candidates_that_the_browser_refused_or_that_never_came() {
    let built = Built::answered()
        .own("host", OURS)
        .browser("ice.remote_candidate.failed", json!({"candidate": "candidate:1"}))
        .at(40.0);
    built.fails("A4", Stage::Candidates);
    let facts = crate::build::candidate("host", THEIRS);
    let lost = Built::answered().own("host", OURS).browser("ice.candidate", facts).at(40.0);
    assert_eq!(lost.fails("A4", Stage::Candidates).side, Side::Client);
    Built::with_candidates().at(40.0).is_not("A4");
}

#[test]
fn a6_an_offer_that_waits_for_a_fixed_time() {
    let facts = crate::build::candidate("host", THEIRS);
    let built = Built::new()
        .browser("pc.created", json!({}))
        .browser("ice.candidate", facts)
        .at(2.5)
        .browser("signalling.offer.sent", json!({"sdp": ""}));
    built.finds("A6", Weight::Degraded);
    Built::answered().at(0.1).browser("signalling.offer.sent", json!({"sdp": ""})).is_not("A6");
}

#[test]
fn a7_a_refused_offer_fails_at_once() {
    let verdict = refused(404, "unknown-source", "no source «sauce»").fails("A7", Stage::Signalling);
    assert!(verdict.summary.contains("404") && verdict.advice.contains("sauce"), "{verdict:?}");
    assert_eq!(refused(503, "starting", "it starts").verdict().side, Side::Daemon);
}

#[test]
fn a7_is_forgotten_once_an_offer_is_answered() {
    let built = refused(503, "starting", "it starts").daemon("signalling.answer", json!({}));
    assert_eq!(built.verdict().outcome, VerdictOutcome::Pending);
    built.is_not("A7");
}

#[test]
fn a8_a_daemon_without_an_address() {
    refused(500, "internal", "the daemon failed: no usable network address: check")
        .fails("A8", Stage::Signalling);
    let complete = json!({"state": "complete"});
    let verdict = Built::answered()
        .daemon("ice.gathering_state", complete.clone())
        .at(40.0)
        .fails("A8", Stage::Candidates);
    assert_eq!(verdict.side, Side::Daemon);
    let loopback =
        Built::answered().own("host", "127.0.0.1:5000").daemon("ice.gathering_state", complete).at(40.0);
    loopback.fails("A8", Stage::Candidates);
}

#[test]
fn g1_no_common_format() {
    refused(422, "no-common-format", "the offer has AV1").fails("G1", Stage::Signalling);
}
