//! When is it connected, failed or pending, and when is it to be looked at again?

use icescope_model::api::SessionState;
use icescope_model::verdict::{Certainty, Stage, StageState, VerdictOutcome};
use serde_json::json;

use crate::build::{Built, OURS, THEIRS, stats};

#[test]
fn an_empty_record_is_pending() {
    let verdict = Built::new().verdict();
    assert_eq!((verdict.outcome, verdict.cause), (VerdictOutcome::Pending, None));
    assert!(verdict.stages.iter().all(|progress| progress.state == StageState::Open), "{:?}", verdict.stages);
}

#[test]
fn silence_is_not_failed_before_the_wait_of_rfc_8863() {
    let built = Built::with_candidates().check(THEIRS, "outbound", 9);
    let (verdict, again) = built.concluded();
    assert_eq!((verdict.outcome, verdict.cause), (VerdictOutcome::Pending, None));
    assert_eq!(again, Some(8_000_000), "then silence says something");
    let built = built.at(30.0).browser("stats", stats(12, 0, 0));
    let (verdict, again) = built.concluded();
    assert_eq!((verdict.outcome, verdict.cause.as_deref()), (VerdictOutcome::Pending, Some("E1")));
    assert_eq!(again, Some(39_500_000));
    built.at(39.5).fails("E1", Stage::Checks);
}

#[test]
fn a_browser_that_gave_up_early_does_not_decide() {
    let built = Built::with_candidates()
        .check(THEIRS, "outbound", 9)
        .at(15.0)
        .browser("ice.connection_state", json!({"iceState": "failed"}));
    assert_eq!(built.verdict().outcome, VerdictOutcome::Pending);
}

#[test]
fn a_session_that_the_daemon_gave_up_has_failed() {
    let verdict = Built::with_candidates().at(30.0).closed("never-connected").verdict();
    assert_eq!(
        (verdict.outcome, verdict.cause, verdict.stage),
        (VerdictOutcome::Failed, None, Stage::Checks)
    );
    assert_eq!(verdict.certainty, Certainty::Likely, "what fits no rule is not called proven");
}

#[test]
fn a_stop_before_the_decision_is_no_failure() {
    let built = Built::with_candidates().check(THEIRS, "outbound", 9).at(3.0).closed("deleted");
    let (verdict, again) = built.concluded();
    assert_eq!((verdict.outcome, again), (VerdictOutcome::Pending, None));
}

#[test]
fn a_stop_after_the_decision_leaves_it_failed() {
    let built =
        Built::with_candidates().check(THEIRS, "outbound", 9).at(40.0).browser("stats", stats(12, 0, 0));
    built.closed("deleted").fails("E1", Stage::Checks);
}

#[test]
fn later_stages_are_not_reached() {
    let built =
        Built::with_candidates().check(THEIRS, "outbound", 3).at(40.0).browser("stats", stats(12, 0, 0));
    let verdict = built.fails("E1", Stage::Checks);
    let state = |stage| verdict.stages.iter().find(|progress| progress.stage == stage).unwrap().state;
    assert_eq!(state(Stage::Signalling), StageState::Reached);
    assert_eq!(state(Stage::Checks), StageState::Broken);
    assert_eq!(state(Stage::Frames), StageState::NotReached);
}

#[test]
fn connected_after_all_takes_a_failure_back() {
    let built =
        Built::with_candidates().check(THEIRS, "outbound", 3).at(40.0).browser("stats", stats(12, 0, 0));
    built.fails("E1", Stage::Checks);
    let built = built
        .answer(THEIRS)
        .daemon("dtls.state", json!({"state": "connected"}))
        .state(SessionState::Connected);
    assert_eq!(built.verdict().outcome, VerdictOutcome::Connected);
}

#[test]
fn a_client_without_a_page_is_judged_by_the_daemons_evidence() {
    let built = Built::new()
        .event(
            icescope_model::SeenBy::Daemon,
            icescope_model::Lane::Web,
            icescope_model::Lane::Signalling,
            "signalling.offer",
            json!({"candidates": 1}),
        )
        .daemon("signalling.answer", json!({}))
        .own("host", OURS)
        .daemon("ice.remote_candidate", crate::build::candidate("host", THEIRS))
        .check(THEIRS, "outbound", 7)
        .at(40.0);
    let verdict = built.fails("E1", Stage::Checks);
    assert_eq!(verdict.certainty, Certainty::Likely, "nobody knows what the client sent");
}

#[test]
fn what_was_seen_to_work_is_not_what_broke() {
    // No relay at either end, for the credential is refused; but DTLS is up, so that cannot be why no media comes.
    let built = Built::up()
        .refused(401, true)
        .daemon("rtp.first", json!({"direction": "outbound", "localAddress": OURS, "remoteAddress": THEIRS}))
        .at(9.0)
        .browser("stats", json!({"transport": []}));
    built.fails("G4", Stage::Rtp);
}
