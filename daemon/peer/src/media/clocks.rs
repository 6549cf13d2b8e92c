//! The clock faces of RTP and RTCP: NTP's middle 32 bits, and the absolute send time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use icescope_model::Monotonic;

/// The wall clock in the middle 32 bits of an NTP timestamp, as sender reports carry it (RFC 3550 §4).
pub(crate) fn ntp_middle() -> u32 {
    const UNIX_IN_NTP: u64 = 2_208_988_800;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(now.subsec_nanos()) << 16) / 1_000_000_000;
    (((now.as_secs() + UNIX_IN_NTP) << 16) | fraction) as u32
}

/// A longer round trip than this is a clock that was set.
const LONGEST: Duration = Duration::from_mins(1);

/// The round trip that a reception report tells: now, less its delay, less when the report it answers was sent (RFC 3550
/// §6.4.1). `None` if it answers none, or if the clock was set meanwhile.
pub(crate) fn round_trip(now: u32, sent: u32, delay: u32) -> Option<Duration> {
    let ticks = now.wrapping_sub(delay).wrapping_sub(sent);
    let took = Duration::from_nanos((u64::from(ticks) * 1_000_000_000) >> 16);
    (sent != 0 && took < LONGEST).then_some(took)
}

/// Absolute send time: 24 bits, 6.18 fixed point seconds. Only differences count: any clock will do.
pub(crate) fn send_time(now: Monotonic) -> Bytes {
    let ticks = (i128::from(now.0) << 18) / 1_000_000_000;
    Bytes::copy_from_slice(&(ticks as u32).to_be_bytes()[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_what_is_left_of_the_time_between() {
        let second = 1 << 16;
        assert_eq!(round_trip(10 * second, 8 * second, second), Some(Duration::from_secs(1)));
        assert_eq!(
            round_trip(second / 2, 0u32.wrapping_sub(second), second),
            Some(Duration::from_millis(500)),
            "a wrap"
        );
        assert_eq!(round_trip(second, 0, 0), None, "no report was answered");
        assert_eq!(round_trip(second, 2 * second, 0), None, "the clock went back");
    }

    #[test]
    fn the_send_time_counts_in_18_bits_of_a_second_and_wraps_after_64() {
        assert_eq!(send_time(Monotonic(1_500_000_000))[..], [0x06, 0x00, 0x00]);
        assert_eq!(send_time(Monotonic(65_500_000_000))[..], [0x06, 0x00, 0x00]);
    }
}
