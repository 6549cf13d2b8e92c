//! The host of all plugins: which there are, which generation of each counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use icescope_model::media::{Format, MediaMessage, SourceError};
use icescope_model::plugin::PluginStatus;
use icescope_model::{EventSink, Level};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::ProbeError;
use crate::generation::{Generation, Request, Stage};
use crate::options::{Options, PluginSpec};
use crate::probe::{ProbeInfo, ProbeNote, ProbeRun};
use crate::slot::{Slot, find};
use crate::stream::{CHANNEL, SourceStream, StreamControl, StreamTask};
use crate::supervisor::Supervisor;
use crate::voice::Voice;
use crate::wishes::Wishes;

/// How long streams may take to go over to a changed plugin before the old one is stopped anyway.
const CHANGE_OVER: Duration = Duration::from_secs(10);

/// Shortest time between two tellings of the statuses.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Runs all configured plugins. Cheap to clone; all clones are the same host.
#[derive(Debug, Clone)]
pub struct PluginHost {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Arc<Options>,
    sink: EventSink,
    /// In the order of the configuration.
    slots: Mutex<Vec<Slot>>,
    tasks: TaskTracker,
    shut_down: CancellationToken,
    changed: Arc<Notify>,
    board: watch::Sender<Vec<PluginStatus>>,
}

