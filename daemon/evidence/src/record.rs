//! A session's events within bounds (pure).
//!
//! The set-up is pinned. What repeats while a connection is up goes into rings, so that it can never push the set-up out:
//! statistics, which are plotted, into another than consent checks, of which there are many more. What the rings let go is
//! counted.
//!
//! Events are kept as JSON text: the maps of a decoded event take three to four times as much memory, and what is remembered of
//! closed sessions is nearly all of what the daemon holds when nobody watches.

use std::collections::VecDeque;

use icescope_model::Event;

/// What repeats, and how many of it are kept. The last is for all that is not named.
const RINGS: [(&str, usize); 4] = [
    // One a second, and one at each change of state: more than the last minute, which is what the page plots first.
    ("stats", 90),
    // The daemon's own counts, one a second: the last minute.
    ("rtp.counters", 60),
    // One a second, of use only while its pictures are on their way: what the page made of it is in the statistics.
    ("rtp.capture_clock", 8),
    // Consent checks, mostly. At two a second and end, these are 40 seconds.
    ("", 160),
];
/// A connection younger than this is still being set up: its checks and statistics are pinned.
const SET_UP_US: i64 = 5_000_000;

/// One event as it is kept.
#[derive(Debug)]
struct Kept {
    sequence: u64,
    json: Box<str>,
}

impl Kept {
    fn new(event: &Event) -> Option<Self> {
        let json = serde_json::to_string(event).ok()?;
        Some(Self { sequence: event.sequence, json: json.into_boxed_str() })
    }

    fn event(&self) -> Option<Event> {
        serde_json::from_str(&self.json).ok()
    }
}

/// The events of one session.
#[derive(Debug)]
pub(crate) struct Record {
    pinned: Vec<Kept>,
    rings: [VecDeque<Kept>; RINGS.len()],
    max_pinned: usize,
    next: u64,
    dropped: u64,
    connected_at: Option<i64>,
}

impl Record {
    pub(crate) fn new(max_events: usize) -> Self {
        Self {
            pinned: Vec::new(),
            rings: Default::default(),
            max_pinned: max_events.saturating_sub(RINGS.iter().map(|(_, room)| room).sum()).max(1),
            next: 0,
            dropped: 0,
            connected_at: None,
        }
    }

    /// The number that the next event gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Events that could not be kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// From `at` (µs on the session's axis) the connection is up.
    pub(crate) fn connected(&mut self, at: i64) {
        self.connected_at.get_or_insert(at);
    }

    /// Adds an event and numbers it.
    pub(crate) fn push(&mut self, event: &mut Event) {
        event.sequence = self.next;
        self.next += 1;
        let Some(kept) = Kept::new(event) else {
            self.dropped += 1;
            return;
        };
        if self.is_steady(event) || self.pinned.len() >= self.max_pinned {
            let at = RINGS.iter().position(|(kind, _)| *kind == event.kind).unwrap_or(RINGS.len() - 1);
            if self.rings[at].len() == RINGS[at].1 {
                self.rings[at].pop_front();
                self.dropped += 1;
            }
            self.rings[at].push_back(kept);
        } else {
            self.pinned.push(kept);
        }
    }

    /// Keeps these for good, as they show what a verdict says; takes those out that are gone already.
    pub(crate) fn pin(&mut self, sequences: &mut Vec<u64>) {
        sequences.retain(|sequence| {
            if self.pinned.binary_search_by_key(sequence, |kept| kept.sequence).is_ok() {
                return true;
            }
            let place = self.pinned.partition_point(|kept| kept.sequence < *sequence);
            let taken = self.rings.iter_mut().find_map(|ring| {
                let at = ring.binary_search_by_key(sequence, |kept| kept.sequence).ok()?;
                ring.remove(at)
            });
            taken.map(|kept| self.pinned.insert(place, kept)).is_some()
        });
    }

    fn is_steady(&self, event: &Event) -> bool {
        let up = self.connected_at.is_some_and(|at| event.time > at + SET_UP_US);
        up && (event.kind.starts_with("stun.binding.")
            || event.kind == "stats"
            || event.kind == "rtp.capture_clock"
            || event.kind == "rtp.counters"
            || event.kind.starts_with("rtcp."))
    }

