//! The kind `icescope.video-source/1`.

use std::ffi::{CStr, c_char, c_void};

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsControl, IcsCtx, IcsError, IcsFormat, IcsHost, IcsInstance, IcsStatus, IcsStr};
use serde::de::DeserializeOwned;

use crate::format::FormatTable;
use crate::{Control, Error, Format, FrameSink, Host, boundary, json, log};

/// A source of encoded video. The host calls one instance from one thread at a time; frames are pushed from the
/// source's own threads.
pub trait VideoSource: Sized + Send + 'static {
    /// The plugin's table of the configuration. Deny unknown keys: the host shows the operator where they stand.
    type Config: DeserializeOwned;

    /// Makes an instance. Does not play yet.
    ///
    /// # Errors
    /// [`Error::config`] for what the operator has to change, else why it cannot be made.
    fn create(config: Self::Config, host: Host) -> Result<Self, Error>;

    /// What it offers, best first. The order and number stay the same for the life of the instance.
    ///
    /// # Errors
    /// Why nothing can be offered.
    fn formats(&mut self) -> Result<Vec<Format>, Error>;

    /// Begins to push frames of the format at this index of [`VideoSource::formats`], a key frame first. Several formats
    /// may run at once.
    ///
    /// # Errors
    /// Why it cannot be started.
    fn start(&mut self, format: usize, sink: FrameSink) -> Result<(), Error>;

    /// Does what is asked of a started format. Must not block.
    ///
    /// # Errors
    /// [`Error::unsupported`] for what the source cannot do, else why it failed.
    fn control(&mut self, format: usize, control: Control) -> Result<(), Error>;

    /// Ends a started format and joins its threads.
    fn stop(&mut self, format: usize);
}

/// A source and what the SDK keeps of it.
struct State<S> {
    source: S,
    formats: FormatTable,
    running: Vec<FrameSink>,
}

impl<S: VideoSource> State<S> {
    fn refresh(&mut self) -> Result<(), Error> {
        self.formats = FormatTable::new(self.source.formats()?);
        Ok(())
    }

    fn running(&self, format: u32) -> Option<usize> {
        self.running.iter().position(|sink| sink.format() == format as usize)
    }

    fn stop(&mut self, index: usize) {
        let sink = self.running.swap_remove(index);
        sink.stop();
        self.source.stop(sink.format());
    }
}

pub(crate) unsafe extern "C" fn create<S: VideoSource>(
    host: *const IcsHost,
    ctx: *mut IcsCtx,
    config: IcsStr,
    instance: *mut *mut IcsInstance,
    error: *mut IcsError,
) -> IcsStatus {
    // SAFETY: the host calls `create` by the contract.
    unsafe {
        create_with(host, ctx, config, instance, error, |config: S::Config, host| {
            let source = S::create(config, host)?;
            Ok(State { source, formats: FormatTable::default(), running: Vec::new() })
        })
    }
}

/// `create` of any kind: reads the configuration and hands the instance's state to the host.
///
/// # Safety
/// The arguments are those of a `create` that is called by the contract.
pub(crate) unsafe fn create_with<C: DeserializeOwned, T>(
    host: *const IcsHost,
    ctx: *mut IcsCtx,
    config: IcsStr,
    instance: *mut *mut IcsInstance,
    error: *mut IcsError,
    make: impl FnOnce(C, Host) -> Result<T, Error>,
) -> IcsStatus {
    // SAFETY: the caller's promise: `host` is valid until destroy() has returned, `config` for this call, `error` is
    // null or the host's; `instance` is checked for null.
    unsafe {
        let Some(host) = Host::new(host, ctx).filter(|_| !instance.is_null()) else {
            let failure = Error::invalid("create: the host's table is missing or shorter than minor 0");
            return boundary::fail("create", &failure, error);
        };
        let current = log::enter(&host);
        let made = boundary::caught("create", || make(json::from_json(config.bytes())?, host.clone()));
        let status = match made {
            Ok(state) => {
                instance.write(boundary::into_raw(host.clone(), state));
                return abi::ICS_OK;
            }
            Err(failure) => boundary::fail("create", &failure, error),
        };
        drop(current);
        host.close();
        status
    }
}

