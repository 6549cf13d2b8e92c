//! What went through a tap, counted. The media path adds to these and does nothing else.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use icescope_model::Monotonic;

use super::classify::Class;
use super::path::Direction;

/// Messages and bytes of one connection so far. Bytes are UDP payload, or the payload of TCP frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// STUN and TURN messages received, those inside TURN included.
    pub stun_in: u64,
    /// STUN and TURN messages sent, those inside TURN included.
    pub stun_out: u64,
    /// Datagrams with DTLS received.
    pub dtls_in: u64,
    /// Datagrams with DTLS sent.
    pub dtls_out: u64,
    /// RTP packets received.
    pub rtp_in: u64,
    /// RTP packets sent.
    pub rtp_out: u64,
    /// RTCP packets received.
    pub rtcp_in: u64,
    /// RTCP packets sent.
    pub rtcp_out: u64,
    /// TURN ChannelData messages received.
    pub channel_data_in: u64,
    /// TURN ChannelData messages sent.
    pub channel_data_out: u64,
    /// Datagrams received that are none of these.
    pub other_in: u64,
    /// Datagrams sent that are none of these.
    pub other_out: u64,
    /// All bytes received.
    pub bytes_in: u64,
    /// All bytes sent.
    pub bytes_out: u64,
    /// Messages that arrived faster than the tap records: counted above, missing in the record.
    pub unrecorded: u64,
}

/// When the other end was last heard, on the daemon's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastInbound {
    /// The last success response to one of the daemon's own ICE checks, known by its transaction id, which nobody off the
    /// path can guess.
    pub check: Option<Monotonic>,
    /// The last RTP or RTCP packet. Its authenticity is not known here: SRTP is checked by the crate.
    pub media: Option<Monotonic>,
}

impl LastInbound {
    /// The later of the two.
    pub fn any(&self) -> Option<Monotonic> {
        self.check.max(self.media)
    }
}

/// The counters of one direction.
#[derive(Debug, Default)]
struct OneWay {
    stun: AtomicU64,
    dtls: AtomicU64,
    rtp: AtomicU64,
    rtcp: AtomicU64,
    channel_data: AtomicU64,
    other: AtomicU64,
    bytes: AtomicU64,
}

impl OneWay {
    fn of(&self, class: Class) -> &AtomicU64 {
        match class {
            Class::Stun => &self.stun,
            Class::Dtls => &self.dtls,
            Class::Rtp => &self.rtp,
            Class::Rtcp => &self.rtcp,
            Class::ChannelData => &self.channel_data,
            Class::Other => &self.other,
        }
    }
}

/// The live counters.
#[derive(Debug, Default)]
pub struct Counting {
    inbound: OneWay,
    outbound: OneWay,
    unrecorded: AtomicU64,
}

impl Counting {
    fn way(&self, direction: Direction) -> &OneWay {
        match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        }
    }

    /// Counts a message; returns how many of its class and direction there were before.
    #[inline]
    pub fn message(&self, direction: Direction, class: Class) -> u64 {
        self.way(direction).of(class).fetch_add(1, Relaxed)
    }

    /// Counts the bytes of a datagram.
    #[inline]
    pub fn bytes(&self, direction: Direction, bytes: usize) {
        self.way(direction).bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts a message that was not recorded; returns how many there were before.
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.fetch_add(1, Relaxed)
    }

    /// Whether media flows, or has: from then on checks are the steady course of things.
    pub fn has_media(&self) -> bool {
        self.inbound.rtp.load(Relaxed) + self.outbound.rtp.load(Relaxed) > 0
    }

    /// All of them now.
    pub fn read(&self) -> Counters {
        let (inbound, outbound) = (&self.inbound, &self.outbound);
        Counters {
            stun_in: inbound.stun.load(Relaxed),
            stun_out: outbound.stun.load(Relaxed),
            dtls_in: inbound.dtls.load(Relaxed),
            dtls_out: outbound.dtls.load(Relaxed),
            rtp_in: inbound.rtp.load(Relaxed),
            rtp_out: outbound.rtp.load(Relaxed),
            rtcp_in: inbound.rtcp.load(Relaxed),
            rtcp_out: outbound.rtcp.load(Relaxed),
            channel_data_in: inbound.channel_data.load(Relaxed),
            channel_data_out: outbound.channel_data.load(Relaxed),
            other_in: inbound.other.load(Relaxed),
            other_out: outbound.other.load(Relaxed),
            bytes_in: inbound.bytes.load(Relaxed),
            bytes_out: outbound.bytes.load(Relaxed),
            unrecorded: self.unrecorded.load(Relaxed),
        }
    }
}
