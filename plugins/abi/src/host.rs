//! What a plugin may observe and report, and the services that the host gives it.

use std::ffi::{c_char, c_void};

use crate::{IcsCtx, IcsFrame, IcsStatus, IcsStr};

/// Attribute type: `v.b`, 0 or 1.
pub const ICS_T_BOOL: u32 = 1;
/// Attribute type: `v.i`.
pub const ICS_T_I64: u32 = 2;
/// Attribute type: `v.u`.
pub const ICS_T_U64: u32 = 3;
/// Attribute type: `v.f`.
pub const ICS_T_F64: u32 = 4;
/// Attribute type: `v.s`, UTF-8.
pub const ICS_T_STR: u32 = 5;
/// Attribute type: `v.s`, any bytes.
pub const ICS_T_BYTES: u32 = 6;
/// Attribute type: `v.i`, nanoseconds.
pub const ICS_T_NS: u32 = 7;
/// Attribute type: `v.a`.
pub const ICS_T_ADDR: u32 = 8;

/// Lane: none.
pub const ICS_LANE_NONE: u32 = 0;
/// Lane: the browser.
pub const ICS_LANE_WEB: u32 = 1;
/// Lane: the daemon's HTTP endpoints.
pub const ICS_LANE_SIGNALLING: u32 = 2;
/// Lane: a STUN server.
pub const ICS_LANE_STUN: u32 = 3;
/// Lane: a TURN server.
pub const ICS_LANE_TURN: u32 = 4;
/// Lane: the daemon's WebRTC peer, which is where a plugin runs too.
pub const ICS_LANE_PEER: u32 = 5;

/// Evidence: none.
pub const ICS_EVIDENCE_NONE: u32 = 0;
/// Evidence: a packet was seen on a socket.
pub const ICS_EVIDENCE_PACKET: u32 = 1;
/// Evidence: an API reported it.
pub const ICS_EVIDENCE_API: u32 = 2;

/// A transport address. Frozen.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcsAddr {
    /// Network byte order; an IPv4 address is in the first four bytes.
    pub ip: [u8; 16],
    /// Host byte order.
    pub port: u16,
    /// 4 or 6.
    pub family: u8,
    /// 6 (TCP) or 17 (UDP).
    pub proto: u8,
}

/// An attribute's value; [`IcsAttr::type`] says which.
#[repr(C)]
#[derive(Clone, Copy)]
pub union IcsValue {
    /// 0 or 1.
    pub b: u64,
    /// Signed, or nanoseconds.
    pub i: i64,
    /// Unsigned.
    pub u: u64,
    /// Floating point.
    pub f: f64,
    /// Text or bytes.
    pub s: IcsStr,
    /// A transport address.
    pub a: IcsAddr,
}

/// One named fact. Frozen.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct IcsAttr {
    /// Its name.
    pub key: IcsStr,
    /// `ICS_T_…`.
    pub r#type: u32,
    /// 0.
    pub reserved: u32,
    /// Its value.
    pub v: IcsValue,
}

/// One observation.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsEvent {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// `ICS_ERROR` … `ICS_TRACE`.
    pub level: u32,
    /// What kind of event: `org.example.stun.binding/1`.
    pub schema: IcsStr,
    /// One line for a person.
    pub summary: IcsStr,
    /// `CLOCK_MONOTONIC`.
    pub time_ns: i64,
    /// The step that it belongs to; 0 for none.
    pub span: u64,
    /// The step that this step is part of; 0 for none.
    pub parent: u64,
    /// `ICS_PASS` …; 0 for none.
    pub outcome: u32,
    /// Attributes at `attrs`.
    pub n_attrs: u32,
    /// The facts.
    pub attrs: *const IcsAttr,
    /// `ICS_LANE_…` where it started.
    pub from_lane: u32,
    /// `ICS_LANE_…` where it went.
    pub to_lane: u32,
    /// `ICS_EVIDENCE_…`.
    pub evidence: u32,
    /// 0.
    pub reserved: u32,
}

