//! The kind `icescope.probe/1`.

use std::ffi::{CStr, c_char, c_void};
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsCtx, IcsError, IcsHost, IcsInstance, IcsRequest, IcsStatus, IcsStr};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::source::create_with;
use crate::{Error, Event, Host, Outcome, Report, boundary, json};

/// What measures something. The host calls one instance from one thread at a time.
pub trait Probe: Sized + Send + 'static {
    /// The plugin's table of the configuration.
    type Config: DeserializeOwned;
    /// What a run is asked with.
    type Args: DeserializeOwned;

    /// Makes an instance.
    ///
    /// # Errors
    /// [`Error::config`] for what the operator has to change, else why it cannot be made.
    fn create(config: Self::Config, host: Host) -> Result<Self, Error>;

    /// Measures: blocks until it is done, the deadline has passed or the run is cancelled. What it found is reported
    /// through `run`.
    ///
    /// # Errors
    /// [`Error::config`] for wrong arguments, [`Error::cancelled`], [`Error::timed_out`], or why it could not be tried.
    /// That a server failed the test is not an error but [`Outcome::Failed`].
    fn run(&mut self, request: Request<Self::Args>, run: &Run<'_>) -> Result<Outcome, Error>;
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request<A> {
    /// The arguments.
    pub args: A,
    /// When it has to be done, on the clock of [`Host::now_ns`]; `None` for no deadline.
    pub deadline_ns: Option<i64>,
}

/// One run, as long as it lasts. All of [`Host`] is there too.
#[derive(Debug)]
pub struct Run<'a> {
    host: &'a Host,
    span: u64,
    deadline_ns: Option<i64>,
}

impl Run<'_> {
    /// The run's own span: what its steps are part of.
    pub fn span(&self) -> u64 {
        self.span
    }

    /// How long is left; `None` without a deadline, zero when it has passed.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.deadline_ns?.saturating_sub(self.host.now_ns());
        Some(Duration::from_nanos(u64::try_from(left).unwrap_or(0)))
    }

    /// A descriptor that is readable while the run is cancelled: to poll beside sockets, never to read.
    pub fn cancel_fd(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: a function of the host's with its ctx.
        let fd =
            self.host.call(|host, ctx| host.cancel_fd.map(|function| unsafe { function(ctx) })).flatten()?;
        // SAFETY: the host keeps it open until destroy() returns, and a run ends before that.
        (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// As [`Host::event`], as part of this run.
    pub fn event<'a>(&'a self, schema: &'a str) -> Event<'a> {
        self.host.event(schema).parent(self.span)
    }

    /// Reports a document as this run's.
    ///
    /// # Errors
    /// As [`Host::report`].
    pub fn report<T: Serialize>(
        &self,
        schema: &str,
        subject: &str,
        outcome: Outcome,
        document: &T,
    ) -> Result<(), Error> {
        self.host.report(&Report { schema, subject, outcome, span: self.span, document })
    }
}

impl Deref for Run<'_> {
    type Target = Host;

    fn deref(&self) -> &Host {
        self.host
    }
}

pub(crate) unsafe extern "C" fn create<P: Probe>(
    host: *const IcsHost,
    ctx: *mut IcsCtx,
    config: IcsStr,
    instance: *mut *mut IcsInstance,
    error: *mut IcsError,
) -> IcsStatus {
    // SAFETY: the host calls `create` by the contract.
    unsafe { create_with(host, ctx, config, instance, error, P::create) }
}

unsafe extern "C" fn run<P: Probe>(
    instance: *mut IcsInstance,
    request: *const IcsRequest,
    outcome: *mut u32,
    error: *mut IcsError,
) -> IcsStatus {
    // SAFETY: the host calls by the contract.
    let Some(request) = (unsafe { abi::read(request) }).filter(|_| !outcome.is_null()) else {
        return abi::ICS_E_INVALID;
    };
    let call = |probe: &mut P, host: &Host| {
        let deadline_ns = (request.deadline_ns != 0).then_some(request.deadline_ns);
        // SAFETY: the host's text is valid for this call.
        let args = json::from_json(unsafe { request.args_json.bytes() })?;
        let run = Run { host, span: request.span, deadline_ns };
        let found = probe.run(Request { args, deadline_ns }, &run)?;
        // SAFETY: not null, and the host's for this call.
        unsafe { outcome.write(found.raw()) };
        Ok(abi::ICS_OK)
    };
    // SAFETY: the host calls by the contract.
    unsafe { boundary::enter("run", instance, error, call) }
}

pub(crate) unsafe extern "C" fn destroy<P: Probe>(instance: *mut IcsInstance) {
    // SAFETY: the host calls by the contract, once.
    unsafe { boundary::destroy(instance, |_: &mut P| {}) }
}

/// The table of the kind for `P`.
struct Table<P>(std::marker::PhantomData<P>);

impl<P: Probe> Table<P> {
    const TABLE: &'static abi::IcsProbe =
        &abi::IcsProbe { size: size_of::<abi::IcsProbe>() as u32, reserved: 0, run: Some(run::<P>) };
}

pub(crate) unsafe extern "C" fn query<P: Probe>(_: *mut IcsInstance, id: *const c_char) -> *const c_void {
    // SAFETY: the host calls by the contract: null or a text that ends with a null byte.
    if !id.is_null() && unsafe { CStr::from_ptr(id) } == abi::PROBE_KIND {
        return std::ptr::from_ref(Table::<P>::TABLE).cast();
    }
    std::ptr::null()
}
