//! How much is answered to those who have proven nothing: per source address, in a table that never grows.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use icescope_model::Monotonic;

/// Places for sources. Two that fall onto one share it, which costs them nothing but patience under a flood.
const PLACES: usize = 4096;
/// What a source may ask at once: a hundred clients behind one NAT, each with a Binding and a first Allocate over UDP.
const BURST: u16 = 400;
/// And then per second.
const PER_SECOND: i64 = 100;

#[derive(Debug, Clone, Copy)]
struct Place {
    tokens: u16,
    /// Milliseconds of the clock, whose wrapping after 49 days costs one source one wait.
    at: u32,
}

/// The sources' allowances.
#[derive(Debug)]
pub struct Sources {
    places: Box<[Place]>,
    hasher: RandomState,
}

impl Default for Sources {
    fn default() -> Self {
        let full = Place { tokens: BURST, at: 0 };
        Self { places: vec![full; PLACES].into_boxed_slice(), hasher: RandomState::new() }
    }
}

/// What stands for a source: its address, and of IPv6 its /64, which one site has as a whole (RFC 4291 §2.5.4).
pub fn site(source: IpAddr) -> u64 {
    match source {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 | 1 << 63,
    }
}

impl Sources {
    /// Takes one from a source's allowance; false if there is none left.
    pub fn take(&mut self, source: IpAddr, now: Monotonic) -> bool {
        let place = &mut self.places[self.hasher.hash_one(site(source)) as usize % PLACES];
        let millis = (now.0 / 1_000_000) as u32;
        // Signed: the clock was read before the server's lock was taken, so that a later caller may come with an earlier time.
        let grown = i64::from(millis.wrapping_sub(place.at) as i32) * PER_SECOND / 1000;
        if grown > 0 {
            place.tokens = (i64::from(place.tokens) + grown).min(i64::from(BURST)) as u16;
            place.at = millis;
        }
        let granted = place.tokens > 0;
        place.tokens = place.tokens.saturating_sub(1);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_slowed_down_and_comes_back() {
        let mut sources = Sources::default();
        let source = "192.0.2.1".parse().unwrap();
        let now = Monotonic(5_000_000_000);
        let granted = (0..1000).filter(|_| sources.take(source, now)).count();
        assert_eq!(granted, usize::from(BURST));
        let later = now.plus(std::time::Duration::from_millis(100));
        assert_eq!((0..1000).filter(|_| sources.take(source, later)).count(), 10);
    }

    #[test]
    fn an_earlier_time_refills_nothing() {
        let mut sources = Sources::default();
        let source = "192.0.2.1".parse().unwrap();
        let times = [Monotonic(5_000_000_000), Monotonic(4_999_000_000)];
        let granted = (0..1000).filter(|index| sources.take(source, times[index % 2])).count();
        assert_eq!(granted, usize::from(BURST));
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let mut sources = Sources::default();
        let now = Monotonic(1_000_000_000);
        let granted = (0..1000_u32)
            .filter(|index| sources.take(format!("2001:db8::{index:x}").parse().unwrap(), now))
            .count();
        assert_eq!(granted, usize::from(BURST));
    }
}
