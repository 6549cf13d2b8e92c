//! Every pair of events: does the record claim an order that the captures refute?

use std::fmt;

use icescope_model::api::SessionRecord;

use super::capture::Captured;
use super::events::{Item, of_browser, of_daemon};

/// What came out of one session.
pub struct Comparison {
    items: Vec<Item>,
    /// Packet events of the daemon that no capture has.
    missing: Vec<String>,
    /// The begin of the session's axis, in nanoseconds since the Unix epoch, as the received packets place it.
    origin: i64,
    opened_unix_ms: i64,
    pairs: [usize; 3],
    disagreements: Vec<String>,
}

/// How far an event is from its packets, and how far it may be.
struct Error<'item> {
    name: &'item str,
    /// Microseconds.
    off: f64,
    stated: i64,
}

impl Comparison {
    /// Compares a record with the captures at the browser's host (`near`) and the daemon's (`far`).
    pub fn new(record: &SessionRecord, near: &Captured, far: &Captured) -> Self {
        let (mut items, missing) = of_daemon(&record.events, far);
        // The record tells its begin in whole milliseconds only: the packets say it better.
        // Received ones: the kernel's time of their arrival is what both have.
        let received = items.iter().filter(|item| item.inbound);
        let mut origins: Vec<i64> =
            received.filter_map(|item| Some(item.after? - item.time * 1_000)).collect();
        origins.sort_unstable();
        let origin = origins.get(origins.len() / 2).copied().unwrap_or_default();
        items.extend(of_browser(&record.events, near, far));
        let mut pairs = [0; 3];
        let mut disagreements = Vec::new();
        for one in &items {
            for other in &items {
                // The record says «one before other», beyond what it says to be uncertain.
                if one.time + one.uncertainty + other.uncertainty >= other.time {
                    continue;
                }
                // The captures can refute it where they know how early neither and how late both can have been.
                let (Some(earliest), Some(latest)) = (one.after, other.before) else { continue };
                pairs[usize::from(!one.packet) + usize::from(!other.packet)] += 1;
                if earliest > latest {
                    let late = (earliest - latest) as f64 / 1e3;
                    disagreements
                        .push(format!("{} before {}: captured {late:.1} µs after it", one.name, other.name));
                }
            }
        }
        let opened_unix_ms = record.session.opened_unix_ms;
        Self { items, missing, origin, opened_unix_ms, pairs, disagreements }
    }

    /// The begin of the session's axis, in nanoseconds since the Unix epoch.
    pub const fn origin(&self) -> i64 {
        self.origin
    }

    fn errors(&self, packet: bool) -> Vec<Error<'_>> {
        let errors = self.items.iter().filter(|item| item.packet == packet).map(|item| {
            let at = self.origin + item.time * 1_000;
            let early = item.after.map_or(0, |after| (after - at).max(0));
            let late = item.before.map_or(0, |before| (at - before).max(0));
            Error { name: &item.name, off: early.max(late) as f64 / 1e3, stated: item.uncertainty }
        });
        errors.collect()
    }

    /// Fails where the captures refute the record.
    pub fn assert_right(&self) {
        assert_eq!(self.missing, Vec::<String>::new(), "recorded as packets, and not captured");
        assert_eq!(self.disagreements, Vec::<String>::new(), "orders that the captures refute");
        let [packets, mixed, _] = self.pairs;
        assert!(packets > 100 && mixed > 10, "too little was compared: {:?}", self.pairs);
        for error in self.errors(true).iter().chain(&self.errors(false)) {
            assert!(
                error.off <= error.stated as f64,
                "{} is {} µs off, stated {}",
                error.name,
                error.off,
                error.stated
            );
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [packets, mixed, apis] = self.pairs;
        writeln!(
            f,
            "  pairs compared: {} ({packets} of two packets, {mixed} of a packet and a browser event, {apis} of two browser events); \
             disagreements: {}",
            packets + mixed + apis,
            self.disagreements.len()
        )?;
        for disagreement in self.disagreements.iter().take(12) {
            writeln!(f, "    {disagreement}")?;
        }
        for (packet, whose) in [(true, "daemon's packets"), (false, "browser's events")] {
            let errors = self.errors(packet);
            let worst = errors.iter().max_by(|one, other| one.off.total_cmp(&other.off));
            let beyond = errors.iter().filter(|error| error.off > error.stated as f64).count();
            let stated = errors.iter().map(|error| error.stated);
            if let Some(Error { name, off, stated: own }) = worst {
                writeln!(
                    f,
                    "  {whose}: {}; largest error {off:.1} µs ({name}, stated {own} µs); stated {} to {} µs; beyond it: {beyond}",
                    errors.len(),
                    stated.clone().min().unwrap_or_default(),
                    stated.max().unwrap_or_default()
                )?;
            }
        }
        for item in self.items.iter().filter(|item| !item.packet) {
            let at = self.origin + item.time * 1_000;
            let from = |bound: Option<i64>| {
                bound.map_or("?".to_owned(), |it| format!("{:.3}", (at - it) as f64 / 1e6))
            };
            writeln!(
                f,
                "    {}: {} ms after its packet, {} ms after the next",
                item.name,
                from(item.after),
                from(item.before)
            )?;
        }
        let begin = (self.origin - self.opened_unix_ms * 1_000_000) as f64 / 1e6;
        writeln!(
            f,
            "  the axis begins {begin:.3} ms after openedUnixMs; not captured: {}",
            self.missing.len()
        )
    }
}
