//! Formats and controls of a video source.

use icescope_plugin_abi as abi;
use icescope_plugin_abi::{IcsControl, IcsFormat, IcsStr};

/// How an access unit's bytes are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bitstream {
    /// H.264 or H.265 with start codes (ITU-T H.264 Annex B); SPS and PPS stand before each key frame.
    AnnexB,
    /// AV1 open bitstream units.
    Obu,
    /// One whole frame (VP8, VP9).
    Frame,
}

/// One format that a source offers, in SDP's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// How its access units are framed.
    pub bitstream: Bitstream,
    /// Media type, as in SDP: `video/VP8`, `video/H264`.
    pub mime: String,
    /// Format parameters, as in SDP's `a=fmtp`; may be empty.
    pub fmtp: String,
    /// Pixels; 0 if that is settled when it starts.
    pub width: u32,
    /// Pixels; 0 if that is settled when it starts.
    pub height: u32,
    /// Frames per second as a fraction; 0/0 if that is settled when it starts.
    pub frame_rate: (u32, u32),
    /// The bit rates that it can be set to, in bits per second; `None` for a fixed bit rate.
    pub bit_rate: Option<(u64, u64)>,
}

/// Something asked of a running stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// A key frame as soon as possible.
    KeyFrame,
    /// Another bit rate, in bits per second.
    BitRate {
        /// What to aim at.
        target: u64,
        /// What must not be exceeded over about a second.
        max: u64,
    },
    /// Another frame rate, as a fraction.
    FrameRate {
        /// Numerator.
        numerator: u32,
        /// Denominator.
        denominator: u32,
    },
    /// Nobody watches: no frames are wanted until [`Control::Resume`].
    Pause,
    /// Frames are wanted again, a key frame first.
    Resume,
}

impl Control {
    /// From the contract's struct; `None` for what this SDK does not know.
    pub(crate) fn from_raw(raw: &IcsControl) -> Option<Self> {
        Some(match raw.op {
            abi::ICS_CTL_KEYFRAME => Self::KeyFrame,
            abi::ICS_CTL_BITRATE => Self::BitRate { target: raw.a, max: raw.b },
            abi::ICS_CTL_FPS => {
                Self::FrameRate { numerator: raw.a.try_into().ok()?, denominator: raw.b.try_into().ok()? }
            }
            abi::ICS_CTL_PAUSE => Self::Pause,
            abi::ICS_CTL_RESUME => Self::Resume,
            _ => return None,
        })
    }

    /// As the contract's struct.
    #[cfg(feature = "testing")]
    pub(crate) fn raw(self, format: u32) -> IcsControl {
        let (op, a, b) = match self {
            Self::KeyFrame => (abi::ICS_CTL_KEYFRAME, 0, 0),
            Self::BitRate { target, max } => (abi::ICS_CTL_BITRATE, target, max),
            Self::FrameRate { numerator, denominator } => {
                (abi::ICS_CTL_FPS, numerator.into(), denominator.into())
            }
            Self::Pause => (abi::ICS_CTL_PAUSE, 0, 0),
            Self::Resume => (abi::ICS_CTL_RESUME, 0, 0),
        };
        IcsControl { size: size_of::<IcsControl>() as u32, op, format, reserved: 0, a, b }
    }
}

/// Formats as the host reads them: the structs show the texts of `formats`, which do not move while this lives.
#[derive(Default)]
pub(crate) struct FormatTable {
    formats: Vec<Format>,
    raw: Vec<IcsFormat>,
}

// SAFETY: the pointers in `raw` show the heap of `formats`, which goes along and is not changed.
unsafe impl Send for FormatTable {}

impl FormatTable {
    pub(crate) fn new(formats: Vec<Format>) -> Self {
        let raw = formats
            .iter()
            .map(|format| IcsFormat {
                size: size_of::<IcsFormat>() as u32,
                bitstream: match format.bitstream {
                    Bitstream::AnnexB => abi::ICS_BS_ANNEXB,
                    Bitstream::Obu => abi::ICS_BS_OBU,
                    Bitstream::Frame => abi::ICS_BS_FRAME,
                },
                mime: IcsStr::new(&format.mime),
                fmtp: IcsStr::new(&format.fmtp),
                width: format.width,
                height: format.height,
                fps_num: format.frame_rate.0,
                fps_den: format.frame_rate.1,
                min_bps: format.bit_rate.map_or(0, |range| range.0),
                max_bps: format.bit_rate.map_or(0, |range| range.1),
            })
            .collect();
        Self { formats, raw }
    }

    pub(crate) fn raw(&self) -> &[IcsFormat] {
        &self.raw
    }

    pub(crate) fn len(&self) -> usize {
        self.formats.len()
    }
}
