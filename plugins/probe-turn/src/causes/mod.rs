//! From what was seen to why: the causes D1 to D25 of the catalogue, and B2 for a server that cannot be reached at all.
//!
//! Pure: an [`Attempt`] goes in, one [`Finding`] comes out. The first step that is broken names the cause.

mod allocate;
mod path;
mod reach;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::attempt::Attempt;
use crate::step::{Failure, Step};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// All is well.
    None,
    /// It works, but not for everyone or not always.
    Degrades,
    /// It could not be told.
    Unknown,
    /// This server is of no use by this way.
    Fatal,
}

/// What an attempt comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its number in the catalogue of causes.
    pub cause: Option<&'static str>,
    /// How much it matters.
    pub severity: Severity,
    /// What happened.
    pub summary: String,
    /// What to change; empty if nothing.
    pub advice: String,
}

impl Finding {
    fn fatal(
        cause: impl Into<Option<&'static str>>,
        summary: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            cause: cause.into(),
            severity: Severity::Fatal,
            summary: summary.into(),
            advice: advice.into(),
        }
    }

    fn degrades(
        cause: impl Into<Option<&'static str>>,
        summary: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Degrades, ..Self::fatal(cause, summary, advice) }
    }

    fn unknown(summary: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Unknown, ..Self::fatal(None, summary, advice) }
    }
}

/// Judges an attempt. `now_unix_s` is this host's clock, for credentials that end.
pub fn judge(attempt: &Attempt, now_unix_s: i64) -> Finding {
    reach::judge(attempt)
        .or_else(|| allocate::judge(attempt, now_unix_s))
        .or_else(|| path::judge(attempt))
        .unwrap_or_else(|| Finding {
            cause: None,
            severity: Severity::None,
            summary: path::well(attempt),
            advice: String::new(),
        })
}

/// A step that this probe broke off says nothing about the server.
fn stopped(attempt: &Attempt, step: &Step) -> Option<Finding> {
    (step.failure == Some(Failure::Stopped)).then(|| {
        Finding::unknown(
            format!(
                "The probe was stopped while it was testing {}: {}.",
                attempt.place(),
                step.action.word()
            ),
            "Run the probe again with more time.",
        )
    })
}
