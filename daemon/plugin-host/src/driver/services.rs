//! The host services: what a plugin may call. Each may be called from any thread, with anything in its arguments that
//! the contract allows, and lets no panic out.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use icescope_model::Monotonic;
use icescope_plugin_abi as abi;

use super::ctx::{Ctx, Limited, Live};
use super::events::{self, MAX_LINE, MAX_NAME};
use super::frames::Bytes;
use super::leases;
use crate::options::GrantedServer;
use crate::proto::Note;
use crate::ring::{Facts, SLOT_BYTES};

/// The table that `create` is given.
pub(super) static HOST: abi::IcsHost = abi::IcsHost {
    size: size_of::<abi::IcsHost>() as u32,
    abi_minor: abi::ICS_ABI_MINOR,
    product: abi::IcsStr::new("icescope"),
    version: abi::IcsStr::new(env!("CARGO_PKG_VERSION")),
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
};

static ICE_SERVERS: abi::IcsIceServers =
    abi::IcsIceServers { size: size_of::<abi::IcsIceServers>() as u32, reserved: 0, list: Some(list) };

/// Calls `body` with the instance's state; `stopping` when it has ended, `broken` for a null ctx or a panic of ours.
fn serve<R>(ctx: *mut abi::IcsCtx, stopping: R, broken: R, body: impl FnOnce(&Arc<Live>) -> R) -> R {
    // SAFETY: by the contract it is what `create` was given, which `Ctx::leak` made and nothing frees.
    let Some(ctx) = (unsafe { ctx.cast::<Ctx>().as_ref() }) else { return broken };
    let Some(live) = ctx.live() else { return stopping };
    catch_unwind(AssertUnwindSafe(|| body(&live))).unwrap_or(broken)
}

fn status(ctx: *mut abi::IcsCtx, body: impl FnOnce(&Arc<Live>) -> abi::IcsStatus) -> abi::IcsStatus {
    serve(ctx, abi::ICS_E_STOPPING, abi::ICS_E_INVALID, body)
}

unsafe extern "C" fn log(ctx: *mut abi::IcsCtx, level: u32, target: abi::IcsStr, message: abi::IcsStr) {
    serve(ctx, (), (), |live| {
        if level > live.log_level {
            return;
        }
        if !live.may_say(Limited::Log) {
            live.outbox.count(|counts| counts.logs += 1);
            return;
        }
        // SAFETY: the contract: text is readable until the call returns.
        let (target, message) =
            unsafe { (events::counted(live, target, MAX_NAME), events::counted(live, message, MAX_LINE)) };
        if !live.outbox.may(&Note::Log { level, target, message }) {
            live.outbox.count(|counts| counts.logs += 1);
        }
    });
}

unsafe extern "C" fn log_level(ctx: *mut abi::IcsCtx) -> u32 {
    serve(ctx, 0, 0, |live| live.log_level)
}

unsafe extern "C" fn emit(ctx: *mut abi::IcsCtx, event: *const abi::IcsEvent) -> abi::IcsStatus {
    status(ctx, |live| {
        // SAFETY: the contract: null or an event of the size that it says.
        let Some(event) = (unsafe { abi::read(event) }) else {
            live.misuse(|| "emit() without an event, or one with a wrong size".to_owned());
            return abi::ICS_E_INVALID;
        };
        // SAFETY: the contract, for what the event shows.
        let said = live.may_say(Limited::Event)
            && live.outbox.may(&Note::Event(unsafe { events::event(live, &event) }));
        if said {
            return abi::ICS_OK;
        }
        live.outbox.count(|counts| counts.events += 1);
        abi::ICS_DROPPED
    })
}

