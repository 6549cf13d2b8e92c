//! When a request is sent again, and when it is given up: RFC 8489 §6.2.1 and §6.2.2. Pure: time comes in as the time
//! since the first request.

use std::time::Duration;

/// The parameters of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Wait before the second request; it doubles each time. RFC 8489 §6.2.1: 500 ms unless something is known.
    pub rto: Duration,
    /// How many requests are sent in all. RFC 8489 §6.2.1: Rc, 7.
    pub rc: u32,
    /// How many `rto` to wait after the last request. RFC 8489 §6.2.1: Rm, 16.
    pub rm: u32,
    /// When to give up at the latest.
    pub limit: Duration,
}

impl Schedule {
    /// RFC 8489 §6.2.1 in full: gives up after 79 × 500 ms.
    pub const RFC_8489: Self =
        Self { rto: Duration::from_millis(500), rc: 7, rm: 16, limit: Duration::from_millis(39_500) };

    /// RFC 8489 §6.2.1, given up after `limit`.
    pub const fn within(limit: Duration) -> Self {
        Self { limit, ..Self::RFC_8489 }
    }

    /// One request, no second, for `limit`: what a reliable transport wants (RFC 8489 §6.2.2), and what measures loss
    /// packet by packet.
    pub const fn once(limit: Duration) -> Self {
        Self { rc: 1, rm: u32::MAX, limit, ..Self::RFC_8489 }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::RFC_8489
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the request, and come back at `wake` if there is no answer by then.
    Send {
        /// Which request it is: 1 for the first.
        attempt: u32,
        /// Since the first request.
        wake: Duration,
    },
    /// Nothing; come back at `wake` if there is no answer by then.
    Wait {
        /// Since the first request.
        wake: Duration,
    },
    /// No answer came; give up.
    GiveUp,
}

/// A transaction that waits for its answer.
#[derive(Debug, Clone)]
pub struct Retransmission {
    schedule: Schedule,
    sent: u32,
    /// When the next request is due, or, after the last one, the end.
    due: Duration,
    /// The wait after the next request.
    interval: Duration,
}

impl Retransmission {
    /// Nothing is sent yet.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, sent: 0, due: Duration::ZERO, interval: schedule.rto }
    }

    /// How many requests were sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// What to do at `now`. May be asked early and late: a late call sends once, not once for each time missed.
    pub fn poll(&mut self, now: Duration) -> Step {
        if now >= self.schedule.limit {
            return Step::GiveUp;
        }
        if now < self.due {
            return Step::Wait { wake: self.due.min(self.schedule.limit) };
        }
        if self.sent >= self.schedule.rc {
            return Step::GiveUp;
        }
        self.sent += 1;
        let wait = if self.sent == self.schedule.rc {
            self.schedule.rto.saturating_mul(self.schedule.rm)
        } else {
            self.interval
        };
        self.interval = self.interval.saturating_mul(2);
        self.due = now.saturating_add(wait);
        Step::Send { attempt: self.sent, wake: self.due.min(self.schedule.limit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Plays a schedule without an answer, waking exactly when it asks to: when it sent, and when it gave up.
    fn play(schedule: Schedule) -> (Vec<Duration>, Duration) {
        let mut transaction = Retransmission::new(schedule);
        let (mut now, mut sends) = (Duration::ZERO, Vec::new());
        loop {
            match transaction.poll(now) {
                Step::Send { attempt, wake } => {
                    sends.push(now);
                    assert_eq!(attempt as usize, sends.len());
                    now = wake;
                }
                Step::Wait { wake } => now = wake,
                Step::GiveUp => return (sends, now),
            }
        }
    }

    #[test]
    fn the_example_of_rfc_8489_is_kept_to() {
        // §6.2.1: «requests would be sent at times 0 ms, 500 ms, 1500 ms, …, and 31500 ms», given up after 39500 ms.
        let (sends, end) = play(Schedule::RFC_8489);
        assert_eq!(sends, [0, 500, 1500, 3500, 7500, 15500, 31500].map(ms));
        assert_eq!(end, ms(39_500));
    }

    #[test]
    fn the_own_limit_ends_it_between_two_requests() {
        assert_eq!(play(Schedule::within(ms(2000))), (vec![ms(0), ms(500), ms(1500)], ms(2000)));
    }

    #[test]
    fn once_sends_once_and_waits_for_all_of_its_limit() {
        assert_eq!(play(Schedule::once(ms(70_000))), (vec![ms(0)], ms(70_000)));
    }

    #[test]
    fn the_last_wait_is_rm_times_the_first() {
        let schedule = Schedule { rto: ms(100), rc: 2, rm: 3, limit: ms(10_000) };
        assert_eq!(play(schedule), (vec![ms(0), ms(100)], ms(400)));
    }

    #[test]
    fn a_late_wake_sends_once_and_an_early_one_not_at_all() {
        let mut transaction = Retransmission::new(Schedule::RFC_8489);
        transaction.poll(ms(0));
        assert_eq!(transaction.poll(ms(499)), Step::Wait { wake: ms(500) });
        assert_eq!(transaction.poll(ms(5000)), Step::Send { attempt: 2, wake: ms(6000) });
        assert_eq!(transaction.poll(ms(5000)), Step::Wait { wake: ms(6000) });
        assert_eq!(transaction.sent(), 2);
    }

    proptest! {
        #[test]
        fn every_schedule_ends_within_its_limit_and_sends_no_more_than_it_may(
            rto in 0_u64..5000, rc in 0_u32..20, rm in 0_u32..40, limit in 0_u64..60_000,
        ) {
            let schedule = Schedule { rto: ms(rto), rc, rm, limit: ms(limit) };
            let (sends, end) = play(schedule);
            prop_assert!(sends.len() <= rc as usize);
            prop_assert!(end <= ms(limit));
        }
    }
}
