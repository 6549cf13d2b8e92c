//! What was seen of clients that no session has claimed yet. Bounded in time and in memory, whoever sends.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::Monotonic;

use crate::tuple::{FiveTuple, Transport};

/// How long a claim is waited for: a browser's candidate takes seconds at most to get here.
const KEPT: Duration = Duration::from_secs(30);
/// 5-tuples that are remembered, the latest.
const MOST_CLIENTS: usize = 512;
/// Messages of each: a Binding, retransmissions, and a first Allocate with its challenge.
const MOST_MESSAGES: usize = 12;
/// Longer messages are left out: none of those that come before a claim is.
const LONGEST: usize = 548;

/// A message that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// From the client, not to it.
    pub inbound: bool,
    /// When.
    pub at: Monotonic,
    /// How far that may be off, in microseconds.
    pub uncertainty: u32,
    /// The message.
    pub bytes: Box<[u8]>,
    /// It refuses a credential: a 401 that is not the challenge that every exchange begins with.
    pub refused: bool,
}

#[derive(Debug)]
struct Client {
    via: FiveTuple,
    first: Monotonic,
    seen: Vec<Seen>,
}

/// The clients, the one that came first in front.
#[derive(Debug, Default)]
pub struct Unclaimed(VecDeque<Client>);

impl Unclaimed {
    /// Keeps what was seen of a client, if there is room.
    pub fn keep(&mut self, via: FiveTuple, request: Seen, answer: Option<Seen>) {
        self.expire(request.at);
        let known = self.0.iter().position(|client| client.via == via);
        let client = if let Some(index) = known {
            self.0.get_mut(index)
        } else {
            if self.0.len() >= MOST_CLIENTS {
                self.0.pop_front();
            }
            self.0.push_back(Client { via, first: request.at, seen: Vec::new() });
            self.0.back_mut()
        };
        let Some(client) = client else { return };
        for seen in [Some(request), answer].into_iter().flatten() {
            if client.seen.len() < MOST_MESSAGES && seen.bytes.len() <= LONGEST {
                client.seen.push(seen);
            }
        }
    }

    /// Takes what was seen of a 5-tuple.
    pub fn take(&mut self, via: &FiveTuple) -> Vec<Seen> {
        let found = self.0.iter().position(|client| client.via == *via);
        found.and_then(|index| self.0.remove(index)).map(|client| client.seen).unwrap_or_default()
    }

    /// Takes what was seen of a client address over UDP, server by server.
    pub fn take_client(&mut self, address: SocketAddr) -> Vec<(FiveTuple, Vec<Seen>)> {
        let theirs =
            |client: &&Client| client.via.client == address && client.via.transport == Transport::Udp;
        let found: Vec<FiveTuple> = self.0.iter().filter(theirs).map(|client| client.via).collect();
        found.into_iter().map(|via| (via, self.take(&via))).collect()
    }

    /// Lets go of what is too old.
    pub fn expire(&mut self, now: Monotonic) {
        while self.0.front().is_some_and(|client| now >= client.first.plus(KEPT)) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::via;

    fn seen(at: Monotonic) -> Seen {
        Seen { inbound: true, at, uncertainty: 0, bytes: vec![0; 20].into(), refused: false }
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_time() {
        let mut unclaimed = Unclaimed::default();
        let start = Monotonic(0);
        for port in 0..5000_u16 {
            let via = via(&format!("192.0.2.9:{port}"));
            (0..20).for_each(|_| unclaimed.keep(via, seen(start), Some(seen(start))));
        }
        assert_eq!(unclaimed.0.len(), MOST_CLIENTS);
        assert!(unclaimed.0.iter().all(|client| client.seen.len() == MOST_MESSAGES));
        assert_eq!(unclaimed.take(&via("192.0.2.9:4999")).len(), MOST_MESSAGES, "the latest are kept");
        assert_eq!(unclaimed.take(&via("192.0.2.9:1")).len(), 0);
        unclaimed.expire(start.plus(KEPT));
        assert_eq!(unclaimed.0.len(), 0);
    }

    #[test]
    fn a_long_message_is_left_out() {
        let mut unclaimed = Unclaimed::default();
        let long = Seen { bytes: vec![0; 60_000].into(), ..seen(Monotonic(0)) };
        unclaimed.keep(via("192.0.2.9:1"), long, Some(seen(Monotonic(0))));
        assert_eq!(unclaimed.take(&via("192.0.2.9:1")), [seen(Monotonic(0))]);
    }
}