impl PluginHost {
    /// Starts all plugins side by side on the current tokio runtime, and returns at once.
    pub fn start(options: Options, specs: Vec<PluginSpec>, sink: EventSink) -> Self {
        let inner = Arc::new(Inner {
            options: Arc::new(options),
            sink,
            slots: Mutex::default(),
            tasks: TaskTracker::new(),
            shut_down: CancellationToken::new(),
            changed: Arc::new(Notify::new()),
            board: watch::Sender::new(Vec::new()),
        });
        for spec in specs {
            let generation = inner.generation(spec);
            inner.lock().push(Slot::new(generation));
        }
        inner.tell();
        let weak = Arc::downgrade(&inner);
        let (changed, shut_down) = (Arc::clone(&inner.changed), inner.shut_down.clone());
        inner.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = changed.notified() => {}
                    () = shut_down.cancelled() => return,
                }
                match weak.upgrade() {
                    Some(inner) => inner.tell(),
                    None => return,
                }
                // Counters may change with every frame; what changes meanwhile is told after the pause.
                tokio::time::sleep(TELL_EVERY).await;
            }
        });
        Self { inner }
    }

    /// Goes over to another configuration. Plugins whose part did not change go on untouched, unless they are disabled:
    /// those are started anew. A library that was replaced by another file counts as a change. A changed one is started beside the old one, whose streams go over with the new one's
    /// first key frame; if the new one is refused the old one goes on, and its status says so. Returns when all are up
    /// or have failed to be.
    pub async fn apply(&self, specs: Vec<PluginSpec>) {
        let mut fresh = Vec::new();
        let removed = {
            let mut slots = self.inner.lock();
            let mut old = std::mem::take(&mut *slots);
            for spec in specs {
                let slot = if let Some(index) = old.iter().position(|slot| slot.name == spec.name) {
                    self.inner.changed_slot(old.remove(index), spec, &mut fresh)
                } else {
                    let generation = self.inner.generation(spec);
                    fresh.push(generation.clone());
                    Slot::new(generation)
                };
                slots.push(slot);
            }
            old
        };
        for slot in removed {
            slot.stop();
        }
        self.inner.tell();
        for generation in fresh {
            settled(&generation).await;
        }
    }

    /// What is known of each plugin, in the order of the configuration.
    pub fn status(&self) -> Vec<PluginStatus> {
        self.inner.statuses()
    }

    /// The same, and changes of it.
    pub fn watch(&self) -> watch::Receiver<Vec<PluginStatus>> {
        self.inner.board.subscribe()
    }

    /// Returns when every plugin has been ready, disabled or backing off for the first time.
    pub async fn settled(&self) {
        let all: Vec<_> = self.inner.lock().iter().map(Slot::generation).collect();
        for generation in all {
            settled(&generation).await;
        }
    }

    /// The process ids of the children that run now, by plugin.
    pub fn processes(&self) -> Vec<(String, u32)> {
        let slots = self.inner.lock();
        let process = |slot: &Slot| Some((slot.name.clone(), slot.generation().shared.process_id()?));
        slots.iter().filter_map(process).collect()
    }

    /// A source's formats, best first.
    pub fn source_formats(&self, name: &str) -> Result<Vec<Format>, SourceError> {
        let slots = self.inner.lock();
        let slot = find(&slots, name)?;
        slot.formats().map(|formats| formats.to_vec())
    }

    /// Starts a format (its place in [`Self::source_formats`]). One stream of a format can be open at a time.
    pub fn open_stream(&self, name: &str, format: usize) -> Result<SourceStream, SourceError> {
        let mut slots = self.inner.lock();
        find(&slots, name)?;
        let failed = |reason| SourceError::Failed { name: name.to_owned(), reason };
        let Some(slot) = slots.iter_mut().find(|slot| slot.name == name) else {
            return Err(failed("it was removed".to_owned()));
        };
        let formats = slot.formats()?;
        let Some(format) = formats.get(format) else {
            return Err(failed(format!("it has no format {format}; there are {}, from 0", formats.len())));
        };
        let key = (format.mime.to_ascii_lowercase(), format.fmtp.clone());
        if slot.open.get(&key).and_then(mpsc::WeakSender::upgrade).is_some_and(|out| !out.is_closed()) {
            return Err(failed(format!("its format {} is open already", format.mime)));
        }
        let (out, messages) = mpsc::channel(CHANNEL);
        slot.open.insert(key, out.downgrade());
        let wishes = Arc::new(Wishes::default());
        let last = out.clone();
        let task = StreamTask::new(format.clone(), slot.current.subscribe(), out, Arc::clone(&wishes));
        let shut_down = self.inner.shut_down.clone();
        self.inner.tasks.spawn(async move {
            tokio::select! {
                biased;
                // Whoever does not take its messages must not hold the shutting down up.
                () = shut_down.cancelled() => {
                    let _ = last.try_send(MediaMessage::Ended { reason: "the daemon is stopping".to_owned() });
                }
                () = task.run() => {}
            }
        });
        Ok(SourceStream { messages, control: StreamControl::new(wishes) })
    }

    /// The probes that have been loaded, in the order of the configuration. One that cannot run now is among them.
    pub fn probes(&self) -> Vec<ProbeInfo> {
        self.inner.lock().iter().filter_map(|slot| slot.generation().shared.probe_info()).collect()
    }

    /// Runs a probe: its steps and reports go to `notes` as they come (steps are dropped and counted when that is full),
    /// all its reports and its outcome into the result. The run is asked to wind up at the deadline, or when this future
    /// is dropped.
    pub async fn run_probe(
        &self,
        name: &str,
        args: Value,
        deadline: Duration,
        notes: mpsc::Sender<ProbeNote>,
    ) -> Result<ProbeRun, ProbeError> {
        let generation = self.probe(name)?;
        let not_ready =
            |reason: &str| ProbeError::NotReady { name: name.to_owned(), reason: reason.to_owned() };
        let (reply, answer) = oneshot::channel();
        generation
            .requests
            .try_send(Request::Run { args, deadline, notes, reply })
            .map_err(|_| not_ready("too many runs of it are waiting, or it is being stopped"))?;
        answer.await.map_err(|_| not_ready("it was stopped"))?
    }

    fn probe(&self, name: &str) -> Result<Generation, ProbeError> {
        let slots = self.inner.lock();
        let Some(slot) = slots.iter().find(|slot| slot.name == name) else {
            let known: Vec<_> = slots.iter().map(|slot| slot.name.as_str()).collect();
            return Err(ProbeError::Unknown { name: name.to_owned(), known: known.join(", ") });
        };
        let generation = slot.generation();
        let reason = match generation.shared.stage() {
            Stage::Ready { .. } if generation.shared.is_probe() => return Ok(generation),
            Stage::Ready { .. } => "it is no probe".to_owned(),
            Stage::Starting => "it is being started".to_owned(),
            Stage::BackingOff { .. } | Stage::Disabled { .. } | Stage::Stopped => {
                generation.shared.status().message.unwrap_or_else(|| "it is stopped".to_owned())
            }
        };
        Err(ProbeError::NotReady { name: name.to_owned(), reason })
    }

    /// Stops all plugins in good order, and returns when they are gone.
    pub async fn shut_down(&self) {
        for slot in self.inner.lock().iter() {
            slot.stop();
        }
        self.inner.shut_down.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn statuses(&self) -> Vec<PluginStatus> {
        self.lock().iter().map(|slot| slot.generation().shared.status()).collect()
    }

    fn tell(&self) {
        let statuses = self.statuses();
        self.board.send_if_modified(|told| {
            let differs = *told != statuses;
            *told = statuses;
            differs
        });
    }

    /// A generation with its supervisor.
    fn generation(&self, spec: PluginSpec) -> Generation {
        let voice = Arc::new(Voice::new(&spec.name, self.sink.clone()));
        let (generation, requests) =
            Generation::new(spec, Arc::clone(&self.changed), self.shut_down.child_token());
        let (options, shared) = (Arc::clone(&self.options), Arc::clone(&generation.shared));
        self.tasks.spawn(Supervisor::new(options, shared, voice, requests, generation.stop.clone()).run());
        generation
    }

    /// A slot whose part of the configuration was read again.
    fn changed_slot(self: &Arc<Self>, mut slot: Slot, spec: PluginSpec, fresh: &mut Vec<Generation>) -> Slot {
        if let Some(next) = slot.next.take() {
            if next.shared.spec == spec && !next.shared.is_disabled() {
                slot.next = Some(next);
                return slot;
            }
            next.stop.cancel();
        }
        let current = slot.generation();
        if current.shared.spec == spec && !current.shared.is_disabled() && !current.shared.is_replaced() {
            // A remark about a changed configuration that was refused is over with it.
            current.shared.say(None);
            return slot;
        }
        let generation = self.generation(spec);
        fresh.push(generation.clone());
        if current.shared.is_disabled() {
            current.stop.cancel();
            slot.current.send_replace(generation);
            return slot;
        }
        slot.next = Some(generation.clone());
        let inner = Arc::clone(self);
        self.tasks.spawn(async move { inner.change_over(current, generation).await });
        slot
    }

    /// Waits for a changed plugin to be up, and goes over to it.
    async fn change_over(&self, old: Generation, new: Generation) {
        let name = &new.shared.spec.name;
        match self.decided(&old, &new).await {
            Stage::Disabled { reason } => {
                new.stop.cancel();
                self.forget_next(&new);
                let message = format!(
                    "its changed configuration was refused: {reason}. It goes on with the one before"
                );
                Voice::new(name, self.sink.clone()).happened(
                    "plugin.refused",
                    Level::Warn,
                    format!("{name}: {message}"),
                );
                old.shared.say(Some(message));
            }
            Stage::Ready { .. } => {
                if !self.forget_next(&new) {
                    // Another change came meanwhile.
                    return;
                }
                if let Some(slot) = self.lock().iter().find(|slot| slot.name == *name) {
                    slot.current.send_replace(new.clone());
                }
                self.changed.notify_one();
                // Its streams leave when they have the new one's first key frame.
                let mut live = old.shared.live();
                let _ = tokio::time::timeout(CHANGE_OVER, live.wait_for(|live| *live == 0)).await;
                old.stop.cancel();
            }
            _ => {
                self.forget_next(&new);
            }
        }
    }

    /// As the new one's own `decided`; meanwhile the old one's status says why it still plays.
    async fn decided(&self, old: &Generation, new: &Generation) -> Stage {
        let mut stage = new.shared.watch();
        loop {
            let now = stage.borrow_and_update().clone();
            match now {
                Stage::Starting => {}
                Stage::BackingOff { .. } => {
                    let why = new.shared.status().message.unwrap_or_default();
                    old.shared.say(Some(format!(
                        "its changed configuration is not up yet: {why}. It goes on with the one before"
                    )));
                }
                decided => return decided,
            }
            if stage.changed().await.is_err() {
                return Stage::Stopped;
            }
        }
    }

    /// Whether it was what the slot is about to go over to; it is no more.
    fn forget_next(&self, generation: &Generation) -> bool {
        let mut slots = self.lock();
        let slot = slots.iter_mut().find(|slot| slot.next.as_ref().is_some_and(|next| next.is(generation)));
        slot.is_some_and(|slot| slot.next.take().is_some())
    }
}

async fn settled(generation: &Generation) {
    let mut stage = generation.shared.watch();
    // The sender lives as long as the generation.
    let _ = stage.wait_for(|stage| !matches!(stage, Stage::Starting)).await;
}
