//! The host's services.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsCtx, IcsHost, IcsStr};

use crate::gate::Gate;
use crate::{Error, Event, IceServer, Level, Report, Worker, log, servers};

/// The host, as one instance sees it. Cheap to clone; may be used from any thread. Once the instance is destroyed its
/// calls do nothing.
#[derive(Clone)]
pub struct Host(Arc<Link>);

struct Link {
    table: IcsHost,
    ctx: *mut IcsCtx,
    gate: Gate,
    next_span: AtomicU64,
}

// SAFETY: the contract allows all of the host's functions from any thread ([any]) with this ctx; `table` is a copy.
unsafe impl Send for Link {}
// SAFETY: as above.
unsafe impl Sync for Link {}

/// A host that may be gone.
pub(crate) struct WeakHost(Weak<Link>);

impl WeakHost {
    pub(crate) fn upgrade(&self) -> Option<Host> {
        self.0.upgrade().map(Host).filter(Host::is_open)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.upgrade().is_some()
    }
}

impl Host {
    /// The host behind a `create`.
    ///
    /// # Safety
    /// `table` and `ctx` are what the host gave to `create`: valid until [`Host::close`] has returned.
    pub(crate) unsafe fn new(table: *const IcsHost, ctx: *mut IcsCtx) -> Option<Self> {
        // SAFETY: the caller's promise.
        let table = unsafe { abi::read(table) }?;
        // Spans of the SDK's own stay clear of the numbers that the host gives to runs (of 32 bits, and a count of the
        // plugin's lives above them), and below 2⁵³, where numbers of JavaScript end to be exact.
        let next_span = AtomicU64::new(1 << 48);
        let host = Self(Arc::new(Link { table, ctx, gate: Gate::default(), next_span }));
        log::install(&host);
        Some(host)
    }

    pub(crate) fn downgrade(&self) -> WeakHost {
        WeakHost(Arc::downgrade(&self.0))
    }

    /// Waits for calls under way; later ones do nothing.
    pub(crate) fn close(&self) {
        self.0.gate.close();
    }

    fn is_open(&self) -> bool {
        self.0.gate.enter().is_some()
    }

    /// Calls the host, if it is still there.
    pub(crate) fn call<R>(&self, call: impl FnOnce(&IcsHost, *mut IcsCtx) -> R) -> Option<R> {
        let _pass = self.0.gate.enter()?;
        Some(call(&self.0.table, self.0.ctx))
    }

    /// The host's product and version: `icescope 0.1.0`.
    pub fn product(&self) -> String {
        // SAFETY: the host's text is valid while the gate is open.
        self.call(|host, _| unsafe {
            format!("{} {}", host.product.to_string_lossy(), host.version.to_string_lossy())
        })
        .unwrap_or_default()
    }

    /// The most detailed level that the log keeps.
    pub fn log_level(&self) -> Level {
        // SAFETY: a function of the host's with its ctx.
        let level = self.call(|host, ctx| host.log_level.map(|function| unsafe { function(ctx) }));
        level.flatten().and_then(Level::from_raw).unwrap_or(Level::Info)
    }

    /// Writes a line to the host's log; `tracing` does the same with less ado.
    pub fn log(&self, level: Level, target: &str, message: &str) {
        self.call(|host, ctx| {
            if let Some(function) = host.log {
                // SAFETY: a function of the host's with its ctx; both texts live until it returns.
                unsafe { function(ctx, level.raw(), IcsStr::new(target), IcsStr::new(message)) };
            }
        });
    }

    /// `CLOCK_MONOTONIC`, in nanoseconds: the clock of events and frames.
    pub fn now_ns(&self) -> i64 {
        // SAFETY: a function of the host's with its ctx.
        self.call(|host, ctx| host.now_ns.map_or(0, |function| unsafe { function(ctx) })).unwrap_or(0)
    }

    /// Whether the call under way has to wind up. True once the instance is destroyed.
    pub fn cancelled(&self) -> bool {
        // SAFETY: a function of the host's with its ctx.
        self.call(|host, ctx| host.cancelled.is_some_and(|function| unsafe { function(ctx) } != 0))
            .unwrap_or(true)
    }

    /// A number for a step of this instance's, for [`Event::span`] and [`Event::parent`].
    pub fn new_span(&self) -> u64 {
        self.0.next_span.fetch_add(1, Ordering::Relaxed)
    }

    /// An event to be filled and emitted. `schema` names its kind and revision: `org.example.stun.binding/1`.
    pub fn event<'a>(&'a self, schema: &'a str) -> Event<'a> {
        Event::new(self, schema)
    }

    /// Reports a document; it is never dropped.
    ///
    /// # Errors
    /// It cannot be written as JSON, is longer than 1 MiB, or the host refuses it.
    pub fn report<T: serde::Serialize>(&self, report: &Report<'_, T>) -> Result<(), Error> {
        report.send(self)
    }

    /// STUN and TURN servers as of now, with credentials minted for this run; `None` if the configuration does not grant
    /// them to this plugin.
    ///
    /// # Errors
    /// The host could not make the list.
    pub fn ice_servers(&self) -> Result<Option<Vec<IceServer>>, Error> {
        self.call(servers::list).unwrap_or(Ok(None))
    }

    /// A table of the host's by its id, or `None`.
    pub(crate) fn query(host: &IcsHost, ctx: *mut IcsCtx, id: &std::ffi::CStr) -> Option<*const c_void> {
        // SAFETY: a function of the host's with its ctx; the id ends with a null byte.
        let table = host.query.map(|function| unsafe { function(ctx, id.as_ptr()) })?;
        (!table.is_null()).then_some(table)
    }

    /// Tells the host that a video source died or came to its end.
    pub fn ended(&self, why: &Error) {
        self.call(|host, ctx| {
            if let Some(function) = host.ended {
                // SAFETY: a function of the host's with its ctx; the text lives until it returns.
                unsafe { function(ctx, why.status(), IcsStr::new(why.message())) };
            }
        });
    }

    /// Tells the host that the facts of a format have changed, so that it asks for the formats again.
    pub fn format_changed(&self, format: usize) {
        self.call(|host, ctx| {
            if let Some(function) = host.format_changed {
                // SAFETY: a function of the host's with its ctx.
                unsafe { function(ctx, format as u32) };
            }
        });
    }

    /// Starts a thread that logs to this instance's log. An error or a panic that ends it is told to the host as the
    /// instance's end.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn spawn(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<(), Error> + Send + 'static,
    ) -> Result<Worker, Error> {
        Worker::spawn(self, name, work)
    }

    /// Runs `work` with log lines of this thread going to this instance's log; for threads that a library started.
    pub fn on_this_thread<R>(&self, work: impl FnOnce() -> R) -> R {
        let _current = log::enter(self);
        work()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