    /// At most `max` events from number `next` on, in order.
    pub(crate) fn since(&self, next: u64, max: usize) -> Vec<Event> {
        let pinned = self.pinned[self.pinned.partition_point(|kept| kept.sequence < next)..].iter();
        let ringed = self
            .rings
            .iter()
            .flat_map(|ring| ring.range(ring.partition_point(|kept| kept.sequence < next)..));
        let mut rest: Vec<&Kept> = pinned.chain(ringed).collect();
        // A few runs in order: what the stable sort is quick at.
        rest.sort_by_key(|kept| kept.sequence);
        rest.into_iter().filter_map(Kept::event).take(max).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use icescope_model::{Attributes, Evidence, Lane, Level, SeenBy};

    /// Room for what has no ring of its own.
    const CHECKS: usize = RINGS[RINGS.len() - 1].1;

    fn event(kind: &str, time: i64) -> Event {
        Event {
            sequence: 0,
            time,
            uncertainty: 0,
            seen_by: SeenBy::Daemon,
            from: Lane::Peer,
            to: Lane::Web,
            kind: kind.to_owned(),
            evidence: Evidence::Packet,
            level: Level::Info,
            summary: String::new(),
            attributes: Attributes::new(),
        }
    }

    #[test]
    fn consent_checks_never_push_the_set_up_out() {
        let mut record = Record::new(1_000);
        record.push(&mut event("signalling.offer", 1));
        record.connected(10);
        for time in 0..2_000 {
            record.push(&mut event("stun.binding.request", 10 + SET_UP_US + 1 + time));
        }
        record.push(&mut event("session.closed", SET_UP_US * 2));
        let events = record.since(0, usize::MAX);
        assert_eq!(events.first().map(|event| event.kind.as_str()), Some("signalling.offer"));
        assert_eq!(events.last().map(|event| event.kind.as_str()), Some("session.closed"));
        assert_eq!(events.len(), 2 + CHECKS);
        assert_eq!(record.dropped(), 2_000 - CHECKS as u64);
    }

    #[test]
    fn consent_checks_never_push_the_statistics_out() {
        let mut record = Record::new(1_000);
        record.connected(0);
        for second in 0..100 {
            let at = SET_UP_US + 1 + second * 1_000_000;
            for _ in 0..8 {
                record.push(&mut event("stun.binding.request", at));
            }
            record.push(&mut event("rtp.capture_clock", at));
            record.push(&mut event("rtp.counters", at));
            record.push(&mut event("stats", at));
        }
        let events = record.since(0, usize::MAX);
        let kept = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
        assert_eq!((kept("stats"), kept("rtp.capture_clock"), kept("stun.binding.request")), (90, 8, CHECKS));
        assert_eq!(kept("rtp.counters"), 60);
        assert_eq!(record.dropped(), 1_100 - 90 - 8 - 60 - CHECKS as u64);
        let order: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        assert!(order.is_sorted(), "{order:?}");
        let half = record.since(order[100], 50);
        assert_eq!(half.iter().map(|event| event.sequence).collect::<Vec<_>>(), order[100..150]);
    }

    #[test]
    fn an_event_comes_back_as_it_was_kept() {
        let mut record = Record::new(1_000);
        let mut event = event("stats", -5);
        event.summary = "«60 %» \"quoted\" \\ \u{0}".to_owned();
        let values = [0.1, 1.0 / 3.0, 1e-7, 123_456_789.123_456_78, f64::MAX];
        event.attributes.insert("jitter".to_owned(), values.to_vec().into());
        event.attributes.insert("priority".to_owned(), u64::MAX.into());
        event.attributes.insert("offset".to_owned(), i64::MIN.into());
        record.push(&mut event.clone());
        assert_eq!(record.since(0, 1), [event]);
    }

    #[test]
    fn checks_of_the_set_up_are_pinned() {
        let mut record = Record::new(1_000);
        record.connected(10);
        for time in 0..500 {
            record.push(&mut event("stun.binding.request", 10 + time));
        }
        assert_eq!(record.since(0, usize::MAX).len(), 500);
        assert_eq!(record.dropped(), 0);
    }

    #[test]
    fn what_a_verdict_cites_stays() {
        let mut record = Record::new(1_000);
        record.connected(0);
        for time in 0..300 {
            record.push(&mut event("stats", SET_UP_US + 1 + time));
        }
        let mut cited = vec![0, 250, 299];
        record.pin(&mut cited);
        assert_eq!(cited, [250, 299], "the first is gone already, and is not cited");
        for time in 0..1_000 {
            record.push(&mut event("stats", SET_UP_US * 2 + time));
        }
        let kept: Vec<u64> = record.since(0, 2).iter().map(|event| event.sequence).collect();
        assert_eq!(kept, [250, 299]);
    }

    #[test]
    fn a_reader_goes_on_where_it_stopped() {
        let mut record = Record::new(600);
        for time in 0..200 {
            record.push(&mut event("ice.candidate", time));
        }
        let first = record.since(0, 50);
        let next = first.last().map_or(0, |event| event.sequence + 1);
        assert_eq!(record.since(next, 1).first().map(|event| event.sequence), Some(50));
        let all: Vec<u64> = record.since(0, usize::MAX).iter().map(|event| event.sequence).collect();
        assert_eq!(all, (0..200).collect::<Vec<_>>());
        assert!(record.since(200, 10).is_empty());
    }
}
