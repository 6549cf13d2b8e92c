//! What is said to the daemon: a bounded queue that a thread of its own writes to the control socket.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::proto::{Note, encode};

/// Above so many waiting bytes, what may be dropped is dropped.
const DROPPABLE_BYTES: usize = 256 << 10;
/// Above so many waiting bytes, one who may not be dropped waits.
const MUST_BYTES: usize = 4 << 20;
/// How often growing counts of dropped things are told.
const TELL_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    bytes: usize,
    closed: bool,
    counts: Counts,
    told: Counts,
    told_at: Option<Instant>,
}

/// What was dropped so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) logs: u64,
    pub(super) bad_text: u64,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a note unless too much is waiting; never waits. Whether it was queued.
    pub(super) fn may(&self, note: &Note) -> bool {
        let Ok(bytes) = encode(note) else { return false };
        let mut state = self.lock();
        if state.closed || state.bytes + bytes.len() > DROPPABLE_BYTES {
            return false;
        }
        state.bytes += bytes.len();
        state.queue.push_back(bytes);
        self.filled.notify_one();
        true
    }

    /// Queues a note; waits while very much is waiting. Whether it was queued: not when the daemon's end is gone.
    pub(super) fn must(&self, note: &Note) -> bool {
        let Ok(bytes) = encode(note) else { return false };
        let mut state = self.lock();
        while state.bytes > MUST_BYTES && !state.closed {
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return false;
        }
        state.bytes += bytes.len();
        state.queue.push_back(bytes);
        self.filled.notify_one();
        true
    }

    /// Changes the counts of what was dropped; they are told soon.
    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock().counts);
        self.filled.notify_one();
    }

    /// Ends the queue: what waits is forgotten.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queue.clear();
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// The writing thread's body: ends when the queue is closed or the daemon's end is gone.
    pub(super) fn drain_into(&self, mut socket: &UnixStream) {
        while let Some(bytes) = self.next() {
            if socket.write_all(&bytes).is_err() {
                break;
            }
        }
        self.close();
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(bytes) = state.queue.pop_front() {
                state.bytes -= bytes.len();
                self.emptied.notify_all();
                return Some(bytes);
            }
            if state.counts == state.told {
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let rest = state.told_at.map_or(Duration::ZERO, |at| TELL_EVERY.saturating_sub(at.elapsed()));
            if rest.is_zero() {
                return Some(state.tell());
            }
            state = self.filled.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn tell(&mut self) -> Vec<u8> {
        self.told = self.counts;
        self.told_at = Some(Instant::now());
        let Counts { events, logs, bad_text } = self.counts;
        encode(&Note::Dropped { events, logs, bad_text }).unwrap_or_default()
    }
}
