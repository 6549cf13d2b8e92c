//! One thing that a rule found, before it is known what it means for the outcome.

use icescope_model::verdict::{Certainty, Finding, Side, Stage, Weight};

use crate::causes;
use crate::facts::MOST_EVIDENCE;

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name in the catalogue.
    pub cause: &'static str,
    /// Where it happened.
    pub stage: Stage,
    /// What it can do.
    pub weight: Weight,
    /// Whose it is.
    pub side: Side,
    /// How sure it is.
    pub certainty: Certainty,
    /// What happened, in one sentence.
    pub summary: String,
    /// The events that show it.
    pub evidence: Vec<u64>,
    values: Vec<(&'static str, String)>,
}

impl Fault {
    fn new(cause: &'static str, stage: Stage, weight: Weight, summary: impl Into<String>) -> Self {
        Self {
            cause,
            stage,
            weight,
            side: Side::Unknown,
            certainty: Certainty::Likely,
            summary: summary.into(),
            evidence: Vec::new(),
            values: Vec::new(),
        }
    }

    /// It can keep the ends apart by itself.
    pub fn fatal(cause: &'static str, stage: Stage, summary: impl Into<String>) -> Self {
        Self::new(cause, stage, Weight::Fatal, summary)
    }

    /// It delays or degrades.
    pub fn degraded(cause: &'static str, stage: Stage, summary: impl Into<String>) -> Self {
        Self::new(cause, stage, Weight::Degraded, summary)
    }

    /// It looks like a fault and is none.
    pub fn harmless(cause: &'static str, stage: Stage, summary: impl Into<String>) -> Self {
        Self::new(cause, stage, Weight::Harmless, summary)
    }

    /// Whose it is.
    #[must_use]
    pub fn of(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// What was observed admits nothing else.
    #[must_use]
    pub fn proven(self) -> Self {
        self.proven_if(true)
    }

    /// Proven on a condition; never before recorded evidence has shown the rule to be right.
    #[must_use]
    pub fn proven_if(mut self, proven: bool) -> Self {
        let proven = proven && causes::SHOWN.contains(&self.cause);
        self.certainty = if proven { Certainty::Proven } else { Certainty::Likely };
        self
    }

    /// Fatal only on a condition, else it degrades.
    #[must_use]
    pub fn fatal_if(mut self, fatal: bool) -> Self {
        self.weight = if fatal { Weight::Fatal } else { Weight::Degraded };
        self
    }

    /// The events that show it.
    #[must_use]
    pub fn shown_by(mut self, events: impl IntoIterator<Item = u64>) -> Self {
        self.evidence.extend(events);
        self.evidence.sort_unstable();
        self.evidence.dedup();
        self.evidence.truncate(MOST_EVIDENCE);
        self
    }

    /// What stands in the advice's place of that name.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// What to change: the catalogue's words, with the places filled.
    pub fn advice(&self) -> String {
        let template = causes::find(self.cause).map_or("", |cause| cause.advice);
        self.values
            .iter()
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// As it stands in a verdict.
    pub fn finding(&self) -> Finding {
        Finding {
            cause: self.cause.to_owned(),
            stage: self.stage,
            side: self.side,
            certainty: self.certainty,
            weight: self.weight,
            summary: self.summary.clone(),
            advice: self.advice(),
            evidence: self.evidence.clone(),
        }
    }
}
