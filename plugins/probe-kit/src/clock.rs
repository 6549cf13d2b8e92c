//! The clock of events.

use std::time::Duration;

/// `CLOCK_MONOTONIC` in nanoseconds: the clock of the host's events.
pub fn now_ns() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// From one time of [`now_ns`] to a later one; nothing if it is not later.
pub fn between(from_ns: i64, to_ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(to_ns.saturating_sub(from_ns)).unwrap_or(0))
}

/// Milliseconds with their fraction, as documents have them.
pub fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
