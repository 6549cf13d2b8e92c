//! What is measured of a picture that a client sends.

use serde::{Deserialize, Serialize};

/// Running figures of one received video stream; the names are those of webrtc-stats `inbound-rtp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct UplinkStats {
    /// Media type: `video/VP8`.
    pub mime_type: String,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets missing, by sequence number.
    pub packets_lost: i64,
    /// RTP payload bytes received.
    pub bytes_received: u64,
    /// Whole frames received (RTP marker).
    pub frames_received: u64,
    /// Key frames among them.
    pub key_frames_received: u64,
    /// Pixels, from the last key frame; 0 until one came.
    pub frame_width: u32,
    /// Pixels, from the last key frame; 0 until one came.
    pub frame_height: u32,
    /// Interarrival jitter in seconds (RFC 3550 §6.4.1).
    pub jitter: f64,
    /// Frames of the last second.
    pub frames_per_second: f64,
    /// Payload bits of the last second.
    pub bits_per_second: f64,
}
