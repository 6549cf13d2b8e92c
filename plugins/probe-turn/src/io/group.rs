//! Allocations that this run holds with one user name on one host: what the run's other attempts must not take for a
//! quota that others have used up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, MutexGuard, watch};
use tokio::time::Instant;

/// How long a server may go on counting an allocation after it has confirmed the release. coturn 4.6 frees it with its
/// next look at the session, about a second later.
const SETTLE: Duration = Duration::from_secs(4);

/// One user on one host.
#[derive(Debug, Clone)]
pub struct Group(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    held: watch::Sender<usize>,
    turn: Turn<()>,
    released: Mutex<Option<Instant>>,
}

/// Counts as one allocation until it is dropped.
#[derive(Debug)]
pub struct Holding {
    group: Group,
    granted: bool,
}

impl Holding {
    /// The allocation that it was made for is there.
    #[must_use]
    pub fn granted(mut self) -> Self {
        self.granted = true;
        self
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if self.granted {
            *self.group.released() = Some(Instant::now());
        }
        self.group.0.held.send_modify(|held| *held -= 1);
    }
}

impl Group {
    fn new() -> Self {
        let released = Mutex::new(None);
        Self(Arc::new(Inner { held: watch::Sender::new(0), turn: Turn::new(()), released }))
    }

    fn released(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another allocation is held, or is about to be.
    pub fn hold(&self) -> Holding {
        self.0.held.send_modify(|held| *held += 1);
        Holding { group: self.clone(), granted: false }
    }

    /// Whether, beside one that is being asked for, the server may count others of this run's.
    pub fn may_be_full_of_ours(&self) -> bool {
        *self.0.held.borrow() > 1 || self.released().is_some_and(|released| released.elapsed() < SETTLE)
    }

    /// While the guard lives nobody else gets one.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }

    /// Waits until nothing is held.
    pub async fn alone(&self) {
        // The sender lives as long as the group.
        let _ = self.0.held.subscribe().wait_for(|held| *held == 0).await;
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
    fn who_waits_to_be_alone_goes_on_when_all_is_released() {
        let groups = Groups::default();
        let (group, same) = (groups.of("Turn.Example.net", "alice"), groups.of("turn.example.net", "alice"));
        let mut context = Context::from_waker(Waker::noop());
        let first = group.hold();
        let mut alone = pin!(same.alone());
        assert!(alone.as_mut().poll(&mut context).is_pending());
        assert!(pin!(groups.of("turn.example.net", "bob").alone()).poll(&mut context).is_ready());
        drop(first);
        assert!(alone.as_mut().poll(&mut context).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_server_is_taken_for_ours_while_we_hold_and_shortly_after() {
        let group = Groups::default().of("turn.example.net", "alice");
        let asked = group.hold();
        assert!(!group.may_be_full_of_ours(), "nothing beside the one that is asked for");
        let other = group.hold().granted();
        assert!(group.may_be_full_of_ours());
        drop(other);
        assert!(group.may_be_full_of_ours(), "the server may not have noticed yet");
        tokio::time::advance(SETTLE).await;
        assert!(!group.may_be_full_of_ours());
        drop(asked);
        let next = group.hold();
        assert!(!group.may_be_full_of_ours(), "one that was never granted leaves no trace");
        drop(next);
    }
}
