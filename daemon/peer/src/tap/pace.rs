//! Checks that wait for a late other end, at a pace that does no harm.
//!
//! RFC 8863 has an agent wait 39.5 s for a path, and as long as it waits it must check: a firewall that opens late, a user who
//! answers a prompt late are noticed by that alone. The crate repeats each pair's check at one pace to the end. At the pace that
//! finds a path quickly that would be a thousand packets for each pair; so after the first seconds the tap lets one through in a
//! while, and the others never leave. What the other end asks for is checked at once (RFC 8445 §7.3.1.4).

use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::Monotonic;

use super::classify::{Class, classify};
use super::grace::{Grace, Through};
use super::nomination::Pair;
use super::state::{Packet, State};
use super::stun::{Message, attribute};
use super::turn;

/// As fast as the agent wants: most paths are found within this.
const FREELY: Duration = Duration::from_secs(2);
/// RFC 8445 §14.3: a check is not sent again within 500 ms.
const THEN_EVERY: Duration = Duration::from_millis(500);
/// Pairs that are remembered: the session's limit of remote candidates times a handful of sockets. One that was forgotten begins
/// anew.
const PAIRS: usize = 256;

#[derive(Debug)]
struct Paced {
    pair: Pair,
    first: Monotonic,
    last: Option<Monotonic>,
}

/// The checks of one session.
#[derive(Debug, Default)]
pub struct Pace {
    pairs: Vec<Paced>,
}

impl Pace {
    /// Whether a check of this pair may leave now.
    fn lets_go(&mut self, pair: Pair, now: Monotonic) -> bool {
        let Some(paced) = self.pairs.iter_mut().find(|paced| paced.pair == pair) else {
            if self.pairs.len() == PAIRS {
                self.pairs.remove(0);
            }
            self.pairs.push(Paced { pair, first: now, last: Some(now) });
            return true;
        };
        let since = |then: Monotonic| Duration::from_nanos(now.since(then).max(0).unsigned_abs());
        let go = since(paced.first) <= FREELY || paced.last.is_none_or(|last| since(last) >= THEN_EVERY);
        if go {
            paced.last = Some(now);
        }
        go
    }

    /// The other end spoke: the next check of this pair is its answer.
    pub fn heard(&mut self, outer: SocketAddr, remote: SocketAddr) {
        let same = |paced: &&mut Paced| paced.pair.outer == outer && paced.pair.remote == remote;
        for paced in self.pairs.iter_mut().filter(same) {
            paced.last = None;
        }
    }
}

impl State {
    /// Whether a datagram that is about to leave is a check that comes too soon after the last one of its pair.
    #[inline]
    pub fn holds_back(&self, packet: &Packet<'_>) -> bool {
        match classify(packet.bytes) {
            Class::Stun | Class::ChannelData => self.is_too_soon(packet).unwrap_or(false),
            _ => false,
        }
    }

    /// See [`super::Tap::client_direct`].
    pub fn client_direct(&self) {
        self.exchange().grace.direct();
    }

    /// See [`super::Tap::client_relay`].
    pub fn client_relay(&self, address: SocketAddr) {
        self.exchange().grace.relay(address);
    }

    /// What a check to `remote` goes through. A relay that the client has not told yet is known by its server's address, but on one
    /// machine that tells nothing.
    fn through(&self, grace: &Grace, packet: &Packet<'_>, remote: SocketAddr) -> Through {
        let far = !remote.ip().is_loopback() && remote.ip() != packet.local.ip();
        if packet.remote != remote {
            Through::Ours
        } else if grace.is_relay(remote) || (far && self.servers.is_host(remote.ip())) {
            Through::Theirs
        } else {
            Through::Direct
        }
    }

    fn is_too_soon(&self, packet: &Packet<'_>) -> Option<bool> {
        let mut exchange = self.exchange();
        // Channels over a stream are known by the stream, not by the address that stands for it.
        let (remote, inner) = if classify(packet.bytes) == Class::ChannelData {
            let (channel, inner) = turn::channel_data(packet.bytes)?;
            (exchange.allocations.peer(packet.socket, packet.remote, channel), inner)
        } else {
            let direct = (packet.remote, packet.bytes);
            let (remote, inner) = turn::indication(&Message::parse(packet.bytes)?).unwrap_or(direct);
            (Some(remote), inner)
        };
        if classify(inner) != Class::Stun {
            return None;
        }
        let message = Message::parse(inner)?;
        if !message.is_check() || message.get(attribute::USE_CANDIDATE).is_some() {
            return None;
        }
        let through = remote.map_or(Through::Ours, |remote| self.through(&exchange.grace, packet, remote));
        if exchange.grace.waits(through, packet.stamp.monotonic()) {
            return Some(true);
        }
        let remote = remote?;
        let local_ufrag = message.ufrags()?.1.to_owned();
        let pair = Pair { socket: packet.socket, outer: packet.remote, remote, local_ufrag };
        Some(!exchange.pace.lets_go(pair, packet.stamp.monotonic()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: i64 = 1_000_000;

    fn pair(remote: &str) -> Pair {
        let remote = remote.parse().unwrap();
        Pair { socket: 1, outer: remote, remote, local_ufrag: "mine".into() }
    }

    /// Milliseconds at which a check leaves that the agent wants to send every 50 ms.
    fn left(pace: &mut Pace, remote: &str, times: impl Iterator<Item = i64>) -> Vec<i64> {
        times.filter(|at| pace.lets_go(pair(remote), Monotonic(at * MILLI))).collect()
    }

    #[test]
    fn after_two_seconds_a_check_goes_every_half_second_and_goes_on_for_the_wait_of_rfc_8863() {
        let mut pace = Pace::default();
        let sent = left(&mut pace, "10.0.0.2:1", (0..40_000).step_by(50));
        let (early, late): (Vec<i64>, Vec<i64>) = sent.iter().partition(|at| **at <= 2_000);
        assert_eq!(early.len(), 41, "as fast as the agent wants");
        assert!(late.windows(2).all(|pair| pair[1] - pair[0] == 500), "{late:?}");
        assert_eq!(late.last(), Some(&39_500));
    }

    #[test]
    fn each_pair_has_a_pace_of_its_own_and_begins_anew_after_a_restart() {
        let mut pace = Pace::default();
        left(&mut pace, "10.0.0.2:1", (0..10_000).step_by(50));
        assert_eq!(left(&mut pace, "10.0.0.3:1", (10_000..11_000).step_by(50)).len(), 20);
        let restarted = Pair { local_ufrag: "other".into(), ..pair("10.0.0.2:1") };
        assert!(pace.lets_go(restarted.clone(), Monotonic(10_010 * MILLI)));
        assert!(pace.lets_go(restarted, Monotonic(10_060 * MILLI)));
    }

    #[test]
    fn what_the_other_end_asks_for_is_checked_at_once() {
        let mut pace = Pace::default();
        left(&mut pace, "10.0.0.2:1", (0..10_000).step_by(50));
        assert!(!pace.lets_go(pair("10.0.0.2:1"), Monotonic(9_960 * MILLI)));
        let remote = "10.0.0.2:1".parse().unwrap();
        pace.heard(remote, remote);
        assert!(pace.lets_go(pair("10.0.0.2:1"), Monotonic(9_970 * MILLI)));
        assert!(!pace.lets_go(pair("10.0.0.2:1"), Monotonic(9_980 * MILLI)), "once");
    }
}
