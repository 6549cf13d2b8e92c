//! Whose a user name and a 5-tuple are. Bounded: what is forgotten here is only not told any more.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use icescope_model::{Monotonic, SessionId};

use crate::auth::Holder;
use crate::tuple::FiveTuple;

/// Sessions whose id is known, and 5-tuples that are claimed.
const MOST: usize = 4096;
/// A 5-tuple of which nothing was heard for so long may be another client's by now (RFC 4787 §4.3: mappings last minutes).
const QUIET: Duration = Duration::from_mins(10);
/// Messages of one 5-tuple that are told at once, and then per second.
const BURST: i64 = 200;
const PER_SECOND: i64 = 5;
const NANOS_EACH: i64 = 1_000_000_000 / PER_SECOND;

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A session's client's.
    Session(SessionId),
    /// The daemon's own peer's.
    Daemon,
}

/// Whether one more message is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It is.
    Yes,
    /// It is the first that is not.
    Last,
    /// It is not.
    No,
}

#[derive(Debug)]
struct Claimed {
    whose: Whose,
    heard: Monotonic,
    /// The time up to which messages have been paid for.
    paid: Monotonic,
    limited: bool,
}

/// Who is known.
#[derive(Debug, Default)]
pub struct Claims {
    ids: HashMap<Holder, (SessionId, u64)>,
    tuples: HashMap<FiveTuple, Claimed>,
}

impl Claims {
    /// The id of a session: the known one, or a new one made of `random`, which is remembered until `expires`.
    pub fn id_of(&mut self, session: SessionId, random: u64, expires: u64, unix: u64) -> Holder {
        if let Some((holder, known)) = self.ids.iter_mut().find(|(_, (known, _))| *known == session) {
            // The policy may have become shorter since.
            known.1 = known.1.max(expires);
            return holder.clone();
        }
        if self.ids.len() >= MOST {
            self.ids.retain(|_, (_, until)| *until > unix);
        }
        if self.ids.len() >= MOST {
            let soonest =
                self.ids.iter().min_by_key(|(_, (_, until))| *until).map(|(holder, _)| holder.clone());
            soonest.and_then(|holder| self.ids.remove(&holder));
        }
        let holder = Holder::Client(format!("{random:016x}").into());
        self.ids.insert(holder.clone(), (session, expires));
        holder
    }

    /// Whose a user name is; `None` for one that no session has.
    pub fn whose(&self, holder: &Holder) -> Option<Whose> {
        match holder {
            Holder::Daemon => Some(Whose::Daemon),
            Holder::Client(_) => self.ids.get(holder).map(|(session, _)| Whose::Session(*session)),
        }
    }

    /// A 5-tuple is proven to be somebody's by a user name, whoever claimed it.
    pub fn prove(&mut self, via: FiveTuple, whose: Whose, now: Monotonic) {
        if !self.bind(via, whose, now)
            && let Some(claimed) = self.tuples.get_mut(&via)
        {
            claimed.whose = whose;
        }
    }

    /// A 5-tuple is claimed; false if it is another's, or there are too many.
    pub fn bind(&mut self, via: FiveTuple, whose: Whose, now: Monotonic) -> bool {
        if self.tuples.len() >= MOST {
            self.tuples.retain(|_, claimed| now < claimed.heard.plus(QUIET));
        }
        if self.tuples.len() >= MOST && !self.tuples.contains_key(&via) {
            return false;
        }
        let paid = Monotonic(now.0 - BURST * NANOS_EACH);
        let claimed = self.tuples.entry(via).or_insert(Claimed { whose, heard: now, paid, limited: false });
        if now >= claimed.heard.plus(QUIET) {
            claimed.whose = whose;
        }
        claimed.whose == whose
    }

    /// Whose a 5-tuple is.
    pub fn of(&mut self, via: &FiveTuple, now: Monotonic) -> Option<Whose> {
        let claimed = self.tuples.get_mut(via).filter(|claimed| now < claimed.heard.plus(QUIET))?;
        claimed.heard = now;
        Some(claimed.whose)
    }

