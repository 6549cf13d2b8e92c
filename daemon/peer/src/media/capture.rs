//! When pictures were taken, told in the time of RTP: from it a viewer knows how old the picture is that it shows.
//!
//! One point on the line from RTP timestamps to capture times is told about once a second. Between two points of one run of
//! media time the line is straight; a point that begins a run says so.

use std::time::Duration;

use icescope_model::{Evidence, Lane, Level, Monotonic, Observation, Scope, SessionId};

use super::timeline::CLOCK;

/// How often a point is told. The clocks of two machines drift apart by some 15 µs in this time (RFC 5905 §7.2, PHI).
const EVERY: Duration = Duration::from_secs(1);

/// How close together two points may be, for a source whose media time jumps with every frame.
const APART: Duration = Duration::from_millis(100);

/// Decides which frames' capture times one viewer is told.
#[derive(Debug, Default)]
pub(crate) struct CaptureClock {
    told: Option<Monotonic>,
    /// A run of media time has begun of which no point was told.
    begins: bool,
}

/// One point: a picture that was taken then goes out with this timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) captured: Monotonic,
    pub(crate) timestamp: u32,
    /// Points that were told before are of another run of media time.
    pub(crate) begins: bool,
}

impl CaptureClock {
    /// Another run of media time begins with the next frame.
    pub(crate) fn begin(&mut self) {
        self.begins = true;
    }

    /// A frame goes out now; gives the point that is to be told.
    pub(crate) fn sent(
        &mut self,
        captured: Option<Monotonic>,
        timestamp: u32,
        now: Monotonic,
    ) -> Option<Anchor> {
        // A picture of the future was not stamped by this clock: when it was taken is not known.
        let captured = captured.filter(|captured| *captured <= now)?;
        let wait = if self.begins { APART } else { EVERY };
        let waited = self.told.is_none_or(|told| now.since(told) >= wait.as_nanos() as i64);
        if !waited {
            return None;
        }
        self.told = Some(now);
        Some(Anchor { captured, timestamp, begins: std::mem::take(&mut self.begins) })
    }
}

impl Anchor {
    /// The point as an observation: its time is that of the capture.
    pub(crate) fn observation(self, session: SessionId, ssrc: u32) -> Observation {
        let scope = Scope::Session(session);
        Observation::new(scope, Evidence::Api, Lane::Peer, Lane::Peer, "rtp.capture_clock")
            .at(self.captured)
            .level(Level::Debug)
            .summary(format!("the picture with RTP timestamp {} was taken", self.timestamp))
            .with("rtpTimestamp", self.timestamp)
            .with("ssrc", ssrc)
            .with("clockRate", CLOCK as u64)
            .with("discontinuity", self.begins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn sent(clock: &mut CaptureClock, at_ms: i64) -> Option<(i64, bool)> {
        let told = clock.sent(Some(Monotonic(at_ms * MS)), 7, Monotonic((at_ms + 5) * MS));
        told.map(|anchor| (anchor.captured.0 / MS, anchor.begins))
    }

    #[test]
    fn a_point_is_told_with_the_first_frame_and_then_once_a_second() {
        let mut clock = CaptureClock::default();
        clock.begin();
        let told: Vec<_> = (0..90).filter_map(|frame| sent(&mut clock, frame * 33)).collect();
        assert_eq!(told, [(0, true), (1023, false), (2046, false)]);
    }

    #[test]
    fn another_run_of_media_time_is_told_at_once_and_one_that_never_lasts_not_with_every_frame() {
        let mut clock = CaptureClock::default();
        clock.begin();
        assert_eq!(sent(&mut clock, 0), Some((0, true)));
        clock.begin();
        assert_eq!(sent(&mut clock, 400), Some((400, true)));
        let restless: Vec<_> = (1..10)
            .filter_map(|frame| {
                clock.begin();
                sent(&mut clock, 400 + frame * 33)
            })
            .collect();
        assert_eq!(restless, [(532, true), (664, true)], "at most every 100 ms");
    }

    #[test]
    fn of_a_picture_without_a_capture_time_or_from_the_future_nothing_is_told() {
        let mut clock = CaptureClock::default();
        clock.begin();
        assert_eq!(clock.sent(None, 1, Monotonic(5)), None);
        assert_eq!(clock.sent(Some(Monotonic(6)), 1, Monotonic(5)), None);
        let told = clock.sent(Some(Monotonic(5)), 1, Monotonic(5));
        assert!(told.is_some_and(|anchor| anchor.begins), "the run is told as soon as it can be");
    }
}
