//! `[limits]`

use std::time::Duration;

use crate::reader::Item;
use crate::table::Table;

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at one time.
    pub sessions: usize,
    /// Candidates that a client may send in one session.
    pub remote_candidates: usize,
    /// How fast a session's remote candidates are handed to ICE.
    pub candidates_per_second: u32,
    /// Bytes of a request's body.
    pub request_body: usize,
    /// New sessions per second of one client address, once its burst is used up.
    pub new_sessions_per_second: u32,
    /// New sessions that one client address may open at once.
    pub new_sessions_burst: u32,
    /// Events kept of one session.
    pub events_per_session: usize,
    /// What a source's bit rate may be.
    pub source_bit_rate: BitRates,
    /// After how long a client that was turned away may try again; whole seconds.
    pub retry_after: Duration,
    /// Whether a client's loopback candidates are used, for tests on one machine.
    pub allow_loopback_candidates: bool,
}

/// A range of bit rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitRates {
    /// Bits per second; a viewer who cannot take these does not slow the others down further.
    pub min: u64,
    /// Bits per second; what a stream begins with.
    pub start: u64,
    /// Bits per second.
    pub max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 32,
            remote_candidates: 50,
            candidates_per_second: 20,
            request_body: 64 << 10,
            new_sessions_per_second: 5,
            new_sessions_burst: 30,
            events_per_session: 4096,
            source_bit_rate: BitRates { min: 150_000, start: 1_000_000, max: 2_500_000 },
            retry_after: Duration::from_secs(5),
            allow_loopback_candidates: false,
        }
    }
}

impl Limits {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let limits = Self {
            sessions: table.or("sessions", default.sessions, |item| item.count(&(1..=10_000), "sessions")),
            remote_candidates: table.or("remote-candidates", default.remote_candidates, |item| {
                item.count(&(1..=1_000), "candidates per session")
            }),
            candidates_per_second: table.or("candidates-per-second", default.candidates_per_second, |item| {
                item.count(&(1..=1_000), "candidates per second and session")
            }),
            // The smallest still takes an offer of a browser with a few candidates.
            request_body: table.or("request-body", default.request_body, |item| {
                item.size(&(8 << 10..=16 << 20)).and_then(|size| usize::try_from(size).ok())
            }),
            new_sessions_per_second: table.or(
                "new-sessions-per-second",
                default.new_sessions_per_second,
                |item| item.count(&(1..=1_000), "new sessions per second and client address"),
            ),
            new_sessions_burst: table.or("new-sessions-burst", default.new_sessions_burst, |item| {
                item.count(&(1..=10_000), "new sessions of one client address")
            }),
            // The set-up of a session alone takes some hundreds.
            events_per_session: table.or("events-per-session", default.events_per_session, |item| {
                item.count(&(512..=1_000_000), "events")
            }),
            source_bit_rate: BitRates::read(&table.table("source-bit-rate"), default.source_bit_rate),
            retry_after: table.or("retry-after", default.retry_after, |item| {
                let wait = item.duration(&(Duration::from_secs(1)..=Duration::from_hours(1)))?;
                // The header Retry-After knows nothing finer (RFC 9110 §10.2.3).
                match wait.subsec_nanos() {
                    0 => Some(wait),
                    _ => item.fail(
                        format!("{} is not a number of whole seconds", item.quoted()),
                        "write whole seconds, such as \"5s\"",
                    ),
                }
            }),
            allow_loopback_candidates: table.or(
                "allow-loopback-candidates",
                default.allow_loopback_candidates,
                Item::boolean,
            ),
        };
        table.finish();
        limits
    }
}

impl BitRates {
    fn read(table: &Table<'_>, default: Self) -> Self {
        let range = 50_000..=100_000_000;
        let rates = Self {
            min: table.or("min", default.min, |item| item.bit_rate(&range)),
            start: table.or("start", default.start, |item| item.bit_rate(&range)),
            max: table.or("max", default.max, |item| item.bit_rate(&range)),
        };
        if !(rates.min <= rates.start && rates.start <= rates.max) {
            let [min, start, max] = [rates.min, rates.start, rates.max].map(crate::units::show_bit_rate);
            table.fail::<()>(
                format!("these bit rates do not rise: min {min}, start {start}, max {max}"),
                "make min at most start, and start at most max; a key that is left out has its default",
            );
        }
        table.finish();
        rates
    }
}
