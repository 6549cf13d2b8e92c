//! ICE checks between the ends, as the daemon's wiretap saw them: per pair, what went out and what came in.

use std::collections::VecDeque;
use std::net::SocketAddr;

use icescope_model::Event;
use icescope_model::pair::PairError;
use serde_json::Value;

use super::attributes::{Read, socket};
use super::{MOST, cite};

/// Transactions of a pair that may still be sent again: an agent has few checks of one pair under way, and each is dead after
/// 39.5 s (RFC 8489 §6.2.1).
const OPEN: usize = 16;
/// Error codes of a pair that are told apart; agents answer checks with a handful (RFC 8445 §7.3, RFC 8489 §14.8).
const CODES: usize = 8;

/// Checks over one pair of transport addresses.
#[derive(Debug, Clone, Default)]
pub struct Pair {
    /// The daemon's socket, or its relayed address.
    pub local: String,
    /// The other end, as the daemon sees it.
    pub remote: String,
    /// The TURN server that the daemon's packets go through.
    pub relay: Option<String>,
    /// Checks that the daemon sent.
    pub sent: u32,
    /// Answers that came back to them.
    pub answered: u32,
    /// Checks that came in.
    pub received: u32,
    /// Answers that the daemon gave to them.
    pub replied: u32,
    /// `udp` or `tcp`.
    pub protocol: String,
    /// PRIORITY of the last check in: what the other end's candidate would have as a peer-reflexive one (RFC 8445 §7.1.1).
    pub priority: Option<u64>,
    /// XOR-MAPPED-ADDRESS of the last answer in: as what the other end has the daemon's candidate.
    pub mapped: Option<String>,
    /// Of the checks that the daemon sent, those whose transaction had been sent before.
    pub sent_again: u32,
    /// Of the checks that came in, those whose transaction had come before.
    pub received_again: u32,
    /// Error responses, each code and way once.
    pub errors: Vec<PairError>,
    /// 487 (Role Conflict), either way (RFC 8445 §7.3.1.1).
    pub conflicts: u32,
    /// A check with USE-CANDIDATE came in or went out.
    pub nominated: bool,
    /// When the first check went out or came in.
    pub first: Option<i64>,
    /// When a check last went out, and when an answer last came in.
    pub last_sent: Option<i64>,
    /// When an answer or a check last came in.
    pub last_heard: Option<i64>,
    /// When any message was last seen.
    pub last: Option<i64>,
    /// Seconds, of the last answer.
    pub round_trip: Option<f64>,
    /// The shortest and the longest, in seconds.
    pub round_trips: Option<(f64, f64)>,
    /// The first checks out.
    pub sent_at: Vec<u64>,
    /// The first checks in.
    pub received_at: Vec<u64>,
    /// The first answer in.
    pub answered_at: Option<u64>,
    /// Where it was nominated.
    pub nominated_at: Option<u64>,
    /// Where the roles collided.
    pub conflict_at: Option<u64>,
    /// The last checks out, since anything was heard.
    pub unanswered_at: Vec<u64>,
    open: VecDeque<(bool, String)>,
}

impl Pair {
    /// The daemon's own check went through and was answered.
    pub fn is_valid(&self) -> bool {
        self.answered > 0
    }

    /// The other end's transport address.
    pub fn remote_socket(&self) -> Option<SocketAddr> {
        socket(&self.remote)
    }
}

/// What is known of checks.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    /// All pairs of addresses that checks were seen on.
    pub pairs: Vec<Pair>,
    /// A check that the kernel did not take, and why.
    pub not_sent: Vec<(String, String, u64)>,
    /// The last check that came in.
    pub last_received: Option<(i64, u64)>,
}

impl Checks {
    pub(super) fn see(&mut self, event: &Event) {
        if event.kind == "stun.not_sent" && !event.with_server() {
            let what =
                (event.text("remoteAddress").to_owned(), event.text("error").to_owned(), event.sequence);
            super::keep(&mut self.not_sent, what);
            return;
        }
        if !event.kind.starts_with("stun.binding.") || event.with_server() || event.by_browser() {
            return;
        }
        let (request, error) = (event.class() == "request", event.class() == "error");
        if !request && !error && event.class() != "success" {
            return;
        }
        if request && event.inbound() {
            self.last_received = self.last_received.max(Some((event.time, event.sequence)));
        }
        let Some(pair) = self.pair(event) else { return };
        pair.first = Some(pair.first.map_or(event.time, |first| first.min(event.time)));
        pair.last = pair.last.max(Some(event.time));
        if event.inbound() {
            pair.last_heard = pair.last_heard.max(Some(event.time));
            pair.unanswered_at.clear();
        }
        if error {
            pair.failed(event);
            return;
        }
        pair.count(event, request);
    }

