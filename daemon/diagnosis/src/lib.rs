#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod causes;
mod certain;
mod conclude;
mod course;
mod facts;
mod fault;
pub mod nat_table;
mod pairs;
mod path;
mod stages;

use icescope_model::Event;
use icescope_model::api::{SessionRecord, SessionSummary};
use icescope_model::pair::JoinedPair;
use icescope_model::report::Report;
use icescope_model::verdict::Verdict;

pub use facts::Facts;
pub use pairs::pairs;

/// Evidence in, verdict out: of a whole record. `now` is microseconds on the session's axis. The second value says when to
/// look again although nothing new has come: a verdict may hang on time alone.
pub fn diagnose(record: &SessionRecord, reports: &[Report], now: i64) -> (Verdict, Option<i64>) {
    let mut diagnosis = Diagnosis::default();
    for event in &record.events {
        diagnosis.see(event);
    }
    diagnosis.conclude(&record.session, reports, now)
}

/// The same, fed event by event while a session goes on.
#[derive(Debug, Clone, Default)]
pub struct Diagnosis {
    facts: Facts,
}

impl Diagnosis {
    /// Takes one event in.
    pub fn see(&mut self, event: &Event) {
        self.facts.see(event);
    }

    /// The candidate pairs, as both ends see them.
    pub fn pairs(&self) -> Vec<JoinedPair> {
        pairs(&self.facts)
    }

    /// What is to be concluded now.
    pub fn conclude(&self, head: &SessionSummary, reports: &[Report], now: i64) -> (Verdict, Option<i64>) {
        conclude::conclude(&self.facts, head, reports, now)
    }
}
