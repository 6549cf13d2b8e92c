//! Nomination (RFC 8445 §8): was a pair that works chosen by both?

use icescope_model::verdict::{Side, Stage};

use crate::course::Course;
use crate::facts::Facts;
use crate::fault::Fault;

/// A controlling end nominates within this after its first valid pair.
const NOMINATES_WITHIN: i64 = 10_000_000;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    if !course.reached(Stage::Nomination) && course.reached(Stage::Checks) {
        let valid: Vec<_> = facts.checks.pairs.iter().filter(|pair| pair.is_valid()).collect();
        let nominated = facts.checks.pairs.iter().find(|pair| pair.nominated);
        let began = facts.checks.began().unwrap_or(course.now);
        let evidence = valid.iter().filter_map(|pair| pair.answered_at);
        let over = course.now - began >= NOMINATES_WITHIN || facts.states.failed.is_some();
        if let Some(pair) = nominated.filter(|_| over) {
            let summary = format!(
                "{} pairs work, the nomination of {} was not finished, and the others were not tried.",
                valid.len(),
                pair.remote
            );
            let fault = Fault::fatal("E4", Stage::Nomination, summary).of(Side::Both);
            found.push(fault.shown_by(evidence).shown_by(pair.nominated_at));
        } else if over && !valid.is_empty() {
            let summary = format!(
                "{} pairs work and none was nominated: both ends act as the controlled one.",
                valid.len()
            );
            let fault = Fault::fatal("E2", Stage::Nomination, summary).of(Side::Both);
            found.push(fault.shown_by(evidence));
        }
    }
    wrong_interface(facts, course, found);
}

/// ICE works, and the browser's transport sends nothing, though it is the one that begins the handshake (RFC 8842 §5.2).
fn wrong_interface(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let begins = facts.signalling.setup[1].as_deref() != Some("active");
    if course.reached(Stage::Dtls) || facts.states.ice_connected.is_none() || !begins {
        return;
    }
    let waited = facts.states.ice_connected.is_some_and(|(time, _)| course.now - time >= NOMINATES_WITHIN);
    let (Some((state, 0, at)), true) = (&facts.stats.transport, waited) else { return };
    let mut counted = facts.stats.pairs.iter().map(|pair| &pair.counted);
    let succeeded =
        counted.any(|pair| pair.state.as_deref() == Some("succeeded") && pair.bytes_sent.unwrap_or(0) == 0);
    if state == "connecting" && succeeded {
        let summary = "A pair works, and the browser's transport has not sent a single byte over it: a VPN or virtual interface takes its packets.";
        found.push(Fault::fatal("C13", Stage::Dtls, summary).of(Side::Client).shown_by([*at]));
    }
}
