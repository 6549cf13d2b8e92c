//! The bit rate of a shared encoder.
//!
//! Policy: the encoder follows the weakest viewer whose need lies within the configured bounds. It is lowered at once and
//! raised slowly, and only when every viewer has reported that it can take it. A viewer that cannot even take the lowest
//! configured rate does not drag the others down: it is sent key frames only until it recovers.

use std::time::Duration;

use icescope_model::Monotonic;

use super::estimate::Need;

/// The target grows by at most this factor in [`STEP`]: doubling takes about nine seconds.
const GROWTH: f64 = 1.08;

/// Least time between two raises: about one round of reception reports.
const STEP: Duration = Duration::from_secs(1);

/// A change of less than this fraction is not worth telling the encoder.
const HYSTERESIS: f64 = 0.05;

/// Lowest and highest bit rate that configuration and format allow, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

impl Bounds {
    /// The configured bounds within what the encoder can do; `None` if it has one fixed bit rate.
    pub(crate) fn new(configured: (u64, u64), format: Option<(u64, u64)>) -> Option<Self> {
        let (least, most) = format?;
        let min = configured.0.clamp(least, most);
        Some(Self { min, max: configured.1.clamp(min, most) })
    }
}

/// The target of one encoder.
#[derive(Debug)]
pub(crate) struct Rate {
    target: u64,
    raised: Option<Monotonic>,
}

impl Rate {
    /// A target that begins at `start` bits per second.
    pub(crate) fn new(start: u64) -> Self {
        Self { target: start, raised: None }
    }

    /// Bits per second aimed at.
    pub(crate) fn target(&self) -> u64 {
        self.target
    }

    /// The new target if it is to change.
    pub(crate) fn next(&mut self, needs: &[Need], bounds: Bounds, now: Monotonic) -> Option<u64> {
        let weakest = needs
            .iter()
            .filter_map(|need| match need {
                Need::AtMost(bound) if *bound >= bounds.min => Some(*bound),
                _ => None,
            })
            .min();
        let ceiling = weakest.unwrap_or(bounds.max).clamp(bounds.min, bounds.max);
        let wanted = if ceiling <= self.target {
            ceiling
        } else {
            let known = !needs.is_empty() && !needs.contains(&Need::Unknown);
            if !known || self.raised.is_some_and(|raised| now < raised.plus(STEP)) {
                return None;
            }
            ((self.target as f64 * GROWTH) as u64).min(ceiling)
        };
        let change = wanted.abs_diff(self.target) as f64;
        let at_bound = wanted != self.target && (wanted == bounds.max || wanted == bounds.min);
        if change < self.target as f64 * HYSTERESIS && !at_bound {
            return None;
        }
        if wanted > self.target {
            self.raised = Some(now);
        }
        self.target = wanted;
        Some(wanted)
    }
}

/// Whether a viewer is sent key frames only: it cannot take what the encoder may be lowered to. One that is thinned already
/// must be clearly better before it gets everything again.
pub(crate) fn thinned(need: Need, bounds: Bounds, is_thinned: bool) -> bool {
    match need {
        Need::AtMost(bound) if is_thinned => bound < bounds.min,
        Need::AtMost(bound) => bound < bounds.min * 4 / 5,
        Need::Free | Need::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { min: 200_000, max: 2_000_000 };

    fn at(seconds: u64) -> Monotonic {
        Monotonic(0).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn it_falls_at_once_to_the_weakest_and_rises_slowly() {
        let mut rate = Rate::new(1_000_000);
        let needs = [Need::Free, Need::AtMost(400_000)];
        assert_eq!(rate.next(&needs, BOUNDS, at(0)), Some(400_000));
        assert_eq!(rate.next(&[Need::Free, Need::AtMost(900_000)], BOUNDS, at(1)), Some(432_000));
        assert_eq!(rate.next(&[Need::Free], BOUNDS, at(1)), None, "one step a second");
        assert_eq!(rate.next(&[Need::Free], BOUNDS, at(2)), Some(466_560));
    }

    #[test]
    fn nothing_is_raised_before_everybody_has_reported() {
        let mut rate = Rate::new(1_000_000);
        assert_eq!(rate.next(&[Need::Free, Need::Unknown], BOUNDS, at(0)), None);
        assert_eq!(rate.next(&[], BOUNDS, at(1)), None);
    }

    #[test]
    fn a_viewer_below_the_least_does_not_drag_the_others_down() {
        let mut rate = Rate::new(1_000_000);
        assert_eq!(rate.next(&[Need::AtMost(50_000), Need::Free], BOUNDS, at(0)), Some(1_080_000));
        assert!(thinned(Need::AtMost(50_000), BOUNDS, false));
        assert!(thinned(Need::AtMost(190_000), BOUNDS, true));
        assert!(!thinned(Need::AtMost(190_000), BOUNDS, false));
        assert!(!thinned(Need::AtMost(200_000), BOUNDS, true));
    }

    #[test]
    fn small_changes_are_not_told_but_the_bounds_are_reached() {
        let mut rate = Rate::new(1_000_000);
        assert_eq!(rate.next(&[Need::AtMost(970_000)], BOUNDS, at(0)), None);
        let mut rate = Rate::new(1_960_000);
        assert_eq!(rate.next(&[Need::Free], BOUNDS, at(0)), Some(2_000_000));
        assert_eq!(rate.next(&[Need::Free], BOUNDS, at(5)), None);
    }

    #[test]
    fn configuration_stays_within_what_the_encoder_can_do() {
        assert_eq!(Bounds::new((100, 5_000), Some((300, 2_000))), Some(Bounds { min: 300, max: 2_000 }));
        assert_eq!(Bounds::new((100, 200), Some((300, 2_000))), Some(Bounds { min: 300, max: 300 }));
        assert_eq!(Bounds::new((100, 200), None), None);
    }

    proptest::proptest! {
        #[test]
        fn the_target_never_leaves_the_bounds(needs in proptest::collection::vec(0u64..10_000_000, 1..5), steps in 1u64..50) {
            let needs: Vec<Need> = needs.into_iter().map(Need::AtMost).collect();
            let mut rate = Rate::new(1_000_000);
            for second in 0..steps {
                rate.next(&needs, BOUNDS, at(second));
                proptest::prop_assert!((BOUNDS.min..=BOUNDS.max).contains(&rate.target()));
            }
        }
    }
}
