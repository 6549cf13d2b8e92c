//! One instance, driven through its raw tables.

use std::ffi::CStr;
use std::sync::Arc;

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{
    IcsError, IcsInstance, IcsModule, IcsPlugin, IcsProbe, IcsRequest, IcsStr, IcsVideoSource,
};
use serde_json::Value;

use super::Shared;
use crate::{Bitstream, Control, Format, Outcome};

/// What a plugin refused a call with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `ICS_E_…`.
    pub status: i32,
    /// RFC 6901, or empty.
    pub pointer: String,
    /// The message.
    pub message: String,
}

/// One instance; destroyed when it is dropped.
#[derive(Debug)]
pub struct Driven {
    // Also what the ctx points to: it has to outlive the instance.
    _host: Arc<Shared>,
    plugin: IcsPlugin,
    instance: *mut IcsInstance,
}

// SAFETY: an instance is called from one thread at a time, which `&mut self` sees to; not always the same one.
unsafe impl Send for Driven {}

/// Memory for an error.
struct Reply {
    text: Vec<u8>,
    raw: IcsError,
}

impl Reply {
    fn new() -> Self {
        let mut reply = Self {
            text: vec![0; 4096],
            raw: IcsError {
                size: size_of::<IcsError>() as u32,
                cap: 4096,
                len: 0,
                reserved: 0,
                text: std::ptr::null_mut(),
                pointer: [0; 128],
            },
        };
        // The heap's address stays when the reply is moved.
        reply.raw.text = reply.text.as_mut_ptr().cast();
        reply
    }

    fn result(self, status: i32) -> Result<i32, Refusal> {
        if status >= 0 {
            return Ok(status);
        }
        let pointer: Vec<u8> = self.raw.pointer.iter().map(|c| c.cast_unsigned()).collect();
        Err(Refusal {
            status,
            pointer: CStr::from_bytes_until_nul(&pointer)
                .expect("ended by null")
                .to_str()
                .expect("UTF-8")
                .to_owned(),
            message: String::from_utf8(self.text[..self.raw.len as usize].to_vec()).expect("UTF-8"),
        })
    }
}

fn plain(status: i32) -> Result<i32, Refusal> {
    Reply::new().result(status)
}

impl Driven {
    pub(super) fn create(
        host: &Arc<Shared>,
        module: &'static IcsModule,
        id: &str,
        config: &str,
    ) -> Result<Self, Refusal> {
        let plugin = find(module, id);
        let mut instance = std::ptr::null_mut();
        let mut reply = Reply::new();
        let create = plugin.create.expect("create is there");
        // SAFETY: by the contract; the table and the ctx live in `host`, which `Driven` keeps.
        let status = unsafe {
            create(
                host.services.table(),
                Arc::as_ptr(host).cast_mut().cast(),
                IcsStr::new(config),
                &raw mut instance,
                &raw mut reply.raw,
            )
        };
        reply.result(status)?;
        assert!(!instance.is_null(), "create said OK and made no instance");
        Ok(Self { _host: Arc::clone(host), plugin, instance })
    }

    fn table<T: abi::Prefixed>(&self, id: &CStr) -> T {
        let query = self.plugin.query.expect("query is there");
        // SAFETY: by the contract; what is under the id is its table.
        unsafe {
            let table = query(self.instance, id.as_ptr());
            abi::read(table.cast::<T>())
                .unwrap_or_else(|| panic!("the plugin has no table {}", id.to_string_lossy()))
        }
    }

    fn source(&self) -> IcsVideoSource {
        self.table(abi::VIDEO_SOURCE_KIND)
    }

    /// Whether the plugin has a table of this name.
    pub fn has(&self, id: &CStr) -> bool {
        // SAFETY: by the contract.
        self.plugin.query.is_some_and(|query| !unsafe { query(self.instance, id.as_ptr()) }.is_null())
    }

