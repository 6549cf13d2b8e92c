//! One session: one browser ↔ daemon attempt and all that was seen of it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use icescope_model::api::{BrowserEvent, Closed, SessionRecord, SessionState, SessionSummary};
use icescope_model::report::Report;
use icescope_model::signal::{
    CloseReason, Direction, LocalCandidates, Offer, PeerLink, PeerState, SignalError, Trickle, Trickled,
};
use icescope_model::uplink::UplinkStats;
use icescope_model::{Event, Evidence, Lane, Level, Monotonic, Observation, Scope, SessionId, Token};
use subtle::ConstantTimeEq;
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;

use crate::Peer;
use crate::browser::Browser;
use crate::probes::{Probes, noted};
use crate::record::Record;
use crate::verdict::Judge;

/// One session. It is shared by signalling, the live channels and the dispatcher.
pub struct Session {
    id: SessionId,
    token: Token,
    shared: OnceLock<Token>,
    opened: Monotonic,
    opened_unix_ms: i64,
    peer: Arc<dyn Peer>,
    tasks: TaskTracker,
    probes: Probes,
    revision: watch::Sender<u64>,
    unjudged: Arc<Notify>,
    inner: Mutex<Inner>,
}

struct Inner {
    record: Record,
    judge: Judge,
    browser: Browser,
    /// The reports that the session has noted.
    reports: Vec<Arc<Report>>,
    state: SessionState,
    closed: Option<Closed>,
    closed_at: Option<Monotonic>,
    answering: bool,
    ingest: bool,
    generation: u64,
    link: Option<PeerLink>,
    live_channels: usize,
}

impl Inner {
    /// Adds events to the record, for the judge to see. Once the verdict is final the record is, too: what happens then (a late
    /// packet, somebody who looks at it) is not the session's any more.
    fn push(&mut self, events: Vec<Event>) {
        if self.judge.is_final() {
            return;
        }
        for mut event in events {
            self.record.push(&mut event);
            self.judge.see(&event);
        }
    }
}

