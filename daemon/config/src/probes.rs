//! `[probes]`: when measuring plugins run.

use std::time::Duration;

use crate::reader::Item;
use crate::table::Table;

/// Probes ask foreign servers: more often would be a nuisance to them.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// `[probes]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    /// Every probe runs once when it comes up.
    pub at_start: bool,
    /// How often every probe runs; `None` is not by itself.
    pub schedule: Option<Duration>,
    /// How long one run may take.
    pub timeout: Duration,
}

impl Default for Probes {
    fn default() -> Self {
        // A run over servers that answer takes some seconds; one over dead ones as long as its own time limits say.
        Self { at_start: true, schedule: None, timeout: Duration::from_secs(30) }
    }
}

impl Probes {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let timeout = Duration::from_secs(1)..=Duration::from_mins(10);
        let probes = Self {
            at_start: table.or("at-start", default.at_start, Item::boolean),
            schedule: table.optional("schedule", schedule),
            timeout: table.or("timeout", default.timeout, |item| item.duration(&timeout)),
        };
        table.finish();
        probes
    }
}

fn schedule(item: &Item<'_>) -> Option<Duration> {
    match item.value().as_str() {
        Some("off") => None,
        Some(text) if crate::units::duration(text).is_none() => item.fail(
            format!("{} is neither a duration with its unit nor \"off\"", item.quoted()),
            "write how often (\"10min\", \"1h\", \"1d\"), or \"off\" for not by itself",
        ),
        _ => item.duration(&(SHORTEST..=LONGEST)),
    }
}
