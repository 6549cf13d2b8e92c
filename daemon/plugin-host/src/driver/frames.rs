//! The writing end of a running stream: a bounded queue that never blocks its plugin.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use icescope_model::Monotonic;
use icescope_plugin_abi::{ICS_FRAME_DISCONT, ICS_FRAME_KEY};

use crate::ring::{Facts, Ring, SLOTS};

/// A unit that waited this long shows that nobody takes them: then the queue counts as full although slots are free.
const OLDEST_NS: i64 = 250_000_000;

/// One running format.
pub(super) struct Stream {
    ring: Ring,
    bell: OwnedFd,
    state: Mutex<State>,
}

struct State {
    /// Something was dropped; only a key frame is of use.
    waiting: bool,
    /// When the unit in each slot was published.
    published: [Option<Monotonic>; SLOTS],
}

/// What is pushed.
pub(super) enum Bytes<'a> {
    /// To be copied into a slot.
    Elsewhere(&'a [u8]),
    /// In this slot already, so many.
    InSlot(usize, usize),
}

impl Stream {
    pub(super) fn new(ring: &OwnedFd, bell: OwnedFd) -> io::Result<Self> {
        let state = Mutex::new(State { waiting: false, published: [None; SLOTS] });
        Ok(Self { ring: Ring::map(ring)?, bell, state })
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a unit. `false`: it was dropped and a key frame is wanted next.
    pub(super) fn push(&self, bytes: &Bytes<'_>, facts: Facts) -> bool {
        let mut state = self.state();
        let key = facts.flags & ICS_FRAME_KEY != 0;
        if state.waiting && !key {
            self.lose_one();
            return false;
        }
        // The slot first, then the bytes: a unit is either queued whole or still the plugin's.
        let Some(slot) = self.room(&mut state, bytes) else {
            state.waiting = true;
            self.lose_one();
            return false;
        };
        let len = match *bytes {
            Bytes::Elsewhere(data) => {
                self.ring.fill(slot, data);
                data.len()
            }
            Bytes::InSlot(_, len) => len,
        };
        let lost = if state.waiting { ICS_FRAME_DISCONT } else { 0 };
        if key {
            state.waiting = false;
            self.ring.has_key();
        }
        state.published[slot] = Some(Monotonic::now());
        self.ring.publish(slot, len, Facts { flags: facts.flags | lost, ..facts });
        self.ring_the_bell();
        true
    }

    fn room(&self, state: &mut State, bytes: &Bytes<'_>) -> Option<usize> {
        let now = Monotonic::now();
        for (slot, published) in state.published.iter_mut().enumerate() {
            if published.is_some() && self.ring.is_free(slot) {
                *published = None;
            }
            if published.is_some_and(|at| now.since(at) > OLDEST_NS) {
                return None;
            }
        }
        match *bytes {
            Bytes::InSlot(slot, _) => Some(slot),
            Bytes::Elsewhere(_) => self.ring.claim(),
        }
    }

    /// Something that cannot be queued at all was lost.
    pub(super) fn lose(&self) {
        self.state().waiting = true;
        self.lose_one();
    }

    /// The reader hears of it, so that it asks for a key frame even when nothing is queued any more.
    fn lose_one(&self) {
        self.ring.drop_one();
        self.ring_the_bell();
    }

    fn ring_the_bell(&self) {
        // Full (2^64 - 2 rings unheard) is impossible, and a closed bell means that the daemon's end is gone.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{self, Reader};
    use rustix::event::EventfdFlags;

    fn stream() -> (Stream, Reader) {
        let memory = ring::create().unwrap();
        let bell = rustix::event::eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        let reader = Reader::new(Ring::map(&memory).unwrap());
        (Stream::new(&memory, bell).unwrap(), reader)
    }

    fn push(stream: &Stream, flags: u32) -> bool {
        stream.push(&Bytes::Elsewhere(b"unit"), Facts { flags, ..Facts::default() })
    }

    #[test]
    fn after_a_drop_only_a_key_frame_passes_and_it_is_marked() {
        let (stream, mut reader) = stream();
        for _ in 0..SLOTS {
            assert!(push(&stream, 0));
        }
        assert!(!push(&stream, 0), "full");
        assert!(reader.wants_key());
        for _ in 0..SLOTS {
            reader.take().unwrap().unwrap();
        }
        assert!(!push(&stream, 0), "there is room, but what it refers to was dropped");
        assert!(push(&stream, ICS_FRAME_KEY));
        assert!(!reader.wants_key());
        assert_eq!(reader.take().unwrap().unwrap().1.flags, ICS_FRAME_KEY | ICS_FRAME_DISCONT);
        assert!(push(&stream, 0));
        assert_eq!(reader.take().unwrap().unwrap().1.flags, 0);
        assert_eq!(reader.dropped(), 2);
    }

    #[test]
    fn a_unit_that_waited_too_long_makes_the_queue_full() {
        let (stream, mut reader) = stream();
        assert!(push(&stream, ICS_FRAME_KEY));
        stream.state().published[0] = Some(Monotonic(Monotonic::now().0 - OLDEST_NS - 1));
        assert!(!push(&stream, 0));
        reader.take().unwrap().unwrap();
        assert!(push(&stream, ICS_FRAME_KEY), "taken, so the queue moves again");
    }
}
