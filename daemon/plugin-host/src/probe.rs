//! What a probe's run brings.

use icescope_model::event::Attributes;
use icescope_model::report::{Outcome, Report};
use icescope_model::{Evidence, Lane, Level, Monotonic};
use icescope_plugin_abi as abi;

use crate::proto::{WireEvent, WireReport};
use crate::voice::{self, Voice};

/// A typed step of a probe's run.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeEvent {
    /// When it happened.
    pub at: Monotonic,
    /// How much it matters.
    pub level: Level,
    /// What kind of event: `org.example.stun.binding/1`.
    pub schema: String,
    /// One line for a person.
    pub summary: String,
    /// The step that it belongs to; 0 for none.
    pub span: u64,
    /// The step or run that this step is part of; 0 for none.
    pub parent: u64,
    /// How the step turned out, if it says.
    pub outcome: Option<Outcome>,
    /// Where it started.
    pub from: Lane,
    /// Where it went.
    pub to: Lane,
    /// Packet or API.
    pub evidence: Evidence,
    /// The facts.
    pub attributes: Attributes,
}

/// What a probe says while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeNote {
    /// A step of the run.
    Step(ProbeEvent),
    /// A document, as soon as it is made.
    Report(Report),
}

/// A probe that is ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeInfo {
    /// Its name in the configuration.
    pub instance: String,
    /// Its own name, as its library has it.
    pub name: String,
    /// JSON Schema of a run's arguments; empty if it says none.
    pub args_schema: String,
}

/// What a probe's run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeRun {
    /// The span that was given to the run: `parent` of its steps.
    pub span: u64,
    /// The run's one outcome.
    pub outcome: Outcome,
    /// The documents that it made, in order.
    pub reports: Vec<Report>,
    /// Events that were not told: the plugin was too fast, or the receiver was full.
    pub events_dropped: u64,
}

/// An outcome in the ABI's numbers; 0 and what is not known are none.
pub(crate) fn outcome(outcome: u32) -> Option<Outcome> {
    match outcome {
        abi::ICS_PASS => Some(Outcome::Pass),
        abi::ICS_FAILED => Some(Outcome::Failed),
        abi::ICS_UNKNOWN => Some(Outcome::Unknown),
        abi::ICS_SKIPPED => Some(Outcome::Skipped),
        _ => None,
    }
}

pub(crate) fn event(voice: &Voice, event: WireEvent) -> ProbeEvent {
    let event = voice.clean_event(event);
    ProbeEvent {
        at: voice::time(event.time_ns),
        level: voice::level(event.level),
        schema: event.schema,
        summary: event.summary,
        span: event.span,
        parent: event.parent,
        outcome: outcome(event.outcome),
        from: voice::lane(event.from_lane),
        to: voice::lane(event.to_lane),
        evidence: voice::evidence(event.evidence),
        attributes: event.attributes,
    }
}

/// A report that says no outcome is unknown: that is not failed.
pub(crate) fn report(voice: &Voice, probe: &str, report: WireReport) -> Report {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Report {
        probe: probe.to_owned(),
        document: voice.document(&report.json),
        schema: voice.clean(report.schema),
        subject: voice.clean(report.subject),
        outcome: outcome(report.outcome).unwrap_or(Outcome::Unknown),
        unix_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
    }
}
