//! Turns of the crate's driver on request.
//!
//! The driver turns its loop when a socket has something to read: a socket that returns a zero-length datagram makes it
//! turn without giving it anything to do. Never with the no-op waker of the driver's burst probe: the probe would take the
//! turn and not wait for the next.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

/// Turns until what a received TURN message brought about is on the wire: one passes it from the TURN client to the agent
/// and its answer back to the TURN client, the next sends it; the third is for a timer that is due at once.
pub const TURNS_TO_FLUSH_A_RELAY: u32 = 3;
/// Turns for one frame at most: the driver takes packets and turns in random order, and a key frame may have 60 packets.
const TURNS_PER_FRAME: u32 = 256;

/// The turns that are wanted, and whom to wake for them.
#[derive(Debug, Default)]
pub struct Kicks {
    wanted: AtomicU32,
    /// Frames that were handed to the crate and whose last packet has not been seen on its way to the relay.
    frames: AtomicI32,
    frame_turns: AtomicU32,
    relay_allocated: AtomicBool,
    media_is_relayed: AtomicBool,
    wakers: Mutex<Vec<(u64, Waker)>>,
}

impl Kicks {
    /// Asks for at least so many turns from now.
    pub fn request(&self, turns: u32) {
        self.want(turns);
        self.wake();
    }

    /// The same from within the driver, which looks again by itself.
    pub fn want(&self, turns: u32) {
        self.wanted.fetch_max(turns, AcqRel);
    }

    /// A frame's last packet was handed to the crate.
    pub fn frame_written(&self) {
        if self.media_is_relayed.load(Relaxed) {
            self.frames.fetch_add(1, AcqRel);
            self.frame_turns.store(TURNS_PER_FRAME, Release);
            self.wake();
        }
    }

    /// A frame's last packet has been sent to the relay.
    pub fn frame_sent(&self) {
        let less = |frames: i32| (frames > 0).then(|| frames - 1);
        let _ = self.frames.fetch_update(AcqRel, Acquire, less);
    }

    /// DTLS or media went out, through a relay or not.
    #[inline]
    pub fn sent_media(&self, relayed: bool) {
        if self.media_is_relayed.load(Relaxed) != relayed {
            self.media_is_relayed.store(relayed, Relaxed);
        }
    }

    /// The way that DTLS or media went out last.
    pub fn media_is_relayed(&self) -> bool {
        self.media_is_relayed.load(Relaxed)
    }

    /// A TURN server granted an allocation.
    pub fn allocated(&self) {
        self.relay_allocated.store(true, Relaxed);
    }

    /// Whether there is (or was) an allocation: without one nothing ever waits in the crate's TURN client.
    pub fn relay_allocated(&self) -> bool {
        self.relay_allocated.load(Relaxed)
    }

    /// Takes one turn if one is wanted.
    #[inline]
    pub fn take(&self) -> bool {
        if self.wanted.load(Acquire) == 0 && self.frames.load(Acquire) == 0 {
            return false;
        }
        let less = |turns: u32| turns.checked_sub(1);
        if self.wanted.fetch_update(AcqRel, Acquire, less).is_ok() {
            return true;
        }
        if self.frames.load(Acquire) > 0 {
            if self.frame_turns.fetch_update(AcqRel, Acquire, less).is_ok() {
                return true;
            }
            // The packet went another way, or was dropped: no more of this until media goes through a relay again.
            self.frames.store(0, Release);
            self.media_is_relayed.store(false, Relaxed);
        }
        false
    }

    /// Keeps the waker of a socket whose reader waits.
    pub fn park(&self, socket: u64, context: &Context<'_>) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        match wakers.iter_mut().find(|(id, _)| *id == socket) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => wakers.push((socket, context.waker().clone())),
        }
    }

    /// Forgets a socket.
    pub fn forget(&self, socket: u64) {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != socket);
    }

    fn wake(&self) {
        // Woken outside the lock: a waker may run foreign code.
        let wakers: Vec<Waker> = {
            let wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            wakers.iter().map(|(_, waker)| waker.clone()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Whether a context is that of a probe, which waits for nothing. `Waker::noop` has no data; `will_wake` would compare the
/// addresses of vtables, which may differ between crates.
#[inline]
pub fn is_probe(context: &Context<'_>) -> bool {
    context.waker().data().is_null()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_request_wakes_and_gives_that_many_turns() {
        let (kicks, woken) = (Kicks::default(), Arc::new(Woken::default()));
        let waker = Waker::from(Arc::clone(&woken));
        kicks.park(1, &Context::from_waker(&waker));
        kicks.request(2);
        assert_eq!(woken.0.load(Relaxed), 1);
        assert_eq!([kicks.take(), kicks.take(), kicks.take()], [true, true, false]);
        kicks.forget(1);
        kicks.request(1);
        assert_eq!(woken.0.load(Relaxed), 1);
    }

    #[test]
    fn a_relayed_frame_keeps_the_driver_turning_until_it_is_sent() {
        let kicks = Kicks::default();
        kicks.frame_written();
        assert!(!kicks.take(), "nothing is relayed");
        kicks.sent_media(true);
        kicks.frame_written();
        assert_eq!([kicks.take(), kicks.take()], [true, true]);
        kicks.frame_sent();
        assert!(!kicks.take());
    }

    #[test]
    fn a_frame_that_never_goes_out_does_not_turn_for_ever() {
        let kicks = Kicks::default();
        kicks.sent_media(true);
        kicks.frame_written();
        assert_eq!((0..10_000).filter(|_| kicks.take()).count(), TURNS_PER_FRAME as usize);
        kicks.frame_written();
        assert!(!kicks.take(), "nor does the next one");
        kicks.sent_media(true);
        kicks.frame_written();
        assert!(kicks.take(), "media is relayed again");
    }

    #[test]
    fn the_noop_waker_is_a_probe_and_a_task_is_not() {
        assert!(is_probe(&Context::from_waker(Waker::noop())));
        let waker = Waker::from(Arc::new(Woken::default()));
        assert!(!is_probe(&Context::from_waker(&waker)));
    }
}
