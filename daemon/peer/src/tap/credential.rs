//! When a TURN credential ends. A user name of a «TURN REST» credential begins with its end in Unix time
//! (draft-uberti-behave-turn-rest-00 §2.2): that number is told, the rest of the name is not.

use std::net::SocketAddr;

/// What is believed to be a time of today: 2001 to 2286, ten digits.
const TIMES: std::ops::RangeInclusive<u64> = 1_000_000_000..=9_999_999_999;
/// Allocations that are remembered: more than the crate makes.
const REMEMBERED: usize = 64;

/// The end of a credential in seconds since the Unix epoch, by its user name.
pub fn expiry(username: &[u8]) -> Option<u64> {
    let digits = username.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(username.len());
    if username.get(digits).is_some_and(|byte| *byte != b':') {
        return None;
    }
    let time = std::str::from_utf8(&username[..digits]).ok()?.parse().ok()?;
    TIMES.contains(&time).then_some(time)
}

/// What a server granted, to a credential that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The credential's end, seconds since the Unix epoch.
    pub expires: u64,
    /// Seconds of the allocation.
    pub lifetime: u32,
}

impl Grant {
    /// When the crate refreshes the allocation next, in seconds since the Unix epoch: after half of its lifetime.
    pub fn refresh_at(self, now: u64) -> u64 {
        now + u64::from(self.lifetime / 2)
    }
}

/// The allocations of one session whose credential ends too early.
#[derive(Debug, Default)]
pub struct Endings(Vec<(u64, SocketAddr)>);

impl Endings {
    /// Whether it is to be told now that the credential ends before the next refresh, which has to be made with the same one
    /// (RFC 8656 §7.2 and §5). Told once for each allocation.
    pub fn ends_early(&mut self, socket: u64, server: SocketAddr, grant: Grant, now: u64) -> bool {
        // Released: there will be no refresh.
        if grant.lifetime == 0 || grant.expires > grant.refresh_at(now) || self.0.contains(&(socket, server))
        {
            return false;
        }
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((socket, server));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_that_begins_with_a_time_ends_then() {
        assert_eq!(expiry(b"1700000000:alice"), Some(1_700_000_000));
        assert_eq!(expiry(b"1700000000"), Some(1_700_000_000));
        for other in [&b"alice"[..], b"1700000000alice", b"42:alice", b"", b":", b"99999999999999999999:x"] {
            assert_eq!(expiry(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn an_end_before_the_next_refresh_is_told_once() {
        let (mut endings, server) = (Endings::default(), "192.0.2.1:3478".parse().unwrap());
        let grant = |expires| Grant { expires, lifetime: 600 };
        assert!(!endings.ends_early(1, server, grant(1_301), 1_000), "good for one more refresh");
        assert!(!endings.ends_early(1, server, Grant { expires: 1_000, lifetime: 0 }, 1_000), "released");
        assert!(endings.ends_early(1, server, grant(1_300), 1_000));
        assert!(!endings.ends_early(1, server, grant(1_300), 1_001), "told already");
        assert!(endings.ends_early(2, server, grant(1_300), 1_001), "another allocation");
    }
}
