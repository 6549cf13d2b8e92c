//! A record and what this version concludes of it.

use icescope_diagnosis::Facts;
use icescope_evidence::redact::redact;
use icescope_model::SeenBy;
use icescope_model::api::SessionRecord;
use icescope_model::verdict::Verdict;
use serde_json::{Value, json};

use super::read;

/// A record, judged anew.
pub struct Judged {
    document: Value,
    /// The record, with the new verdict and with pairs.
    pub record: SessionRecord,
    /// The verdict of this version.
    pub verdict: Verdict,
    /// The verdict that the record brought along.
    pub before: Option<Verdict>,
    /// What the events say.
    pub facts: Facts,
    /// Up to when the record tells.
    pub until: i64,
}

impl Judged {
    /// Reads and judges a document; redacted on request, before anything is said of it.
    pub fn of(mut document: Value, redacted: bool, name: &str) -> anyhow::Result<Self> {
        let mut record = read::record(&document, name)?;
        if redacted {
            redact(&mut document);
            record = read::record(&document, name)?;
        }
        let mut facts = Facts::default();
        record.events.iter().for_each(|event| facts.see(event));
        let until = record.until.unwrap_or_else(|| end(&record));
        let (verdict, _) = icescope_diagnosis::diagnose(&record, &record.reports, until);
        if record.pairs.is_empty() {
            // The daemon's own are better: they were made of all events, also of those that were not kept.
            record.pairs = icescope_diagnosis::pairs(&facts);
        }
        let before = record.session.verdict.replace(Box::new(verdict.clone())).map(|verdict| *verdict);
        Ok(Self { document, record, verdict, before, facts, until })
    }

    /// The record as it came, with what is new in it: fields that this version does not know stay.
    pub fn document(&self) -> Value {
        let mut document = self.document.clone();
        document["format"] = json!(self.record.format);
        document["session"]["verdict"] = json!(self.verdict);
        document["pairs"] = json!(self.record.pairs);
        document
    }

    /// The two verdicts say something else.
    pub fn differs(&self) -> bool {
        let said = |verdict: &Verdict| {
            (verdict.outcome, verdict.cause.clone(), verdict.stage, verdict.side, verdict.certainty)
        };
        self.before.as_ref().is_some_and(|before| said(before) != said(&self.verdict))
    }

    /// Events that were seen there.
    pub fn seen_by(&self, seer: SeenBy) -> usize {
        self.record.events.iter().filter(|event| event.seen_by == seer).count()
    }
}

/// When a session ended of which only its events tell it.
fn end(record: &SessionRecord) -> i64 {
    let closed = record.events.iter().find(|event| event.kind == "session.closed").map(|event| event.time);
    closed.or_else(|| record.events.iter().map(|event| event.time).max()).unwrap_or(0)
}
