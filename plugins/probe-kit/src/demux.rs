//! Whose message it is: transactions by their id, everything else to whoever takes it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::message::{Message, TransactionId};

/// Answers of one transaction that wait to be taken; more are late copies of the same.
const ANSWERS: usize = 16;
/// Datagrams that no transaction waits for and that wait to be taken. At a relay's throughput that is some 10 ms.
const UNCLAIMED: usize = 1024;

/// A datagram, or a message of a stream, with where it came from and when.
#[derive(Debug, Clone)]
pub struct Datagram {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its real source.
    pub from: SocketAddr,
    /// On the clock of [`crate::clock::now_ns`].
    pub at_ns: i64,
}

/// A message with the transaction id that somebody expects.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The message.
    pub message: Message,
    /// Its real source.
    pub from: SocketAddr,
    /// On the clock of [`crate::clock::now_ns`].
    pub at_ns: i64,
}

/// The table of one socket or connection.
#[derive(Debug)]
pub(crate) struct Demux {
    expected: Mutex<HashMap<TransactionId, mpsc::Sender<Answer>>>,
    unclaimed: mpsc::Sender<Datagram>,
    taker: Mutex<Option<mpsc::Receiver<Datagram>>>,
    dropped: AtomicU64,
}

/// Somebody waits for a transaction's messages at one socket, wherever the request leaves. Ends with its drop.
#[derive(Debug)]
pub struct Expectation {
    id: TransactionId,
    answers: mpsc::Receiver<Answer>,
    demux: Arc<Demux>,
}

impl Expectation {
    /// The next message with the transaction's id, whatever its class; waits for it.
    pub async fn next(&mut self) -> Option<Answer> {
        self.answers.recv().await
    }
}

impl Drop for Expectation {
    fn drop(&mut self) {
        self.demux.expected().remove(&self.id);
    }
}

impl Demux {
    pub(crate) fn new() -> Arc<Self> {
        let (unclaimed, taker) = mpsc::channel(UNCLAIMED);
        let taker = Mutex::new(Some(taker));
        Arc::new(Self { expected: Mutex::default(), unclaimed, taker, dropped: AtomicU64::new(0) })
    }

    fn expected(&self) -> MutexGuard<'_, HashMap<TransactionId, mpsc::Sender<Answer>>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn expect(self: &Arc<Self>, id: TransactionId) -> Expectation {
        let (sender, answers) = mpsc::channel(ANSWERS);
        self.expected().insert(id, sender);
        Expectation { id, answers, demux: Arc::clone(self) }
    }

    pub(crate) fn take_unclaimed(&self) -> Option<mpsc::Receiver<Datagram>> {
        self.taker.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn deliver(&self, bytes: &[u8], from: SocketAddr, at_ns: i64) {
        if let Ok(message) = Message::decode(bytes)
            && let Some(sender) = self.expected().get(&message.transaction_id())
        {
            // Full: whoever waits has had more than enough of them.
            let _ = sender.try_send(Answer { message, from, at_ns });
            return;
        }
        if self.unclaimed.try_send(Datagram { bytes: bytes.to_vec(), from, at_ns }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
