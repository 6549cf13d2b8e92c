//! The rules, one file per stage, in the order in which stages come. Within a stage the particular goes before the general.

pub mod candidates;
pub mod checks;
pub mod consent;
pub mod dtls;
pub mod families;
pub mod loss;
pub mod media;
pub mod nat;
pub mod nomination;
pub mod notes;
pub mod page;
pub mod reach;
pub mod servers;
pub mod signalling;
pub mod streams;
pub mod turn;
pub mod uplink;

use icescope_model::report::Report;

use crate::course::Course;
use crate::facts::Facts;
use crate::fault::Fault;

/// After so long without an answer a request counts as unanswered: RFC 8489 §6.2.1 ends a transaction after 39.5 s, but the
/// first five of its seven requests have gone by then, and an answer that comes now takes the statement back.
pub const SETTLED: i64 = 8_000_000;

/// All that the rules find.
pub fn faults(facts: &Facts, course: &Course, reports: &[Report]) -> Vec<Fault> {
    let mut found = Vec::new();
    page::faults(facts, &mut found);
    signalling::faults(facts, course, &mut found);
    servers::faults(facts, course, &mut found);
    streams::faults(facts, &mut found);
    turn::faults(facts, course, &mut found);
    candidates::faults(facts, course, &mut found);
    families::faults(facts, &mut found);
    reach::faults(facts, course, &mut found);
    nat::faults(facts, course, reports, &mut found);
    checks::faults(facts, course, reports, &mut found);
    nomination::faults(facts, course, &mut found);
    consent::faults(facts, course, &mut found);
    dtls::faults(facts, course, &mut found);
    media::faults(facts, course, &mut found);
    uplink::faults(facts, course, &mut found);
    notes::faults(facts, course, reports, &mut found);
    found
}

/// Checks are lost, or a connection went silent: what is left to say where nothing more particular is known.
pub fn is_symptom(cause: &str) -> bool {
    matches!(cause, "E1" | "E5")
}

/// Causes that end a connection that was up.
pub fn is_late(cause: &str) -> bool {
    matches!(cause, "E5" | "E7" | "D3" | "D10" | "F8")
}
