//! The interceptor through which a viewer's peer connection takes its media and tells what the viewer reports.
//!
//! Whole frames come out of the viewer's queue in one turn of the connection's driver: no task, no channel and no driver turn
//! per packet. The chain is first asked for packets right after the DTLS handshake, so the first frame leaves then.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use icescope_model::{Evidence, Lane, Monotonic, Observation, Scope};
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;

use super::capture::CaptureClock;
use super::clocks::{ntp_middle, round_trip, send_time};
use super::packetiser::Unit;
use super::timeline::Timeline;
use super::viewer::Viewer;
use super::vp8;
use crate::stage::{Stage, Writes};

/// How long the first frame waits after the handshake's last flight. Some clients handle what arrives together before they
/// set up SRTP for it, and drop it; a browser would not need this.
const SETTLE: Duration = Duration::from_millis(1);

/// The clock face for a first frame: any value will do (RFC 3550 §5.1 wants it random).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) picture_id: u16,
}

/// The interceptor of one viewer.
pub(crate) struct Feed {
    viewer: Arc<Viewer>,
    origin: Origin,
    next_sequence: u16,
    timeline: Option<Timeline>,
    capture_clock: CaptureClock,
    /// Added to a stream's picture ids.
    picture_shift: u16,
    /// The number of the send time extension, if it was agreed.
    send_time: Option<u8>,
    next_picture: u16,
    /// When the first frame may go out: set when the handshake is through.
    begin_at: Option<Instant>,
    begun: bool,
    first_sent: bool,
    last_sent_at: Instant,
    /// Payload octets sent and when, at the last reception report.
    reported: (u64, Instant),
}

impl Feed {
    pub(crate) fn new(viewer: Arc<Viewer>, origin: Origin, send_time: Option<u8>) -> Self {
        let now = Instant::now();
        Self {
            viewer,
            origin,
            next_sequence: origin.sequence,
            timeline: None,
            capture_clock: CaptureClock::default(),
            picture_shift: 0,
            send_time,
            next_picture: origin.picture_id & vp8::PICTURE_ID_MASK,
            begin_at: None,
            begun: false,
            first_sent: false,
            last_sent_at: now,
            reported: (0, now),
        }
    }

    /// The connection is up: what the stream has kept goes out at once.
    fn begin(&mut self, writes: &mut Writes) {
        self.begun = true;
        // A source change between the two steps leaves the viewer with another stream: ask that one.
        let start = loop {
            let stream = self.viewer.stream();
            if let Some(start) = stream.begin(&self.viewer) {
                break start;
            }
            if stream.id == self.viewer.stream().id {
                return;
            }
        };
        let Some(newest) = start.units.last() else { return };
        let count = start.units.len();
        let mut timeline = Timeline::new(self.origin.timestamp, newest.pts_ns);
        self.shift_pictures(&start.units[0]);
        for (index, unit) in start.units.iter().enumerate() {
            let timestamp = timeline.catching_up(newest.pts_ns, count - 1 - index);
            self.emit(unit, timestamp, writes);
        }
        // Of the newest only: those before it were moved close to it.
        self.capture_clock.begin();
        self.tell_capture(newest, timeline.at(newest.pts_ns));
        self.timeline = Some(timeline);
    }

    /// Picture ids go on from the last one that was sent.
    fn shift_pictures(&mut self, unit: &Unit) {
        if let Some(picture) = unit.picture_id {
            self.picture_shift = self.next_picture.wrapping_sub(picture) & vp8::PICTURE_ID_MASK;
        }
    }

    /// Takes what waits.
    fn refill(&mut self, writes: &mut Writes) {
        for entry in self.viewer.take() {
            let now = Instant::now();
            let pts = entry.unit.pts_ns;
            let timeline = self.timeline.get_or_insert_with(|| Timeline::new(self.origin.timestamp, pts));
            if entry.rebase && self.first_sent {
                timeline.rebase(pts, now.saturating_duration_since(self.last_sent_at));
            }
            let timestamp = timeline.at(pts);
            if entry.rebase || !self.first_sent {
                self.shift_pictures(&entry.unit);
                self.capture_clock.begin();
            }
            self.emit(&entry.unit, timestamp, writes);
            self.tell_capture(&entry.unit, timestamp);
        }
    }

