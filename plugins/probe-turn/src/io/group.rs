//! Allocations that this run holds with one user name on one host: what the run's other attempts must not take for a
//! quota that others have used up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, watch};

/// One user on one host.
#[derive(Debug, Clone)]
pub struct Group(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    held: watch::Sender<usize>,
    turn: Turn<()>,
}

/// Counts as one allocation until it is dropped.
#[derive(Debug)]
pub struct Holding(Group);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.0.held.send_modify(|held| *held -= 1);
    }
}

impl Group {
    fn new() -> Self {
        Self(Arc::new(Inner { held: watch::Sender::new(0), turn: Turn::new(()) }))
    }

    /// Another allocation is held, or is about to be.
    pub fn hold(&self) -> Holding {
        self.0.held.send_modify(|held| *held += 1);
        Holding(self.clone())
    }

    /// How many are held.
    pub fn held(&self) -> usize {
        *self.0.held.borrow()
    }

    /// Waits until nothing is held. While the guard lives nobody else is let through.
    pub async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.0.turn.lock().await;
        // The sender lives as long as the group.
        let _ = self.0.held.subscribe().wait_for(|held| *held == 0).await;
        turn
    }
}

/// The groups of a run.
#[derive(Debug, Default)]
pub struct Groups(Mutex<HashMap<(String, String), Group>>);

impl Groups {
    /// The group of this user on this host.
    pub fn of(&self, host: &str, username: &str) -> Group {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.entry((host.to_ascii_lowercase(), username.to_owned())).or_insert_with(Group::new).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn who_waits_to_be_alone_goes_on_when_all_is_released_and_one_at_a_time() {
        let groups = Groups::default();
        let (group, same) = (groups.of("Turn.Example.net", "alice"), groups.of("turn.example.net", "alice"));
        let first = group.hold();
        assert_eq!((same.held(), groups.of("turn.example.net", "bob").held()), (1, 0));
        let mut context = Context::from_waker(Waker::noop());
        let (mut one, mut other) = (pin!(group.alone()), pin!(same.alone()));
        assert!(one.as_mut().poll(&mut context).is_pending());
        assert!(other.as_mut().poll(&mut context).is_pending());
        drop(first);
        let std::task::Poll::Ready(guard) = one.as_mut().poll(&mut context) else { panic!("nothing is held") };
        assert!(other.as_mut().poll(&mut context).is_pending());
        drop(guard);
        assert!(other.as_mut().poll(&mut context).is_ready());
    }
}
