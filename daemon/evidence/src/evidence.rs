//! All sessions, and the tasks that serve them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use icescope_model::api::SessionSummary;
use icescope_model::plugin::PluginStatus;
use icescope_model::signal::{CloseReason, SignalError};
use icescope_model::sink::EventSource;
use icescope_model::{EventSink, Evidence as Seen, Lane, Level, Monotonic, Observation, Scope, SessionId};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::probes::Probes;
use crate::session::Session;
use crate::{Options, Peer};

/// How often old sessions are looked after, and an uplink's figures told.
const ROUND: Duration = Duration::from_secs(1);
/// A session's verdict is concluded at most so often; packets come faster.
const JUDGE_EVERY: Duration = Duration::from_millis(100);
/// How long a stop waits for the peers to say good-bye.
const STOP: Duration = Duration::from_secs(2);

/// Where all that is observed meets. Cheap to clone.
#[derive(Clone)]
pub struct Evidence {
    shared: Arc<Shared>,
}

struct Shared {
    peer: Arc<dyn Peer>,
    sink: EventSink,
    plugins: watch::Sender<Vec<PluginStatus>>,
    probes: Probes,
    unjudged: Arc<Notify>,
    tasks: TaskTracker,
    stop: CancellationToken,
    inner: Mutex<Inner>,
}

struct Inner {
    options: Options,
    sessions: HashMap<SessionId, Arc<Session>>,
}

