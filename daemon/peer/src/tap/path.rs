//! Which way a packet went, between which addresses, and when.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::Monotonic;
use rustix::time::{ClockId, clock_gettime};

/// Seen from the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the daemon.
    Inbound,
    /// From the daemon.
    Outbound,
}

impl Direction {
    /// The word in attributes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// The transport under a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP: with RFC 4571 framing to the other end, with TURN's own to a server.
    Tcp,
    /// TLS over TCP, to a TURN server.
    Tls,
}

impl Protocol {
    /// The word in attributes, as `RTCIceCandidateStats.relayProtocol` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// Where a packet went along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Which way.
    pub direction: Direction,
    /// The daemon's socket; for a relayed packet the relayed address, once it is known.
    pub local: SocketAddr,
    /// The other end; for a relayed packet the peer behind the relay.
    pub remote: SocketAddr,
    /// The TURN server that it went through.
    pub relay: Option<SocketAddr>,
    /// The transport to the other end, or to the relay.
    pub protocol: Protocol,
}

impl Path {
    /// A number that differs between paths: cheap to compare in the media path. Never 0.
    pub fn fingerprint(remote: SocketAddr) -> u64 {
        match remote {
            SocketAddr::V4(v4) => 1 << 63 | u64::from(v4.ip().to_bits()) << 16 | u64::from(v4.port()),
            SocketAddr::V6(v6) => {
                let bits = v6.ip().to_bits();
                let folded = (bits >> 64) as u64 ^ (bits as u64).rotate_left(17);
                (folded ^ u64::from(v6.port()).rotate_left(43)) | 1
            }
        }
    }
}

/// When a packet was on the wire, as far as it is known. Turned into a time only if the packet is recorded.
#[derive(Debug, Clone, Copy)]
pub enum Stamp {
    /// Now: the kernel gave no time, or nobody has asked yet.
    Now,
    /// When it was about to be sent, never later than what it brought about; or when it was read from a stream.
    At(Monotonic),
    /// It left between these two.
    Between(Monotonic, Monotonic),
    /// The kernel's receive time (`SO_TIMESTAMPNS`), since the Unix epoch.
    Kernel(Duration),
}

impl Stamp {
    /// The stamp of what is about to be sent.
    #[inline]
    pub fn sending() -> Self {
        Self::At(Monotonic::now())
    }

    /// The same once it is sent: what comes after the call does not make it less certain. Of media only the first packet is ever
    /// recorded: no second reading of the clock for it.
    #[inline]
    pub fn sent(self, datagram: &[u8]) -> Self {
        match self {
            Self::At(before) if datagram.first().is_some_and(|first| *first < 128) => {
                Self::Between(before, Monotonic::now())
            }
            other => other,
        }
    }

    /// The stamp of what was just read from a stream, for which the kernel has no time.
    pub fn read() -> Self {
        Self::At(Monotonic::now())
    }

    /// The stamp of a received datagram.
    pub fn received(timestamp: Option<Duration>) -> Self {
        timestamp.map_or(Self::Now, Self::Kernel)
    }

    /// The time on the daemon's clock, of a packet that has just come or gone.
    pub fn monotonic(self) -> Monotonic {
        self.placed().0
    }

    /// That time, and how far it may be off, in microseconds: what was sent left between the two readings around the call; a
    /// kernel's stamp is moved from one clock to the other, which are read one after the other.
    pub fn placed(self) -> (Monotonic, u32) {
        let now = || {
            let now = Monotonic::now();
            (now, now.uncertainty_since(now))
        };
        match self {
            Self::Now => now(),
            Self::At(at) => (at, Monotonic::now().uncertainty_since(at)),
            Self::Between(at, latest) => (at, latest.uncertainty_since(at)),
            Self::Kernel(stamp) => Monotonic::of_wall(stamp).unwrap_or_else(now),
        }
    }

    /// The stamp as nanoseconds since the Unix epoch; reads a clock only where the kernel gave no time.
    #[inline]
    pub fn wall_nanos(self) -> i64 {
        match self {
            Self::Now | Self::At(_) | Self::Between(..) => wall_nanos(),
            Self::Kernel(stamp) => stamp.as_nanos() as i64,
        }
    }
}

/// A time on the daemon's clock from nanoseconds since the Unix epoch, however long ago. Off by what the wall clock was
/// set in between; never in the future.
pub fn monotonic_of_wall(nanos: i64) -> Monotonic {
    let now = Monotonic::now();
    Monotonic(now.0 - (wall_nanos() - nanos).max(0))
}

fn wall_nanos() -> i64 {
    let wall = clock_gettime(ClockId::Realtime);
    wall.tv_sec * 1_000_000_000 + wall.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_stamp_lands_in_the_past_by_its_age() {
        let wall = clock_gettime(ClockId::Realtime);
        let wall = Duration::new(wall.tv_sec as u64, wall.tv_nsec as u32);
        let now = Monotonic::now();
        let at = Stamp::Kernel(wall.checked_sub(Duration::from_millis(500)).unwrap()).monotonic();
        assert!((499..=501).contains(&(now.since(at) / 1_000_000)), "{}", now.since(at));
    }

    #[test]
    fn a_sent_packet_left_between_its_stamp_and_now() {
        let sent = Monotonic(Monotonic::now().0 - 250_000);
        let (at, uncertainty) = Stamp::At(sent).placed();
        assert_eq!(at, sent);
        let latest = Monotonic::now().since(sent).unsigned_abs() / 1_000 + 2;
        assert!((251..=latest).contains(&u64::from(uncertainty)), "{uncertainty} of {latest}");

        let after = Monotonic(sent.0 + 30_500);
        assert_eq!(Stamp::Between(sent, after).placed(), (sent, 32), "whatever came after the call");
        assert!(matches!(Stamp::At(sent).sent(&[22]), Stamp::Between(before, _) if before == sent));
    }

    #[test]
    fn an_unbelievable_stamp_is_left_out() {
        let before = Monotonic::now();
        assert!(Stamp::Kernel(Duration::ZERO).monotonic() >= before);
    }

    #[test]
    fn fingerprints_tell_paths_apart() {
        let addresses =
            ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1", "[2001:db8::1]:1", "[2001:db8::1]:2", "[::1]:1"];
        let prints: std::collections::HashSet<u64> =
            addresses.iter().map(|text| Path::fingerprint(text.parse().unwrap())).collect();
        assert_eq!(prints.len(), addresses.len());
        assert!(!prints.contains(&0));
    }
}
