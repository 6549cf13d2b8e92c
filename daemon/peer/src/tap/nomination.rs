//! Answers to nominations at once.
//!
//! Asked to use a pair whose own check has not succeeded yet, the crate's controlled agent starts that check and leaves the
//! request unanswered, so that the browser asks again some 50 ms later (RFC 8445 §7.3.1.5 wants the pair nominated when the
//! check succeeds). The tap keeps a copy of the request and gives it to the agent once more, right behind the success
//! response that makes the pair valid: the agent then answers and selects. The agent checks the copy like any request.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::Monotonic;

use super::stun::TransactionId;

/// The pair as the agent sees it: a generation of one of its sockets, and the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The tap's number of the socket.
    pub socket: u64,
    /// Where datagrams come from: the other end, or the TURN server.
    pub outer: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The agent's user name fragment: after an ICE restart all pairs start anew.
    pub local_ufrag: String,
}

/// Pairs that are remembered. The session's limit of remote candidates times a handful of sockets.
const PAIRS: usize = 256;
/// Requests that wait per pair; the browser repeats every 50 ms.
const WAITING: usize = 4;
/// An answer after this is of no use to the browser any more.
const LIFETIME: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Known {
    pair: Pair,
    succeeded: bool,
    waiting: Vec<(TransactionId, Vec<u8>, Monotonic)>,
}

/// What is known of the pairs of one session.
#[derive(Debug, Default)]
pub struct Nominations {
    pairs: Vec<Known>,
}

impl Nominations {
    fn entry(&mut self, pair: &Pair) -> &mut Known {
        let at = self.pairs.iter().position(|known| known.pair == *pair).unwrap_or_else(|| {
            if self.pairs.len() == PAIRS {
                self.pairs.remove(0);
            }
            self.pairs.push(Known { pair: pair.clone(), succeeded: false, waiting: Vec::new() });
            self.pairs.len() - 1
        });
        &mut self.pairs[at]
    }

    /// A nominating request came in: keeps a copy while the pair's own check is under way.
    pub fn requested(&mut self, pair: &Pair, transaction: TransactionId, datagram: &[u8], now: Monotonic) {
        let known = self.entry(pair);
        let kept = known.waiting.iter().any(|(id, ..)| *id == transaction);
        if known.succeeded || kept {
            return;
        }
        if known.waiting.len() == WAITING {
            known.waiting.remove(0);
        }
        known.waiting.push((transaction, datagram.to_vec(), now));
    }

    /// The pair's own check succeeded: the requests that the agent is to be given once more.
    pub fn succeeded(&mut self, pair: &Pair, now: Monotonic) -> Vec<Vec<u8>> {
        let known = self.entry(pair);
        known.succeeded = true;
        let fresh = |since: &Monotonic| now.since(*since) < LIFETIME.as_nanos() as i64;
        known.waiting.drain(..).filter(|(.., since)| fresh(since)).map(|(_, datagram, _)| datagram).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(ufrag: &str) -> Pair {
        let remote = "10.0.0.2:4000".parse().unwrap();
        Pair { socket: 1, outer: remote, remote, local_ufrag: ufrag.to_owned() }
    }

    #[test]
    fn a_request_that_came_before_the_check_succeeded_is_given_once_more() {
        let mut nominations = Nominations::default();
        nominations.requested(&pair("a"), [1; 12], b"one", Monotonic(0));
        nominations.requested(&pair("a"), [1; 12], b"one, sent again", Monotonic(0));
        nominations.requested(&pair("a"), [2; 12], b"two", Monotonic(0));
        assert!(nominations.succeeded(&pair("other generation"), Monotonic(1)).is_empty());
        assert_eq!(nominations.succeeded(&pair("a"), Monotonic(1)), [b"one".to_vec(), b"two".to_vec()]);
        assert!(nominations.succeeded(&pair("a"), Monotonic(2)).is_empty());
    }

    #[test]
    fn a_request_on_a_valid_pair_is_not_kept() {
        let mut nominations = Nominations::default();
        nominations.succeeded(&pair("a"), Monotonic(0));
        nominations.requested(&pair("a"), [1; 12], b"one", Monotonic(0));
        assert!(nominations.succeeded(&pair("a"), Monotonic(1)).is_empty());
    }

    #[test]
    fn an_old_request_is_left_out_and_few_are_kept() {
        let mut nominations = Nominations::default();
        nominations.requested(&pair("a"), [1; 12], b"old", Monotonic(0));
        assert!(nominations.succeeded(&pair("a"), Monotonic(2_000_000_000)).is_empty());
        for id in 0..100 {
            nominations.requested(&pair("b"), [id; 12], b"x", Monotonic(0));
        }
        assert_eq!(nominations.succeeded(&pair("b"), Monotonic(1)).len(), WAITING);
    }
}
