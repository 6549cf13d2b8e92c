//! The figures of one received RTP video stream: pure, fed packet by packet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use icescope_model::uplink::UplinkStats;

use crate::media::packetiser::Codec;
use crate::media::{h264, vp8};

/// «Of the last second».
const WINDOW: Duration = Duration::from_secs(1);

/// Entries of the window at most: packets of a second at about 40 Mbit/s. Beyond it the rates are those of a shorter time.
const WINDOW_ENTRIES: usize = 4096;

/// Video's RTP clock.
const CLOCK: f64 = 90_000.0;

/// One packet, as far as it is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    pub(crate) at: Instant,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
}

/// Extended sequence numbers (RFC 3550 §A.1).
#[derive(Debug, Clone, Copy)]
struct Sequence {
    first: i64,
    highest: i64,
}

/// The running figures.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    codec: Option<Codec>,
    stats: UplinkStats,
    sequence: Option<Sequence>,
    /// Packets since `sequence` began.
    counted: i64,
    /// Lost before the stream changed its SSRC.
    lost_before: i64,
    /// Arrival minus timestamp, in clock ticks (RFC 3550 §A.8).
    transit: Option<f64>,
    origin: Option<Instant>,
    /// Arrival, payload octets, whether a frame ended.
    window: VecDeque<(Instant, usize, bool)>,
    /// Timestamp of the last frame that was counted as a key frame.
    last_key: Option<u32>,
}

impl Reception {
    /// A stream of a codec begins (anew).
    pub(crate) fn begin(&mut self, mime: &str, codec: Option<Codec>) {
        self.lost_before = self.stats.packets_lost;
        self.codec = codec;
        mime.clone_into(&mut self.stats.mime_type);
        (self.sequence, self.transit, self.counted, self.last_key) = (None, None, 0, None);
    }

    /// No key frame has come yet.
    pub(crate) fn wants_key_frame(&self) -> bool {
        self.stats.key_frames_received == 0
    }

    /// Takes one packet. True if it began the first key frame.
    pub(crate) fn take(&mut self, packet: Received<'_>) -> bool {
        self.stats.packets_received += 1;
        self.count(packet.sequence);
        // Nothing but padding: libwebrtc probes the path with such packets on the video's own SSRC where no retransmission
        // stream was agreed. They have a sequence number, so they are received or lost like all others (RFC 3550 §A.3), but
        // belong to no frame, and repeat the time of the last one.
        if packet.payload.is_empty() {
            return false;
        }
        self.stats.bytes_received += packet.payload.len() as u64;
        self.stats.frames_received += u64::from(packet.marker);
        self.jitter(packet);
        self.window.push_back((packet.at, packet.payload.len(), packet.marker));
        if self.window.len() > WINDOW_ENTRIES {
            self.window.pop_front();
        }
        self.prune(packet.at);
        self.look(packet)
    }

    /// The figures as they are now.
    pub(crate) fn read(&mut self, now: Instant) -> UplinkStats {
        self.prune(now);
        let bytes: usize = self.window.iter().map(|(_, bytes, _)| bytes).sum();
        let frames = self.window.iter().filter(|(_, _, ended)| *ended).count();
        self.stats.bits_per_second = bytes as f64 * 8.0;
        self.stats.frames_per_second = frames as f64;
        self.stats.clone()
    }

    fn prune(&mut self, now: Instant) {
        while self.window.front().is_some_and(|(at, ..)| now.saturating_duration_since(*at) > WINDOW) {
            self.window.pop_front();
        }
    }

    fn count(&mut self, sequence: u16) {
        self.counted += 1;
        let number = match &mut self.sequence {
            None => {
                let first = i64::from(sequence);
                self.sequence.insert(Sequence { first, highest: first })
            }
            Some(known) => {
                let step = i64::from(sequence.wrapping_sub(known.highest as u16) as i16);
                known.highest += step.max(0);
                known.first = known.first.min(known.highest + step.min(0));
                known
            }
        };
        let expected = number.highest - number.first + 1;
        self.stats.packets_lost = self.lost_before + expected - self.counted;
    }

