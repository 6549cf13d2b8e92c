//! The browser's events on the session's axis (pure).
//!
//! The page measures its clock against the daemon's in several exchanges and says what to add to its own time. Events that
//! come before the first such word wait for it, so that none is put at a place that is not known.

use icescope_model::api::{BrowserEvent, PageClock};
use icescope_model::{Event, SeenBy};

use crate::secrets;

/// Events that wait for the clock at most. The page sends its first estimate within a few round trips.
const MAX_WAITING: usize = 512;

/// What is known of the browser's clock and events.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    clock: Option<PageClock>,
    waiting: Vec<BrowserEvent>,
    kept: u64,
}

impl Browser {
    /// The highest event number that was kept.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// Takes events in; returns those that can be placed now. One that was sent twice is taken once.
    pub(crate) fn take(&mut self, events: Vec<BrowserEvent>, arrived: i64) -> Vec<Event> {
        for mut event in events {
            if event.number > self.kept {
                self.kept = event.number;
                secrets::hide(&mut event.attributes);
                self.waiting.push(event);
            }
        }
        if self.clock.is_none() && self.waiting.len() >= MAX_WAITING {
            self.assume_clock(arrived);
        }
        self.place()
    }

    /// What is known of the page's clock.
    pub(crate) fn clock(&self) -> Option<PageClock> {
        self.clock
    }

    /// Sets the page's estimate, which came at `arrived`; returns the events that waited for it.
    pub(crate) fn set_clock(&mut self, offset: i64, uncertainty: u32, arrived: i64) -> Vec<Event> {
        let before = self.clock.map_or(0, |clock| clock.estimates);
        self.clock =
            Some(PageClock { offset, uncertainty, at: arrived, estimates: before.saturating_add(1) });
        self.place()
    }

    /// The session is over and the clock was never measured: the last event is put at its arrival, and everything is marked
    /// as uncertain by the time over which the events were gathered.
    pub(crate) fn give_up_waiting(&mut self, arrived: i64) -> Vec<Event> {
        if self.clock.is_none() && !self.waiting.is_empty() {
            self.assume_clock(arrived);
        }
        self.place()
    }

    fn assume_clock(&mut self, arrived: i64) {
        let first = self.waiting.first().map_or(0, |event| event.time);
        let last = self.waiting.last().map_or(0, |event| event.time);
        let span = u32::try_from(last.saturating_sub(first)).unwrap_or(u32::MAX).max(1_000_000);
        let offset = arrived.saturating_sub(last);
        self.clock = Some(PageClock { offset, uncertainty: span, at: arrived, estimates: 0 });
    }

    fn place(&mut self) -> Vec<Event> {
        let Some(PageClock { offset, uncertainty, .. }) = self.clock else { return Vec::new() };
        self.waiting
            .drain(..)
            .map(|event| Event {
                sequence: 0,
                time: event.time.saturating_add(offset),
                uncertainty,
                seen_by: SeenBy::Browser,
                from: event.from,
                to: event.to,
                kind: event.kind,
                evidence: event.evidence,
                level: event.level,
                summary: event.summary,
                attributes: event.attributes,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use icescope_model::{Attributes, Evidence, Lane, Level};

    fn event(number: u64, time: i64) -> BrowserEvent {
        BrowserEvent {
            number,
            time,
            from: Lane::Web,
            to: Lane::Web,
            kind: "pc.created".to_owned(),
            evidence: Evidence::Api,
            level: Level::Info,
            summary: String::new(),
            attributes: Attributes::new(),
        }
    }

    #[test]
    fn events_wait_for_the_clock_and_are_kept_once() {
        let mut browser = Browser::default();
        assert!(browser.take(vec![event(1, 100), event(2, 200)], 0).is_empty());
        assert_eq!(browser.kept(), 2);
        let placed = browser.set_clock(-50, 7, 40);
        assert_eq!(
            placed.iter().map(|event| (event.time, event.uncertainty)).collect::<Vec<_>>(),
            [(50, 7), (150, 7)]
        );
        let again = browser.take(vec![event(2, 200), event(3, 300)], 0);
        assert_eq!(again.iter().map(|event| event.time).collect::<Vec<_>>(), [250]);
        browser.set_clock(-40, 3, 90);
        let clock = PageClock { offset: -40, uncertainty: 3, at: 90, estimates: 2 };
        assert_eq!(browser.clock(), Some(clock));
    }

    #[test]
    fn without_a_clock_the_uncertainty_says_so() {
        let mut browser = Browser::default();
        browser.take(vec![event(1, 1_000_000), event(2, 4_000_000)], 0);
        let placed = browser.give_up_waiting(9_000_000);
        assert_eq!(placed.last().map(|event| event.time), Some(9_000_000));
        assert_eq!(placed.first().map(|event| event.uncertainty), Some(3_000_000));
        assert_eq!(browser.clock().map(|clock| clock.estimates), Some(0), "it was assumed, not measured");
    }
}
