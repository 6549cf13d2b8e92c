//! How fast one address may open sessions: a token bucket per address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use icescope_model::Monotonic;

/// Addresses remembered at one time. Beyond that the newcomers share one bucket, so that a flood from many addresses
/// can neither fill the memory nor lock out those who are known.
const MOST: usize = 4_096;

/// Token buckets by address.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: HashMap<Key, Bucket>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Others,
}

/// The time when the bucket is full again says all of its content (the generic cell rate algorithm's virtual time).
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Monotonic,
}

impl Rates {
    /// Takes one token of the address, or tells how long to wait for it.
    pub(crate) fn take(
        &mut self,
        from: IpAddr,
        now: Monotonic,
        burst: u32,
        interval: Duration,
    ) -> Result<(), Duration> {
        let key = self.key(from, now);
        let bucket = self.buckets.entry(key).or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now).plus(interval);
        let latest = now.plus(interval * burst.max(1));
        if full_at > latest {
            return Err(Duration::from_nanos(u64::try_from(full_at.since(latest)).unwrap_or(u64::MAX)));
        }
        bucket.full_at = full_at;
        Ok(())
    }

    fn key(&mut self, from: IpAddr, now: Monotonic) -> Key {
        let key = Key::Address(source(from));
        if self.buckets.contains_key(&key) {
            return key;
        }
        if self.buckets.len() >= MOST {
            self.buckets.retain(|_, bucket| bucket.full_at > now);
        }
        if self.buckets.len() >= MOST { Key::Others } else { key }
    }
}

/// Whoever has one address of an IPv6 /64 has all of them.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_burst_passes_and_then_one_per_interval() {
        let mut rates = Rates::default();
        let start = Monotonic(0);
        for _ in 0..3 {
            assert_eq!(rates.take(address(1), start, 3, SECOND), Ok(()));
        }
        assert_eq!(rates.take(address(1), start, 3, SECOND), Err(SECOND));
        let half = start.plus(SECOND / 2);
        assert_eq!(rates.take(address(1), half, 3, SECOND), Err(SECOND / 2));
        assert_eq!(rates.take(address(2), half, 3, SECOND), Ok(()), "another address is not concerned");
        let later = start.plus(SECOND);
        assert_eq!(rates.take(address(1), later, 3, SECOND), Ok(()));
        assert!(rates.take(address(1), later, 3, SECOND).is_err());
        let rested = start.plus(SECOND * 60);
        for _ in 0..3 {
            assert_eq!(
                rates.take(address(1), rested, 3, SECOND),
                Ok(()),
                "a rest fills the bucket, and no more"
            );
        }
        assert!(rates.take(address(1), rested, 3, SECOND).is_err());
    }

    #[test]
    fn a_slash_64_counts_as_one() {
        let mut rates = Rates::default();
        let (one, two) = ("2001:db8::1".parse().unwrap(), "2001:db8::ffff:2".parse().unwrap());
        assert!(rates.take(one, Monotonic(0), 1, SECOND).is_ok());
        assert!(rates.take(two, Monotonic(0), 1, SECOND).is_err());
        let mapped = "::ffff:192.0.2.1".parse().unwrap();
        assert!(rates.take(mapped, Monotonic(0), 1, SECOND).is_ok());
        assert!(rates.take(address(1), Monotonic(0), 1, SECOND).is_err());
    }

    #[test]
    fn memory_is_bounded_and_known_addresses_keep_their_bucket() {
        let mut rates = Rates::default();
        let known = address(1);
        assert!(rates.take(known, Monotonic(0), 2, SECOND).is_ok());
        let refused = (0..10_000_u32)
            .filter(|n| rates.take(IpAddr::V4(n.to_be().into()), Monotonic(0), 1, SECOND).is_err())
            .count();
        assert!(rates.buckets.len() <= MOST + 1, "{}", rates.buckets.len());
        assert!(refused > 5_000, "the flood shares one bucket: {refused} refused");
        assert!(rates.take(known, Monotonic(0), 2, SECOND).is_ok());
        assert!(rates.take(address(9), Monotonic(0).plus(SECOND * 2), 1, SECOND).is_ok());
        assert!(
            rates.buckets.len() < 10,
            "buckets that are full again are forgotten: {}",
            rates.buckets.len()
        );
    }
}