    fn jitter(&mut self, packet: Received<'_>) {
        let origin = *self.origin.get_or_insert(packet.at);
        let arrival = packet.at.saturating_duration_since(origin).as_secs_f64() * CLOCK;
        // Timestamps wrap every 13 hours; the difference of two packets does not.
        let transit = arrival - f64::from(packet.timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit - before).abs();
            // A wrap, or a sender that began anew: not jitter.
            if difference < CLOCK * 10.0 {
                self.stats.jitter += (difference / CLOCK - self.stats.jitter) / 16.0;
            }
        }
    }

    fn look(&mut self, packet: Received<'_>) -> bool {
        let size = match self.codec {
            Some(Codec::Vp8) => vp8::key_frame_size(packet.payload),
            Some(Codec::H264) => h264::key_frame_size(packet.payload),
            None => None,
        };
        let Some((width, height)) = size else { return false };
        if self.last_key.replace(packet.timestamp) == Some(packet.timestamp) {
            return false;
        }
        (self.stats.frame_width, self.stats.frame_height) = (width, height);
        self.stats.key_frames_received += 1;
        self.stats.key_frames_received == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(at: Instant, sequence: u16, timestamp: u32, marker: bool) -> Received<'static> {
        Received { at, sequence, timestamp, marker, payload: &[0; 100] }
    }

    #[test]
    fn losses_are_counted_across_the_wrap_and_late_packets_make_them_good() {
        let start = Instant::now();
        let mut reception = Reception::default();
        for sequence in [65_533, 65_535, 1] {
            reception.take(packet(start, sequence, 0, false));
        }
        assert_eq!(reception.read(start).packets_lost, 2);
        reception.take(packet(start, 65_534, 0, false));
        assert_eq!(reception.read(start).packets_lost, 1);
        reception.begin("video/VP8", Some(Codec::Vp8));
        reception.take(packet(start, 500, 0, false));
        assert_eq!(reception.read(start).packets_lost, 1, "another SSRC is no loss");
    }

    #[test]
    fn packets_of_padding_are_not_lost_and_are_no_picture() {
        let start = Instant::now();
        let mut reception = Reception::default();
        for sequence in 0..10_u16 {
            let at = start + Duration::from_millis(u64::from(sequence) * 33);
            let padding = Received { payload: &[], ..packet(at, sequence, 0, false) };
            reception.take(if sequence % 5 == 4 {
                padding
            } else {
                packet(at, sequence, u32::from(sequence) * 2970, true)
            });
        }
        let stats = reception.read(start + Duration::from_millis(297));
        assert_eq!((stats.packets_received, stats.packets_lost), (10, 0), "{stats:?}");
        assert_eq!(
            (stats.frames_received, stats.bytes_received, stats.frames_per_second as u64),
            (8, 800, 8)
        );
        assert!(stats.jitter < 0.001, "{stats:?}");
    }

    #[test]
    fn rates_are_those_of_the_last_second() {
        let start = Instant::now();
        let mut reception = Reception::default();
        for frame in 0..60u32 {
            let at = start + Duration::from_millis(33) * frame;
            reception.take(packet(at, frame as u16, frame * 3000, true));
        }
        let stats = reception.read(start + Duration::from_millis(33) * 59);
        assert!((30.0..=31.0).contains(&stats.frames_per_second), "{stats:?}");
        assert!((24_000.0..=24_800.0).contains(&stats.bits_per_second), "{stats:?}");
        assert!(stats.jitter < 0.001, "{stats:?}");
        let later = reception.read(start + Duration::from_secs(9));
        assert_eq!((later.frames_per_second, later.frames_received), (0.0, 60));
    }

    #[test]
    fn jitter_grows_with_uneven_arrival() {
        let start = Instant::now();
        let mut reception = Reception::default();
        for frame in 0..200u32 {
            let uneven = if frame % 2 == 0 { 0 } else { 10 };
            let at = start + Duration::from_millis(u64::from(33 * frame + uneven));
            reception.take(packet(at, frame as u16, frame * 2970, true));
        }
        let jitter = reception.read(start).jitter;
        assert!((0.009..0.011).contains(&jitter), "{jitter}");
    }

    #[test]
    fn a_key_frame_gives_the_size_once() {
        let now = Instant::now();
        let mut reception = Reception::default();
        reception.begin("video/VP8", Some(Codec::Vp8));
        let payload = [0x90, 0x80, 0x80, 1, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 0];
        let key = |sequence| Received { at: now, sequence, timestamp: 7, marker: false, payload: &payload };
        assert!(reception.wants_key_frame());
        assert!(reception.take(key(1)));
        assert!(!reception.take(key(2)), "the same frame");
        let stats = reception.read(now);
        assert_eq!((stats.frame_width, stats.frame_height, stats.key_frames_received), (320, 240, 1));
        assert!(!reception.wants_key_frame());
    }
}
