//! Numbered datagrams that a peer sends back as they are: round trips and loss.

use std::time::Duration;

use crate::attempt::{Data, Rtt, Way};

/// Marks the datagrams of one measurement, so that nothing else is taken for one.
pub type Token = [u8; 8];

/// Token and number.
const LENGTH: usize = 12;
/// The number of the datagram that a peer announces itself with.
const HELLO: u32 = u32::MAX;

/// The datagram that a peer announces itself with.
pub fn hello(token: Token) -> [u8; LENGTH] {
    datagram(token, HELLO)
}

/// Whether it is that of this measurement.
pub fn is_hello(token: Token, bytes: &[u8]) -> bool {
    bytes == hello(token)
}

/// Whether it is one that is to be sent back.
pub fn is_ping(token: Token, bytes: &[u8]) -> bool {
    number(token, bytes).is_some_and(|number| number != HELLO)
}

fn datagram(token: Token, number: u32) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..8].copy_from_slice(&token);
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn number(token: Token, bytes: &[u8]) -> Option<u32> {
    let number = bytes.strip_prefix(&token[..])?;
    Some(u32::from_be_bytes(number.try_into().ok()?))
}

/// What was sent and what came back. Times are those since the measurement began.
#[derive(Debug)]
pub struct Tally {
    token: Token,
    sent: Vec<Duration>,
    round_trips: Vec<Option<Duration>>,
}

impl Tally {
    /// Nothing sent yet.
    pub fn new(token: Token) -> Self {
        Self { token, sent: Vec::new(), round_trips: Vec::new() }
    }

    /// The next datagram, which is sent now.
    pub fn send(&mut self, now: Duration) -> [u8; LENGTH] {
        let datagram = datagram(self.token, self.sent.len() as u32);
        self.sent.push(now);
        self.round_trips.push(None);
        datagram
    }

    /// Takes what came back. Repeats and strangers count for nothing.
    pub fn receive(&mut self, bytes: &[u8], now: Duration) {
        let Some(index) = number(self.token, bytes).map(|number| number as usize) else { return };
        if let (Some(sent), Some(none @ None)) = (self.sent.get(index), self.round_trips.get_mut(index)) {
            *none = Some(now.saturating_sub(*sent));
        }
    }

    /// How many were sent.
    pub fn sent(&self) -> u32 {
        self.sent.len() as u32
    }

    /// All that were sent came back.
    pub fn is_complete(&self) -> bool {
        self.round_trips.iter().all(Option::is_some)
    }

    /// What it comes to.
    pub fn data(&self, way: Way) -> Data {
        let mut round_trips: Vec<f64> =
            self.round_trips.iter().flatten().map(|round_trip| round_trip.as_secs_f64() * 1e3).collect();
        round_trips.sort_by(f64::total_cmp);
        let (sent, received) = (self.sent(), round_trips.len() as u32);
        let rtt_ms = match (round_trips.first(), round_trips.get(round_trips.len() / 2), round_trips.last()) {
            (Some(min), Some(median), Some(max)) => Some(Rtt { min: *min, median: *median, max: *max }),
            _ => None,
        };
        let loss = if sent == 0 { 0.0 } else { f64::from(sent - received) / f64::from(sent) };
        Data { way, rtt_ms, sent, received, loss }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token = *b"tokentok";

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn round_trips_and_loss_are_counted_once_each() {
        let mut tally = Tally::new(TOKEN);
        let pings: Vec<_> = (0..4).map(|index| tally.send(ms(index * 20))).collect();
        tally.receive(&pings[2], ms(45));
        tally.receive(&pings[0], ms(10));
        tally.receive(&pings[0], ms(90));
        tally.receive(&pings[3], ms(67));
        let data = tally.data(Way::PeerSocket);
        assert_eq!(data.rtt_ms, Some(Rtt { min: 5.0, median: 7.0, max: 10.0 }));
        assert_eq!((data.sent, data.received), (4, 3));
        assert!((data.loss - 0.25).abs() < 1e-9 && !tally.is_complete());
    }

    #[test]
    fn strangers_count_for_nothing() {
        let mut tally = Tally::new(TOKEN);
        let ping = tally.send(ms(0));
        let mut other = ping;
        other[0] ^= 1;
        for stranger in [&other[..], &ping[..11], b"", &hello(TOKEN)] {
            tally.receive(stranger, ms(1));
        }
        assert_eq!(tally.data(Way::PeerSocket).received, 0);
        assert!(is_ping(TOKEN, &ping) && !is_ping(TOKEN, &other) && !is_ping(TOKEN, &hello(TOKEN)));
        assert!(is_hello(TOKEN, &hello(TOKEN)) && !is_hello(TOKEN, &ping));
    }

    #[test]
    fn nothing_back_is_a_loss_of_all_and_no_round_trip() {
        let mut tally = Tally::new(TOKEN);
        tally.send(ms(0));
        let data = tally.data(Way::RelayToRelay);
        assert_eq!((data.rtt_ms, data.received), (None, 0));
        assert!((data.loss - 1.0).abs() < 1e-9);
    }
}
