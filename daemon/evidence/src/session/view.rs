//! A session as others see it: its head, its record, and what is concluded of it.

use icescope_model::api::{SessionRecord, SessionSummary};
use icescope_model::report::Report;
use icescope_model::uplink::UplinkStats;
use icescope_model::{Event, Monotonic};

use super::{Inner, Session};

impl Session {
    /// The session's head.
    pub fn summary(&self) -> SessionSummary {
        let uplink = self.uplink();
        SessionSummary { uplink, ..self.head(&self.inner()) }
    }

    /// What arrives of the client's own picture, while it does.
    fn uplink(&self) -> Option<UplinkStats> {
        let ingest = {
            let inner = self.inner();
            inner.ingest && inner.closed.is_none()
        };
        ingest.then(|| self.peer.uplink(self.id)).flatten()
    }

    fn head(&self, inner: &Inner) -> SessionSummary {
        SessionSummary {
            id: self.id,
            opened_unix_ms: self.opened_unix_ms,
            state: inner.state,
            closed: inner.closed.clone(),
            ended: inner.closed_at.map(|closed| self.axis(closed)),
            events: inner.record.next(),
            events_dropped: inner.record.dropped(),
            uplink: None,
            verdict: inner.judge.verdict().map(Box::new),
        }
    }

    /// Concludes anew if there is reason to; when to ask again, if time alone may change the verdict.
    pub(crate) fn judge(&self, reports: &[Report], now: Monotonic) -> Option<Monotonic> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let at = self.axis(now);
        if let Err(again) = inner.judge.is_due(at) {
            return again.map(|again| self.moment(again));
        }
        let closed = inner.closed_at.map(|closed| self.axis(closed));
        let head = self.head(inner);
        let changed = inner.judge.conclude(&head, reports, &mut inner.record, at, closed);
        let again = inner.judge.is_due(at).err().flatten();
        drop(guard);
        if changed {
            self.revision.send_modify(|revision| *revision = revision.wrapping_add(1));
        }
        again.map(|again| self.moment(again))
    }

    /// The verdict will not change any more.
    pub(crate) fn settle(&self, reports: &[Report], now: Monotonic) {
        self.judge(reports, now);
        self.inner().judge.freeze(self.id);
    }

    fn moment(&self, axis: i64) -> Monotonic {
        Monotonic(self.opened.0.saturating_add(axis.saturating_mul(1_000)))
    }

    /// All that is kept of it.
    pub fn record(&self) -> SessionRecord {
        let now = self.axis(Monotonic::now());
        let (current, uplink) = (self.probes.shared_reports(), self.uplink());
        let inner = self.inner();
        let closed = inner.closed_at.map(|closed| self.axis(closed));
        let mut reports = inner.reports.clone();
        if closed.is_none() {
            reports.extend(current.into_iter().filter(|report| !inner.reports.contains(report)));
        }
        let mut record = SessionRecord::new(self.head(&inner), inner.record.since(0, usize::MAX));
        record.session.uplink = uplink;
        record.until = Some(closed.unwrap_or(now));
        record.clock = inner.browser.clock();
        record.pairs = inner.judge.pairs();
        for pair in &mut record.pairs {
            // What the ring has let go cannot be looked at.
            pair.evidence
                .retain(|number| record.events.binary_search_by_key(number, |event| event.sequence).is_ok());
        }
        record.reports = reports.iter().map(|report| Report::clone(report)).collect();
        record
    }

    /// At most `max` events from number `next` on, in order.
    pub fn events_since(&self, next: u64, max: usize) -> Vec<Event> {
        self.inner().record.since(next, max)
    }
}