    /// One frame as RTP packets.
    fn emit(&mut self, unit: &Unit, timestamp: u32, writes: &mut Writes) {
        let now = Instant::now();
        let picture =
            unit.picture_id.map(|picture| picture.wrapping_add(self.picture_shift) & vp8::PICTURE_ID_MASK);
        let stamp = self.send_time.map(|number| (number, send_time(Monotonic::now())));
        let payloads = unit.cut.payloads();
        let last = payloads.len() - 1;
        for (index, payload) in payloads.enumerate() {
            let mut header = rtp::Header {
                version: 2,
                marker: index == last,
                payload_type: self.viewer.payload_type,
                sequence_number: self.next_sequence,
                timestamp,
                ssrc: self.viewer.ssrc,
                ..rtp::Header::default()
            };
            if let Some((number, time)) = &stamp
                && let Err(error) = header.set_extension(*number, time.clone())
            {
                tracing::debug!(%error, number, "the send time is left out");
            }
            self.next_sequence = self.next_sequence.wrapping_add(1);
            let payload = match picture {
                Some(picture) if unit.picture_id != Some(picture) => with_picture_id(&payload, picture),
                _ => payload,
            };
            writes.push(now, Packet::Rtp(rtp::Packet { header, payload }));
        }
        if let Some(picture) = picture {
            self.next_picture = picture.wrapping_add(1) & vp8::PICTURE_ID_MASK;
        }
        self.viewer.count(unit.bytes());
        self.last_sent_at = now;
        if !std::mem::replace(&mut self.first_sent, true) {
            self.tell_first_frame(unit);
        }
    }

    fn tell_first_frame(&self, unit: &Unit) {
        let scope = Scope::Session(self.viewer.session);
        self.viewer.sink.send(
            Observation::new(scope, Evidence::Api, Lane::Peer, Lane::Web, "media.first_frame_sent")
                .summary("the first video frame went out")
                .with("keyFrame", unit.key)
                .with("packets", unit.cut.ends.len())
                .with("bytes", unit.bytes()),
        );
    }

    /// Tells when a picture was taken that goes out with this timestamp, if it is time to.
    fn tell_capture(&mut self, unit: &Unit, timestamp: u32) {
        let Some(anchor) = self.capture_clock.sent(unit.captured, timestamp, Monotonic::now()) else {
            return;
        };
        self.viewer.sink.send(anchor.observation(self.viewer.session, self.viewer.ssrc));
    }

    fn on_rtcp(&mut self, packet: &dyn rtc::rtcp::Packet, at: Instant) {
        let any = packet.as_any();
        let feedback = &self.viewer.feedback;
        if let Some(report) = any.downcast_ref::<ReceiverReport>() {
            if let Some(block) = report.reports.iter().find(|block| block.ssrc == self.viewer.ssrc) {
                feedback.reports.fetch_add(1, Relaxed);
                feedback.lost.store(block.fraction_lost.into(), Relaxed);
                let round_trip = round_trip(ntp_middle(), block.last_sender_report, block.delay);
                self.on_reception(f64::from(block.fraction_lost) / 256.0, round_trip, at);
            }
        } else if let Some(remb) = any.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            let now = Monotonic::now();
            tracing::trace!(session = %self.viewer.session, bit_rate = remb.bitrate, "REMB");
            self.viewer.report(|estimate| estimate.on_remb(remb.bitrate as u64, now));
        } else if any.is::<PictureLossIndication>() {
            feedback.plis.fetch_add(1, Relaxed);
            self.viewer.stream().ask_key_frame(&self.viewer, "PLI");
        } else if any.is::<FullIntraRequest>() {
            feedback.firs.fetch_add(1, Relaxed);
            self.viewer.stream().ask_key_frame(&self.viewer, "FIR");
        } else if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            let packets: usize = nack.nacks.iter().map(|pair| pair.packet_list().len()).sum();
            feedback.nacks.fetch_add(packets as u64, Relaxed);
        }
    }

    fn on_reception(&mut self, lost: f64, round_trip: Option<Duration>, at: Instant) {
        let sent = self.viewer.sent();
        let (before, since) = std::mem::replace(&mut self.reported, (sent, at));
        let elapsed = at.saturating_duration_since(since).max(Duration::from_millis(1));
        let rate = (sent - before) as f64 * 8.0 / elapsed.as_secs_f64();
        self.viewer.report(|estimate| {
            if let Some(took) = round_trip {
                estimate.on_round_trip(took, rate as u64);
            }
            estimate.on_loss(lost, rate as u64);
        });
    }
}

fn with_picture_id(payload: &Bytes, picture: u16) -> Bytes {
    let mut copy = BytesMut::from(&payload[..]);
    vp8::set_picture_id(&mut copy, picture);
    copy.freeze()
}

impl Stage for Feed {
    fn read(&mut self, packet: &TaggedPacket) -> bool {
        if let Packet::Rtcp(packets) = &packet.message.packet {
            for rtcp in packets {
                self.on_rtcp(rtcp.as_ref(), packet.now);
            }
        }
        true
    }

    fn passes(&self, packet: &TaggedPacket) -> bool {
        // RTP from the application is only a means to make the driver turn; see `Viewer::set_wake`.
        !matches!(packet.message.packet, Packet::Rtp(_))
    }

    fn fill(&mut self, writes: &mut Writes) {
        if !self.begun {
            let now = Instant::now();
            if *self.begin_at.get_or_insert(now + SETTLE) <= now {
                self.begin(writes);
            }
        }
        if self.begun && writes.is_empty() {
            self.refill(writes);
        }
    }

    fn due(&self) -> Option<Instant> {
        // The chain is asked only once DTLS is up. A time that has passed makes the driver turn now.
        (!self.begun).then(|| self.begin_at.unwrap_or(self.last_sent_at))
    }
}
