//! The host's functions, as the contract has them.

use std::ffi::{CStr, c_char, c_void};
use std::io::Write as _;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{
    IcsAttr, IcsBuffer, IcsCtx, IcsEvent, IcsFrame, IcsHost, IcsIceServer, IcsIceServers, IcsReport,
    IcsStatus, IcsStr,
};

use super::{SeenEvent, SeenFrame, SeenReport, Shared};

/// A flag and a descriptor that is readable when it is set.
#[derive(Debug)]
pub(crate) struct Cancel {
    set: AtomicBool,
    reader: UnixStream,
    writer: UnixStream,
}

impl Cancel {
    pub(crate) fn new() -> Self {
        let (reader, writer) = UnixStream::pair().expect("a socket pair");
        Self { set: AtomicBool::new(false), reader, writer }
    }

    pub(crate) fn cancel(&self) {
        self.set.store(true, Ordering::Release);
        (&self.writer).write_all(&[1]).expect("room for one byte");
    }
}

/// The table, at an address that stays.
#[derive(Debug)]
pub(crate) struct Services {
    table: Box<IcsHost>,
}

impl Services {
    pub(crate) fn new() -> Self {
        Self {
            table: Box::new(IcsHost {
                size: size_of::<IcsHost>() as u32,
                abi_minor: abi::ICS_ABI_MINOR,
                product: IcsStr::new("fake"),
                version: IcsStr::new("1"),
                log: Some(log),
                log_level: Some(log_level),
                emit: Some(emit),
                report: Some(report),
                now_ns: Some(now_ns),
                cancelled: Some(cancelled),
                cancel_fd: Some(cancel_fd),
                push_frame: Some(push_frame),
                alloc: Some(alloc),
                format_changed: Some(format_changed),
                ended: Some(ended),
                query: Some(query),
            }),
        }
    }

    pub(crate) fn table(&self) -> *const IcsHost {
        &raw const *self.table
    }
}

/// # Safety
/// `ctx` is what `Driven::create` handed out, and its host lives.
unsafe fn shared<'a>(ctx: *mut IcsCtx) -> &'a Shared {
    // SAFETY: the caller's promise.
    unsafe { &*ctx.cast::<Shared>() }
}

unsafe extern "C" fn log(ctx: *mut IcsCtx, level: u32, target: IcsStr, message: IcsStr) {
    // SAFETY: the plugin calls by the contract.
    let (shared, target, message) =
        unsafe { (shared(ctx), target.to_string_lossy(), message.to_string_lossy()) };
    shared.note(|seen| seen.log.push((level, target, message)));
}

unsafe extern "C" fn log_level(ctx: *mut IcsCtx) -> u32 {
    // SAFETY: the plugin calls by the contract.
    unsafe { shared(ctx) }.behaviour().log_level
}

unsafe extern "C" fn emit(ctx: *mut IcsCtx, event: *const IcsEvent) -> IcsStatus {
    // SAFETY: the plugin calls by the contract.
    unsafe {
        let Some(event) = abi::read(event) else { return abi::ICS_E_INVALID };
        let attrs = if event.n_attrs == 0 {
            &[]
        } else {
            std::slice::from_raw_parts(event.attrs, event.n_attrs as usize)
        };
        let seen_event = SeenEvent {
            schema: event.schema.to_string_lossy(),
            summary: event.summary.to_string_lossy(),
            time_ns: event.time_ns,
            span: event.span,
            parent: event.parent,
            outcome: event.outcome,
            seen: (event.from_lane, event.to_lane, event.evidence),
            facts: attrs.iter().map(|attr| fact(attr)).collect(),
        };
        shared(ctx).note(|seen| seen.events.push(seen_event));
    }
    abi::ICS_OK
}

/// # Safety
/// The attribute is whole and shows readable text.
unsafe fn fact(attr: &IcsAttr) -> (String, u32, String) {
    // SAFETY: the caller's promise; the type says which member was written.
    unsafe {
        let value = match attr.r#type {
            abi::ICS_T_BOOL => (attr.v.b != 0).to_string(),
            abi::ICS_T_I64 | abi::ICS_T_NS => attr.v.i.to_string(),
            abi::ICS_T_U64 => attr.v.u.to_string(),
            abi::ICS_T_F64 => attr.v.f.to_string(),
            abi::ICS_T_STR => attr.v.s.to_string_lossy(),
            abi::ICS_T_BYTES => format!("{:?}", attr.v.s.bytes()),
            abi::ICS_T_ADDR => format!("{:?}", attr.v.a),
            other => panic!("an unknown type {other}"),
        };
        (attr.key.to_string_lossy(), attr.r#type, value)
    }
}

unsafe extern "C" fn report(ctx: *mut IcsCtx, report: *const IcsReport) -> IcsStatus {
    // SAFETY: the plugin calls by the contract.
    unsafe {
        let Some(report) = abi::read(report) else { return abi::ICS_E_INVALID };
        let Ok(document) = serde_json::from_slice(report.json.bytes()) else { return abi::ICS_E_INVALID };
        let seen_report = SeenReport {
            schema: report.schema.to_string_lossy(),
            subject: report.subject.to_string_lossy(),
            outcome: report.outcome,
            span: report.span,
            document,
        };
        shared(ctx).note(|seen| seen.reports.push(seen_report));
    }
    abi::ICS_OK
}

