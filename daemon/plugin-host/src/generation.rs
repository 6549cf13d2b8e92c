//! One configured plugin as it was configured once: what the host, its streams and its supervisor share.
//!
//! A reload that changes a plugin's configuration makes a new generation beside the old one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use icescope_model::media::{Control, Format};
use icescope_model::plugin::{PluginState, PluginStatus};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::attached::Attached;
use crate::error::ProbeError;
use crate::options::PluginSpec;
use crate::probe::{ProbeInfo, ProbeNote, ProbeRun};
use crate::proto::Described;
use crate::verify::Stamp;

/// Requests on their way to a supervisor.
const REQUESTS: usize = 32;

/// Where a plugin stands, for the one who waits for it.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// Being verified, loaded and created.
    Starting,
    /// Up since its `epoch`-th start.
    Ready { epoch: u64, formats: Arc<Vec<Format>> },
    /// It went down and waits for its next start.
    BackingOff { until: Instant },
    /// It will not be started again.
    Disabled { reason: String },
    /// It was removed or replaced, or the host shuts down.
    Stopped,
}

/// What a stream or a caller asks of a supervisor. It is answered in order, one call into the plugin at a time.
pub(crate) enum Request {
    /// Start the format that is equal to this one.
    Start { format: Format, reply: oneshot::Sender<Result<Attached, NotStarted>> },
    /// Controls for what is attached.
    Control { attachment: u64, controls: Vec<Control> },
    /// Run a probe.
    Run { args: Value, deadline: std::time::Duration, notes: mpsc::Sender<ProbeNote>, reply: RunReply },
}

/// Where a probe's run is answered.
pub(crate) type RunReply = oneshot::Sender<Result<ProbeRun, ProbeError>>;

/// Why a format was not started.
#[derive(Debug, Clone)]
pub(crate) enum NotStarted {
    /// It may go another time.
    Later,
    /// It is of no use to try again.
    Never(String),
}

/// What everybody may look at.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) spec: PluginSpec,
    facts: Mutex<Facts>,
    stage: watch::Sender<Stage>,
    pub(crate) frames_dropped: AtomicU64,
    pub(crate) events_dropped: AtomicU64,
    restarts: AtomicU32,
    /// Attachments that streams hold.
    live: watch::Sender<usize>,
    /// Attachments whose stream is gone: the supervisor stops them.
    left: Mutex<Vec<u64>>,
    pub(crate) has_left: Notify,
    /// The statuses of all plugins are to be told again.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Facts {
    described: Option<Described>,
    found: Option<(PathBuf, Stamp)>,
    message: Option<String>,
    process: Option<u32>,
}

/// A handle on a generation; the supervisor ends when it is stopped.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) stop: CancellationToken,
}

impl Generation {
    /// A generation that nobody supervises yet, and where its requests come out.
    pub(crate) fn new(
        spec: PluginSpec,
        changed: Arc<Notify>,
        stop: CancellationToken,
    ) -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        let shared = Shared {
            spec,
            facts: Mutex::default(),
            stage: watch::Sender::new(Stage::Starting),
            frames_dropped: AtomicU64::new(0),
            events_dropped: AtomicU64::new(0),
            restarts: AtomicU32::new(0),
            live: watch::Sender::new(0),
            left: Mutex::default(),
            has_left: Notify::new(),
            changed,
        };
        (Self { shared: Arc::new(shared), requests, stop }, receiver)
    }

    /// Whether both are handles on the same one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Waits until it is neither starting nor waiting for its next start.
    pub(crate) async fn decided(&self) -> Stage {
        let mut stage = self.shared.watch();
        let decided =
            stage.wait_for(|stage| !matches!(stage, Stage::Starting | Stage::BackingOff { .. })).await;
        decided.map_or(Stage::Stopped, |stage| stage.clone())
    }
}

