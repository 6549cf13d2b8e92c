//! `[probes]`: when measuring plugins run.

use std::time::Duration;

use crate::reader::Item;
use crate::table::Table;

/// Probes ask foreign servers: more often would be a nuisance to them.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// `[probes]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Probes {
    /// How often every probe runs; `None` is only on demand. Carried, but not acted upon in this version.
    pub schedule: Option<Duration>,
}

impl Probes {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let schedule = table.optional("schedule", schedule);
        table.finish();
        Self { schedule }
    }
}

fn schedule(item: &Item<'_>) -> Option<Duration> {
    let often = match item.value().as_str() {
        Some("off") => return None,
        Some(text) if crate::units::duration(text).is_none() => item.fail(
            format!("{} is neither a duration with its unit nor \"off\"", item.quoted()),
            "write how often (\"10min\", \"1h\", \"1d\"), or \"off\" for only when asked",
        ),
        _ => item.duration(&(SHORTEST..=LONGEST)),
    }?;
    item.warn(
        "this version runs measuring plugins only when asked: a schedule has no effect yet",
        "write \"off\", or leave the key out",
    );
    Some(often)
}
