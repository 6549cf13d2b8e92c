//! RTP and frames.

use icescope_model::Event;

use super::attributes::Read;

/// What is known of the media.
#[derive(Debug, Clone, Default)]
pub struct Media {
    /// The daemon's first RTP packet went out.
    pub sent: Option<(i64, u64)>,
    /// The first RTP packet came to the daemon.
    pub received: Option<(i64, u64)>,
    /// The browser's first RTP packet arrived.
    pub arrived: Option<(i64, u64)>,
    /// The first frame was decoded, at the browser or (an uplink) put together at the daemon.
    pub decoded: Option<(i64, u64)>,
    /// The daemon gave the first frame out.
    pub first_frame_sent: Option<u64>,
    /// Key frames that were asked of the source.
    pub key_frames_requested: u32,
    /// The browser does not let the picture play by itself (`NotAllowedError`).
    pub not_allowed: Option<u64>,
}

impl Media {
    pub(super) fn see(&mut self, event: &Event) {
        let here = (event.time, event.sequence);
        match event.kind.as_str() {
            "rtp.first" if event.inbound() => first(&mut self.received, here),
            "rtp.first" => first(&mut self.sent, here),
            "media.first_packet" => first(&mut self.arrived, here),
            "media.first_decoded" | "media.first_frame" | "media.first_frame_received" => {
                first(&mut self.decoded, here);
            }
            "media.first_frame_sent" => self.first_frame_sent = Some(event.sequence),
            "media.key_frame_requested" => self.key_frames_requested += 1,
            "media.play" => {
                self.not_allowed = (event.text("outcome") == "not-allowed").then_some(event.sequence);
            }
            _ => {}
        }
    }
}

fn first(slot: &mut Option<(i64, u64)>, here: (i64, u64)) {
    *slot = Some(slot.map_or(here, |known| known.min(here)));
}
