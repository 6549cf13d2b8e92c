//! The calls into a plugin's code, all from the instance's one thread.

use std::ffi::{CStr, c_char};

use icescope_plugin_abi as abi;

use super::ctx::Ctx;
use super::events::{MAX_NAME, text};
use super::load::Loaded;
use super::services::HOST;
use crate::proto::{CallError, WireFormat};

/// More formats than this are taken for a broken answer.
const MAX_FORMATS: u32 = 64;
/// A longer struct is taken for a broken one.
const MAX_STEP: u32 = 4 << 10;
/// Longest `fmtp`.
const MAX_FMTP: usize = 4 << 10;
/// Room for a plugin's error text.
const ERROR_BYTES: usize = 4 << 10;

/// The kind's table.
enum Kind {
    Source(abi::IcsVideoSource),
    Probe(abi::IcsProbe),
}

/// A created instance. Stays on its thread.
pub(super) struct Instance {
    plugin: abi::IcsPlugin,
    own: *mut abi::IcsInstance,
    kind: Kind,
}

// SAFETY: it is made on the instance thread and never leaves it; the struct that will hold it moves there while empty.
unsafe impl Send for Instance {}

/// Host memory for a plugin's error.
struct ErrorRoom {
    error: abi::IcsError,
    text: Box<[u8; ERROR_BYTES]>,
}

impl ErrorRoom {
    fn new() -> Self {
        let mut text = Box::new([0; ERROR_BYTES]);
        let error = abi::IcsError {
            size: size_of::<abi::IcsError>() as u32,
            cap: ERROR_BYTES as u32,
            len: 0,
            reserved: 0,
            text: text.as_mut_ptr().cast::<c_char>(),
            pointer: [0; 128],
        };
        Self { error, text }
    }

    /// What the plugin wrote, for a status below 0.
    fn into_result(self, call: &str, status: abi::IcsStatus) -> Result<(), CallError> {
        if status >= 0 {
            return Ok(());
        }
        let len = (self.error.len as usize).min(ERROR_BYTES);
        let written = String::from_utf8_lossy(&self.text[..len]).into_owned();
        let pointer: Vec<u8> =
            self.error.pointer.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0).collect();
        let message =
            if written.is_empty() { format!("`{call}` returned {}", name(status)) } else { written };
        Err(CallError { status, message, pointer: String::from_utf8_lossy(&pointer).into_owned() })
    }
}

/// A status in the contract's words.
pub(super) fn name(status: abi::IcsStatus) -> String {
    let name = match status {
        abi::ICS_E_FAIL => "ICS_E_FAIL",
        abi::ICS_E_CONFIG => "ICS_E_CONFIG",
        abi::ICS_E_UNSUPPORTED => "ICS_E_UNSUPPORTED",
        abi::ICS_E_CANCELLED => "ICS_E_CANCELLED",
        abi::ICS_E_TIMEOUT => "ICS_E_TIMEOUT",
        abi::ICS_E_PANIC => "ICS_E_PANIC (a panic was caught inside the plugin)",
        abi::ICS_E_STOPPING => "ICS_E_STOPPING",
        abi::ICS_E_INVALID => "ICS_E_INVALID",
        other => return format!("the status {other}"),
    };
    name.to_owned()
}

fn plain(call: &str, status: abi::IcsStatus) -> Result<(), CallError> {
    ErrorRoom::new().into_result(call, status)
}

fn broken(message: impl Into<String>) -> CallError {
    CallError { status: abi::ICS_E_INVALID, message: message.into(), pointer: String::new() }
}

impl Instance {
    pub(super) fn create(loaded: &Loaded, ctx: &'static Ctx, config: &str) -> Result<Self, CallError> {
        let plugin = loaded.plugin;
        let (Some(create), Some(query), Some(_)) = (plugin.create, plugin.query, plugin.destroy) else {
            return Err(broken("its plugin table has no `create`, `destroy` or `query`"));
        };
        let mut room = ErrorRoom::new();
        let mut instance = std::ptr::null_mut();
        // SAFETY: the contract: all pointers are valid for the call, and the host table and ctx for ever.
        let status = unsafe {
            create(
                &raw const HOST,
                ctx.as_ptr(),
                abi::IcsStr::new(config),
                &raw mut instance,
                &raw mut room.error,
            )
        };
        room.into_result("create", status)?;
        if instance.is_null() {
            return Err(broken("`create` returned success and no instance"));
        }
        let kind = loaded.describe().kind;
        // SAFETY: the instance is the plugin's, and the contract gives it `query`.
        match unsafe { table(query, instance, &kind) } {
            Ok(kind) => Ok(Self { plugin, own: instance, kind }),
            Err(error) => {
                if let Some(destroy) = plugin.destroy {
                    // SAFETY: created above, not used after this.
                    unsafe { destroy(instance) };
                }
                Err(error)
            }
        }
    }

