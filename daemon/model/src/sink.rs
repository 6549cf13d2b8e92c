//! The bounded channel from observers to `evidence`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::event::Observation;

/// Where an observer puts what it saw. Cheap to clone; never blocks.
#[derive(Debug, Clone)]
pub struct EventSink {
    sender: mpsc::Sender<Observation>,
    dropped: Arc<AtomicU64>,
}

/// The other end, held by `evidence`.
#[derive(Debug)]
pub struct EventSource {
    receiver: mpsc::Receiver<Observation>,
    dropped: Arc<AtomicU64>,
}

impl EventSink {
    /// A sink and its source, with room for `capacity` observations between them.
    pub fn new(capacity: usize) -> (Self, EventSource) {
        let (sender, receiver) = mpsc::channel(capacity);
        let dropped = Arc::new(AtomicU64::new(0));
        (Self { sender, dropped: Arc::clone(&dropped) }, EventSource { receiver, dropped })
    }

    /// Hands an observation over. When the channel is full it is dropped and counted.
    pub fn send(&self, observation: Observation) {
        if self.sender.try_send(observation).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl EventSource {
    /// The next observation; `None` once every sink is gone.
    pub async fn next(&mut self) -> Option<Observation> {
        self.receiver.recv().await
    }

    /// The next observation if one is there now.
    pub fn try_next(&mut self) -> Option<Observation> {
        self.receiver.try_recv().ok()
    }

    /// How many observations were dropped so far because the channel was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Evidence, Lane, Scope};

    #[test]
    fn a_full_sink_drops_and_counts() {
        let (sink, mut source) = EventSink::new(1);
        for _ in 0..3 {
            sink.send(Observation::new(Scope::Daemon, Evidence::Api, Lane::Peer, Lane::Peer, "test"));
        }
        assert!(source.try_next().is_some());
        assert!(source.try_next().is_none());
        assert_eq!(source.dropped(), 2);
    }
}