/// `CLOCK_MONOTONIC`.
unsafe extern "C" fn now_ns(_: *mut IcsCtx) -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

unsafe extern "C" fn cancelled(ctx: *mut IcsCtx) -> i32 {
    // SAFETY: the plugin calls by the contract.
    i32::from(unsafe { shared(ctx) }.cancel.set.load(Ordering::Acquire))
}

unsafe extern "C" fn cancel_fd(ctx: *mut IcsCtx) -> i32 {
    // SAFETY: the plugin calls by the contract.
    unsafe { shared(ctx) }.cancel.reader.as_raw_fd()
}

unsafe extern "C" fn push_frame(ctx: *mut IcsCtx, frame: *const IcsFrame) -> IcsStatus {
    // SAFETY: the plugin calls by the contract.
    unsafe {
        let Some(frame) = abi::read(frame) else { return abi::ICS_E_INVALID };
        if frame.len == 0 || frame.data.is_null() {
            return abi::ICS_E_INVALID;
        }
        let shared = shared(ctx);
        let status = shared.behaviour().push_status;
        let seen_frame = SeenFrame {
            format: frame.format,
            key: frame.flags & abi::ICS_FRAME_KEY != 0,
            flags: frame.flags,
            pts_ns: frame.pts_ns,
            duration_ns: frame.duration_ns,
            capture_ns: frame.capture_ns,
            data: std::slice::from_raw_parts(frame.data, frame.len).to_vec(),
            pushed_ns: now_ns(ctx),
        };
        shared.note(|seen| seen.frames.push(seen_frame));
        if status == abi::ICS_OK
            && let Some(release) = frame.release
        {
            release(frame.owner);
        }
        status
    }
}

/// What a buffer's `owner` is.
struct Allocated {
    shared: *const Shared,
    memory: Vec<u8>,
}

unsafe extern "C" fn alloc(ctx: *mut IcsCtx, len: usize, buffer: *mut IcsBuffer) -> IcsStatus {
    // SAFETY: the plugin calls by the contract.
    unsafe {
        if buffer.is_null() {
            return abi::ICS_E_INVALID;
        }
        if len > shared(ctx).behaviour().alloc_limit {
            return abi::ICS_DROPPED;
        }
        let mut allocated = Box::new(Allocated { shared: ctx.cast(), memory: vec![0xA5; len] });
        let data = allocated.memory.as_mut_ptr();
        let owner = Box::into_raw(allocated).cast();
        buffer.write(IcsBuffer { data, cap: len, owner, release: Some(release) });
    }
    abi::ICS_OK
}

unsafe extern "C" fn release(owner: *mut c_void) {
    // SAFETY: made by `alloc`, released once by the contract while the host lives.
    unsafe {
        let allocated = Box::from_raw(owner.cast::<Allocated>());
        (*allocated.shared).note(|seen| seen.released += 1);
    }
}

unsafe extern "C" fn format_changed(ctx: *mut IcsCtx, format: u32) -> IcsStatus {
    // SAFETY: the plugin calls by the contract.
    unsafe { shared(ctx) }.note(|seen| seen.format_changed.push(format));
    abi::ICS_OK
}

unsafe extern "C" fn ended(ctx: *mut IcsCtx, why: IcsStatus, message: IcsStr) -> IcsStatus {
    // SAFETY: the plugin calls by the contract.
    let (shared, message) = unsafe { (shared(ctx), message.to_string_lossy()) };
    shared.note(|seen| seen.ended.push((why, message)));
    abi::ICS_OK
}

static ICE_SERVERS: IcsIceServers =
    IcsIceServers { size: size_of::<IcsIceServers>() as u32, reserved: 0, list: Some(list_servers) };

unsafe extern "C" fn query(ctx: *mut IcsCtx, id: *const c_char) -> *const c_void {
    // SAFETY: the plugin calls by the contract.
    let (shared, id) = unsafe { (shared(ctx), CStr::from_ptr(id)) };
    if id == abi::ICE_SERVERS_ID && shared.behaviour().servers.is_some() {
        return (&raw const ICE_SERVERS).cast();
    }
    std::ptr::null()
}

unsafe extern "C" fn list_servers(
    ctx: *mut IcsCtx,
    first: *mut *const IcsIceServer,
    count: *mut u32,
) -> IcsStatus {
    // SAFETY: the plugin calls by the contract.
    let servers = unsafe { shared(ctx) }.behaviour().servers.clone().unwrap_or_default();
    // Leaked: a test's few bytes, which have to stay readable until the next call.
    let text = |text: String| IcsStr::new(String::leak(text));
    let raw: Vec<IcsIceServer> = servers
        .into_iter()
        .map(|server| IcsIceServer {
            size: size_of::<IcsIceServer>() as u32,
            reserved: 0,
            url: text(server.url),
            username: text(server.username),
            credential: text(server.credential),
            realm: text(server.realm),
            expires_unix_s: server.expires_unix_s.unwrap_or(0),
        })
        .collect();
    let raw = raw.leak();
    // SAFETY: the plugin gave both targets.
    unsafe {
        first.write(raw.as_ptr());
        count.write(raw.len() as u32);
    }
    abi::ICS_OK
}