impl Shared {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it stands, and changes of it.
    pub(crate) fn watch(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Where it stands now.
    pub(crate) fn stage(&self) -> Stage {
        self.stage.borrow().clone()
    }

    /// It stands elsewhere now, and why.
    pub(crate) fn go(&self, stage: Stage, message: Option<String>) {
        self.facts().message = message;
        self.stage.send_replace(stage);
        self.changed.notify_one();
    }

    /// Says something about a plugin that stays where it is.
    pub(crate) fn say(&self, message: Option<String>) {
        self.facts().message = message;
        self.changed.notify_one();
    }

    pub(crate) fn loaded(&self, described: Described) {
        self.facts().described = Some(described);
    }

    fn is_kind(&self, kind: &std::ffi::CStr) -> bool {
        self.facts().described.as_ref().is_some_and(|described| described.kind.as_bytes() == kind.to_bytes())
    }

    pub(crate) fn is_source(&self) -> bool {
        self.is_kind(icescope_plugin_abi::VIDEO_SOURCE_KIND)
    }

    pub(crate) fn is_probe(&self) -> bool {
        self.is_kind(icescope_plugin_abi::PROBE_KIND)
    }

    /// What a caller has to know to run it; `None` while it is not loaded, or no probe.
    pub(crate) fn probe_info(&self) -> Option<ProbeInfo> {
        let facts = self.facts();
        let described = facts.described.as_ref()?;
        let is_probe = described.kind.as_bytes() == icescope_plugin_abi::PROBE_KIND.to_bytes();
        is_probe.then(|| ProbeInfo {
            instance: self.spec.name.clone(),
            name: described.name.clone(),
            args_schema: described.args_schema.clone(),
        })
    }

    pub(crate) fn is_disabled(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Disabled { .. } | Stage::Stopped)
    }

    pub(crate) fn found_at(&self, path: PathBuf, stamp: Stamp) {
        self.facts().found = Some((path, stamp));
    }

    /// Whether another library lies now where this one was loaded from.
    pub(crate) fn is_replaced(&self) -> bool {
        let found = self.facts().found.clone();
        found.is_some_and(|(path, stamp)| stamp.is_replaced(&path))
    }

    pub(crate) fn process(&self, id: Option<u32>) {
        self.facts().process = id;
    }

    /// The child's process id, while there is a child.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.facts().process
    }

    pub(crate) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// Counters have grown.
    pub(crate) fn counted(&self) {
        self.changed.notify_one();
    }

    /// How many attachments streams hold, and changes of it.
    pub(crate) fn live(&self) -> watch::Receiver<usize> {
        self.live.subscribe()
    }

    /// A stream has an attachment.
    pub(crate) fn join(&self) {
        self.live.send_modify(|live| *live += 1);
    }

    /// A stream is gone; its attachment is to be stopped.
    pub(crate) fn leave(&self, attachment: u64) {
        self.live.send_modify(|live| *live -= 1);
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(attachment);
        self.has_left.notify_one();
    }

    /// The attachments that were left since this was asked last.
    pub(crate) fn take_left(&self) -> Vec<u64> {
        std::mem::take(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// For `icescope plugins` and the page.
    pub(crate) fn status(&self) -> PluginStatus {
        let state = match *self.stage.borrow() {
            Stage::Starting => PluginState::Starting,
            Stage::Ready { .. } => PluginState::Ready,
            Stage::BackingOff { .. } => PluginState::BackingOff,
            Stage::Disabled { .. } | Stage::Stopped => PluginState::Disabled,
        };
        let facts = self.facts();
        let described = facts.described.as_ref();
        PluginStatus {
            name: self.spec.name.clone(),
            id: described.map(|described| described.id.clone()),
            kind: described.map(|described| described.kind.clone()),
            version: described.map(|described| described.version.clone()),
            path: facts.found.as_ref().map_or(self.spec.path.clone(), |(path, _)| path.display().to_string()),
            isolation: self.spec.isolation,
            state,
            message: facts.message.clone(),
            restarts: self.restarts.load(Ordering::Relaxed),
            frames_dropped: self.frames_dropped.load(Ordering::Relaxed),
            events_dropped: self.events_dropped.load(Ordering::Relaxed),
        }
    }
}
