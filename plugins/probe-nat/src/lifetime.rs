//! How long an idle binding lives (RFC 5780 §4.6): which waits to try next, and what they say. Pure.
//!
//! Each wait is tried on a fresh binding, for an answer that comes in may refresh the old one. All waits of a round run
//! side by side: a round takes as long as its longest wait that matters, and a few rounds are enough.

use std::time::Duration;

/// The first round: dense where bad NATs are, and up to what RFC 4787 §4.3 asks for (two minutes, better five) and beyond.
const LADDER_S: [u64; 12] = [1, 2, 5, 10, 20, 30, 45, 60, 120, 180, 300, 600];
/// Waits of a later round, evenly between what is known.
const BETWEEN: u32 = 7;
/// Finer than this nobody needs, and clocks of NATs tick in seconds.
const FINEST: Duration = Duration::from_millis(500);
/// Or this part of the lifetime.
const FINE_PART: u32 = 20;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// Whole seconds; `None` if it could not be told.
    pub seconds: Option<u64>,
    /// Why.
    pub because: String,
}

/// Between which waits a binding dies.
#[derive(Debug, Clone)]
pub struct Search {
    longest: Duration,
    alive: Option<Duration>,
    gone: Option<Duration>,
}

impl Search {
    /// Waits up to `longest` can be tried.
    pub fn new(longest: Duration) -> Self {
        Self { longest, alive: None, gone: None }
    }

    /// The waits to try next, shortest first; none when enough is known.
    pub fn round(&self) -> Vec<Duration> {
        match (self.alive, self.gone) {
            (None, None) => {
                let ladder = LADDER_S.map(Duration::from_secs).into_iter();
                ladder.filter(|wait| *wait <= self.longest).collect()
            }
            (_, None) => Vec::new(),
            (alive, Some(gone)) => {
                let alive = alive.unwrap_or_default();
                let width = gone.saturating_sub(alive);
                if width <= FINEST.max(gone / FINE_PART) {
                    return Vec::new();
                }
                (1..=BETWEEN).map(|part| alive + width * part / (BETWEEN + 1)).collect()
            }
        }
    }

    /// A binding was alive, or gone, after this wait.
    pub fn note(&mut self, wait: Duration, is_alive: bool) {
        if is_alive {
            self.alive = Some(self.alive.unwrap_or_default().max(wait));
        } else {
            self.gone = Some(self.gone.map_or(wait, |gone| gone.min(wait)));
        }
    }

    /// Longer waits than this need not be waited for any more.
    pub fn is_needless(&self, wait: Duration) -> bool {
        self.gone.is_some_and(|gone| wait > gone)
    }

    /// What is known now.
    pub fn result(&self) -> Lifetime {
        let seconds = |wait: Duration| format!("{:.1} s", wait.as_secs_f64());
        match (self.alive, self.gone) {
            (Some(alive), Some(gone)) if alive >= gone => Lifetime {
                seconds: None,
                because: format!(
                    "one binding lived {} and another was gone after {}",
                    seconds(alive),
                    seconds(gone)
                ),
            },
            (alive, Some(gone)) => {
                let alive = alive.unwrap_or_default();
                let middle = (alive + gone) / 2;
                Lifetime {
                    seconds: Some((middle.as_secs_f64().round() as u64).max(1)),
                    because: format!("alive after {}, gone after {}", seconds(alive), seconds(gone)),
                }
            }
            (Some(alive), None) => Lifetime {
                seconds: None,
                because: format!("still alive after {}, the longest wait there was time for", seconds(alive)),
            },
            (None, None) => Lifetime { seconds: None, because: "there was no time to wait".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds until enough is known of a binding that lives for `lives`, and how long they take.
    fn search(lives: Duration, longest: Duration) -> (Lifetime, usize, Duration) {
        let mut search = Search::new(longest);
        let (mut rounds, mut took) = (0, Duration::ZERO);
        loop {
            let waits = search.round();
            if waits.is_empty() {
                return (search.result(), rounds, took);
            }
            rounds += 1;
            let mut last = Duration::ZERO;
            for wait in waits {
                if !search.is_needless(wait) {
                    search.note(wait, wait < lives);
                    last = wait;
                }
            }
            took += last;
            assert!(rounds < 10, "{search:?}");
        }
    }

    #[test]
    fn a_lifetime_is_found_within_a_twentieth() {
        for seconds in [2_u64, 3, 10, 30, 59, 120, 300, 500] {
            let (found, rounds, _) = search(Duration::from_secs(seconds), Duration::from_mins(10));
            let found = found.seconds.unwrap();
            assert!(found.abs_diff(seconds) <= 1.max(seconds / 20), "{seconds}: {found}");
            assert!(rounds <= 3, "{seconds}: {rounds} rounds");
        }
    }

    #[test]
    fn waits_of_a_round_overlap() {
        let (_, _, took) = search(Duration::from_secs(30), Duration::from_mins(10));
        assert!(took < Duration::from_secs(100), "one after another it would be minutes: {took:?}");
    }

    #[test]
    fn a_binding_that_outlives_all_waits_has_no_known_lifetime() {
        let (found, _, _) = search(Duration::from_hours(30), Duration::from_mins(1));
        assert_eq!(found.seconds, None);
        assert!(found.because.contains("still alive after 60.0 s"), "{}", found.because);
    }

    #[test]
    fn bindings_that_contradict_each_other_tell_nothing() {
        let mut search = Search::new(Duration::from_mins(1));
        search.note(Duration::from_secs(10), true);
        search.note(Duration::from_secs(5), false);
        assert_eq!(search.result().seconds, None);
    }
}
