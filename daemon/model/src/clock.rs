//! The daemon's clock.

use std::time::Duration;

/// What is longer ago by the wall clock is not believed.
const RECENT_NS: i64 = 2_000_000_000;

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

    /// A recent moment of the wall clock on this clock, and how far that may be off, in microseconds, for the two are read one after
    /// the other. Nothing where it is not recent, or in the future: the wall clock was set in between.
    pub fn of_wall(stamp: Duration) -> Option<(Self, u32)> {
        let now = Self::now();
        let wall = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let off = Self::now().uncertainty_since(now);
        let ago = wall.tv_sec * 1_000_000_000 + wall.tv_nsec - i64::try_from(stamp.as_nanos()).ok()?;
        (0..RECENT_NS).contains(&ago).then_some((Self(now.0 - ago), off))
    }

    /// How far a time may be off, in microseconds, that lies between `earlier` and `self`: rounded up, and one more, for times are told
    /// in whole microseconds.
    pub fn uncertainty_since(self, earlier: Self) -> u32 {
        let micros = self.since(earlier).max(0).unsigned_abs().div_ceil(1_000);
        u32::try_from(micros).unwrap_or(u32::MAX).saturating_add(1)
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
    fn a_moment_of_the_wall_clock_lands_in_the_past_by_its_age() {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = Monotonic::now();
        let (at, off) = Monotonic::of_wall(wall.checked_sub(Duration::from_millis(500)).unwrap()).unwrap();
        assert!((499..=501).contains(&(now.since(at) / 1_000_000)), "{}", now.since(at));
        assert!(off >= 1);
        assert_eq!(Monotonic::of_wall(Duration::ZERO), None);
        assert_eq!(Monotonic::of_wall(wall + Duration::from_hours(1)), None);
    }

    #[test]
    fn uncertainties_are_rounded_up() {
        assert_eq!(Monotonic(30_500).uncertainty_since(Monotonic(0)), 32);
        assert_eq!(Monotonic(0).uncertainty_since(Monotonic(5)), 1);
    }

    #[test]
    fn micros_round_towards_the_past() {
        assert_eq!(Monotonic(1_999).micros_since(Monotonic(0)), 1);
        assert_eq!(Monotonic(0).micros_since(Monotonic(1)), -1);
        assert_eq!(Monotonic(5).plus(Duration::from_micros(1)), Monotonic(1_005));
    }
}
