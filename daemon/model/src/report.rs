//! What a probe run found.

use serde::{Deserialize, Serialize};

use crate::event::{Attributes, Evidence, Lane, Level};

/// How something turned out. Unknown is not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Failed,
    /// It could not be told.
    Unknown,
    /// It was not tried.
    Skipped,
}

/// One document that a probe reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The configured name of the plugin that made it.
    pub probe: String,
    /// The document's schema: `icescope.nat/1`.
    pub schema: String,
    /// What it is about: `ipv4`, a server's URL.
    pub subject: String,
    /// How it turned out.
    pub outcome: Outcome,
    /// When it was made, in milliseconds since the Unix epoch.
    pub unix_ms: i64,
    /// The document.
    #[cfg_attr(test, ts(type = "unknown"))]
    pub document: serde_json::Value,
}

/// Why a probe runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The daemon has started.
    Start,
    /// Its time has come.
    Schedule,
    /// Somebody asked for it.
    Demand,
}

/// One step of a run: a packet, or what an API said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct ProbeStep {
    /// Microseconds since the run began.
    pub time: i64,
    /// How much it matters.
    pub level: Level,
    /// What kind of step: `icescope.stun.transaction/1`.
    pub schema: String,
    /// One line for a person.
    pub summary: String,
    /// The span that it belongs to; 0 for none.
    pub span: u64,
    /// The span that this one is part of; 0 for none.
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
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub attributes: Attributes,
}

/// One run of a probe, as it goes on or as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct ProbeRun {
    /// Its number, from 1; no two runs of one daemon have the same.
    pub id: u64,
    /// Why it runs.
    pub trigger: Trigger,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_unix_ms: i64,
    /// How long it took, in microseconds; `None` while it goes on.
    pub duration: Option<i64>,
    /// How it turned out; `None` while it goes on, and where it could not be run to its end.
    pub outcome: Option<Outcome>,
    /// Why it could not be run to its end.
    pub error: Option<String>,
    /// Its steps, in order of arrival. On the live channel they come in messages of their own, and this is empty.
    pub steps: Vec<ProbeStep>,
    /// Steps that could not be kept.
    pub steps_dropped: u64,
}

/// What is remembered of a run when the next one has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct PastRun {
    /// Its number.
    pub id: u64,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_unix_ms: i64,
    /// How long it took, in microseconds.
    pub duration: i64,
    /// How it turned out; `None` where it could not be run to its end.
    pub outcome: Option<Outcome>,
}

/// A configured probe: its run, its reports, its past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct ProbeState {
    /// Its name in the configuration.
    pub instance: String,
    /// The plugin's own name: `probe-nat`.
    pub probe: String,
    /// The run that goes on, or else the last one; `None` before the first.
    pub run: Option<ProbeRun>,
    /// The newest report about each subject.
    pub reports: Vec<Report>,
    /// Runs that have ended, the oldest first.
    pub past: Vec<PastRun>,
}
