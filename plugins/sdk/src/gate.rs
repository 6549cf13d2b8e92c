//! Lets calls into the host through until the instance is destroyed, and waits for those under way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

const CLOSED: usize = 1 << (usize::BITS - 1);

/// A count of calls under way and a closed bit. Not a lock: a call may lead to another one, also while someone waits
/// for the gate to close, and then the inner one is refused instead of waiting for ever.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: AtomicUsize,
    empty: Mutex<()>,
    emptied: Condvar,
}

/// Holds the gate open.
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    /// A pass, or `None` once the gate is closed.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        let before = self.state.fetch_add(1, Ordering::Acquire);
        let pass = Pass(self);
        (before & CLOSED == 0).then_some(pass)
    }

    /// Refuses new calls and returns when those under way are over. Not to be called by one that holds a pass.
    pub(crate) fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::AcqRel);
        let mut empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        while self.state.load(Ordering::Acquire) != CLOSED {
            empty = self.emptied.wait(empty).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.0.state.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1 {
            // The lock orders this behind the check in `close`, so that the wake-up is not lost.
            drop(self.0.empty.lock());
            self.0.emptied.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn closing_waits_for_the_calls_under_way_and_refuses_new_ones() {
        let gate = Arc::new(Gate::default());
        let pass = gate.enter().expect("open");
        let closer = std::thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.close()
        });
        while gate.state.load(Ordering::Acquire) & CLOSED == 0 {
            std::thread::yield_now();
        }
        assert!(gate.enter().is_none(), "refused while it is closing, without waiting");
        assert!(!closer.is_finished(), "a call is still under way");
        drop(pass);
        closer.join().unwrap();
        assert!(gate.enter().is_none());
    }
}