unsafe extern "C" fn report(ctx: *mut abi::IcsCtx, report: *const abi::IcsReport) -> abi::IcsStatus {
    status(ctx, |live| {
        // SAFETY: the contract: null or a report of the size that it says.
        let Some(report) = (unsafe { abi::read(report) }) else {
            live.misuse(|| "report() without a report, or one with a wrong size".to_owned());
            return abi::ICS_E_INVALID;
        };
        if !live.may_say(Limited::Report) {
            live.misuse(|| "more than 64 reports at once".to_owned());
            return abi::ICS_E_INVALID;
        }
        // SAFETY: the contract, for what the report shows.
        match unsafe { events::report(live, &report) } {
            Ok(report) => {
                if live.outbox.must(&Note::Report(report)) {
                    abi::ICS_OK
                } else {
                    abi::ICS_E_STOPPING
                }
            }
            Err(wrong) => {
                live.misuse(|| wrong);
                abi::ICS_E_INVALID
            }
        }
    })
}

unsafe extern "C" fn now_ns(_: *mut abi::IcsCtx) -> i64 {
    Monotonic::now().0
}

unsafe extern "C" fn cancelled(ctx: *mut abi::IcsCtx) -> i32 {
    serve(ctx, 1, 1, |live| i32::from(live.cancel.is_set()))
}

unsafe extern "C" fn cancel_fd(ctx: *mut abi::IcsCtx) -> i32 {
    serve(ctx, -1, -1, |live| live.cancel.descriptor())
}

unsafe extern "C" fn push_frame(ctx: *mut abi::IcsCtx, frame: *const abi::IcsFrame) -> abi::IcsStatus {
    status(ctx, |live| {
        // SAFETY: the contract: null or a frame of the size that it says.
        let Some(frame) = (unsafe { abi::read(frame) }) else {
            live.misuse(|| "push_frame() without a frame, or one with a wrong size".to_owned());
            return abi::ICS_E_INVALID;
        };
        // SAFETY: the contract: `len` bytes at `data` are readable until the call returns.
        unsafe { take_frame(live, &frame) }
    })
}

/// # Safety
/// `frame.data` shows `frame.len` bytes, and `owner` and `release` belong together.
unsafe fn take_frame(live: &Arc<Live>, frame: &abi::IcsFrame) -> abi::IcsStatus {
    let (format, len) = (frame.format, frame.len);
    if format >= live.formats() {
        live.misuse(|| {
            format!("a frame for format {format}; it has told {} formats, from 0", live.formats())
        });
        return abi::ICS_E_INVALID;
    }
    let Some(stream) = live.stream(format) else { return abi::ICS_E_STOPPING };
    if frame.data.is_null() || len == 0 {
        live.misuse(|| "a frame without bytes".to_owned());
        return abi::ICS_E_INVALID;
    }
    if len > SLOT_BYTES {
        live.misuse(|| format!("a frame of {len} bytes; {SLOT_BYTES} are allowed"));
        stream.lose();
        return abi::ICS_E_INVALID;
    }
    let facts = Facts {
        flags: frame.flags,
        pts_ns: frame.pts_ns,
        duration_ns: frame.duration_ns,
        capture_ns: frame.capture_ns,
    };
    let ours = frame.release.is_some_and(|release| std::ptr::fn_addr_eq(release, RELEASE));
    let slot = if ours { leases::slot_of(frame.owner, &stream) } else { None };
    let in_place = slot.filter(|&slot| std::ptr::eq(stream.ring().room(slot), frame.data));
    if let Some(slot) = in_place {
        if !stream.push(&Bytes::InSlot(slot, len), facts) {
            return abi::ICS_DROPPED;
        }
        leases::hand_over(frame.owner);
        return abi::ICS_OK;
    }
    // SAFETY: the caller's promise; not null, and `len` is far below `isize::MAX`.
    let data = unsafe { std::slice::from_raw_parts(frame.data, len) };
    if !stream.push(&Bytes::Elsewhere(data), facts) {
        return abi::ICS_DROPPED;
    }
    if let Some(release) = frame.release {
        // SAFETY: the contract: once, after the host took the frame, with its owner. `data` is not used any more.
        unsafe { release(frame.owner) };
    }
    abi::ICS_OK
}

/// One value of the function's address, so that a plugin's frame can be told to come from [`alloc`].
const RELEASE: unsafe extern "C" fn(*mut c_void) = release;

unsafe extern "C" fn release(owner: *mut c_void) {
    // An owner that was not lent is ignored. A panic of ours must not unwind into the plugin.
    let _ = catch_unwind(|| leases::take_back(owner));
}