/// One JSON document; never dropped, at most 1 MiB.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsReport {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// `ICS_PASS` ….
    pub outcome: u32,
    /// The step that it belongs to; 0 for none.
    pub span: u64,
    /// The document's schema: `icescope.nat/1`.
    pub schema: IcsStr,
    /// What it is about: `ipv4`, a server's URL.
    pub subject: IcsStr,
    /// The document.
    pub json: IcsStr,
}

/// Memory of the host's, for one frame. Frozen.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsBuffer {
    /// First byte.
    pub data: *mut u8,
    /// Bytes.
    pub cap: usize,
    /// For `release`.
    pub owner: *mut c_void,
    /// Gives it back unused; or goes into the frame.
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
}

/// The host's services, valid from `create` until `destroy` returns.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsHost {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// The minor that the host speaks.
    pub abi_minor: u32,
    /// `icescope`.
    pub product: IcsStr,
    /// The host's version.
    pub version: IcsStr,
    /// \[any\] Writes a line to the host's log.
    pub log: Option<unsafe extern "C" fn(*mut IcsCtx, level: u32, target: IcsStr, message: IcsStr)>,
    /// \[any\] The most detailed level that the log keeps.
    pub log_level: Option<unsafe extern "C" fn(*mut IcsCtx) -> u32>,
    /// \[any\] Copies an event; `ICS_DROPPED` when the host is full.
    pub emit: Option<unsafe extern "C" fn(*mut IcsCtx, *const IcsEvent) -> IcsStatus>,
    /// \[any\] Copies a report.
    pub report: Option<unsafe extern "C" fn(*mut IcsCtx, *const IcsReport) -> IcsStatus>,
    /// \[any\] `CLOCK_MONOTONIC`.
    pub now_ns: Option<unsafe extern "C" fn(*mut IcsCtx) -> i64>,
    /// \[any\] Not 0: wind up this call.
    pub cancelled: Option<unsafe extern "C" fn(*mut IcsCtx) -> i32>,
    /// \[any\] A descriptor that is readable while cancelled; the host's.
    pub cancel_fd: Option<unsafe extern "C" fn(*mut IcsCtx) -> i32>,
    /// \[any\] Takes a frame, never blocks; `ICS_OK`: the host owns the bytes now.
    pub push_frame: Option<unsafe extern "C" fn(*mut IcsCtx, *const IcsFrame) -> IcsStatus>,
    /// \[any\] Memory that crosses to the daemon without a copy.
    pub alloc: Option<unsafe extern "C" fn(*mut IcsCtx, len: usize, *mut IcsBuffer) -> IcsStatus>,
    /// \[any\] The host reads `formats` again.
    pub format_changed: Option<unsafe extern "C" fn(*mut IcsCtx, format: u32) -> IcsStatus>,
    /// \[any\] The source died or came to its end.
    pub ended: Option<unsafe extern "C" fn(*mut IcsCtx, why: IcsStatus, message: IcsStr) -> IcsStatus>,
    /// \[any\] A `"name/rev"` table, or null.
    pub query: Option<unsafe extern "C" fn(*mut IcsCtx, id: *const c_char) -> *const c_void>,
}

// SAFETY: immutable once it is handed out; all its functions may be called from any thread by the contract.
unsafe impl Send for IcsHost {}
// SAFETY: as above.
unsafe impl Sync for IcsHost {}

/// The id of [`IcsIceServers`] for the host's `query`.
pub const ICE_SERVERS_ID: &std::ffi::CStr = c"icescope.ice-servers/1";

/// One STUN or TURN server, with credentials minted for this run.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsIceServer {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// RFC 7064 or RFC 7065 URI.
    pub url: IcsStr,
    /// User name; empty for none.
    pub username: IcsStr,
    /// Password; empty for none.
    pub credential: IcsStr,
    /// Realm; empty if the server will say it.
    pub realm: IcsStr,
    /// Seconds since the Unix epoch; 0 for never.
    pub expires_unix_s: i64,
}

/// The servers as of now.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsIceServers {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// \[any\] Valid until this ctx's next `list` or `destroy`.
    pub list: Option<unsafe extern "C" fn(*mut IcsCtx, *mut *const IcsIceServer, n: *mut u32) -> IcsStatus>,
}
