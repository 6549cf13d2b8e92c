//! What both ends said to STUN and TURN servers: the daemon's end by its wiretap, the browser's by the daemon's own relay.

use std::collections::VecDeque;

use icescope_model::verdict::Side;
use icescope_model::{Event, SeenBy};

use super::attributes::Read;
use super::page::Said;
use super::{cite, keep};

/// Transactions that may still be answered; an agent has a few under way with one server.
const OPEN: usize = 32;

/// An error response of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// `Allocate`, as the wiretap words it.
    pub kind: String,
    /// ERROR-CODE (RFC 8489 §14.8).
    pub code: u64,
    /// Its reason phrase.
    pub reason: String,
    /// REALM.
    pub realm: String,
    /// The request had been signed: the user name or password is not accepted.
    pub refused: bool,
    /// ALTERNATE-SERVER.
    pub alternate: String,
    /// The peer that the request was about.
    pub peer: String,
    /// When the credential of the request ends, in Unix seconds, where its user name says so.
    pub expires: Option<u64>,
    /// Microseconds on the session's axis.
    pub time: i64,
    /// The event.
    pub at: u64,
}

/// Requests of one kind to one server.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Distinct transactions.
    pub requests: u32,
    /// Requests sent, with those that were sent again.
    pub sent: u32,
    /// Answered, well or badly.
    pub answers: u32,
    /// The first request's time.
    pub first: Option<i64>,
    /// The last request's time.
    pub last: Option<i64>,
    /// The last request without an answer so far.
    pub waiting: Option<(i64, u64)>,
    /// The first requests.
    pub at: Vec<u64>,
}

/// One server, as one end sees it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Which end.
    pub side: Side,
    /// Its transport address.
    pub address: String,
    /// `udp`, `tcp`, `tls`.
    pub protocol: String,
    /// Binding requests.
    pub binding: Tally,
    /// Requests of TURN.
    pub turn: Tally,
    /// Refresh requests.
    pub refresh: Tally,
    /// Local and mapped address of each answer that told a new one.
    pub mapped: Vec<(String, String, u64)>,
    /// MAPPED-ADDRESS was another than XOR-MAPPED-ADDRESS.
    pub rewritten: Option<(String, String, u64)>,
    /// Relayed addresses that it granted.
    pub relayed: Vec<Said>,
    /// What it refused.
    pub errors: Vec<Error>,
    /// It was given a permission or a channel.
    pub permitted: u32,
    open: VecDeque<(String, String)>,
}

/// A stream to a server that did not come about or broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The server's URL.
    pub url: String,
    /// The wiretap's word: `refused`, `certificate-expired`.
    pub cause: String,
    /// TLS was what failed.
    pub tls: bool,
    /// The sentence, and where.
    pub said: Said,
}

/// What is known of servers.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// Those that were asked.
    pub all: Vec<Server>,
    /// Streams that failed.
    pub streams: Vec<Stream>,
    /// Streams that came up.
    pub streams_up: u32,
    /// Configured servers that the daemon does not use.
    pub skipped: Vec<(String, Said)>,
    /// A credential ends before it is needed again: server and Unix seconds.
    pub ending: Option<(String, u64, u64)>,
    /// The relay's rules did not let the browser reach a peer.
    pub peer_refused: Vec<(String, u64)>,
    /// An allocation at our relay ended because it was not refreshed.
    pub expired: Option<u64>,
}

impl Servers {
    pub(super) fn see(&mut self, event: &Event) {
        match event.kind.as_str() {
            "turn.tcp.failed" | "turn.tls.failed" | "turn.tcp.closed" | "turn.tls.closed" => keep(
                &mut self.streams,
                Stream {
                    url: event.text("url").to_owned(),
                    cause: event.text("cause").to_owned(),
                    tls: event.kind == "turn.tls.failed",
                    said: Said::new(event.text("error"), event),
                },
            ),
            "turn.tcp.connected" | "turn.tls.connected" => self.streams_up += 1,
            "ice.server_skipped" => {
                keep(
                    &mut self.skipped,
                    (event.text("url").to_owned(), Said::new(event.text("error"), event)),
                );
            }
            "turn.credential.ends" => {
                let expires = event.count("expires").unwrap_or(0);
                self.ending = Some((event.text("remoteAddress").to_owned(), expires, event.sequence));
            }
            "relay.peer_refused" => {
                keep(&mut self.peer_refused, (event.text("peerAddress").to_owned(), event.sequence));
            }
            "relay.allocation_ended" if event.level <= icescope_model::Level::Warn => {
                self.expired = Some(event.sequence);
            }
            kind if kind.starts_with("turn.")
                || (kind.starts_with("stun.binding.") && event.with_server()) =>
            {
                self.message(event);
            }
            _ => {}
        }
    }

