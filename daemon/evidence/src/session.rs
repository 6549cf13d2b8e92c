//! One session: one browser ↔ daemon attempt and all that was seen of it.

mod course;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use icescope_model::api::{BrowserEvent, Closed, SessionState};
use icescope_model::report::Report;
use icescope_model::signal::{LocalCandidates, PeerLink};
use icescope_model::{Event, Monotonic, Observation, SessionId, Token};
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
