//! The kind `icescope.video-source/1`.

use std::ffi::c_void;

use crate::{IcsError, IcsInstance, IcsStatus, IcsStr};

/// The kind's name, for [`crate::IcsPlugin::kind`] and its `query`.
pub const VIDEO_SOURCE_KIND: &std::ffi::CStr = c"icescope.video-source/1";

/// Frame flag: it can be decoded without earlier ones.
pub const ICS_FRAME_KEY: u32 = 1;
/// Frame flag: something before it was lost; media time may jump.
pub const ICS_FRAME_DISCONT: u32 = 2;
/// Frame flag: no later one refers to it.
pub const ICS_FRAME_DROPPABLE: u32 = 4;

/// Bitstream: start codes (H.264, H.265).
pub const ICS_BS_ANNEXB: u32 = 1;
/// Bitstream: AV1 open bitstream units.
pub const ICS_BS_OBU: u32 = 2;
/// Bitstream: one whole frame (VP8, VP9).
pub const ICS_BS_FRAME: u32 = 3;

/// Control: a key frame as soon as possible.
pub const ICS_CTL_KEYFRAME: u32 = 1;
/// Control: `a` target and `b` maximum, in bits per second.
pub const ICS_CTL_BITRATE: u32 = 2;
/// Control: `a`/`b` frames per second.
pub const ICS_CTL_FPS: u32 = 3;
/// Control: no frames are wanted.
pub const ICS_CTL_PAUSE: u32 = 4;
/// Control: frames are wanted again, a key frame first.
pub const ICS_CTL_RESUME: u32 = 5;

/// One whole encoded access unit.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsFrame {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// `ICS_FRAME_…`.
    pub flags: u32,
    /// The coded bytes.
    pub data: *const u8,
    /// Bytes.
    pub len: usize,
    /// Media time.
    pub pts_ns: i64,
    /// 0 for unknown.
    pub duration_ns: i64,
    /// When the picture was taken (`CLOCK_MONOTONIC`); 0 for unknown.
    pub capture_ns: i64,
    /// Index in `formats`.
    pub format: u32,
    /// 0 but for simulcast.
    pub stream: u32,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// 0.
    pub reserved0: u16,
    /// 0.
    pub reserved: u32,
    /// For `release`.
    pub owner: *mut c_void,
    /// \[any\] Called once, after `ICS_OK`. Null: the host copies.
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
}

/// One format that a source offers.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsFormat {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// `ICS_BS_…`.
    pub bitstream: u32,
    /// As in SDP: `video/H264`.
    pub mime: IcsStr,
    /// As in SDP's `a=fmtp`.
    pub fmtp: IcsStr,
    /// Pixels; 0: settled at `start`.
    pub width: u32,
    /// Pixels; 0: settled at `start`.
    pub height: u32,
    /// Numerator of the frame rate; 0: settled at `start`.
    pub fps_num: u32,
    /// Denominator of the frame rate; 0: settled at `start`.
    pub fps_den: u32,
    /// Bits per second; both 0: fixed bit rate.
    pub min_bps: u64,
    /// Bits per second.
    pub max_bps: u64,
}

/// Something asked of a running stream.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsControl {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// `ICS_CTL_…`.
    pub op: u32,
    /// Index in `formats`.
    pub format: u32,
    /// 0.
    pub reserved: u32,
    /// `BITRATE`: target in bits per second; `FPS`: numerator.
    pub a: u64,
    /// `BITRATE`: maximum in bits per second; `FPS`: denominator.
    pub b: u64,
}

/// The table of `icescope.video-source/1`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IcsVideoSource {
    /// `sizeof` as its writer knew it.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// \[instance\] Best first; valid until the next `formats` or `destroy`.
    pub formats:
        Option<unsafe extern "C" fn(*mut IcsInstance, *mut *const IcsFormat, n: *mut u32) -> IcsStatus>,
    /// \[instance\] Begins with a key frame; several formats may run at once.
    pub start: Option<unsafe extern "C" fn(*mut IcsInstance, format: u32, *mut IcsError) -> IcsStatus>,
    /// \[instance\] Must not block.
    pub control: Option<unsafe extern "C" fn(*mut IcsInstance, *const IcsControl) -> IcsStatus>,
    /// \[instance\] Joins its threads.
    pub stop: Option<unsafe extern "C" fn(*mut IcsInstance, format: u32) -> IcsStatus>,
}
