//! When to start a failed plugin again: a pure function of what failed and when.

use std::collections::VecDeque;
use std::time::Duration;

use icescope_model::Monotonic;

use crate::options::Backoff;

/// How a plugin went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fall {
    /// It said in good order that it cannot go on (a camera is missing): worth trying for ever.
    Error,
    /// It crashed, panicked, hung or broke the shared memory.
    Crash,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Start it again after the pause.
    Retry(Duration),
    /// Leave it until the configuration is reloaded; so many crashes were too many.
    Disable(usize),
}

/// Memory of a plugin's falls.
#[derive(Debug)]
pub(crate) struct Policy {
    backoff: Backoff,
    crashes: VecDeque<Monotonic>,
    in_a_row: usize,
    up_since: Option<Monotonic>,
}

impl Policy {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self { backoff, crashes: VecDeque::new(), in_a_row: 0, up_since: None }
    }

    /// The plugin is ready.
    pub(crate) fn up(&mut self, now: Monotonic) {
        self.up_since = Some(now);
    }

    /// The plugin went down.
    pub(crate) fn fell(&mut self, fall: Fall, now: Monotonic) -> Decision {
        let window = i64::try_from(self.backoff.window.as_nanos()).unwrap_or(i64::MAX);
        if self.up_since.take().is_some_and(|since| now.since(since) > window) {
            self.in_a_row = 0;
        }
        if fall == Fall::Crash {
            self.crashes.retain(|&at| now.since(at) <= window);
            self.crashes.push_back(now);
            if self.crashes.len() >= self.backoff.crashes {
                return Decision::Disable(self.crashes.len());
            }
        }
        let pauses = &self.backoff.pauses;
        let pause = pauses.get(self.in_a_row).or(pauses.last()).copied().unwrap_or(Duration::from_secs(1));
        self.in_a_row += 1;
        Decision::Retry(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Monotonic {
        Monotonic(seconds * 1_000_000_000)
    }

    #[test]
    fn pauses_grow_to_the_last_one_and_stay_there() {
        let mut policy = Policy::new(Backoff::default());
        let pauses: Vec<_> = (0..9).map(|second| policy.fell(Fall::Error, at(second))).collect();
        let expected = [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 30_000, 30_000];
        assert_eq!(pauses, expected.map(|ms| Decision::Retry(Duration::from_millis(ms))));
    }

    #[test]
    fn the_third_crash_in_a_minute_disables() {
        let mut policy = Policy::new(Backoff::default());
        assert!(matches!(policy.fell(Fall::Crash, at(0)), Decision::Retry(_)));
        assert!(matches!(policy.fell(Fall::Crash, at(30)), Decision::Retry(_)));
        assert_eq!(policy.fell(Fall::Crash, at(60)), Decision::Disable(3));
    }

    #[test]
    fn three_crashes_in_more_than_a_minute_do_not() {
        let mut policy = Policy::new(Backoff::default());
        for second in [0, 30, 61, 95] {
            assert!(matches!(policy.fell(Fall::Crash, at(second)), Decision::Retry(_)), "at {second} s");
        }
    }

    #[test]
    fn a_long_life_begins_with_the_first_pause_again() {
        let mut policy = Policy::new(Backoff::default());
        policy.fell(Fall::Error, at(0));
        policy.fell(Fall::Error, at(1));
        policy.up(at(2));
        assert_eq!(policy.fell(Fall::Error, at(100)), Decision::Retry(Duration::from_millis(200)));
    }
}