    /// A source's formats.
    ///
    /// # Errors
    /// The plugin's own.
    pub fn formats(&mut self) -> Result<Vec<Format>, Refusal> {
        let (mut first, mut count) = (std::ptr::null(), 0);
        let formats = self.source().formats.expect("formats is there");
        // SAFETY: by the contract.
        plain(unsafe { formats(self.instance, &raw mut first, &raw mut count) })?;
        // SAFETY: the plugin shows `count` structs, valid until the next call.
        Ok((0..count as usize).map(|index| unsafe { format(abi::element(first, index)) }).collect())
    }

    /// Starts a format.
    ///
    /// # Errors
    /// The plugin's own.
    pub fn start(&mut self, format: u32) -> Result<(), Refusal> {
        let mut reply = Reply::new();
        let start = self.source().start.expect("start is there");
        // SAFETY: by the contract.
        let status = unsafe { start(self.instance, format, &raw mut reply.raw) };
        reply.result(status).map(drop)
    }

    /// Asks something of a format.
    ///
    /// # Errors
    /// The plugin's own.
    pub fn control(&mut self, format: u32, control: Control) -> Result<(), Refusal> {
        self.control_raw(&control.raw(format))
    }

    /// Asks anything.
    ///
    /// # Errors
    /// The plugin's own.
    pub fn control_raw(&mut self, raw: &abi::IcsControl) -> Result<(), Refusal> {
        let control = self.source().control.expect("control is there");
        // SAFETY: by the contract.
        plain(unsafe { control(self.instance, raw) }).map(drop)
    }

    /// Stops a format.
    ///
    /// # Errors
    /// The plugin's own.
    pub fn stop(&mut self, format: u32) -> Result<(), Refusal> {
        let stop = self.source().stop.expect("stop is there");
        // SAFETY: by the contract.
        plain(unsafe { stop(self.instance, format) }).map(drop)
    }

    /// Runs a probe.
    ///
    /// # Errors
    /// The plugin's own.
    pub fn run(&mut self, args: &Value, deadline_ns: i64, span: u64) -> Result<Option<Outcome>, Refusal> {
        let args = args.to_string();
        let request = IcsRequest {
            size: size_of::<IcsRequest>() as u32,
            reserved: 0,
            args_json: IcsStr::new(&args),
            deadline_ns,
            span,
        };
        let mut outcome = 0;
        let mut reply = Reply::new();
        let run = self.table::<IcsProbe>(abi::PROBE_KIND).run.expect("run is there");
        // SAFETY: by the contract.
        let status = unsafe { run(self.instance, &raw const request, &raw mut outcome, &raw mut reply.raw) };
        reply.result(status)?;
        Ok(Outcome::from_raw(outcome))
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        if let Some(destroy) = self.plugin.destroy {
            // SAFETY: by the contract, once.
            unsafe { destroy(self.instance) };
        }
    }
}

fn find(module: &'static IcsModule, id: &str) -> IcsPlugin {
    (0..module.n_plugins as usize)
        // SAFETY: a module shows `n_plugins` pointers to plugins, all static.
        .filter_map(|index| unsafe { abi::read(*module.plugins.add(index)) })
        // SAFETY: text of a module is static.
        .find(|plugin| unsafe { plugin.id.bytes() } == id.as_bytes())
        .unwrap_or_else(|| panic!("the module has no plugin {id}"))
}

/// # Safety
/// `raw` shows a whole format with readable text.
unsafe fn format(raw: *const abi::IcsFormat) -> Format {
    // SAFETY: the caller's promise.
    let (raw, mime, fmtp) = unsafe {
        let raw = abi::read(raw).expect("a whole format");
        (raw, raw.mime.to_string_lossy(), raw.fmtp.to_string_lossy())
    };
    Format {
        bitstream: match raw.bitstream {
            abi::ICS_BS_ANNEXB => Bitstream::AnnexB,
            abi::ICS_BS_OBU => Bitstream::Obu,
            abi::ICS_BS_FRAME => Bitstream::Frame,
            other => panic!("an unknown bitstream {other}"),
        },
        mime,
        fmtp,
        width: raw.width,
        height: raw.height,
        frame_rate: (raw.fps_num, raw.fps_den),
        bit_rate: (raw.max_bps != 0).then_some((raw.min_bps, raw.max_bps)),
    }
}
