//! How much the relay takes: a window of unacknowledged datagrams that grows until some are lost.
//!
//! A plain flood would measure what is dropped; this keeps to what arrives. Pure: times are those since the transfer began.

use std::collections::BTreeMap;
use std::time::Duration;

use super::tally::Token;

/// A datagram of a video stream over a usual path: below 1280 bytes with every header (RFC 8200 §5).
pub const PAYLOAD: usize = 1200;
/// Token and number, which is all of an acknowledgement.
const HEADER: usize = 12;
/// At the start, as TCP begins (RFC 6928).
const FIRST_WINDOW: usize = 10;
/// What a socket's default receive buffer of Linux holds (208 KiB, with its overhead per datagram).
const LARGEST_WINDOW: usize = 90;
/// Datagrams overtaken by this many others are lost, as QUIC counts (RFC 9002 §6.1.1), with more room for relays that
/// work in batches.
const OVERTAKEN: u32 = 16;
/// After this long a datagram is lost whatever comes: the longest round trip that is sensible, so that a stall ends.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// The sending end.
#[derive(Debug)]
pub struct Sender {
    token: Token,
    next: u32,
    window: usize,
    growing: bool,
    acknowledged: u64,
    in_flight: BTreeMap<u32, Duration>,
}

impl Sender {
    /// Nothing sent yet.
    pub fn new(token: Token) -> Self {
        Self {
            token,
            next: 0,
            window: FIRST_WINDOW,
            growing: true,
            acknowledged: 0,
            in_flight: BTreeMap::new(),
        }
    }

    /// The next datagram, if there is room in the window.
    pub fn send(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.give_up(now);
        (self.in_flight.len() < self.window).then(|| {
            let mut datagram = Vec::with_capacity(PAYLOAD);
            datagram.extend(self.token);
            datagram.extend(self.next.to_be_bytes());
            datagram.resize(PAYLOAD, 0);
            self.in_flight.insert(self.next, now);
            self.next += 1;
            datagram
        })
    }

    /// Takes an acknowledgement.
    pub fn acknowledge(&mut self, bytes: &[u8]) {
        let Some(number) = number(self.token, bytes) else { return };
        if bytes.len() != HEADER || self.in_flight.remove(&number).is_none() {
            return;
        }
        self.acknowledged += PAYLOAD as u64;
        if self.growing {
            self.window = (self.window + 1).min(LARGEST_WINDOW);
        }
        let lost = self.in_flight.range(..number.saturating_sub(OVERTAKEN)).count();
        if lost > 0 {
            self.in_flight = self.in_flight.split_off(&number.saturating_sub(OVERTAKEN));
            self.shrink();
        }
    }

    fn give_up(&mut self, now: Duration) {
        let before = self.in_flight.len();
        self.in_flight.retain(|_, sent| now.saturating_sub(*sent) < LOST_AFTER);
        if self.in_flight.len() < before {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        self.window = (self.window * 3 / 4).max(2);
        self.growing = false;
    }

    /// Bits of payload per second that arrived and were acknowledged.
    pub fn bits_per_second(&self, elapsed: Duration) -> f64 {
        if elapsed.is_zero() { 0.0 } else { self.acknowledged as f64 * 8.0 / elapsed.as_secs_f64() }
    }
}

/// What the receiving end answers to a datagram of the transfer.
pub fn acknowledgement(token: Token, bytes: &[u8]) -> Option<[u8; HEADER]> {
    number(token, bytes)?;
    (bytes.len() == PAYLOAD).then(|| bytes.first_chunk().copied()).flatten()
}

fn number(token: Token, bytes: &[u8]) -> Option<u32> {
    let number = bytes.strip_prefix(&token[..])?.first_chunk()?;
    Some(u32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token = *b"transfer";

    fn burst(sender: &mut Sender, now: Duration) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| sender.send(now)).collect()
    }

    fn acknowledge(sender: &mut Sender, datagrams: &[Vec<u8>]) {
        for datagram in datagrams {
            sender.acknowledge(&acknowledgement(TOKEN, datagram).unwrap());
        }
    }

    #[test]
    fn the_window_grows_while_all_arrives_and_what_arrives_is_counted() {
        let mut sender = Sender::new(TOKEN);
        let mut arrived = 0;
        for expected in [10, 20, 40, 80, 90, 90] {
            let datagrams = burst(&mut sender, Duration::ZERO);
            assert_eq!(datagrams.len(), expected);
            acknowledge(&mut sender, &datagrams);
            arrived += expected;
        }
        let expected = (arrived * PAYLOAD * 8) as f64 / 2.0;
        assert!((sender.bits_per_second(Duration::from_secs(2)) - expected).abs() < 1e-6);
    }

    #[test]
    fn a_loss_narrows_the_window_and_is_not_counted() {
        let mut sender = Sender::new(TOKEN);
        let first = burst(&mut sender, Duration::ZERO);
        acknowledge(&mut sender, &first);
        let second = burst(&mut sender, Duration::ZERO);
        acknowledge(&mut sender, &second[2..]);
        let third = burst(&mut sender, Duration::ZERO);
        // Without the loss it would be 38: one more for each that arrived.
        assert!((10..30).contains(&third.len()), "{}", third.len());
        let expected = ((10 + 18) * PAYLOAD * 8) as f64;
        assert!((sender.bits_per_second(Duration::from_secs(1)) - expected).abs() < 1e-6);
    }

    #[test]
    fn a_stall_ends() {
        let mut sender = Sender::new(TOKEN);
        assert_eq!(burst(&mut sender, Duration::ZERO).len(), 10);
        assert_eq!(burst(&mut sender, LOST_AFTER / 2).len(), 0);
        assert_eq!(burst(&mut sender, LOST_AFTER).len(), 7);
    }

    #[test]
    fn strangers_and_repeats_count_for_nothing() {
        let mut sender = Sender::new(TOKEN);
        let datagrams = burst(&mut sender, Duration::ZERO);
        let answer = acknowledgement(TOKEN, &datagrams[0]).unwrap();
        sender.acknowledge(&answer);
        sender.acknowledge(&answer);
        sender.acknowledge(&datagrams[1]);
        sender.acknowledge(b"transfer");
        let expected = (PAYLOAD * 8) as f64;
        assert!((sender.bits_per_second(Duration::from_secs(1)) - expected).abs() < 1e-6);
        assert_eq!(acknowledgement(*b"stranger", &datagrams[0]), None);
        assert_eq!(acknowledgement(TOKEN, &answer), None, "an acknowledgement is not answered");
    }
}
