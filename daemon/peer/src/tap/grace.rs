//! Direct pairs are checked a little before relayed ones.
//!
//! A browser that controls nominates whatever answers first, and goes over to a better pair later. The crate's agent keeps to the
//! first pair that was nominated (RFC 8445 §8.1.1 knows no other). A relay's path often answers first: the relay's address is a
//! server's, which the daemon's NAT lets in already, while a direct path waits for checks of both ends to cross. Then the
//! daemon's end would stay with the relay although a direct path is there. An agent selects a pair only once a check of its own
//! has succeeded over it; so its checks of relayed pairs leave a moment later (agents that control wait likewise before they nominate one).

use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::Monotonic;

/// What direct checks get: a few round trips over a slow line, in both directions, and candidates that come one by one.
const GRACE: Duration = Duration::from_secs(1);
/// Where the client has direct candidates but no pair of them is checked yet: their addresses may be hidden (mDNS), so that only
/// the client's own checks tell them.
const CHECKS_COME: Duration = Duration::from_millis(500);

/// What a check goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// Nothing.
    Direct,
    /// A relay of the client.
    Theirs,
    /// A relay of the daemon.
    Ours,
}

/// When the agent first wanted to check a pair of either kind.
#[derive(Debug, Default)]
pub struct Grace {
    direct: Option<Monotonic>,
    relayed: Option<Monotonic>,
    /// The client has told a candidate that is no relay's.
    has_direct: bool,
    /// Relayed addresses that the client told.
    relays: Vec<SocketAddr>,
}

impl Grace {
    /// The client has this relayed candidate.
    pub fn relay(&mut self, address: SocketAddr) {
        // Sessions have a limit of candidates; so has each generation of ICE, and an old one's addresses may be forgotten.
        if self.relays.len() == 64 {
            self.relays.clear();
        }
        if !self.relays.contains(&address) {
            self.relays.push(address);
        }
    }

    /// The client has a candidate over UDP that is no relay's.
    pub fn direct(&mut self) {
        self.has_direct = true;
    }

    /// Whether the client told that this is a relay's address.
    pub fn is_relay(&self, address: SocketAddr) -> bool {
        self.relays.contains(&address)
    }

    /// Whether a check that the agent wants to send now leaves later.
    pub fn waits(&mut self, through: Through, now: Monotonic) -> bool {
        let within = |then: Monotonic, time: Duration| {
            Duration::from_nanos(now.since(then).max(0).unsigned_abs()) < time
        };
        match through {
            Through::Direct => {
                self.direct.get_or_insert(now);
                false
            }
            Through::Ours => self.direct.is_some_and(|direct| within(direct, GRACE)),
            Through::Theirs => {
                let first = *self.relayed.get_or_insert(now);
                // A client that uses relays alone is not kept waiting: it tells its own candidates first, if it has any.
                let come = self.has_direct && within(first, CHECKS_COME);
                self.direct.map_or(come, |direct| within(direct, GRACE))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Monotonic {
        Monotonic(millis * 1_000_000)
    }

    #[test]
    fn a_relays_check_waits_until_direct_ones_had_a_second() {
        let mut grace = Grace::default();
        assert!(!grace.waits(Through::Direct, at(10_000)));
        assert!(grace.waits(Through::Theirs, at(10_010)) && grace.waits(Through::Ours, at(10_990)));
        assert!(!grace.waits(Through::Theirs, at(11_000)) && !grace.waits(Through::Ours, at(11_000)));
    }

    #[test]
    fn without_a_direct_pair_it_waits_only_where_one_may_come() {
        let mut grace = Grace::default();
        assert!(!grace.waits(Through::Ours, at(5_000)), "the daemon may have nothing but relays");
        assert!(!grace.waits(Through::Theirs, at(5_000)), "the client may have nothing but relays");
        grace.direct();
        assert!(grace.waits(Through::Theirs, at(5_001)) && grace.waits(Through::Theirs, at(5_499)));
        assert!(!grace.waits(Through::Theirs, at(5_500)), "its hidden addresses sent no check");
        let mut late = Grace::default();
        late.direct();
        assert!(late.waits(Through::Theirs, at(5_000)) && !late.waits(Through::Direct, at(5_400)));
        assert!(late.waits(Through::Theirs, at(6_399)), "the direct one came just in time");
        assert!(!late.waits(Through::Theirs, at(6_400)));
    }
}
