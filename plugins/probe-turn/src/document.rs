//! The document `icescope.turn/1`: one for each URL.

use icescope_plugin_sdk::Outcome;
use icescope_probe_kit::dns::Resolved;
use icescope_probe_kit::url::ServerUrl;
use serde::{Serialize, Serializer};

use crate::attempt::Attempt;
use crate::causes::{Finding, Severity, judge};

/// Name and revision of the document's schema.
pub const SCHEMA: &str = "icescope.turn/1";

/// An attempt with what it comes to.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    #[serde(flatten)]
    attempt: Attempt,
    cause: Option<&'static str>,
    severity: Severity,
    summary: String,
    advice: String,
    #[serde(serialize_with = "word")]
    outcome: Outcome,
}

/// One URL: the attempt that went best by the transport that the URL names, and beside it the others.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    url: String,
    dns: Option<Resolved>,
    #[serde(flatten)]
    main: Judged,
    also: Vec<Judged>,
}

impl Judged {
    /// Judges an attempt.
    pub fn new(attempt: Attempt, now_unix_s: i64) -> Self {
        let finding = judge(&attempt, now_unix_s);
        let outcome = match finding.severity {
            Severity::None | Severity::Degrades => Outcome::Pass,
            Severity::Unknown => Outcome::Unknown,
            Severity::Fatal => Outcome::Failed,
        };
        Self::with(attempt, finding, outcome)
    }

    fn with(attempt: Attempt, finding: Finding, outcome: Outcome) -> Self {
        let Finding { cause, severity, summary, advice } = finding;
        Self { attempt, cause, severity, summary, advice, outcome }
    }
}

impl Document {
    /// Puts the attempts of a URL together. There is at least one: a URL that was not tried has one without steps.
    pub fn new(url: &ServerUrl, dns: Option<Resolved>, attempts: Vec<Judged>) -> Option<Self> {
        let mut also = attempts;
        let best = (0..also.len())
            .min_by_key(|index| (also[*index].attempt.transport != url.protocol, also[*index].severity))?;
        let mut main = also.remove(best);
        for other in also.iter().filter(|other| other.severity == Severity::Fatal) {
            main.summary = format!("{} Beside it: {}", main.summary, other.summary);
        }
        Some(Self { url: url.text.clone(), dns, main, also })
    }

    /// A URL that was not tried.
    pub fn skipped(url: &ServerUrl, why: &str, what_to_do: &str) -> Self {
        let finding = Finding {
            cause: None,
            severity: Severity::Unknown,
            summary: why.to_owned(),
            advice: what_to_do.to_owned(),
        };
        let attempt = Attempt::new(url.protocol, &url.host.to_string(), None);
        let main = Judged::with(attempt, finding, Outcome::Skipped);
        Self { url: url.text.clone(), dns: None, main, also: Vec::new() }
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How the URL turned out.
    pub fn outcome(&self) -> Outcome {
        self.main.outcome
    }

    /// What happened, in a sentence or two.
    pub fn summary(&self) -> &str {
        &self.main.summary
    }

    /// The cause's number in the catalogue.
    pub fn cause(&self) -> Option<&'static str> {
        self.main.cause
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn word<S: Serializer>(outcome: &Outcome, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match outcome {
        Outcome::Pass => "pass",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
        Outcome::Skipped => "skipped",
    })
}
