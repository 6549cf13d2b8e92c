//! Places for connections over TCP and TLS: a number in all, and not all of them for one client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rate::site;

/// Connections at one time.
const ALL: usize = 1024;
/// Those of one client address: a hundred clients behind one NAT, each with TCP and TLS, and some that linger.
const OF_ONE: usize = 256;

/// The places, and who has how many of them.
pub struct Places {
    all: Arc<Semaphore>,
    of_each: Arc<Mutex<HashMap<u64, usize>>>,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), of_each: Arc::default() }
    }
}

/// A connection's place, for as long as it is held.
pub struct Place {
    _free: OwnedSemaphorePermit,
    of_each: Arc<Mutex<HashMap<u64, usize>>>,
    site: u64,
}

impl Places {
    /// Waits until there is a free one.
    pub async fn free(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives a free one to a client; `None` if it has enough.
    pub fn take(&self, free: OwnedSemaphorePermit, client: IpAddr) -> Option<Place> {
        let site = site(client);
        let mut of_each = self.of_each.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = of_each.entry(site).or_insert(0);
        if *taken >= OF_ONE {
            return None;
        }
        *taken += 1;
        Some(Place { _free: free, of_each: Arc::clone(&self.of_each), site })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of_each = self.of_each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = of_each.get_mut(&self.site) {
            *taken -= 1;
            if *taken == 0 {
                of_each.remove(&self.site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_client_leaves_places_to_others() {
        let places = Places::default();
        let [greedy, other]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut taken = Vec::new();
        for _ in 0..2 * OF_ONE {
            taken.extend(places.take(places.free().await.unwrap(), greedy));
        }
        assert_eq!((taken.len(), places.all.available_permits()), (OF_ONE, ALL - OF_ONE));
        let others = places.take(places.free().await.unwrap(), other);
        assert!(others.is_some());
        taken.pop();
        assert!(places.take(places.free().await.unwrap(), greedy).is_some(), "one has become free");
        drop((taken, others));
        assert_eq!((places.of_each.lock().unwrap().len(), places.all.available_permits()), (0, ALL));
    }
}
