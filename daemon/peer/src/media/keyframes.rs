//! Key frame requests, coalesced.

use std::time::Duration;

use icescope_model::Monotonic;

/// Requests of all viewers of one stream become at most one in this time: a key frame costs several times a delta frame,
/// and one serves everybody.
const LEAST_INTERVAL: Duration = Duration::from_millis(250);

/// What to do about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Ask the source now.
    Now,
    /// It waits for the interval to pass; `due` says when.
    Later,
}

/// The requests of one stream.
#[derive(Debug, Default)]
pub(crate) struct KeyFrames {
    asked: Option<Monotonic>,
    waiting: bool,
}

impl KeyFrames {
    /// Somebody needs a key frame.
    pub(crate) fn ask(&mut self, now: Monotonic) -> Ask {
        if self.asked.is_none_or(|asked| now >= asked.plus(LEAST_INTERVAL)) {
            self.asked = Some(now);
            self.waiting = false;
            Ask::Now
        } else {
            self.waiting = true;
            Ask::Later
        }
    }

    /// Whether a waiting request is to be made now.
    pub(crate) fn due(&mut self, now: Monotonic) -> bool {
        self.waiting && self.ask(now) == Ask::Now
    }

    /// A key frame came: whoever waited has it.
    pub(crate) fn came(&mut self) {
        self.waiting = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Monotonic {
        Monotonic(1_000_000_000).plus(Duration::from_millis(milliseconds))
    }

    #[test]
    fn the_first_is_made_at_once_and_the_next_ones_together() {
        let mut requests = KeyFrames::default();
        assert_eq!(requests.ask(at(0)), Ask::Now);
        assert_eq!(requests.ask(at(10)), Ask::Later);
        assert_eq!(requests.ask(at(100)), Ask::Later);
        assert!(!requests.due(at(249)));
        assert!(requests.due(at(250)));
        assert!(!requests.due(at(600)), "made once");
        assert_eq!(requests.ask(at(500)), Ask::Now);
    }

    #[test]
    fn a_key_frame_answers_those_who_wait() {
        let mut requests = KeyFrames::default();
        requests.ask(at(0));
        requests.ask(at(10));
        requests.came();
        assert!(!requests.due(at(300)));
    }
}
