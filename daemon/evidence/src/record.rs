//! A session's events within bounds (pure).
//!
//! The set-up is pinned. What repeats while a connection is up (consent checks, statistics) goes into a ring, so that it can
//! never push the set-up out; what the ring lets go is counted.
//!
//! Events are kept as JSON text: the maps of a decoded event take three to four times as much memory, and what is remembered of
//! closed sessions is nearly all of what the daemon holds when nobody watches.

use std::collections::VecDeque;

use icescope_model::Event;

/// Room for what repeats. At two consent checks a second and end, this is the last minute.
const RING: usize = 256;
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
    ring: VecDeque<Kept>,
    max_pinned: usize,
    next: u64,
    dropped: u64,
    connected_at: Option<i64>,
}

impl Record {
    pub(crate) fn new(max_events: usize) -> Self {
        Self {
            pinned: Vec::new(),
            ring: VecDeque::new(),
            max_pinned: max_events.saturating_sub(RING).max(1),
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
            if self.ring.len() == RING {
                self.ring.pop_front();
                self.dropped += 1;
            }
            self.ring.push_back(kept);
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
            let Ok(at) = self.ring.binary_search_by_key(sequence, |kept| kept.sequence) else { return false };
            let place = self.pinned.partition_point(|kept| kept.sequence < *sequence);
            if let Some(kept) = self.ring.remove(at) {
                self.pinned.insert(place, kept);
            }
            true
        });
    }

    fn is_steady(&self, event: &Event) -> bool {
        let up = self.connected_at.is_some_and(|at| event.time > at + SET_UP_US);
        up && (event.kind.starts_with("stun.binding.")
            || event.kind == "stats"
            || event.kind == "rtp.capture_clock"
            || event.kind.starts_with("rtcp."))
    }

    /// At most `max` events from number `next` on, in order.
    pub(crate) fn since(&self, next: u64, max: usize) -> Vec<Event> {
        let pinned = self.pinned.partition_point(|kept| kept.sequence < next);
        let ring = self.ring.partition_point(|kept| kept.sequence < next);
        let mut pinned = self.pinned[pinned..].iter().peekable();
        let mut ring = self.ring.range(ring..).peekable();
        let mut events = Vec::new();
        while events.len() < max {
            let from_pinned = match (pinned.peek(), ring.peek()) {
                (Some(one), Some(other)) => one.sequence < other.sequence,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let kept = if from_pinned { pinned.next() } else { ring.next() };
            events.extend(kept.and_then(Kept::event));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use icescope_model::{Attributes, Evidence, Lane, Level, SeenBy};

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
            record.push(&mut event("rtp.capture_clock", 10 + SET_UP_US + 1 + time));
        }
        record.push(&mut event("session.closed", SET_UP_US * 2));
        let events = record.since(0, usize::MAX);
        assert_eq!(events.first().map(|event| event.kind.as_str()), Some("signalling.offer"));
        assert_eq!(events.last().map(|event| event.kind.as_str()), Some("session.closed"));
        assert_eq!(events.len(), 2 + RING);
        assert_eq!(record.dropped(), 4_000 - RING as u64);
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
        let mut cited = vec![0, 100, 299];
        record.pin(&mut cited);
        assert_eq!(cited, [100, 299], "the first is gone already, and is not cited");
        for time in 0..1_000 {
            record.push(&mut event("stats", SET_UP_US * 2 + time));
        }
        let kept: Vec<u64> = record.since(0, 2).iter().map(|event| event.sequence).collect();
        assert_eq!(kept, [100, 299]);
    }

    #[test]
    fn a_reader_goes_on_where_it_stopped() {
        let mut record = Record::new(300);
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
