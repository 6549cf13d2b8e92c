//! The user name fragments of one session's agent, and the shared ports that know the session by them.
//!
//! An ICE restart gives the agent another fragment (RFC 8445 §9). The session is then known by both until a check under
//! the new one has succeeded: from there on what still names the old one is nobody's.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A session's place on a port that it shares with others.
pub trait Place: Debug + Send + Sync {
    /// The session's agent goes by this fragment, too.
    fn add_ufrag(&self, ufrag: &str);
    /// It no longer does.
    fn remove_ufrag(&self, ufrag: &str);
}

#[derive(Debug, Default)]
struct Known {
    /// The oldest first.
    ufrags: Vec<String>,
    places: Vec<Weak<dyn Place>>,
}

/// The fragments of one session.
#[derive(Debug, Default)]
pub struct Fragments(Mutex<Known>);

impl Fragments {
    /// The session has taken a place: it is told all fragments, those to come included.
    pub fn attach(&self, place: &Arc<impl Place + 'static>) {
        let mut known = self.known();
        for ufrag in &known.ufrags {
            place.add_ufrag(ufrag);
        }
        let weak = Arc::downgrade(place);
        known.places.push(weak);
    }

    /// The agent has one more.
    pub fn add(&self, ufrag: &str) {
        let mut known = self.known();
        if ufrag.is_empty() || known.ufrags.iter().any(|other| other == ufrag) {
            return;
        }
        known.ufrags.push(ufrag.to_owned());
        known.each(|place| place.add_ufrag(ufrag));
    }

    /// A check of the agent's under this fragment succeeded: the other end knows it, and those before it are over.
    pub fn confirmed(&self, ufrag: &str) {
        let mut known = self.known();
        let Some(at) = known.ufrags.iter().position(|other| other == ufrag) else { return };
        let over: Vec<String> = known.ufrags.drain(..at).collect();
        for ufrag in over {
            known.each(|place| place.remove_ufrag(&ufrag));
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn each(&mut self, act: impl Fn(&dyn Place)) {
        self.places.retain(|place| place.upgrade().inspect(|place| act(&**place)).is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Notes {
        fn list(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Place for Notes {
        fn add_ufrag(&self, ufrag: &str) {
            self.0.lock().unwrap().push(ufrag.to_owned());
        }
        fn remove_ufrag(&self, ufrag: &str) {
            self.0.lock().unwrap().retain(|known| known != ufrag);
        }
    }

    #[test]
    fn a_session_is_known_by_both_until_the_new_one_is_confirmed() {
        let (fragments, early) = (Fragments::default(), Arc::new(Notes::default()));
        fragments.attach(&early);
        fragments.add("old");
        fragments.add("new");
        fragments.add("new");
        fragments.add("");
        assert_eq!(early.list(), ["old", "new"]);
        fragments.confirmed("old");
        fragments.confirmed("another session's");
        assert_eq!(early.list(), ["old", "new"]);
        fragments.confirmed("new");
        let late = Arc::new(Notes::default());
        fragments.attach(&late);
        assert_eq!((early.list(), late.list()), (vec!["new".to_owned()], vec!["new".to_owned()]));
    }

    #[test]
    fn a_place_that_was_given_up_is_forgotten() {
        let (fragments, place) = (Fragments::default(), Arc::new(Notes::default()));
        fragments.attach(&place);
        drop(place);
        fragments.add("one");
        assert!(fragments.known().places.is_empty());
    }
}
