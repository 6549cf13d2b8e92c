//! The page's clock by another way than the live channel's: readings of `performance.now()` between two of this process's clock,
//! which is the daemon's, too.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use icescope_model::api::SessionRecord;
use serde_json::Value;

use crate::rig::Page;

/// Enough for a few that met an idle browser.
const READINGS: usize = 40;

/// Readings: before, the page's, after. Nanoseconds since the Unix epoch; the page's in microseconds of its own clock.
pub struct PageReadings(Vec<(i64, f64, i64)>);

impl PageReadings {
    /// Takes them.
    pub fn take(page: &Page<'_>) -> Self {
        let readings = (0..READINGS).filter_map(|_| {
            let before = wall();
            let page = page.evaluate("performance.now()").ok().as_ref().and_then(Value::as_f64)?;
            Some((before, page * 1_000.0, wall()))
        });
        Self(readings.collect())
    }

    /// What they say of the record's estimate, given the begin of its axis.
    pub fn against(&self, record: &SessionRecord, origin: i64) -> String {
        let Some(clock) = record.clock else {
            return "  the record has no estimate of the page's clock\n".to_owned();
        };
        // What must be added to the page's clock to come to the axis, in microseconds: the narrowest of all readings.
        let axis = |at: i64| (at - origin) as f64 / 1e3;
        let least = self.0.iter().map(|(before, page, _)| axis(*before) - page).fold(f64::MIN, f64::max);
        let most = self.0.iter().map(|(_, page, after)| axis(*after) - page).fold(f64::MAX, f64::min);
        let offset = clock.offset as f64;
        let off = (least - offset).max(offset - most).max(0.0);
        let mut text = String::new();
        let _ = writeln!(
            text,
            "  the page's clock: estimated {offset:.0} ± {} µs; readings say {least:.0} to {most:.0}; the estimate is {off:.0} µs outside of them",
            clock.uncertainty
        );
        assert!(off <= f64::from(clock.uncertainty), "the page's clock is off by more than stated:\n{text}");
        text
    }
}

fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
