//! When a test is asked again, and when it has been asked and waited for long enough.

use std::time::Duration;

use super::test::{Attempt, Kind, State, Test, TestId};
use super::{Engine, Output};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Silence is taken for a «no» only after this many requests …
const LEAST_SILENT: usize = 6;
/// … with this many of the plain ones beside them answered: the way was open while these answers failed to come. With
/// two sockets and one packet in ten lost each way, a wrong «no» has a chance of about 0.19¹².
const LEAST_BESIDE: usize = 5;
/// After this many, a way that is so lossy gives no verdict.
const MOST_SILENT: usize = 16;
/// While nothing is known of the way, requests that may be in vain are held back.
const MOST_UNHEARD: usize = 8;
/// A destination that ICMP has refused so often is not waited for.
const ENOUGH_REFUSALS: usize = 4;
/// How long a server may take for its first answer when nothing else is known: three round trips by satellite.
const FIRST_ANSWER: Duration = ms(2400);
/// The same beside another server that has answered: nobody waits for one that is only slower than this.
const FIRST_ANSWER_BESIDE: Duration = ms(600);
/// The same where TCP has been answered, in units of that answer's time, but not less than this.
const FIRST_ANSWER_AFTER_TCP: Duration = ms(1200);
/// A TCP answer takes two round trips and a server's turn; UDP takes one.
const TCP_ANSWERS: u32 = 2;
/// Between packets that expire under way.
const TRACE_INTERVAL: Duration = ms(20);
/// Packets per turn, and the time to the next one: no queue of a home router overflows.
const BURST: usize = 6;
const BURST_GAP: Duration = ms(2);
/// The longest sleep: what depends on several tests is looked at this often.
const TICK: Duration = ms(10);

/// How often a test is asked at most.
fn most(kind: Kind) -> usize {
    match kind {
        Kind::Binding(_) => 14,
        Kind::Filtering(_) => MOST_SILENT,
        Kind::Mapping(_) | Kind::Control(_) => 12,
        Kind::SparePort(_) | Kind::Sample(_) | Kind::Recheck(_) => 10,
        // Routers answer few of them: Linux six at once, then one a second (icmp_ratelimit).
        Kind::Trace | Kind::ClosedPort(_) => 3,
        // Silence of these means something.
        Kind::Hairpin | Kind::TraceSelf => 8,
        // Never by itself.
        Kind::Beside(_) => 0,
    }
}

impl Engine {
    /// Something came in: is it what was asked for?
    pub(super) fn settle_answered(&mut self, test: TestId) {
        let asked = &self.tests[test];
        let answered = match asked.kind {
            Kind::Beside(_) => false,
            // It came as far as the server.
            Kind::Trace | Kind::TraceSelf => !asked.heard.is_empty(),
            // Also an answer from the address asked ends it: the server will not do it the next time either.
            Kind::Filtering(_) | Kind::Control(_) => asked.heard.iter().any(|heard| heard.answer.is_some()),
            Kind::Hairpin => asked.heard.iter().any(|heard| heard.answer.is_none()),
            Kind::Binding(_)
            | Kind::Mapping(_)
            | Kind::SparePort(_)
            | Kind::Sample(_)
            | Kind::Recheck(_)
            | Kind::ClosedPort(_) => asked.answer().is_some(),
        };
        if answered {
            self.end(test, State::Answered);
        }
    }

    /// Ends the tests whose time is up.
    pub(super) fn settle(&mut self) {
        for id in 0..self.tests.len() {
            let test = &self.tests[id];
            if !test.is_asking() || matches!(test.kind, Kind::Beside(_)) {
                continue;
            }
            if self.is_waited_for(test) {
                let enough = test.beside.is_none_or(|beside| {
                    test.sent.len() >= LEAST_SILENT && self.tests[beside].answered_attempts() >= LEAST_BESIDE
                });
                self.end(id, if enough { State::Silent } else { State::Unsure });
            }
        }
    }

    fn is_waited_for(&self, test: &Test) -> bool {
        let Some(last) = test.sent.last().copied() else { return false };
        if test.icmp.len() >= ENOUGH_REFUSALS && !matches!(test.kind, Kind::Trace | Kind::TraceSelf) {
            return true;
        }
        if let Kind::Binding(_) = test.kind {
            return test.sent.len() >= LEAST_SILENT && self.now >= test.begun + self.first_answer();
        }
        match self.pace_of(test).patience() {
            Some(patience) => !self.wants_more(test) && self.now >= last + patience,
            None => self.now >= test.begun + self.first_answer(),
        }
    }

    /// How long a server may take for its first answer.
    pub(super) fn first_answer(&self) -> Duration {
        let nearest = self.servers.iter().filter(|server| server.pace.is_known());
        if let Some(nearest) = nearest.map(|server| server.pace.largest()).min() {
            return FIRST_ANSWER_BESIDE.max(nearest * 4);
        }
        let answered = self.streams.iter().filter(|stream| stream.is_answered());
        match answered.filter_map(|stream| Some(stream.ended.as_ref()?.0.saturating_sub(stream.begun))).min()
        {
            Some(fastest) => FIRST_ANSWER_AFTER_TCP.max(fastest * TCP_ANSWERS),
            None => FIRST_ANSWER,
        }
    }

    fn wants_more(&self, test: &Test) -> bool {
        let sent = test.sent.len();
        let Some(beside) = test.beside else { return sent < most(test.kind) };
        let Some(patience) = self.pace_of(test).patience() else { return sent < MOST_UNHEARD };
        let beside = &self.tests[beside];
        let on_the_way = beside.sent.iter().enumerate().filter(|(number, sent)| {
            **sent + patience > self.now && !beside.heard.iter().any(|heard| heard.attempt == *number)
        });
        sent < LEAST_SILENT
            || (sent < MOST_SILENT && beside.answered_attempts() + on_the_way.count() < LEAST_BESIDE)
    }

    /// When the next request of a test goes out, if there is one.
    fn due(&self, test: &Test) -> Option<Duration> {
        if !test.is_asking() || !self.wants_more(test) {
            return None;
        }
        let Some(last) = test.sent.last().copied() else { return Some(test.begun) };
        let interval = match test.kind {
            Kind::Trace | Kind::TraceSelf | Kind::ClosedPort(_) => TRACE_INTERVAL,
            _ => self.pace_of(test).interval(test.sent.len()),
        };
        Some(last + interval)
    }

    pub(super) fn send_due(&mut self) {
        let mut left = BURST;
        for id in 0..self.tests.len() {
            if left == 0 {
                break;
            }
            let test = &self.tests[id];
            if self.due(test).is_some_and(|due| due <= self.now) {
                let beside = test.beside;
                self.send(id);
                left -= 1;
                if let Some(beside) = beside {
                    self.send(beside);
                    left = left.saturating_sub(1);
                }
            }
        }
    }

    fn send(&mut self, id: TestId) {
        let test = &mut self.tests[id];
        let attempt = Attempt { test: id, number: test.sent.len() };
        test.sent.push(self.now);
        let output = Output::Send { attempt, socket: test.socket, to: test.to, ask: test.ask };
        self.outputs.push_back(output);
    }

    /// When [`Engine::poll`] wants to be called again, if nothing comes in before.
    pub fn wake(&self) -> Duration {
        let next = self.tests.iter().filter_map(|test| self.due(test)).min();
        let soonest = self.now + BURST_GAP;
        next.map_or(self.now + TICK, |next| next.clamp(soonest, self.now + TICK))
    }
}
