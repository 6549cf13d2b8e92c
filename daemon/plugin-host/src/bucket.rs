//! A token bucket: how often something may happen, with the time as an argument.

use icescope_model::Monotonic;

/// Lets `burst` through at once and `per_second` in the long run.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: u32,
    burst: u32,
    /// In thousand-millionths of a token, so that nanoseconds times a rate need no rounding.
    level: i64,
    at: Option<Monotonic>,
}

const TOKEN: i64 = 1_000_000_000;

impl Bucket {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst, level: i64::from(burst) * TOKEN, at: None }
    }

    /// Takes one token if there is one.
    pub(crate) fn take(&mut self, now: Monotonic) -> bool {
        let elapsed = self.at.map_or(0, |at| now.since(at).max(0));
        self.at = Some(now);
        let gained = elapsed.saturating_mul(i64::from(self.per_second));
        self.level = self.level.saturating_add(gained).min(i64::from(self.burst) * TOKEN);
        if self.level < TOKEN {
            return false;
        }
        self.level -= TOKEN;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut bucket = Bucket::new(10, 3);
        let start = Monotonic(0);
        assert_eq!((0..5).filter(|_| bucket.take(start)).count(), 3);
        assert!(!bucket.take(Monotonic(99_999_999)));
        assert!(bucket.take(Monotonic(100_000_000)));
    }

    #[test]
    fn rest_never_gathers_more_than_the_burst() {
        let mut bucket = Bucket::new(10, 3);
        bucket.take(Monotonic(0));
        let later = Monotonic(3_600_000_000_000);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 3);
    }
}