unsafe extern "C" fn alloc(ctx: *mut abi::IcsCtx, len: usize, buffer: *mut abi::IcsBuffer) -> abi::IcsStatus {
    status(ctx, |live| {
        if buffer.is_null() || len == 0 || len > SLOT_BYTES {
            live.misuse(|| format!("alloc() of {len} bytes; 1 to {SLOT_BYTES} are possible"));
            return abi::ICS_E_INVALID;
        }
        let Some((data, cap, owner)) = leases::lend(len, live.only_stream()) else { return abi::ICS_DROPPED };
        // SAFETY: the contract: room for an `ics_buffer`, which is frozen; null was ruled out.
        unsafe { buffer.write(abi::IcsBuffer { data, cap, owner, release: Some(RELEASE) }) };
        abi::ICS_OK
    })
}

unsafe extern "C" fn format_changed(ctx: *mut abi::IcsCtx, format: u32) -> abi::IcsStatus {
    status(ctx, |live| {
        if format >= live.formats() {
            live.misuse(|| {
                format!("format_changed({format}); it has told {} formats, from 0", live.formats())
            });
            return abi::ICS_E_INVALID;
        }
        if live.may_say(Limited::Event) {
            told(live.outbox.may(&Note::FormatsChanged))
        } else {
            abi::ICS_DROPPED
        }
    })
}

fn told(queued: bool) -> abi::IcsStatus {
    if queued { abi::ICS_OK } else { abi::ICS_DROPPED }
}

unsafe extern "C" fn ended(
    ctx: *mut abi::IcsCtx,
    why: abi::IcsStatus,
    message: abi::IcsStr,
) -> abi::IcsStatus {
    status(ctx, |live| {
        // SAFETY: the contract: text is readable until the call returns.
        let message = unsafe { events::counted(live, message, MAX_LINE) };
        if live.may_say(Limited::Event) {
            told(live.outbox.may(&Note::Ended { why, message }))
        } else {
            abi::ICS_DROPPED
        }
    })
}

unsafe extern "C" fn query(ctx: *mut abi::IcsCtx, id: *const c_char) -> *const c_void {
    serve(ctx, std::ptr::null(), std::ptr::null(), |live| {
        if id.is_null() {
            return std::ptr::null();
        }
        // SAFETY: the contract: a string that ends with a null byte.
        let id = unsafe { CStr::from_ptr(id) };
        if live.ice_servers && id == abi::ICE_SERVERS_ID {
            return std::ptr::from_ref(&ICE_SERVERS).cast();
        }
        std::ptr::null()
    })
}

/// A list that was handed out, with what it points to.
pub(super) struct Shown {
    /// Keeps the text alive that `list` points to.
    _servers: Arc<Vec<GrantedServer>>,
    list: Box<[abi::IcsIceServer]>,
}

unsafe extern "C" fn list(
    ctx: *mut abi::IcsCtx,
    servers: *mut *const abi::IcsIceServer,
    n: *mut u32,
) -> abi::IcsStatus {
    status(ctx, |live| {
        if !live.ice_servers || servers.is_null() || n.is_null() {
            return abi::ICS_E_INVALID;
        }
        let mut state = live.servers();
        let now = Arc::clone(&state.now);
        let list: Box<[_]> = now.iter().map(server).collect();
        let shown = state.shown.insert(Shown { _servers: now, list });
        // SAFETY: the contract: room for one pointer and one number; null was ruled out.
        unsafe {
            servers.write(shown.list.as_ptr());
            n.write(shown.list.len() as u32);
        }
        abi::ICS_OK
    })
}

fn server(from: &GrantedServer) -> abi::IcsIceServer {
    abi::IcsIceServer {
        size: size_of::<abi::IcsIceServer>() as u32,
        reserved: 0,
        url: abi::IcsStr::new(&from.url),
        username: abi::IcsStr::new(&from.username),
        credential: abi::IcsStr::new(&from.credential),
        realm: abi::IcsStr::new(&from.realm),
        expires_unix_s: from.expires_unix_s,
    }
}