    fn message(&mut self, event: &Event) {
        match event.class() {
            "request" => {
                if let Some(server) = self.of(event) {
                    server.asked(event);
                }
            }
            "success" | "error" => {
                if let Some(server) = self.of(event) {
                    server.answered(event);
                }
            }
            _ => {}
        }
    }

    /// The server that a message is about. At the relay «local» is the server, and the client is the remote end.
    fn of(&mut self, event: &Event) -> Option<&mut Server> {
        let (side, address) = match event.seen_by {
            SeenBy::Relay => (Side::Client, event.text("localAddress")),
            _ => (Side::Daemon, event.text("remoteAddress")),
        };
        if let Some(at) = self.all.iter().position(|server| server.side == side && server.address == address)
        {
            return self.all.get_mut(at);
        }
        if self.all.len() == super::MOST {
            return None;
        }
        self.all.push(Server {
            side,
            address: address.to_owned(),
            protocol: event.text("protocol").to_owned(),
            binding: Tally::default(),
            turn: Tally::default(),
            refresh: Tally::default(),
            mapped: Vec::new(),
            rewritten: None,
            relayed: Vec::new(),
            errors: Vec::new(),
            permitted: 0,
            open: VecDeque::new(),
        });
        self.all.last_mut()
    }

    /// Those that one end asked.
    pub fn of_side(&self, side: Side) -> impl Iterator<Item = &Server> {
        self.all.iter().filter(move |server| server.side == side)
    }
}

impl Server {
    fn tally(&mut self, kind: &str) -> &mut Tally {
        if kind.starts_with("stun.") {
            &mut self.binding
        } else if kind.starts_with("turn.refresh.") {
            &mut self.refresh
        } else {
            &mut self.turn
        }
    }

    fn asked(&mut self, event: &Event) {
        let transaction = event.text("transactionId").to_owned();
        let again = self.open.iter().any(|(open, _)| *open == transaction);
        if !again {
            if self.open.len() == OPEN {
                self.open.pop_front();
            }
            self.open.push_back((transaction, event.text("peerAddress").to_owned()));
        }
        let tally = self.tally(&event.kind);
        tally.requests += u32::from(!again);
        tally.sent += 1;
        tally.first = Some(tally.first.map_or(event.time, |first| first.min(event.time)));
        tally.last = tally.last.max(Some(event.time));
        tally.waiting = Some((event.time, event.sequence));
        cite(&mut tally.at, event.sequence);
    }

    fn answered(&mut self, event: &Event) {
        let transaction = event.text("transactionId");
        let open = self.open.iter().position(|(open, _)| open == transaction);
        let peer = open.and_then(|at| self.open.remove(at)).map(|(_, peer)| peer).unwrap_or_default();
        let tally = self.tally(&event.kind);
        tally.answers += 1;
        tally.waiting = None;
        if event.class() == "error" {
            self.failed(event, peer);
            return;
        }
        if event.kind.starts_with("turn.create_permission.") || event.kind.starts_with("turn.channel_bind.") {
            self.permitted += 1;
        }
        let relayed = event.text("relayedAddress");
        if !relayed.is_empty() {
            keep(&mut self.relayed, Said::new(relayed, event));
        }
        let (local, mapped) = (event.text("localAddress"), event.text("mappedAddress"));
        let known = self.mapped.iter().any(|(at, to, _)| (at.as_str(), to.as_str()) == (local, mapped));
        if !mapped.is_empty() && !known {
            keep(&mut self.mapped, (local.to_owned(), mapped.to_owned(), event.sequence));
        }
        let plain = event.text("plainMappedAddress");
        if !plain.is_empty() && !mapped.is_empty() && plain != mapped {
            self.rewritten = Some((plain.to_owned(), mapped.to_owned(), event.sequence));
        }
    }

    fn failed(&mut self, event: &Event, peer: String) {
        keep(
            &mut self.errors,
            Error {
                kind: event.kind.clone(),
                code: event.count("errorCode").unwrap_or(0),
                reason: event.text("errorText").to_owned(),
                realm: event.text("realm").to_owned(),
                refused: event.is("credentialRefused"),
                alternate: event.text("alternateServer").to_owned(),
                peer,
                expires: event.count("expires"),
                time: event.time,
                at: event.sequence,
            },
        );
    }

    /// Nothing came back at all, to any kind of request.
    pub fn is_silent(&self) -> bool {
        self.binding.requests + self.turn.requests > 0 && self.binding.answers + self.turn.answers == 0
    }

    /// The first requests, as evidence.
    pub fn requests(&self) -> Vec<u64> {
        self.binding.at.iter().chain(&self.turn.at).copied().take(super::MOST_EVIDENCE).collect()
    }
}