    pub(super) fn formats(&self) -> Result<Vec<WireFormat>, CallError> {
        let formats = self.source()?.formats.ok_or_else(|| broken("its source table has no `formats`"))?;
        let (mut first, mut n) = (std::ptr::null(), 0);
        // SAFETY: the contract: the instance is live, this is its thread, and there is room for both answers.
        let status = unsafe { formats(self.own, &raw mut first, &raw mut n) };
        plain("formats", status)?;
        if n == 0 || n > MAX_FORMATS || first.is_null() {
            return Err(broken(format!("`formats` told {n} formats; 1 to {MAX_FORMATS} are possible")));
        }
        // SAFETY: not null, so by the contract a format, which begins with its size.
        let step = unsafe { first.cast::<u32>().read() };
        if step > MAX_STEP {
            return Err(broken(format!("`formats` told a format of {step} bytes, which cannot be")));
        }
        // SAFETY: the contract: `n` formats, each as long as the first one's size.
        (0..n as usize).map(|index| unsafe { format(first, index) }).collect()
    }

    pub(super) fn start(&self, format: u32) -> Result<(), CallError> {
        let start = self.source()?.start.ok_or_else(|| broken("its source table has no `start`"))?;
        let mut room = ErrorRoom::new();
        // SAFETY: the contract: the instance is live and this is its thread.
        let status = unsafe { start(self.own, format, &raw mut room.error) };
        room.into_result("start", status)
    }

    pub(super) fn control(&self, format: u32, op: u32, a: u64, b: u64) -> Result<(), CallError> {
        let control = self.source()?.control.ok_or_else(|| broken("its source table has no `control`"))?;
        let what =
            abi::IcsControl { size: size_of::<abi::IcsControl>() as u32, op, format, reserved: 0, a, b };
        // SAFETY: the contract: the instance is live, this is its thread, and `what` outlives the call.
        plain("control", unsafe { control(self.own, &raw const what) })
    }

    pub(super) fn stop(&self, format: u32) -> Result<(), CallError> {
        let stop = self.source()?.stop.ok_or_else(|| broken("its source table has no `stop`"))?;
        // SAFETY: the contract: the instance is live and this is its thread.
        plain("stop", unsafe { stop(self.own, format) })
    }

    pub(super) fn run(&self, args: &str, deadline_ns: i64, span: u64) -> Result<u32, CallError> {
        let Kind::Probe(probe) = &self.kind else { return Err(broken("it is no probe")) };
        let run = probe.run.ok_or_else(|| broken("its probe table has no `run`"))?;
        let request = abi::IcsRequest {
            size: size_of::<abi::IcsRequest>() as u32,
            reserved: 0,
            args_json: abi::IcsStr::new(args),
            deadline_ns,
            span,
        };
        let mut room = ErrorRoom::new();
        let mut outcome = 0;
        // SAFETY: the contract: the instance is live, this is its thread, and all arguments outlive the call.
        let status = unsafe { run(self.own, &raw const request, &raw mut outcome, &raw mut room.error) };
        room.into_result("run", status).map(|()| outcome)
    }

    pub(super) fn destroy(self) {
        if let Some(destroy) = self.plugin.destroy {
            // SAFETY: the contract: the instance is live, this is its thread, and nothing uses it afterwards.
            unsafe { destroy(self.own) };
        }
    }

    fn source(&self) -> Result<&abi::IcsVideoSource, CallError> {
        match &self.kind {
            Kind::Source(source) => Ok(source),
            Kind::Probe(_) => Err(broken("it is no video source")),
        }
    }
}

type Query = unsafe extern "C" fn(*mut abi::IcsInstance, *const c_char) -> *const std::ffi::c_void;

/// # Safety
/// `query` and `instance` belong together, and the instance is live.
unsafe fn table(query: Query, instance: *mut abi::IcsInstance, kind: &str) -> Result<Kind, CallError> {
    // SAFETY: the caller's promise; the id ends with a null byte.
    let ask = |id: &CStr| unsafe { query(instance, id.as_ptr()) };
    // SAFETY: the contract: `query` returns null or the table of the kind that was asked for.
    let found = unsafe {
        match kind {
            _ if kind.as_bytes() == abi::VIDEO_SOURCE_KIND.to_bytes() => {
                abi::read(ask(abi::VIDEO_SOURCE_KIND).cast()).map(Kind::Source)
            }
            _ if kind.as_bytes() == abi::PROBE_KIND.to_bytes() => {
                abi::read(ask(abi::PROBE_KIND).cast()).map(Kind::Probe)
            }
            _ => return Err(broken(format!("its kind «{kind}» is not known to this icescope"))),
        }
    };
    found.ok_or_else(|| broken(format!("it calls itself «{kind}», but has no such table or a too short one")))
}

/// # Safety
/// `first` is an array of more than `index` formats, as the contract says.
unsafe fn format(first: *const abi::IcsFormat, index: usize) -> Result<WireFormat, CallError> {
    // SAFETY: the caller's promise.
    let format = unsafe { abi::read(abi::element(first, index)) }
        .ok_or_else(|| broken(format!("format {index} has a wrong size")))?;
    // SAFETY: the contract: a format's text is valid until the next `formats`.
    let (mime, fmtp) = unsafe { (text(format.mime, MAX_NAME).0, text(format.fmtp, MAX_FMTP).0) };
    Ok(WireFormat {
        bitstream: format.bitstream,
        mime,
        fmtp,
        width: format.width,
        height: format.height,
        frame_rate: (format.fps_num, format.fps_den),
        bit_rate: (format.min_bps, format.max_bps),
    })
}