unsafe extern "C" fn formats<S: VideoSource>(
    instance: *mut IcsInstance,
    first: *mut *const IcsFormat,
    count: *mut u32,
) -> IcsStatus {
    if first.is_null() || count.is_null() {
        return abi::ICS_E_INVALID;
    }
    // SAFETY: the host calls by the contract; both targets are not null.
    unsafe {
        boundary::enter("formats", instance, std::ptr::null_mut(), |state: &mut State<S>, _| {
            state.refresh()?;
            let raw = state.formats.raw();
            first.write(raw.as_ptr());
            count.write(raw.len() as u32);
            Ok(abi::ICS_OK)
        })
    }
}

unsafe extern "C" fn start<S: VideoSource>(
    instance: *mut IcsInstance,
    format: u32,
    error: *mut IcsError,
) -> IcsStatus {
    let call = |state: &mut State<S>, host: &Host| {
        if state.formats.len() == 0 {
            state.refresh()?;
        }
        if format as usize >= state.formats.len() {
            let have = state.formats.len();
            return Err(Error::invalid(format!("start: there is no format {format}; there are {have}")));
        }
        if state.running(format).is_some() {
            return Err(Error::invalid(format!("start: format {format} runs already")));
        }
        let sink = FrameSink::new(host, format);
        let started = state.source.start(format as usize, sink.clone());
        match started {
            Ok(()) => state.running.push(sink),
            Err(_) => sink.stop(),
        }
        started.map(|()| abi::ICS_OK)
    };
    // SAFETY: the host calls by the contract.
    unsafe { boundary::enter("start", instance, error, call) }
}

unsafe extern "C" fn control<S: VideoSource>(
    instance: *mut IcsInstance,
    control: *const IcsControl,
) -> IcsStatus {
    // SAFETY: the host calls by the contract.
    let Some(raw) = (unsafe { abi::read(control) }) else { return abi::ICS_E_INVALID };
    let call = |state: &mut State<S>, _: &Host| {
        if state.running(raw.format).is_none() {
            return Err(Error::invalid(format!("control: format {} does not run", raw.format)));
        }
        // An operation of a newer minor: not an error of the plugin's, so nothing is logged.
        let Some(control) = Control::from_raw(&raw) else { return Ok(abi::ICS_E_UNSUPPORTED) };
        match state.source.control(raw.format as usize, control) {
            Ok(()) => Ok(abi::ICS_OK),
            Err(error) if error.status() == abi::ICS_E_UNSUPPORTED => Ok(abi::ICS_E_UNSUPPORTED),
            Err(error) => Err(error),
        }
    };
    // SAFETY: the host calls by the contract.
    unsafe { boundary::enter("control", instance, std::ptr::null_mut(), call) }
}

unsafe extern "C" fn stop<S: VideoSource>(instance: *mut IcsInstance, format: u32) -> IcsStatus {
    let call = |state: &mut State<S>, _: &Host| match state.running(format) {
        Some(index) => {
            state.stop(index);
            Ok(abi::ICS_OK)
        }
        None => Err(Error::invalid(format!("stop: format {format} does not run"))),
    };
    // SAFETY: the host calls by the contract.
    unsafe { boundary::enter("stop", instance, std::ptr::null_mut(), call) }
}

pub(crate) unsafe extern "C" fn destroy<S: VideoSource>(instance: *mut IcsInstance) {
    // SAFETY: the host calls by the contract, once.
    unsafe {
        boundary::destroy(instance, |state: &mut State<S>| {
            while !state.running.is_empty() {
                state.stop(state.running.len() - 1);
            }
        });
    }
}

/// The table of the kind for `S`.
struct Table<S>(std::marker::PhantomData<S>);

impl<S: VideoSource> Table<S> {
    const TABLE: &'static abi::IcsVideoSource = &abi::IcsVideoSource {
        size: size_of::<abi::IcsVideoSource>() as u32,
        reserved: 0,
        formats: Some(formats::<S>),
        start: Some(start::<S>),
        control: Some(control::<S>),
        stop: Some(stop::<S>),
    };
}

pub(crate) unsafe extern "C" fn query<S: VideoSource>(
    _: *mut IcsInstance,
    id: *const c_char,
) -> *const c_void {
    // SAFETY: the host calls by the contract: null or a text that ends with a null byte.
    if !id.is_null() && unsafe { CStr::from_ptr(id) } == abi::VIDEO_SOURCE_KIND {
        return std::ptr::from_ref(Table::<S>::TABLE).cast();
    }
    std::ptr::null()
}
