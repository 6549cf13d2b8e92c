//! The host's side of an instance: what `ics_ctx` stands for.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use icescope_model::Monotonic;
use icescope_plugin_abi as abi;
use rustix::event::EventfdFlags;

use super::frames::Stream;
use super::outbox::Outbox;
use crate::bucket::Bucket;
use crate::options::{GrantedServer, ICE_SERVERS_GRANT};
use crate::proto::Note;

/// `cancelled()` and `cancel_fd()`.
#[derive(Debug)]
pub(super) struct Cancel {
    is_set: AtomicBool,
    event: OwnedFd,
}

impl Cancel {
    pub(super) fn new() -> io::Result<Self> {
        let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { is_set: AtomicBool::new(false), event })
    }

    /// Sets or clears the cancellation; the descriptor is readable while it is set.
    pub(super) fn set(&self, cancelled: bool) {
        self.is_set.store(cancelled, Ordering::SeqCst);
        // Neither can fail in a way that matters: full means readable, empty means cleared.
        if cancelled {
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        } else {
            let _ = rustix::io::read(&self.event, &mut [0; 8]);
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    pub(super) fn descriptor(&self) -> i32 {
        self.event.as_raw_fd()
    }
}

/// What is behind the plugin's `ics_ctx *`. Never freed: a plugin that calls the host after `destroy` breaks the
/// contract, but is answered `ICS_E_STOPPING` and touches no freed memory.
pub(super) struct Ctx {
    live: RwLock<Option<Arc<Live>>>,
}

/// The part of it that ends with the instance.
pub(super) struct Live {
    pub(super) outbox: Arc<Outbox>,
    pub(super) cancel: Arc<Cancel>,
    pub(super) log_level: u32,
    pub(super) ice_servers: bool,
    pub(super) servers: Mutex<Servers>,
    formats: AtomicU32,
    streams: RwLock<HashMap<u32, Arc<Stream>>>,
    buckets: Mutex<Buckets>,
}

/// The servers of this run, and the list that the plugin was shown last.
#[derive(Default)]
pub(super) struct Servers {
    pub(super) now: Arc<Vec<GrantedServer>>,
    pub(super) shown: Option<super::services::Shown>,
}

/// How much may be said. Reports are backed by blocking, so their bucket only stops a plugin that has lost its mind.
struct Buckets {
    logs: Bucket,
    events: Bucket,
    reports: Bucket,
    misuse: Bucket,
}

/// What is limited.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limited {
    Log,
    Event,
    Report,
}

impl Ctx {
    pub(super) fn leak(
        outbox: &Arc<Outbox>,
        cancel: &Arc<Cancel>,
        granted: &[String],
        log_level: u32,
    ) -> &'static Self {
        let live = Live {
            outbox: Arc::clone(outbox),
            cancel: Arc::clone(cancel),
            log_level,
            ice_servers: granted.iter().any(|grant| grant == ICE_SERVERS_GRANT),
            servers: Mutex::default(),
            formats: AtomicU32::new(0),
            streams: RwLock::default(),
            buckets: Mutex::new(Buckets {
                logs: Bucket::new(50, 200),
                // A probe that asks a dozen servers over both families tells some hundred packets within a second.
                events: Bucket::new(200, 1_000),
                reports: Bucket::new(10, 64),
                misuse: Bucket::new(1, 5),
            }),
        };
        Box::leak(Box::new(Self { live: RwLock::new(Some(Arc::new(live))) }))
    }

    /// What the plugin is given to call us with.
    pub(super) fn as_ptr(&'static self) -> *mut abi::IcsCtx {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// The instance's state, until it has ended.
    pub(super) fn live(&self) -> Option<Arc<Live>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `destroy` has returned.
    pub(super) fn end(&self) {
        self.live.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(super) fn set_formats(&self, count: usize) {
        if let Some(live) = self.live() {
            live.formats.store(count as u32, Ordering::Release);
        }
    }

    pub(super) fn learn_servers(&self, servers: Vec<GrantedServer>) {
        if let Some(live) = self.live() {
            live.servers().now = Arc::new(servers);
        }
    }

    pub(super) fn add_stream(&self, format: u32, stream: Arc<Stream>) {
        if let Some(live) = self.live() {
            live.streams.write().unwrap_or_else(PoisonError::into_inner).insert(format, stream);
        }
    }

    pub(super) fn remove_stream(&self, format: u32) {
        if let Some(live) = self.live() {
            live.streams.write().unwrap_or_else(PoisonError::into_inner).remove(&format);
        }
    }

    pub(super) fn remove_streams(&self) {
        if let Some(live) = self.live() {
            live.streams.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

impl Live {
    pub(super) fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many formats the plugin has told.
    pub(super) fn formats(&self) -> u32 {
        self.formats.load(Ordering::Acquire)
    }

    /// A running stream.
    pub(super) fn stream(&self, format: u32) -> Option<Arc<Stream>> {
        self.streams.read().unwrap_or_else(PoisonError::into_inner).get(&format).cloned()
    }

    /// The running stream, if there is exactly one.
    pub(super) fn only_stream(&self) -> Option<Arc<Stream>> {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        if streams.len() == 1 { streams.values().next().cloned() } else { None }
    }

    /// Whether one more of its kind may be said now.
    pub(super) fn may_say(&self, what: Limited) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = match what {
            Limited::Log => &mut buckets.logs,
            Limited::Event => &mut buckets.events,
            Limited::Report => &mut buckets.reports,
        };
        bucket.take(Monotonic::now())
    }

    /// Says, not too often, that the plugin broke the contract.
    pub(super) fn misuse(&self, what: impl FnOnce() -> String) {
        let said = self.buckets.lock().unwrap_or_else(PoisonError::into_inner).misuse.take(Monotonic::now());
        if said {
            let message = format!("the plugin breaks its contract: {}", what());
            self.outbox.may(&Note::Log { level: abi::ICS_WARN, target: "host".to_owned(), message });
        }
    }
}
