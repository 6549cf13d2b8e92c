//! How fast to ask again and how long to wait, from the round trips seen so far.

use std::time::Duration;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Between two requests of a test on a near way: well above a switch's or a scheduler's hiccup, so that two of them do
/// not share one loss.
const LEAST_INTERVAL: Duration = ms(25);
/// On a far way: a negative answer should not take longer for the asking than for the waiting.
const GREATEST_INTERVAL: Duration = ms(100);
/// Before anything is known of the way.
const FIRST_INTERVAL: Duration = ms(60);
/// What the waiting takes beside the round trips: a busy server or a sleepy radio answers within it.
const SLACK: Duration = ms(120);

/// What is known of the way to one server.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    smoothed: Option<Duration>,
    spread: Duration,
    largest: Duration,
}

impl Pace {
    /// A round trip was measured; smoothed as RFC 6298 §2 does.
    pub fn measured(&mut self, round_trip: Duration) {
        // A stall is forgotten after some ordinary round trips: else all later waiting would go by it.
        self.largest = round_trip.max(self.largest * 7 / 8);
        match self.smoothed {
            None => {
                self.smoothed = Some(round_trip);
                self.spread = round_trip / 2;
            }
            Some(smoothed) => {
                self.spread = (self.spread * 3 + smoothed.abs_diff(round_trip)) / 4;
                self.smoothed = Some((smoothed * 7 + round_trip) / 8);
            }
        }
    }

    /// Anything was measured.
    pub fn is_known(&self) -> bool {
        self.smoothed.is_some()
    }

    /// The smoothed round trip.
    pub fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The longest round trip of late.
    pub fn largest(&self) -> Duration {
        self.largest
    }

    /// How long after request number `sent` the next one goes out.
    pub fn interval(&self, sent: usize) -> Duration {
        match self.smoothed {
            Some(smoothed) => (smoothed / 8).clamp(LEAST_INTERVAL, GREATEST_INTERVAL),
            // A quarter longer each time: a network that does not answer is not to be pressed.
            None => FIRST_INTERVAL.mul_f64(1.25_f64.powi(i32::try_from(sent).unwrap_or(i32::MAX).min(9))),
        }
    }

    /// How long an answer may take before it counts as not coming: twice the longest round trip of late, or four times the
    /// spread above the usual (RFC 6298 §2.3), whichever is more. `None` while nothing is known.
    pub fn patience(&self) -> Option<Duration> {
        let smoothed = self.smoothed?;
        Some((self.largest * 2).max(smoothed + self.spread * 4) + SLACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_follows_the_longest_round_trip_and_its_spread() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(), None);
        pace.measured(ms(1));
        assert!(pace.patience().unwrap() < ms(125));
        assert_eq!(pace.interval(3), LEAST_INTERVAL);
        pace.measured(ms(400));
        assert!(pace.patience().unwrap() >= ms(920), "{pace:?}");
        for _ in 0..50 {
            pace.measured(ms(400));
        }
        assert_eq!(pace.interval(3), ms(49).max(pace.smoothed().unwrap() / 8));
        assert!(pace.patience().unwrap() <= ms(925), "the spread of a steady way shrinks: {pace:?}");
    }

    #[test]
    fn an_unknown_way_is_asked_ever_more_slowly() {
        let pace = Pace::default();
        let total: Duration = (0..12).map(|sent| pace.interval(sent)).sum();
        assert!(pace.interval(8) > pace.interval(2) * 3);
        assert!((ms(2400)..ms(3600)).contains(&total), "{total:?}");
    }
}
