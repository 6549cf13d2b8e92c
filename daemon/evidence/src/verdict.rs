//! A session's verdict: asked of the diagnosis as evidence comes, and frozen a little after the session's end.

use icescope_diagnosis::Diagnosis;
use icescope_model::api::SessionSummary;
use icescope_model::report::Report;
use icescope_model::verdict::{PathKind, Verdict, VerdictOutcome};
use icescope_model::{Event, SessionId};

use crate::record::Record;

/// So long after a session's end its last words are waited for: the page stays for 2 s to send its own.
const LAST_WORDS_US: i64 = 2_500_000;

/// What is concluded of one session.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// None once the verdict is final: what it was made of is in the record.
    open: Option<Diagnosis>,
    verdict: Option<Verdict>,
    fresh: bool,
    again: Option<i64>,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self { open: Some(Diagnosis::default()), ..Self::default() }
    }

    /// An event went into the record.
    pub(crate) fn see(&mut self, event: &Event) {
        if let Some(diagnosis) = &mut self.open {
            diagnosis.see(event);
            self.fresh = true;
        }
    }

    /// The session's head changed.
    pub(crate) fn head_changed(&mut self) {
        self.fresh = true;
    }

    /// The verdict as it is now.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict.clone()
    }

    /// Whether there is something to conclude at that time, and else when.
    pub(crate) fn is_due(&self, now: i64) -> Result<(), Option<i64>> {
        let due = self.fresh || self.again.is_some_and(|again| again <= now);
        if self.open.is_some() && due { Ok(()) } else { Err(self.again.filter(|_| self.open.is_some())) }
    }

    /// Concludes anew. `closed` is when the session ended, on its axis like `now`. True if the verdict has changed.
    pub(crate) fn conclude(
        &mut self,
        head: &SessionSummary,
        reports: &[Report],
        record: &mut Record,
        now: i64,
        closed: Option<i64>,
    ) -> bool {
        let Some(diagnosis) = &self.open else { return false };
        // What happened after the end is no part of it; the last words only tell what was before.
        let (mut verdict, again) = diagnosis.conclude(head, reports, closed.unwrap_or(now));
        let findings = verdict.findings.iter_mut().map(|finding| &mut finding.evidence);
        for evidence in std::iter::once(&mut verdict.evidence).chain(findings) {
            record.pin(evidence);
        }
        self.fresh = false;
        self.again = closed.map_or(again, |closed| Some(closed + LAST_WORDS_US));
        let changed = self.verdict.as_ref() != Some(&verdict);
        self.verdict = Some(verdict);
        if closed.is_some_and(|closed| now >= closed + LAST_WORDS_US) {
            self.freeze(head.id);
        }
        changed
    }

    /// It is final; says so in the log, once.
    pub(crate) fn freeze(&mut self, session: SessionId) {
        if self.open.take().is_none() {
            return;
        }
        let Some(verdict) = &self.verdict else { return };
        let cause = verdict.cause.as_deref().unwrap_or("none");
        let path = match verdict.path.as_ref().map(|path| path.kind) {
            Some(PathKind::Direct) => "direct",
            Some(PathKind::Relayed) => "relayed",
            None => "none",
        };
        match verdict.outcome {
            VerdictOutcome::Failed => {
                tracing::warn!(%session, outcome = "failed", cause, path, "{} {}", verdict.summary, verdict.advice);
            }
            VerdictOutcome::Connected => {
                tracing::info!(%session, outcome = "connected", path, "{}", verdict.summary);
            }
            VerdictOutcome::Pending => {
                tracing::info!(%session, outcome = "pending", cause, "{}", verdict.summary);
            }
        }
    }
}
