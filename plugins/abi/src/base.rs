//! Statuses, text, errors: what every part of the contract uses.

use std::ffi::c_char;
use std::marker::{PhantomData, PhantomPinned};

/// The minor of the contract that these bindings describe.
pub const ICS_ABI_MINOR: u32 = 0;

/// What a call came to: 0 and above is success, below 0 is failure.
pub type IcsStatus = i32;

/// Done.
pub const ICS_OK: IcsStatus = 0;
/// Not an error: what was given could not be taken and is still the caller's.
pub const ICS_DROPPED: IcsStatus = 1;
/// It failed; the message says how.
pub const ICS_E_FAIL: IcsStatus = -1;
/// The configuration or the arguments are wrong; the error's `pointer` says where.
pub const ICS_E_CONFIG: IcsStatus = -2;
/// This plugin, machine or build cannot do it.
pub const ICS_E_UNSUPPORTED: IcsStatus = -3;
/// The host asked to wind up.
pub const ICS_E_CANCELLED: IcsStatus = -4;
/// The deadline passed.
pub const ICS_E_TIMEOUT: IcsStatus = -5;
/// A panic or exception was caught at the boundary.
pub const ICS_E_PANIC: IcsStatus = -6;
/// The instance is being stopped or has been destroyed.
pub const ICS_E_STOPPING: IcsStatus = -7;
/// The caller broke the contract: an index, a null, a state.
pub const ICS_E_INVALID: IcsStatus = -8;

/// Log level: something failed.
pub const ICS_ERROR: u32 = 1;
/// Log level: something is degraded.
pub const ICS_WARN: u32 = 2;
/// Log level: the ordinary course of things.
pub const ICS_INFO: u32 = 3;
/// Log level: detail.
pub const ICS_DEBUG: u32 = 4;
/// Log level: everything.
pub const ICS_TRACE: u32 = 5;

/// Outcome: as it should be.
pub const ICS_PASS: u32 = 1;
/// Outcome: not as it should be.
pub const ICS_FAILED: u32 = 2;
/// Outcome: it could not be told; unknown is not failed.
pub const ICS_UNKNOWN: u32 = 3;
/// Outcome: it was not tried.
pub const ICS_SKIPPED: u32 = 4;

/// UTF-8 text that is not terminated by a null byte.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsStr {
    /// First byte; may be null when `len` is 0.
    pub ptr: *const c_char,
    /// Bytes.
    pub len: usize,
}

// SAFETY: an address and a length; whoever reads through it answers for that with `IcsStr::bytes`.
unsafe impl Send for IcsStr {}
// SAFETY: as above; nothing is written through it.
unsafe impl Sync for IcsStr {}

impl IcsStr {
    /// No text.
    pub const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// Shows `text` for as long as `text` is borrowed; the lifetime is not tracked.
    pub const fn new(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// The bytes that it shows; empty for a null pointer. They may not be valid UTF-8: the other side wrote them.
    ///
    /// # Safety
    /// If `ptr` is not null, `len` bytes from it are readable and unchanged for `'a`.
    pub const unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.len == 0 {
            return &[];
        }
        // SAFETY: the caller's promise; null was ruled out.
        unsafe { std::slice::from_raw_parts(self.ptr.cast(), self.len) }
    }

    /// The text that it shows, with a replacement character for each run that is not UTF-8.
    ///
    /// # Safety
    /// As [`IcsStr::bytes`].
    pub unsafe fn to_string_lossy(self) -> String {
        // SAFETY: the caller's promise.
        String::from_utf8_lossy(unsafe { self.bytes() }).into_owned()
    }
}

/// A plugin's instance; opaque to the host.
#[repr(C)]
#[derive(Debug)]
pub struct IcsInstance {
    data: [u8; 0],
    marker: PhantomData<(*mut u8, PhantomPinned)>,
}

/// The host's side of an instance; opaque to the plugin.
#[repr(C)]
#[derive(Debug)]
pub struct IcsCtx {
    data: [u8; 0],
    marker: PhantomData<(*mut u8, PhantomPinned)>,
}

/// Where a plugin says what went wrong; the memory is the host's.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsError {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// Bytes at `text`.
    pub cap: u32,
    /// Bytes written.
    pub len: u32,
    /// 0.
    pub reserved: u32,
    /// Where the message goes.
    pub text: *mut c_char,
    /// RFC 6901 path into the configuration or the arguments, ended by a null byte; empty if none.
    pub pointer: [c_char; 128],
}
