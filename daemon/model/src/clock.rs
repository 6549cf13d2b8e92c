//! The daemon's clock.

use std::time::Duration;

/// A reading of `CLOCK_MONOTONIC`, in nanoseconds: the same clock for the daemon, its plugin children and the plugin ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(pub i64);

impl Monotonic {
    /// Reads the clock.
    pub fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Self(time.tv_sec * 1_000_000_000 + time.tv_nsec)
    }

    /// Nanoseconds from `earlier` to `self`; negative if `earlier` is the later one.
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Microseconds from `earlier` to `self`, rounded down.
    pub fn micros_since(self, earlier: Self) -> i64 {
        self.since(earlier).div_euclid(1_000)
    }

    /// The reading `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_nanos()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micros_round_towards_the_past() {
        assert_eq!(Monotonic(1_999).micros_since(Monotonic(0)), 1);
        assert_eq!(Monotonic(0).micros_since(Monotonic(1)), -1);
        assert_eq!(Monotonic(5).plus(Duration::from_micros(1)), Monotonic(1_005));
    }
}