impl Evidence {
    /// Starts the dispatcher of `source` and the housekeeping on the current tokio runtime.
    pub fn start(options: Options, sink: EventSink, source: EventSource, peer: Arc<dyn Peer>) -> Self {
        let shared = Arc::new(Shared {
            peer,
            sink,
            plugins: watch::Sender::new(Vec::new()),
            probes: Probes::default(),
            unjudged: Arc::new(Notify::new()),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            inner: Mutex::new(Inner { options, sessions: HashMap::new() }),
        });
        let evidence = Self { shared };
        evidence.shared.tasks.spawn(evidence.clone().dispatch(source));
        evidence.shared.tasks.spawn(evidence.clone().keep_house());
        evidence.shared.tasks.spawn(evidence.clone().judge());
        evidence
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session; refused while as many are open as the options allow.
    pub fn open(&self) -> Result<Arc<Session>, SignalError> {
        let mut inner = self.inner();
        let open = inner.sessions.values().filter(|session| !session.is_closed()).count();
        let Options { max_sessions, max_events, retry_after_s, .. } = inner.options;
        if open >= max_sessions {
            return Err(SignalError::TooManySessions { limit: max_sessions, retry_after_s });
        }
        let session = Session::open(
            Arc::clone(&self.shared.peer),
            self.shared.tasks.clone(),
            self.shared.probes.clone(),
            max_events,
            Arc::clone(&self.shared.unjudged),
        );
        inner.sessions.insert(session.id(), Arc::clone(&session));
        Ok(session)
    }

    /// The session of that name, open or remembered.
    pub fn session(&self, id: SessionId) -> Option<Arc<Session>> {
        self.inner().sessions.get(&id).cloned()
    }

    fn all(&self) -> Vec<Arc<Session>> {
        self.inner().sessions.values().cloned().collect()
    }

    /// The heads of all sessions, newest first.
    pub fn sessions(&self) -> Vec<SessionSummary> {
        let mut sessions = self.all();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.opened()));
        sessions.iter().map(|session| session.summary()).collect()
    }

    /// Where observers put what they see.
    pub fn sink(&self) -> &EventSink {
        &self.shared.sink
    }

    /// The plugins as they are now.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.shared.plugins.borrow().clone()
    }

    /// Changes whenever a plugin's state does.
    pub fn watch_plugins(&self) -> watch::Receiver<Vec<PluginStatus>> {
        self.shared.plugins.subscribe()
    }

    /// Sets the plugins' states.
    pub fn set_plugins(&self, plugins: Vec<PluginStatus>) {
        self.shared.plugins.send_if_modified(|current| {
            let changed = *current != plugins;
            *current = plugins;
            changed
        });
    }

    /// The probes, their runs and their reports.
    pub fn probes(&self) -> &Probes {
        &self.shared.probes
    }

    /// Takes new bounds; sessions that are open already keep theirs.
    pub fn set_options(&self, options: Options) {
        self.inner().options = options;
    }

    /// Closes all sessions and ends the tasks.
    pub async fn shut_down(&self) {
        let sessions = self.all();
        let closing = join_all(sessions.iter().map(|session| session.close(CloseReason::ShuttingDown)));
        if tokio::time::timeout(STOP, closing).await.is_err() {
            tracing::warn!("not every session could be closed within {STOP:?}");
        }
        let (reports, now) = (self.shared.probes.reports(), Monotonic::now());
        for session in &sessions {
            session.settle(&reports, now);
        }
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if tokio::time::timeout(STOP, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.shared.tasks.len(), "some session tasks did not end within {STOP:?}");
        }
    }

    async fn dispatch(self, mut source: EventSource) {
        let mut reported = 0;
        loop {
            let observation = tokio::select! {
                () = self.shared.stop.cancelled() => return,
                next = source.next() => match next {
                    Some(observation) => observation,
                    None => return,
                },
            };
            self.deliver(observation);
            let dropped = source.dropped();
            if dropped > reported {
                let lost = dropped - reported;
                tracing::warn!(dropped = lost, "observations came faster than they could be recorded");
                self.deliver(gap(lost));
                reported = dropped;
            }
        }
    }

    fn deliver(&self, observation: Observation) {
        match observation.scope {
            Scope::Session(id) => {
                if let Some(session) = self.session(id) {
                    session.observe(observation);
                }
            }
            Scope::Daemon => {
                for session in self.all().iter().filter(|session| !session.is_closed()) {
                    session.observe(observation.clone());
                }
            }
        }
    }

    /// Concludes what is to be concluded of each session, as evidence comes and as time goes.
    async fn judge(self) {
        let mut probes = self.shared.probes.revision();
        let mut reports = self.shared.probes.reports();
        loop {
            if probes.has_changed().unwrap_or(false) {
                probes.mark_unchanged();
                reports = self.shared.probes.reports();
            }
            let now = Monotonic::now();
            let again = self.all().iter().filter_map(|session| session.judge(&reports, now)).min();
            let wait = again.map(|again| u64::try_from(again.since(now)).unwrap_or(0));
            tokio::select! {
                () = self.shared.stop.cancelled() => return,
                () = self.shared.unjudged.notified() => {}
                () = tokio::time::sleep(Duration::from_nanos(wait.unwrap_or(0))), if wait.is_some() => {}
            }
            tokio::select! {
                () = self.shared.stop.cancelled() => return,
                () = tokio::time::sleep(JUDGE_EVERY) => {}
            }
        }
    }

    async fn keep_house(self) {
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shared.stop.cancelled() => return,
                _ = round.tick() => {}
            }
            for session in self.overdue(Monotonic::now()) {
                session.close(CloseReason::NeverConnected).await;
            }
            self.forget_old();
            for session in self.all().iter().filter(|session| session.is_running_uplink()) {
                session.note_change();
            }
        }
    }

    /// Sessions that were opened and brought no offer in time.
    fn overdue(&self, now: Monotonic) -> Vec<Arc<Session>> {
        let inner = self.inner();
        let limit = i64::try_from(inner.options.unanswered_timeout.as_nanos()).unwrap_or(i64::MAX);
        let overdue = |session: &&Arc<Session>| {
            !session.is_answered() && !session.is_closed() && now.since(session.opened()) > limit
        };
        inner.sessions.values().filter(overdue).cloned().collect()
    }

    /// Lets go of the sessions that were closed first, beyond those that are to be remembered.
    fn forget_old(&self) {
        let mut inner = self.inner();
        let mut closed: Vec<_> = inner
            .sessions
            .values()
            .filter_map(|session| Some((session.closed_at()?, session.id())))
            .collect();
        closed.sort_unstable();
        let surplus = closed.len().saturating_sub(inner.options.keep_closed);
        for (_, id) in &closed[..surplus] {
            inner.sessions.remove(id);
        }
    }
}

/// Whose the lost observations were is not known any more: each open session is told of the gap.
fn gap(lost: u64) -> Observation {
    Observation::new(Scope::Daemon, Seen::Api, Lane::Peer, Lane::Peer, "evidence.dropped")
        .level(Level::Warn)
        .summary(format!(
            "{lost} observations of all sessions came faster than they could be recorded: some may be missing here"
        ))
        .with("dropped", lost)
}