impl Session {
    /// `unjudged` is told whenever there is something new to conclude.
    pub(crate) fn open(
        peer: Arc<dyn Peer>,
        tasks: TaskTracker,
        probes: Probes,
        max_events: usize,
        unjudged: Arc<Notify>,
    ) -> Arc<Self> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let session = Arc::new(Self {
            id: SessionId::random(),
            token: Token::random(),
            shared: OnceLock::new(),
            opened: Monotonic::now(),
            opened_unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
            peer,
            tasks,
            probes,
            revision: watch::Sender::new(0),
            unjudged,
            inner: Mutex::new(Inner {
                record: Record::new(max_events),
                judge: Judge::new(),
                browser: Browser::default(),
                reports: Vec::new(),
                state: SessionState::New,
                closed: None,
                closed_at: None,
                answering: false,
                ingest: false,
                generation: 0,
                link: None,
                live_channels: 0,
            }),
        });
        session.note_reports(i64::MIN);
        session
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held leaves plain data behind, which is still good to read.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.unjudged.notify_one();
        self.revision.send_modify(|revision| *revision = revision.wrapping_add(1));
    }

    /// The session's name.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The secret that opens it.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Whether `token` is the session's secret; the time it takes tells nothing of it.
    pub fn opens_with(&self, token: &str) -> bool {
        self.token.reveal().as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The key of a link that lets others read the session, and nothing else. Made when it is first asked for: who never shares a
    /// session has no such key to lose.
    pub fn share(&self) -> &Token {
        self.shared.get_or_init(Token::random)
    }

    /// Whether `key` is that of a shared link; the time it takes tells nothing of it.
    pub fn reads_with(&self, key: &str) -> bool {
        self.shared.get().is_some_and(|shared| shared.reveal().as_bytes().ct_eq(key.as_bytes()).into())
    }

    /// Microseconds on the session's axis.
    pub fn axis(&self, at: Monotonic) -> i64 {
        at.micros_since(self.opened)
    }

    /// When it was opened.
    pub fn opened(&self) -> Monotonic {
        self.opened
    }

    /// Answers the session's first offer.
    pub async fn answer(self: &Arc<Self>, offer: Offer) -> Result<String, SignalError> {
        {
            let mut inner = self.inner();
            if inner.state == SessionState::Closed {
                return Err(SignalError::UnknownSession);
            }
            if inner.answering || inner.link.is_some() {
                return Err(SignalError::AlreadyAnswered);
            }
            inner.answering = true;
            inner.ingest = offer.direction == Direction::Ingest;
        }
        let result = self.peer.answer(self.id, offer).await;
        let closed_meanwhile = {
            let mut inner = self.inner();
            inner.answering = false;
            if let Ok(answer) = &result {
                inner.link = Some(answer.link.clone());
                inner.generation = 1;
            }
            inner.closed.is_some()
        };
        if closed_meanwhile {
            self.peer.close(self.id, CloseReason::Deleted).await;
            return Err(SignalError::UnknownSession);
        }
        let answer = result?;
        let session = Arc::clone(self);
        self.tasks.spawn(async move { session.follow(answer.link).await });
        self.touch();
        Ok(answer.sdp)
    }

    /// Follows what the peer tells until the connection is closed.
    async fn follow(self: Arc<Self>, mut link: PeerLink) {
        let mut candidates_open = true;
        loop {
            let state = link.state.borrow_and_update().clone();
            if self.apply(&state) {
                return;
            }
            tokio::select! {
                changed = link.state.changed() => if changed.is_err() {
                    let last = link.state.borrow().clone();
                    if !self.apply(&last) {
                        self.mark_closed(&CloseReason::Failed("the peer gave the session up without a reason".to_owned()));
                    }
                    return;
                },
                changed = link.candidates.changed(), if candidates_open => {
                    candidates_open = changed.is_ok();
                    self.touch();
                }
            }
        }
    }

    /// Takes over the peer's state; true once that is the end.
    fn apply(&self, state: &PeerState) -> bool {
        let next = match state {
            PeerState::Connecting => SessionState::Connecting,
            PeerState::Connected => SessionState::Connected,
            PeerState::Disconnected => SessionState::Disconnected,
            PeerState::Closed(reason) => {
                self.mark_closed(reason);
                return true;
            }
        };
        let mut inner = self.inner();
        if inner.state == SessionState::Closed {
            return true;
        }
        if inner.state != next {
            inner.state = next;
            inner.judge.head_changed();
            if next == SessionState::Connected {
                let now = self.axis(Monotonic::now());
                inner.record.connected(now);
            }
            drop(inner);
            self.touch();
        }
        false
    }

    pub(crate) fn mark_closed(&self, reason: &CloseReason) {
        let now = Monotonic::now();
        {
            let mut inner = self.inner();
            if inner.closed.is_some() {
                return;
            }
            inner.state = SessionState::Closed;
            inner.closed = Some(Closed { code: reason.code().to_owned(), reason: reason.describe() });
            inner.closed_at = Some(now);
            let placed = inner.browser.give_up_waiting(self.axis(now));
            inner.push(placed);
        }
        self.note_reports(self.opened_unix_ms);
        let level = match reason {
            CloseReason::Deleted | CloseReason::ClosedByRemote | CloseReason::ShuttingDown => Level::Info,
            _ => Level::Warn,
        };
        tracing::info!(session = %self.id, code = reason.code(), "session closed: {}", reason.describe());
        self.observe(
            Observation::new(
                Scope::Session(self.id),
                Evidence::Api,
                Lane::Peer,
                Lane::Peer,
                "session.closed",
            )
            .at(now)
            .level(level)
            .summary(format!("Session closed: {}", reason.describe()))
            .with("code", reason.code()),
        );
    }

    /// Hands over candidates of the client, or its ICE restart.
    pub async fn trickle(&self, trickle: Trickle) -> Result<Trickled, SignalError> {
        {
            let inner = self.inner();
            if inner.link.is_none() || inner.closed.is_some() {
                return Err(SignalError::UnknownSession);
            }
        }
        let done = self.peer.trickle(self.id, trickle).await?;
        if matches!(done, Trickled::Restarted(_)) {
            self.inner().generation += 1;
        }
        self.touch();
        Ok(done)
    }

    /// Ends the session.
    pub async fn close(&self, reason: CloseReason) {
        self.mark_closed(&reason);
        // Without an answer, too: the peer's side may have begun with the session. While one is made, its end closes it.
        let answering = self.inner().answering;
        if !answering {
            self.peer.close(self.id, reason).await;
        }
    }

    /// An answer was given.
    pub fn is_answered(&self) -> bool {
        self.inner().link.is_some()
    }

    /// It is over.
    pub fn is_closed(&self) -> bool {
        self.inner().closed.is_some()
    }

    pub(crate) fn closed_at(&self) -> Option<Monotonic> {
        self.inner().closed_at
    }

    /// The ICE generation: 1 after the answer, one more after each ICE restart. It makes the ETag of WHEP.
    pub fn generation(&self) -> u64 {
        self.inner().generation
    }

    /// The daemon's own candidates of the current generation.
    pub fn candidates(&self) -> LocalCandidates {
        self.inner().link.as_ref().map(|link| link.candidates.borrow().clone()).unwrap_or_default()
    }

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
        record.reports = reports.iter().map(|report| Report::clone(report)).collect();
        record
    }

    /// At most `max` events from number `next` on, in order.
    pub fn events_since(&self, next: u64, max: usize) -> Vec<Event> {
        self.inner().record.since(next, max)
    }

    /// Changes whenever events, candidates or the head have changed.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Notes what the probes have reported since then: reports belong to no session, and tell of what surrounds it.
    fn note_reports(&self, since_unix_ms: i64) {
        for report in self.probes.shared_reports() {
            if report.unix_ms > since_unix_ms {
                self.observe(noted(self.id, &report));
                self.inner().reports.push(report);
            }
        }
    }

    /// Adds an observation to the record.
    pub fn observe(&self, observation: Observation) {
        let event = Event {
            sequence: 0,
            time: self.axis(observation.at),
            uncertainty: observation.uncertainty,
            seen_by: observation.seen_by,
            from: observation.from,
            to: observation.to,
            kind: observation.kind.into_owned(),
            evidence: observation.evidence,
            level: observation.level,
            summary: observation.summary,
            attributes: observation.attributes,
        };
        self.inner().push(vec![event]);
        self.touch();
    }

    /// Takes the browser's events in; each number is kept once. Returns the highest number kept so far.
    pub fn browser_events(&self, events: Vec<BrowserEvent>) -> u64 {
        let arrived = self.axis(Monotonic::now());
        let mut inner = self.inner();
        let placed = inner.browser.take(events, arrived);
        let changed = !placed.is_empty();
        inner.push(placed);
        let kept = inner.browser.kept();
        drop(inner);
        if changed {
            self.touch();
        }
        kept
    }

    /// Sets the page's estimate of its clock: daemon time on the session's axis = page time + `offset_us`.
    pub fn set_clock(&self, offset_us: i64, uncertainty_us: u32) {
        let arrived = self.axis(Monotonic::now());
        let mut inner = self.inner();
        if inner.judge.is_final() {
            return;
        }
        let placed = inner.browser.set_clock(offset_us, uncertainty_us, arrived);
        let changed = !placed.is_empty();
        inner.push(placed);
        drop(inner);
        if changed {
            self.touch();
        }
    }

    /// A live channel was opened.
    pub fn live_connected(&self) {
        self.inner().live_channels += 1;
    }

    /// A live channel is gone.
    pub fn live_gone(&self) {
        let mut inner = self.inner();
        inner.live_channels = inner.live_channels.saturating_sub(1);
    }

    /// It sends its own picture and is not over: its head changes as the figures do.
    pub(crate) fn is_running_uplink(&self) -> bool {
        let inner = self.inner();
        inner.ingest && inner.closed.is_none() && inner.live_channels > 0
    }

    pub(crate) fn note_change(&self) {
        self.touch();
    }
}
