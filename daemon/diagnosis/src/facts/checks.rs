//! ICE checks between the ends, as the daemon's wiretap saw them: per pair, what went out and what came in.

use std::net::SocketAddr;

use icescope_model::Event;

use super::attributes::{Read, socket};
use super::{MOST, cite};

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
    /// Seconds, of the last answer.
    pub round_trip: Option<f64>,
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
        if event.inbound() {
            pair.last_heard = pair.last_heard.max(Some(event.time));
            pair.unanswered_at.clear();
        }
        if error {
            if event.count("errorCode") == Some(487) {
                pair.conflicts += 1;
                pair.conflict_at.get_or_insert(event.sequence);
            }
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
    fn count(&mut self, event: &Event, request: bool) {
        match (request, event.inbound()) {
            (true, true) => {
                self.received += 1;
                cite(&mut self.received_at, event.sequence);
            }
            (true, false) => {
                self.sent += 1;
                self.last_sent = self.last_sent.max(Some(event.time));
                cite(&mut self.sent_at, event.sequence);
                cite(&mut self.unanswered_at, event.sequence);
            }
            (false, true) => {
                self.answered += 1;
                self.answered_at.get_or_insert(event.sequence);
                self.round_trip = event
                    .attributes
                    .get("roundTripTime")
                    .and_then(serde_json::Value::as_f64)
                    .or(self.round_trip);
            }
            (false, false) => self.replied += 1,
        }
        if request && event.is("useCandidate") {
            self.nominated = true;
            self.nominated_at.get_or_insert(event.sequence);
        }
    }
}