    fn pair(&mut self, event: &Event) -> Option<&mut Pair> {
        let (local, remote, relay) =
            (event.text("localAddress"), event.text("remoteAddress"), event.text("relay"));
        let known = self.pairs.iter().position(|pair| {
            pair.local == local && pair.remote == remote && pair.relay.as_deref().unwrap_or_default() == relay
        });
        if let Some(at) = known {
            return self.pairs.get_mut(at);
        }
        if self.pairs.len() == MOST {
            return None;
        }
        self.pairs.push(Pair {
            local: local.to_owned(),
            remote: remote.to_owned(),
            relay: (!relay.is_empty()).then(|| relay.to_owned()),
            protocol: event.text("protocol").to_owned(),
            ..Pair::default()
        });
        self.pairs.last_mut()
    }

    /// Some pair was valid at some time.
    pub fn any_valid(&self) -> bool {
        self.pairs.iter().any(Pair::is_valid)
    }

    /// When the first check was seen.
    pub fn began(&self) -> Option<i64> {
        self.pairs.iter().filter_map(|pair| pair.first).min()
    }

    /// All checks out and all checks in.
    pub fn totals(&self) -> (u32, u32) {
        let add = |sum: (u32, u32), pair: &Pair| (sum.0 + pair.sent, sum.1 + pair.received);
        self.pairs.iter().fold((0, 0), add)
    }
}

impl Pair {
    fn failed(&mut self, event: &Event) {
        let code = event.count("errorCode").and_then(|code| u16::try_from(code).ok()).unwrap_or(0);
        if code == 487 {
            self.conflicts += 1;
            self.conflict_at.get_or_insert(event.sequence);
        }
        let inbound = event.inbound();
        let known = self.errors.iter_mut().find(|error| (error.code, error.inbound) == (code, inbound));
        if let Some(error) = known {
            error.count += 1;
        } else if self.errors.len() < CODES {
            self.errors.push(PairError { code, inbound, count: 1 });
        }
    }

    /// Whether this request's transaction was seen before; it is remembered.
    fn is_again(&mut self, event: &Event) -> bool {
        let transaction = event.text("transactionId");
        let inbound = event.inbound();
        if transaction.is_empty() {
            return false;
        }
        let known = self.open.iter().any(|(way, open)| *way == inbound && open == transaction);
        if !known {
            if self.open.len() == OPEN {
                self.open.pop_front();
            }
            self.open.push_back((inbound, transaction.to_owned()));
        }
        known
    }

    fn count(&mut self, event: &Event, request: bool) {
        let again = request && self.is_again(event);
        match (request, event.inbound()) {
            (true, true) => {
                self.received += 1;
                self.received_again += u32::from(again);
                self.priority = event.count("priority").or(self.priority);
                cite(&mut self.received_at, event.sequence);
            }
            (true, false) => {
                self.sent += 1;
                self.sent_again += u32::from(again);
                self.last_sent = self.last_sent.max(Some(event.time));
                cite(&mut self.sent_at, event.sequence);
                cite(&mut self.unanswered_at, event.sequence);
            }
            (false, true) => self.answer(event),
            (false, false) => self.replied += 1,
        }
        if request && event.is("useCandidate") {
            self.nominated = true;
            self.nominated_at.get_or_insert(event.sequence);
        }
    }

    fn answer(&mut self, event: &Event) {
        self.answered += 1;
        self.answered_at.get_or_insert(event.sequence);
        let mapped = event.text("mappedAddress");
        if !mapped.is_empty() {
            self.mapped = Some(mapped.to_owned());
        }
        let seconds = event.attributes.get("roundTripTime").and_then(Value::as_f64);
        if let Some(seconds) = seconds {
            self.round_trip = Some(seconds);
            let (least, most) = self.round_trips.unwrap_or((seconds, seconds));
            self.round_trips = Some((least.min(seconds), most.max(seconds)));
        }
    }
}
