//! A session's verdict: asked of the diagnosis as evidence comes, and frozen a little after the session's end.

use icescope_diagnosis::Diagnosis;
use icescope_model::api::SessionSummary;
use icescope_model::pair::JoinedPair;
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
    /// The candidate pairs as they were in the end.
    pairs: Box<[JoinedPair]>,
    /// Why the session is over, in a word.
    code: Option<String>,
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

    /// Whether the verdict is frozen.
    pub(crate) fn is_final(&self) -> bool {
        self.open.is_none()
    }

    /// The candidate pairs, as both ends see them now or, once the verdict is final, saw them in the end.
    pub(crate) fn pairs(&self) -> Vec<JoinedPair> {
        self.open.as_ref().map_or_else(|| self.pairs.to_vec(), Diagnosis::pairs)
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
        self.code = head.closed.as_ref().map(|closed| closed.code.clone());
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
        let Some(diagnosis) = self.open.take() else { return };
        self.pairs = diagnosis.pairs().into_boxed_slice();
        let Some(verdict) = &self.verdict else { return };
        let code = self.code.as_deref().unwrap_or("none");
        let cause = verdict.cause.as_deref().unwrap_or("none");
        let path = match verdict.path.as_ref().map(|path| path.kind) {
            Some(PathKind::Direct) => "direct",
            Some(PathKind::Relayed) => "relayed",
            None => "none",
        };
        match verdict.outcome {
            VerdictOutcome::Failed => {
                tracing::warn!(%session, code, outcome = "failed", cause, path, "{} {}", verdict.summary, verdict.advice);
            }
            VerdictOutcome::Connected => {
                tracing::info!(%session, code, outcome = "connected", path, "{}", verdict.summary);
            }
            VerdictOutcome::Pending => {
                tracing::info!(%session, code, outcome = "pending", cause, "{}", verdict.summary);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use icescope_model::api::{Closed, SessionState};
    use icescope_model::{Attributes, Evidence, Lane, Level, SeenBy};

    fn push(judge: &mut Judge, record: &mut Record, kind: &str, attributes: &serde_json::Value) {
        let mut event = event(kind, attributes.as_object().cloned().unwrap_or_default());
        record.push(&mut event);
        judge.see(&event);
    }

    fn event(kind: &str, attributes: Attributes) -> Event {
        Event {
            sequence: 0,
            time: 0,
            uncertainty: 0,
            seen_by: SeenBy::Daemon,
            from: Lane::Peer,
            to: Lane::Peer,
            kind: kind.to_owned(),
            evidence: Evidence::Api,
            level: Level::Info,
            summary: String::new(),
            attributes,
        }
    }

    fn head(closed: Option<&str>) -> SessionSummary {
        let closed = closed.map(|code| Closed { code: code.to_owned(), reason: String::new() });
        SessionSummary {
            id: SessionId::random(),
            opened_unix_ms: 0,
            state: if closed.is_some() { SessionState::Closed } else { SessionState::Connected },
            closed,
            ended: None,
            events: 0,
            events_dropped: 0,
            uplink: None,
            verdict: None,
        }
    }

    #[test]
    fn it_is_concluded_only_when_there_is_reason_to() {
        let (mut judge, mut record) = (Judge::new(), Record::new(1_000));
        assert_eq!(judge.is_due(0), Err(None), "nothing was seen");
        push(&mut judge, &mut record, "signalling.answer", &serde_json::json!({}));
        assert_eq!(judge.is_due(0), Ok(()));
        assert!(judge.conclude(&head(None), &[], &mut record, 0, None), "the first verdict is a change");
        let again = judge.is_due(1).expect_err("nothing is new").expect("time may change it");
        assert_eq!(judge.is_due(again), Ok(()));
        assert!(!judge.conclude(&head(None), &[], &mut record, 1, None), "the same again is none");
    }

    #[test]
    fn last_words_count_and_then_it_is_frozen() {
        let (mut judge, mut record) = (Judge::new(), Record::new(1_000));
        push(&mut judge, &mut record, "signalling.answer", &serde_json::json!({}));
        let head = head(Some("deleted"));
        judge.conclude(&head, &[], &mut record, 1_000, Some(1_000));
        assert_eq!(judge.verdict().map(|verdict| verdict.outcome), Some(VerdictOutcome::Pending));
        push(&mut judge, &mut record, "dtls.state", &serde_json::json!({"state": "connected"}));
        judge.conclude(&head, &[], &mut record, 1_000 + LAST_WORDS_US, Some(1_000));
        assert_eq!(judge.verdict().map(|verdict| verdict.outcome), Some(VerdictOutcome::Connected));
        push(&mut judge, &mut record, "dtls.error", &serde_json::json!({"message": "fingerprint"}));
        assert_eq!(judge.is_due(i64::MAX), Err(None), "it is final");
        assert!(!judge.conclude(&head, &[], &mut record, i64::MAX, Some(1_000)));
    }

    #[test]
    fn the_pairs_of_a_session_that_is_over_stay_as_they_were() {
        let (mut judge, mut record) = (Judge::new(), Record::new(1_000));
        let check = serde_json::json!({"direction": "outbound", "localAddress": "192.0.2.1:1", "remoteAddress": "192.0.2.2:2"});
        push(&mut judge, &mut record, "stun.binding.request", &check);
        let live = judge.pairs();
        assert_eq!(live.iter().filter_map(|pair| Some(pair.daemon.as_ref()?.requests_sent)).sum::<u32>(), 1);
        judge.conclude(&head(Some("deleted")), &[], &mut record, LAST_WORDS_US, Some(0));
        assert!(judge.is_final());
        push(&mut judge, &mut record, "stun.binding.request", &check);
        assert_eq!(judge.pairs(), live);
    }

    /// What is logged meanwhile, a line each.
    fn logged(what: impl FnOnce()) -> Vec<String> {
        #[derive(Clone, Default)]
        struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl std::io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::default();
        let to = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, what);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_end_of_a_session_is_one_line_of_the_log() {
        let (mut judge, mut record) = (Judge::new(), Record::new(1_000));
        let refusal =
            serde_json::json!({"status": 415, "code": "bad-type", "method": "POST", "message": "no SDP"});
        push(&mut judge, &mut record, "signalling.offer", &serde_json::json!({}));
        push(&mut judge, &mut record, "signalling.refused", &refusal);
        let head = head(Some("deleted"));
        let lines = logged(|| {
            judge.conclude(&head, &[], &mut record, 0, Some(0));
            judge.conclude(&head, &[], &mut record, LAST_WORDS_US, Some(0));
            judge.freeze(head.id);
        });
        assert_eq!(lines.len(), 1, "{lines:#?}");
        for word in [
            " WARN ",
            "outcome=\"failed\"",
            "code=\"deleted\"",
            "cause=\"A7\"",
            "path=\"none\"",
            &format!("session={}", head.id),
            "The daemon refused the offer with 415 (bad-type): no SDP.",
        ] {
            assert!(format!(" {}", lines[0]).contains(word), "«{word}» is not in {}", lines[0]);
        }
    }

    #[test]
    fn what_was_not_decided_and_what_connected_are_no_warnings() {
        let (mut judge, mut record) = (Judge::new(), Record::new(1_000));
        push(&mut judge, &mut record, "signalling.answer", &serde_json::json!({}));
        let stopped = head(Some("deleted"));
        let lines = logged(|| {
            judge.conclude(&stopped, &[], &mut record, LAST_WORDS_US, Some(0));
        });
        assert!(
            lines.len() == 1 && lines[0].contains("INFO") && lines[0].contains("outcome=\"pending\""),
            "{lines:?}"
        );
        let mut judge = Judge::new();
        push(&mut judge, &mut record, "dtls.state", &serde_json::json!({"state": "connected"}));
        let lines = logged(|| {
            judge.conclude(&stopped, &[], &mut record, LAST_WORDS_US, Some(0));
        });
        assert!(
            lines.len() == 1 && lines[0].contains("INFO") && lines[0].contains("outcome=\"connected\""),
            "{lines:?}"
        );
    }
}
