//! The last answers, for requests that come again: the same transaction gets the same answer (RFC 8489 §6.3.1).

use std::collections::VecDeque;
use std::time::Duration;

use icescope_model::Monotonic;

use crate::tuple::FiveTuple;
use crate::wire::TransactionId;

/// How long a client goes on asking (RFC 8489 §6.2.1: 39.5 s).
const KEPT: Duration = Duration::from_secs(40);
/// Answers that are kept: only those to proven clients are.
const MOST: usize = 512;

#[derive(Debug)]
struct Kept {
    via: FiveTuple,
    transaction: TransactionId,
    at: Monotonic,
    answer: Vec<u8>,
}

/// The last answers.
#[derive(Debug, Default)]
pub struct Replay(VecDeque<Kept>);

impl Replay {
    /// The answer that this request got before.
    pub fn find(&self, via: &FiveTuple, transaction: TransactionId, now: Monotonic) -> Option<Vec<u8>> {
        let kept = self.0.iter().rev().take_while(|kept| now < kept.at.plus(KEPT));
        let mut same = kept.filter(|kept| kept.transaction == transaction && kept.via == *via);
        same.next().map(|kept| kept.answer.clone())
    }

    /// Whether nothing is kept.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps an answer.
    pub fn keep(&mut self, via: FiveTuple, transaction: TransactionId, answer: &[u8], now: Monotonic) {
        while self.0.len() >= MOST || self.0.front().is_some_and(|kept| now >= kept.at.plus(KEPT)) {
            self.0.pop_front();
        }
        self.0.push_back(Kept { via, transaction, at: now, answer: answer.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuple::Transport;

    #[test]
    fn an_answer_is_kept_for_its_client_its_transaction_and_a_time() {
        let via = FiveTuple {
            client: "192.0.2.9:1".parse().unwrap(),
            server: "192.0.2.1:3478".parse().unwrap(),
            transport: Transport::Udp,
        };
        let other = FiveTuple { transport: Transport::Tcp, ..via };
        let mut replay = Replay::default();
        replay.keep(via, [1; 12], b"answer", Monotonic(0));
        let later = |seconds| Monotonic(0).plus(Duration::from_secs(seconds));
        assert_eq!(replay.find(&via, [1; 12], later(39)), Some(b"answer".to_vec()));
        assert_eq!(replay.find(&via, [1; 12], later(41)), None);
        assert_eq!(replay.find(&via, [2; 12], later(1)), None);
        assert_eq!(replay.find(&other, [1; 12], later(1)), None);
        for _ in 0..2 * MOST {
            replay.keep(via, [3; 12], b"", later(1));
        }
        assert_eq!(replay.0.len(), MOST);
    }
}
