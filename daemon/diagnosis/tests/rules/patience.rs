//! What may be called failed before the wait of RFC 8863 is over, and what may not be called so after it.

use icescope_model::verdict::{Certainty, Stage, VerdictOutcome};
use icescope_model::{Lane, SeenBy};
use serde_json::json;

use crate::build::{Built, OURS, THEIRS, stats};

fn complete(built: Built) -> Built {
    built
        .daemon("ice.gathering_state", json!({"state": "complete"}))
        .browser("ice.gathering_state", json!({"iceGatheringState": "complete"}))
}

fn live_closed(built: Built) -> Built {
    built.event(SeenBy::Daemon, Lane::Web, Lane::Signalling, "signalling.live.closed", json!({}))
}

#[test]
fn a_daemon_without_a_candidate_has_failed_when_it_has_gathered_all() {
    let built = Built::answered().theirs("host", THEIRS).at(9.0);
    assert_eq!(built.verdict().outcome, VerdictOutcome::Pending, "one may come yet");
    complete(Built::answered().theirs("host", THEIRS)).at(1.0).fails("A8", Stage::Candidates);
}

#[test]
fn a_refused_server_decides_at_once_where_it_leaves_an_end_without_a_candidate() {
    let refused = || Built::answered().theirs("host", THEIRS).refused(401, true);
    assert_eq!(refused().verdict().outcome, VerdictOutcome::Pending, "another server may grant one");
    complete(refused()).at(2.0).fails("D2", Stage::Servers);
}

#[test]
fn a_browser_without_a_candidate_has_failed_when_it_has_gathered_all() {
    complete(Built::answered().own("host", OURS)).at(1.0).fails("B7", Stage::Candidates);
}

#[test]
fn families_that_cannot_meet_have_failed_when_both_have_gathered_all() {
    let disjoint = || Built::answered().own("host", OURS).theirs("host", "[2001:db8::7]:4000");
    assert_eq!(disjoint().verdict().outcome, VerdictOutcome::Pending);
    complete(disjoint()).at(1.0).fails("B13", Stage::Families);
}

#[test]
fn silence_is_not_certain_although_all_is_gathered() {
    let built = complete(Built::with_candidates()).check(THEIRS, "outbound", 9).at(30.0);
    let built = built.browser("stats", stats(12, 0, 0));
    assert_eq!(built.verdict().outcome, VerdictOutcome::Pending);
}

#[test]
fn a_stop_does_not_hide_what_was_certain() {
    complete(Built::answered().theirs("host", THEIRS))
        .at(1.0)
        .closed("deleted")
        .fails("A8", Stage::Candidates);
}

#[test]
fn who_leaves_before_the_decision_has_no_verdict_and_what_was_broken_is_told() {
    let left = live_closed(
        Built::with_candidates().check(THEIRS, "outbound", 9).browser("stats", stats(12, 0, 0)).at(20.0),
    );
    let verdict = left.at(45.0).closed("never-connected").verdict();
    assert_eq!((verdict.outcome, verdict.cause.as_deref()), (VerdictOutcome::Pending, Some("E1")));
    assert!(verdict.summary.starts_with("The page went away before it was decided. "), "{}", verdict.summary);
}

#[test]
fn a_channel_that_is_open_again_or_leaves_after_the_wait_changes_nothing() {
    let tried = || Built::with_candidates().check(THEIRS, "outbound", 9).browser("stats", stats(12, 0, 0));
    let back = live_closed(tried().at(20.0)).daemon("signalling.live.open", json!({}));
    back.at(45.0).closed("never-connected").fails("E1", Stage::Checks);
    live_closed(tried().at(39.6)).at(45.0).closed("never-connected").fails("E1", Stage::Checks);
    // Where WebSockets are blocked the page goes on by requests.
    let by_requests = live_closed(tried().at(20.0)).at(21.0).browser("stats", stats(14, 0, 0));
    by_requests.at(45.0).closed("never-connected").fails("E1", Stage::Checks);
}

#[test]
fn a_certificate_that_was_refused_is_not_waited_for() {
    let built = Built::with_path().at(1.0).browser("dtls.error", json!({"message": "fingerprint mismatch"}));
    let verdict = built.verdict();
    assert_eq!(verdict.cause.as_deref(), Some("F6"));
    // Where the rule is no more than likely, the wait goes on.
    let proven = verdict.certainty == Certainty::Proven;
    let expected = if proven { VerdictOutcome::Failed } else { VerdictOutcome::Pending };
    assert_eq!(verdict.outcome, expected);
}
