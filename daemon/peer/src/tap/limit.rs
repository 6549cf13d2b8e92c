//! How many received messages a tap records: anybody can send to an open port, and the record is for the session.

use icescope_model::Monotonic;

/// Messages recorded at once: more than any set-up needs (two ends with 10 candidates each make some 200 checks a second).
const BURST: i64 = 1_000;
/// Messages recorded per second in the long run.
const PER_SECOND: i64 = 200;
const NANOS_EACH: i64 = 1_000_000_000 / PER_SECOND;

/// A token bucket.
#[derive(Debug)]
pub struct Limit {
    /// The time up to which messages have been paid for.
    paid: Monotonic,
}

impl Limit {
    /// A full bucket.
    pub fn new(now: Monotonic) -> Self {
        Self { paid: Monotonic(now.0 - BURST * NANOS_EACH) }
    }

    /// Takes one message, if there is room.
    pub fn take(&mut self, now: Monotonic) -> bool {
        let full = Monotonic(now.0 - BURST * NANOS_EACH);
        let paid = Monotonic(self.paid.max(full).0 + NANOS_EACH);
        if paid > now {
            return false;
        }
        self.paid = paid;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_a_pause_fills_the_bucket() {
        let start = Monotonic(5_000_000_000_000);
        let mut limit = Limit::new(start);
        assert_eq!((0..5_000).filter(|_| limit.take(start)).count(), BURST as usize);
        let later = Monotonic(start.0 + 1_000_000_000);
        assert_eq!((0..5_000).filter(|_| limit.take(later)).count(), PER_SECOND as usize);
        let much_later = Monotonic(start.0 + 1_000_000_000_000);
        assert_eq!((0..5_000).filter(|_| limit.take(much_later)).count(), BURST as usize);
    }
}
