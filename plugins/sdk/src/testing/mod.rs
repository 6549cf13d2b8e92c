//! A host for tests of plugins: it drives a plugin through the contract's raw tables, as the daemon does, and keeps
//! what the plugin said. Needs the feature `testing`.
//!
//! ```no_run
//! use std::time::Duration;
//! use icescope_plugin_sdk::testing::FakeHost;
//! # fn icescope_module() -> &'static icescope_plugin_sdk::abi::IcsModule { unimplemented!() }
//!
//! let host = FakeHost::new();
//! let mut source = host.create(icescope_module(), "org.example.source", &serde_json::json!({})).unwrap();
//! source.start(0).unwrap();
//! host.wait(Duration::from_secs(10), |seen| seen.frames.first().map(|frame| assert!(frame.key))).unwrap();
//! ```

mod driven;
mod services;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use icescope_plugin_abi as abi;
use serde_json::Value;

pub use driven::{Driven, Refusal};
use services::Services;

use crate::IceServer;

/// What a plugin told the host.
#[derive(Debug, Default)]
pub struct Seen {
    /// Access units, in the order in which they were pushed; also those that were not taken.
    pub frames: Vec<SeenFrame>,
    /// Events.
    pub events: Vec<SeenEvent>,
    /// Reports.
    pub reports: Vec<SeenReport>,
    /// Log lines: level of the contract, target, message.
    pub log: Vec<(u32, String, String)>,
    /// Calls of `ended`: status and message.
    pub ended: Vec<(i32, String)>,
    /// Formats of which the plugin said that they changed.
    pub format_changed: Vec<u32>,
    /// Buffers of `alloc` that were given back or released after a push.
    pub released: usize,
}

/// One pushed access unit.
#[derive(Debug, Clone)]
pub struct SeenFrame {
    /// Index of its format.
    pub format: u32,
    /// It is marked as a key frame.
    pub key: bool,
    /// Its other flags, as in the contract.
    pub flags: u32,
    /// Media time.
    pub pts_ns: i64,
    /// Duration.
    pub duration_ns: i64,
    /// Capture time on `CLOCK_MONOTONIC`.
    pub capture_ns: i64,
    /// Its bytes.
    pub data: Vec<u8>,
    /// When it was pushed, on `CLOCK_MONOTONIC`.
    pub pushed_ns: i64,
}

/// One event.
#[derive(Debug, Clone)]
pub struct SeenEvent {
    /// Its schema.
    pub schema: String,
    /// Its line.
    pub summary: String,
    /// When.
    pub time_ns: i64,
    /// Its step.
    pub span: u64,
    /// The step's parent.
    pub parent: u64,
    /// `ICS_PASS` …, or 0.
    pub outcome: u32,
    /// Lane from, lane to, evidence, as in the contract.
    pub seen: (u32, u32, u32),
    /// Its facts: name, type of the contract, value in words.
    pub facts: Vec<(String, u32, String)>,
}

/// One report.
#[derive(Debug, Clone)]
pub struct SeenReport {
    /// Its schema.
    pub schema: String,
    /// Its subject.
    pub subject: String,
    /// `ICS_PASS` ….
    pub outcome: u32,
    /// Its span.
    pub span: u64,
    /// Its document.
    pub document: Value,
}

/// How the host behaves.
#[derive(Debug)]
pub(crate) struct Behaviour {
    pub(crate) log_level: u32,
    pub(crate) push_status: i32,
    pub(crate) alloc_limit: usize,
    pub(crate) servers: Option<Vec<IceServer>>,
}

/// The host.
#[derive(Debug, Clone)]
pub struct FakeHost(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) seen: Mutex<Seen>,
    pub(crate) changed: Condvar,
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) cancel: services::Cancel,
    pub(crate) services: Services,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeHost {
    /// A host that takes everything.
    pub fn new() -> Self {
        let behaviour = Behaviour {
            log_level: abi::ICS_TRACE,
            push_status: abi::ICS_OK,
            alloc_limit: 1 << 20,
            servers: None,
        };
        Self(Arc::new(Shared {
            seen: Mutex::default(),
            changed: Condvar::new(),
            behaviour: Mutex::new(behaviour),
            cancel: services::Cancel::new(),
            services: Services::new(),
        }))
    }

    /// The most detailed level that its log keeps, as in the contract.
    pub fn set_log_level(&self, level: u32) {
        self.behaviour().log_level = level;
    }

    /// What `push_frame` answers from now on; only after `ICS_OK` it takes the frame.
    pub fn set_push_status(&self, status: i32) {
        self.behaviour().push_status = status;
    }

    /// The largest buffer that `alloc` gives; 0 for none.
    pub fn set_alloc_limit(&self, bytes: usize) {
        self.behaviour().alloc_limit = bytes;
    }

    /// Grants these servers.
    pub fn grant_ice_servers(&self, servers: Vec<IceServer>) {
        self.behaviour().servers = Some(servers);
    }

    /// Cancels what runs.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }

    /// Makes an instance of the plugin `id` of a module.
    ///
    /// # Errors
    /// The plugin's own, with status and pointer.
    ///
    /// # Panics
    /// The module has no such plugin, or is not whole.
    pub fn create(
        &self,
        module: &'static abi::IcsModule,
        id: &str,
        config: &Value,
    ) -> Result<Driven, Refusal> {
        self.create_raw(module, id, &config.to_string())
    }

    /// As [`FakeHost::create`], with a configuration that may be anything.
    ///
    /// # Errors
    /// As [`FakeHost::create`].
    ///
    /// # Panics
    /// As [`FakeHost::create`].
    pub fn create_raw(
        &self,
        module: &'static abi::IcsModule,
        id: &str,
        config: &str,
    ) -> Result<Driven, Refusal> {
        Driven::create(&self.0, module, id, config)
    }

    /// Looks at what was told so far.
    pub fn seen<R>(&self, look: impl FnOnce(&Seen) -> R) -> R {
        look(&self.0.seen())
    }

    /// Forgets what was told so far.
    pub fn forget(&self) {
        *self.0.seen() = Seen::default();
    }

    /// Waits until `found` finds something in what was told; `None` when `limit` has passed.
    pub fn wait<R>(&self, limit: Duration, mut found: impl FnMut(&Seen) -> Option<R>) -> Option<R> {
        let end = Instant::now() + limit;
        let mut seen = self.0.seen();
        loop {
            if let Some(result) = found(&seen) {
                return Some(result);
            }
            let left = end.checked_duration_since(Instant::now())?;
            seen = self.0.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.0.behaviour()
    }
}

impl Shared {
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something and wakes who waits.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen());
        self.changed.notify_all();
    }
}
