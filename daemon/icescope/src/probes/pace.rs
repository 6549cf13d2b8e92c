//! When a probe runs again by itself: a pure function of how its last runs ended.

use std::time::Duration;

/// Jitter: each pause is up to a tenth shorter or longer, so that daemons that were started together do not ask together.
const JITTER: f64 = 0.1;
/// A probe that cannot run waits at most this many times as long.
const MOST_DOUBLINGS: u32 = 4;
/// And at most this long, unless its own schedule is slower.
const LONGEST: Duration = Duration::from_hours(24);

/// Memory of how often in a row a probe could not run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    failures: u32,
}

impl Pace {
    /// A run has ended. That a server failed the test is a run like any other: `ran` is false only where it could not be
    /// run to its end.
    pub fn ended(&mut self, ran: bool) {
        self.failures = if ran { 0 } else { self.failures.saturating_add(1) };
    }

    /// How long to wait for the next run that is due `every` so often. `random` is from 0 to 1.
    pub fn pause(self, every: Duration, random: f64) -> Duration {
        let doubled = every.saturating_mul(1 << self.failures.min(MOST_DOUBLINGS));
        let bounded = doubled.min(LONGEST.max(every));
        bounded.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn pauses_are_a_tenth_around_what_is_configured() {
        let pauses =
            [0.0, 0.5, 1.0].map(|random| Pace::default().pause(10 * MINUTE, random).as_secs_f64().round());
        assert!(pauses.iter().zip([540.0, 600.0, 660.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{pauses:?}");
    }

    #[test]
    fn what_cannot_run_is_tried_more_and_more_rarely_until_it_runs() {
        let mut pace = Pace::default();
        let minutes = |pace: Pace| pace.pause(MINUTE, 0.5).as_secs() / 60;
        let mut seen = vec![minutes(pace)];
        for _ in 0..6 {
            pace.ended(false);
            seen.push(minutes(pace));
        }
        assert_eq!(seen, [1, 2, 4, 8, 16, 16, 16]);
        pace.ended(true);
        assert_eq!(minutes(pace), 1);
    }

    #[test]
    fn a_day_is_the_longest_unless_more_is_configured() {
        let mut pace = Pace::default();
        (0..9).for_each(|_| pace.ended(false));
        assert_eq!(pace.pause(Duration::from_hours(12), 0.5), LONGEST);
        assert_eq!(pace.pause(Duration::from_hours(72), 0.5), Duration::from_hours(72));
    }
}
