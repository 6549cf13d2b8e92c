//! Encoded video on its way from a source to the peer.

use bytes::Bytes;

use crate::clock::Monotonic;

/// How an access unit's bytes are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bitstream {
    /// H.264 or H.265 with start codes (ITU-T H.264 Annex B).
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
    /// Pixels; 0 until known.
    pub width: u32,
    /// Pixels; 0 until known.
    pub height: u32,
    /// Frames per second as a fraction; 0/0 until known.
    pub frame_rate: (u32, u32),
    /// The bit rates the encoder can be set to, in bits per second; `None` for a fixed bit rate.
    pub bit_rate: Option<(u64, u64)>,
}

/// One whole encoded access unit (a frame).
#[derive(Debug, Clone)]
pub struct AccessUnit {
    /// The coded bytes.
    pub data: Bytes,
    /// It can be decoded without earlier ones.
    pub key: bool,
    /// Something before it was lost or the source was restarted: media time may jump.
    pub discontinuity: bool,
    /// No later one refers to it.
    pub droppable: bool,
    /// Media time, in nanoseconds from an origin of the source's own.
    pub pts_ns: i64,
    /// How long it is shown, in nanoseconds; 0 if unknown.
    pub duration_ns: i64,
    /// When the picture was taken, if the source knows.
    pub captured: Option<Monotonic>,
}

/// What comes out of a running stream (one format of one source).
#[derive(Debug, Clone)]
pub enum MediaMessage {
    /// A frame.
    Unit(AccessUnit),
    /// The stream's facts were settled or have changed (size, frame rate).
    Format(Format),
    /// The source stopped for now (its plugin crashed and is being restarted); a key frame marked `discontinuity` follows when it is back.
    Interrupted {
        /// Why, for a person.
        reason: String,
    },
    /// The source has come to its end or is disabled; nothing follows.
    Ended {
        /// Why, for a person.
        reason: String,
    },
}

/// What can be asked of a running stream.
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
    /// Nobody watches: no frames are wanted until `Resume`.
    Pause,
    /// Frames are wanted again, beginning with a key frame.
    Resume,
}

/// Why a source cannot be played now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No source of that name is configured.
    #[error("no video source «{name}» is configured; there are: {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are, for a person.
        known: String,
    },
    /// It is being started, or restarted after a crash.
    #[error("the video source «{name}» is starting; try again in {retry_after_s} s")]
    Starting {
        /// Its name.
        name: String,
        /// Seconds after which to try again.
        retry_after_s: u32,
    },
    /// It has failed and will not be tried again until the configuration is reloaded.
    #[error("the video source «{name}» has failed: {reason}")]
    Failed {
        /// Its name.
        name: String,
        /// What went wrong and what to do.
        reason: String,
    },
}
