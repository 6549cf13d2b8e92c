//! What one viewer's path carries, by its own reports.

use std::time::Duration;

use icescope_model::Monotonic;

/// Below this fraction lost a path is taken to carry more (as in libwebrtc's loss-based control).
const LOW_LOSS: f64 = 0.02;

/// Above this fraction lost a path is taken to carry less.
const HIGH_LOSS: f64 = 0.10;

/// Growth of the loss-based estimate with each clean report; reports come about once a second.
const GROWTH: f64 = 1.08;

/// A round trip that is longer than the shortest one by more than this means that a queue has built up on the path: the loss
/// that would show it comes only when the queue is full, which can take seconds (libwebrtc's delay-based control sees it after
/// about the same delay, only sooner).
const QUEUE: Duration = Duration::from_millis(150);

/// What a queue lowers the estimate to, of what is sent: as libwebrtc's delay-based control does.
const QUEUE_BACKOFF: f64 = 0.85;

/// A REMB older than this no longer binds: browsers repeat it at least once a second.
const REMB_LIFETIME: Duration = Duration::from_secs(5);

/// How much a viewer can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It has reported nothing yet.
    Unknown,
    /// It reports no trouble.
    Free,
    /// At most this, in bits per second.
    AtMost(u64),
}

/// One viewer's reports.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    remb: Option<(u64, Monotonic)>,
    /// Bits per second; `None` while neither losses nor queues bind anything.
    by_loss: Option<f64>,
    shortest_round_trip: Option<Duration>,
    /// The path held a queue at the last report.
    queued: bool,
    heard: bool,
}

impl Estimate {
    /// A receiver-estimated maximum bit rate (REMB).
    pub(crate) fn on_remb(&mut self, bits_per_second: u64, now: Monotonic) {
        self.heard = true;
        self.remb = Some((bits_per_second, now));
    }

    /// A reception report (RFC 3550 §6.4.1): the fraction lost since the last one, while `sent` bits per second were sent.
    pub(crate) fn on_loss(&mut self, fraction: f64, sent: u64) {
        self.heard = true;
        let sent = sent as f64;
        if fraction > HIGH_LOSS {
            let from = self.by_loss.map_or(sent, |bound| bound.min(sent));
            self.by_loss = Some(from * (1.0 - 0.5 * fraction));
        } else if fraction < LOW_LOSS && !self.queued {
            // Once it stands well above what is sent it binds nothing.
            self.by_loss = self.by_loss.map(|bound| bound * GROWTH).filter(|bound| *bound < sent * 2.0);
        }
    }

    /// A round trip, measured by the same report, while `sent` bits per second were sent. To be told before the loss.
    pub(crate) fn on_round_trip(&mut self, took: Duration, sent: u64) {
        let shortest = self.shortest_round_trip.map_or(took, |shortest| shortest.min(took));
        self.shortest_round_trip = Some(shortest);
        // Beside a long path a queue of this length is not told from its ordinary variation.
        self.queued = took > (shortest + QUEUE).max(shortest * 3 / 2);
        if self.queued {
            let from = self.by_loss.map_or(sent as f64, |bound| bound.min(sent as f64));
            self.by_loss = Some(from * QUEUE_BACKOFF);
        }
    }

    /// What it amounts to now.
    pub(crate) fn need(&self, now: Monotonic) -> Need {
        let remb = self.remb.filter(|(_, at)| now <= at.plus(REMB_LIFETIME)).map(|(bound, _)| bound);
        let by_loss = self.by_loss.map(|bound| bound as u64);
        match remb.into_iter().chain(by_loss).min() {
            Some(bound) => Need::AtMost(bound),
            None if self.heard => Need::Free,
            None => Need::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Monotonic = Monotonic(10_000_000_000);

    #[test]
    fn heavy_loss_lowers_and_clean_reports_raise_until_nothing_binds() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.need(NOW), Need::Unknown);
        estimate.on_loss(0.0, 1_000_000);
        assert_eq!(estimate.need(NOW), Need::Free);
        estimate.on_loss(0.2, 1_000_000);
        assert_eq!(estimate.need(NOW), Need::AtMost(900_000));
        estimate.on_loss(0.05, 1_000_000);
        assert_eq!(estimate.need(NOW), Need::AtMost(900_000), "moderate loss holds");
        estimate.on_loss(0.0, 900_000);
        assert_eq!(estimate.need(NOW), Need::AtMost(972_000));
        for _ in 0..20 {
            estimate.on_loss(0.0, 900_000);
        }
        assert_eq!(estimate.need(NOW), Need::Free);
    }

    #[test]
    fn a_queue_on_the_path_lowers_and_nothing_rises_until_it_is_gone() {
        let mut estimate = Estimate::default();
        let report = |estimate: &mut Estimate, milliseconds| {
            estimate.on_round_trip(Duration::from_millis(milliseconds), 1_000_000);
            estimate.on_loss(0.0, 1_000_000);
            estimate.need(NOW)
        };
        assert_eq!(report(&mut estimate, 40), Need::Free);
        assert_eq!(report(&mut estimate, 180), Need::Free, "within the ordinary");
        assert_eq!(report(&mut estimate, 200), Need::AtMost(850_000));
        assert_eq!(report(&mut estimate, 400), Need::AtMost(722_500));
        assert_eq!(report(&mut estimate, 50), Need::AtMost(780_300));
        assert_eq!(report(&mut Estimate::default(), 2_000), Need::Free, "a long path is no queue");
    }

    #[test]
    fn a_remb_binds_while_it_is_fresh() {
        let mut estimate = Estimate::default();
        estimate.on_remb(500_000, NOW);
        assert_eq!(estimate.need(NOW), Need::AtMost(500_000));
        assert_eq!(estimate.need(NOW.plus(Duration::from_secs(6))), Need::Free);
        estimate.on_loss(0.5, 400_000);
        assert_eq!(estimate.need(NOW), Need::AtMost(300_000), "the smaller of the two");
    }
}
