//! The interceptor that measures a received picture and asks for its first key frame.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use icescope_model::uplink::UplinkStats;
use icescope_model::{EventSink, Evidence, Lane, Observation, Scope, SessionId};
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;

use super::reception::{Received, Reception};
use crate::media::packetiser::Codec;
use crate::stage::{Stage, Writes};

/// How often a key frame is asked for until the first one came: longer than a round trip to anywhere and an encoder's start.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The figures, shared with whoever reads them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedMeter(Arc<Mutex<Reception>>);

impl SharedMeter {
    /// The figures as they are now.
    pub(crate) fn read(&self) -> UplinkStats {
        self.with(|reception| reception.read(Instant::now()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Reception) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The interceptor of one session.
pub(crate) struct Meter {
    session: SessionId,
    sink: EventSink,
    shared: SharedMeter,
    ssrc: Option<u32>,
    ask_at: Option<Instant>,
}

impl Meter {
    /// A meter, and where its figures are read.
    pub(crate) fn new(session: SessionId, sink: EventSink) -> (Self, SharedMeter) {
        let shared = SharedMeter::default();
        let meter = Self { session, sink, shared: shared.clone(), ssrc: None, ask_at: None };
        (meter, shared)
    }

    fn ask(&mut self, now: Instant, writes: &mut Writes) {
        let Some(media_ssrc) = self.ssrc else { return };
        self.ask_at = Some(now + ASK_EVERY);
        let pli = PictureLossIndication { sender_ssrc: 0, media_ssrc };
        writes.push(now, Packet::Rtcp(vec![Box::new(pli)]));
    }

    fn tell_first(&self) {
        let stats = self.shared.read();
        let scope = Scope::Session(self.session);
        self.sink.send(
            Observation::new(scope, Evidence::Api, Lane::Web, Lane::Peer, "media.first_frame_received")
                .summary(format!(
                    "the client's picture arrives: {}×{}",
                    stats.frame_width, stats.frame_height
                ))
                .with("frameWidth", stats.frame_width)
                .with("frameHeight", stats.frame_height)
                .with("mimeType", stats.mime_type),
        );
    }
}

impl Stage for Meter {
    fn read(&mut self, packet: &TaggedPacket) -> bool {
        let Packet::Rtp(rtp) = &packet.message.packet else { return true };
        // Measured and discarded: it goes no further.
        if self.ssrc == Some(rtp.header.ssrc) {
            let received = Received {
                at: packet.now,
                sequence: rtp.header.sequence_number,
                timestamp: rtp.header.timestamp,
                marker: rtp.header.marker,
                payload: &rtp.payload,
            };
            if self.shared.with(|reception| reception.take(received)) {
                self.ask_at = None;
                self.tell_first();
            }
        }
        false
    }

    fn timeout(&mut self, now: Instant, writes: &mut Writes) {
        if self.ask_at.is_some_and(|at| at <= now) {
            if self.shared.with(|reception| reception.wants_key_frame()) {
                self.ask(now, writes);
            } else {
                self.ask_at = None;
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.ask_at
    }

    fn bind_remote(&mut self, info: &StreamInfo) {
        let codec = [(Codec::Vp8, "video/VP8"), (Codec::H264, "video/H264")]
            .into_iter()
            .find_map(|(codec, mime)| info.mime_type.eq_ignore_ascii_case(mime).then_some(codec));
        if codec.is_none() {
            return;
        }
        self.ssrc = Some(info.ssrc);
        self.shared.with(|reception| reception.begin(&info.mime_type, codec));
        // The first packets may be lost: ask at once, too.
        self.ask_at = Some(Instant::now());
    }
}
