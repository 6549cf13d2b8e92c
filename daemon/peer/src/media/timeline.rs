//! Media time to RTP timestamps, continuous for one viewer whatever its source does.

use std::time::Duration;

/// RTP clock of video: 90 kHz.
pub(crate) const CLOCK: i128 = 90_000;

/// Where a newcomer's kept frames stand before the newest one: a millisecond apart, so that its jitter buffer does not take
/// them for a stream that began long ago.
const CATCH_UP: u32 = 90;

/// One viewer's RTP timeline.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// RTP timestamp that stands for `anchor_pts`.
    anchor: u32,
    anchor_pts: i64,
    last: u32,
}

impl Timeline {
    /// A timeline on which `pts_ns` stands at `first`.
    pub(crate) fn new(first: u32, pts_ns: i64) -> Self {
        Self { anchor: first, anchor_pts: pts_ns, last: first }
    }

    /// The timestamp of a frame that belongs to the same run of media time.
    pub(crate) fn at(&mut self, pts_ns: i64) -> u32 {
        let elapsed = i128::from(pts_ns) - i128::from(self.anchor_pts);
        // To the nearest tick: media time of 30 frames per second is itself rounded.
        let ticks = (elapsed * CLOCK + 500_000_000).div_euclid(1_000_000_000);
        self.last = self.anchor.wrapping_add(ticks as u32);
        self.last
    }

    /// The timestamp of a frame that is sent `before` frames ahead of the newest one, whose media time is `newest_pts`.
    pub(crate) fn catching_up(&mut self, newest_pts: i64, before: usize) -> u32 {
        let newest = self.at(newest_pts);
        newest.wrapping_sub(CATCH_UP * before as u32)
    }

    /// Begins another run of media time at `pts_ns`, `gap` after the last frame that was sent.
    pub(crate) fn rebase(&mut self, pts_ns: i64, gap: Duration) {
        // At least one tick: two frames must not share a timestamp.
        let ticks = (gap.as_nanos() as i128 * CLOCK / 1_000_000_000).max(1);
        self.anchor = self.last.wrapping_add(ticks as u32);
        self.anchor_pts = pts_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_follow_media_time_and_wrap() {
        let mut timeline = Timeline::new(u32::MAX, 1_000_000_000);
        assert_eq!(timeline.at(1_000_000_000), u32::MAX);
        assert_eq!(timeline.at(2_000_000_000), 89_999);
        assert_eq!(timeline.at(1_033_333_333), 2_999);
    }

    #[test]
    fn another_run_goes_on_where_the_last_one_stood() {
        let mut timeline = Timeline::new(0, 0);
        assert_eq!(timeline.at(1_000_000_000), 90_000);
        timeline.rebase(77, Duration::from_millis(40));
        assert_eq!(timeline.at(77), 93_600);
        timeline.rebase(5, Duration::ZERO);
        assert_eq!(timeline.at(5), 93_601, "never the same twice");
    }

    #[test]
    fn kept_frames_stand_close_before_the_newest() {
        let mut timeline = Timeline::new(10_000, 0);
        assert_eq!(timeline.catching_up(1_000_000_000, 2), 99_820);
        assert_eq!(timeline.catching_up(1_000_000_000, 0), 100_000);
    }
}