    /// Takes one message of what is told of a 5-tuple.
    pub fn spend(&mut self, via: &FiveTuple, now: Monotonic) -> Spent {
        let Some(claimed) = self.tuples.get_mut(via) else { return Spent::No };
        let full = Monotonic(now.0 - BURST * NANOS_EACH);
        let paid = Monotonic(claimed.paid.max(full).0 + NANOS_EACH);
        if paid > now {
            return if std::mem::replace(&mut claimed.limited, true) { Spent::No } else { Spent::Last };
        }
        claimed.paid = paid;
        Spent::Yes
    }

    /// The id of a session, if it has one, and when its credentials end.
    pub fn known(&self, session: SessionId) -> Option<(Holder, u64)> {
        let mut ids = self.ids.iter();
        ids.find(|(_, (known, _))| *known == session).map(|(holder, (_, until))| (holder.clone(), *until))
    }

    /// A session is over.
    pub fn forget(&mut self, session: SessionId) {
        self.tuples.retain(|_, claimed| claimed.whose != Whose::Session(session));
        self.ids.retain(|_, (known, _)| *known != session);
    }

    /// Lets go of what has run out. An allocation outlives its credential: those of `holders` are still known by their ids, so
    /// that their sessions' ends end them.
    pub fn expire(&mut self, now: Monotonic, unix: u64, holders: &HashSet<Holder>) {
        self.tuples.retain(|_, claimed| now < claimed.heard.plus(QUIET));
        self.ids.retain(|holder, (_, until)| *until > unix || holders.contains(holder));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::via;

    #[test]
    fn a_session_keeps_its_id_and_nobody_else_gets_it() {
        let mut claims = Claims::default();
        let [one, two] = [SessionId::random(), SessionId::random()];
        let id = claims.id_of(one, 1, 100, 0);
        assert_eq!(claims.id_of(one, 2, 200, 50), id);
        assert_ne!(claims.id_of(two, 3, 100, 0), id);
        assert_eq!(claims.whose(&id), Some(Whose::Session(one)));
        claims.expire(Monotonic(0), 150, &HashSet::new());
        assert_eq!(claims.whose(&id), Some(Whose::Session(one)), "renewed");
        claims.expire(Monotonic(0), 250, &HashSet::from([id.clone()]));
        assert_eq!(claims.known(one), Some((id.clone(), 200)), "it has an allocation");
        claims.forget(one);
        assert_eq!((claims.whose(&id), claims.known(one)), (None, None));
    }

    #[test]
    fn ids_are_bounded() {
        let mut claims = Claims::default();
        let latest: Vec<Holder> = (0..MOST as u64 + 10)
            .map(|index| claims.id_of(SessionId::random(), index, 1000 + index, 0))
            .collect();
        assert_eq!(claims.ids.len(), MOST);
        assert!(claims.whose(&latest[MOST + 9]).is_some() && claims.whose(&latest[0]).is_none());
    }

    #[test]
    fn a_client_belongs_to_who_came_first_until_it_is_quiet() {
        let mut claims = Claims::default();
        let [one, two] = [SessionId::random(), SessionId::random()].map(Whose::Session);
        let client = via("192.0.2.9:1");
        let start = Monotonic(0);
        assert!(claims.bind(client, one, start) && claims.bind(client, one, start));
        assert!(!claims.bind(client, two, start));
        assert_eq!(claims.of(&client, start), Some(one));
        assert_eq!(claims.of(&client, start.plus(QUIET)), None);
        assert!(claims.bind(client, two, start.plus(QUIET)));
    }

    #[test]
    fn a_flood_is_told_in_part() {
        let mut claims = Claims::default();
        let client = via("192.0.2.9:1");
        let now = Monotonic(1_000_000_000_000);
        claims.bind(client, Whose::Daemon, now);
        let spent: Vec<Spent> = (0..1000).map(|_| claims.spend(&client, now)).collect();
        assert_eq!(spent.iter().filter(|spent| **spent == Spent::Yes).count(), BURST as usize);
        assert_eq!(spent.iter().filter(|spent| **spent == Spent::Last).count(), 1);
    }
}
