//! Every packet, told to the host as it is sent or received. Attributes have the names that the daemon's own wiretap
//! gives them.

use std::cell::Cell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use icescope_plugin_sdk::{Event, Evidence, Lane, Level, Outcome, Run};

use crate::message::{Class, Message, words};
use crate::url::Protocol;

/// Where a packet goes or comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// This end.
    pub local: SocketAddr,
    /// The other end: where it is sent to, or where it came from.
    pub remote: SocketAddr,
    /// What carries it.
    pub protocol: Protocol,
}

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Sent.
    Outbound,
    /// Received.
    Inbound,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With an answer; the round trip time is that of the last request sent before it.
    Answered(Duration),
    /// Without one.
    Unanswered,
    /// With an error of the network.
    Network(String),
}

/// Who is told of packets. Called on the thread that measures; must not block.
pub trait Watch {
    /// A message was sent (`attempt` counts from 1) or received (0), at a time of [`crate::clock::now_ns`].
    fn message(&self, direction: Direction, path: Path, message: &Message, attempt: u32, at_ns: i64);

    /// A transaction is over.
    fn ended(&self, path: Path, request: &Message, attempts: u32, end: &End);
}

/// Nobody.
impl Watch for () {
    fn message(&self, _: Direction, _: Path, _: &Message, _: u32, _: i64) {}

    fn ended(&self, _: Path, _: &Message, _: u32, _: &End) {}
}

/// The host.
#[derive(Debug)]
pub struct Observer<'a> {
    run: &'a Run<'a>,
    lane: Lane,
    /// The step that the packets are part of.
    span: u64,
    told: Cell<u64>,
}

impl<'a> Observer<'a> {
    /// Packets as part of the run itself, between this machine and `lane`.
    pub fn new(run: &'a Run<'a>, lane: Lane) -> Self {
        Self { run, lane, span: run.span(), told: Cell::new(0) }
    }

    /// Packets as part of a step of the run.
    #[must_use]
    pub fn within(mut self, span: u64) -> Self {
        self.span = span;
        self
    }

    /// The step that the packets are part of.
    pub fn span(&self) -> u64 {
        self.span
    }

    /// How many messages were told so far.
    pub fn told(&self) -> u64 {
        self.told.get()
    }

    /// An event of the step, to be filled and emitted: an API step, such as a look-up or a connection.
    pub fn step(&self, schema: &'a str) -> Event<'a> {
        self.run.event(schema).parent(self.span)
    }

    fn event(&self, schema: &'a str, path: Path, message: &Message) -> Event<'a> {
        self.step(schema)
            .span(transaction_span(message))
            .with("localAddress", path.local.to_string())
            .with("remoteAddress", path.remote.to_string())
            .with("protocol", path.protocol.as_str())
            .with("transactionId", words::hex(&message.transaction_id()))
            .with("method", message.method().name())
    }
}

/// One span for all packets of a transaction, wherever they are seen: 52 bits of its id, clear of the host's own small
/// numbers and of those of `Host::new_span`, and below 2⁵³, where numbers of JavaScript end to be exact.
fn transaction_span(message: &Message) -> u64 {
    let id = message.transaction_id();
    let mut low = [0; 8];
    low.copy_from_slice(&id[4..]);
    (u64::from_be_bytes(low) >> 12) | 1 << 52
}

impl Watch for Observer<'_> {
    fn message(&self, direction: Direction, path: Path, message: &Message, attempt: u32, at_ns: i64) {
        self.told.set(self.told.get() + 1);
        let (word, preposition, from, to) = match direction {
            Direction::Outbound => ("outbound", "to", Lane::Peer, self.lane),
            Direction::Inbound => ("inbound", "from", self.lane, Lane::Peer),
        };
        let mut summary =
            format!("{} {} {preposition} {}", message.method().name(), message.class().name(), path.remote);
        if attempt > 1 {
            let _ = write!(summary, ", attempt {attempt}");
        }
        let mut event = self
            .event("icescope.stun.message/1", path, message)
            .at_ns(at_ns)
            .seen(Evidence::Packet, from, to)
            .with("direction", word)
            .with("class", message.class().name())
            .with("size", message.bytes().len() as u64);
        if attempt > 0 {
            event = event.with("attempt", attempt);
        }
        for (key, value) in facts(message) {
            if let Some(words) = in_words(key) {
                let _ = write!(summary, ", {words} {value}");
            }
            event = event.with(key, value);
        }
        if let Some(error) = message.error() {
            let _ = write!(summary, ": {} {}", error.code, error.reason);
            event = event.with("errorCode", u32::from(error.code)).with("errorText", error.reason);
            // The first answer of a TURN server, and a nonce that ran out: the client asks again (RFC 8489 §9.2.4).
            if !matches!(error.code, 401 | 438) {
                event = event.level(Level::Warn);
            }
        }
        for malformed in message.malformed() {
            event = event.with("malformed", malformed.to_string()).level(Level::Warn);
        }
        event.summary(summary).emit();
    }

    fn ended(&self, path: Path, request: &Message, attempts: u32, end: &End) {
        let event = self.event("icescope.stun.transaction/1", path, request).with("attempts", attempts).seen(
            Evidence::Api,
            Lane::Peer,
            Lane::Peer,
        );
        let what = format!("{} {} to {}", request.method().name(), Class::Request.name(), path.remote);
        match end {
            End::Answered(rtt) => event
                .level(Level::Debug)
                .outcome(Outcome::Pass)
                .with("roundTripTime", rtt.as_secs_f64())
                .summary(format!("{what}: answered after {:.1} ms", rtt.as_secs_f64() * 1e3)),
            End::Unanswered => event.outcome(Outcome::Failed).summary(format!(
                "{what}: no answer to {attempts} request{}",
                if attempts == 1 { "" } else { "s" }
            )),
            End::Network(error) => event
                .level(Level::Warn)
                .outcome(Outcome::Failed)
                .with("error", error.clone())
                .summary(format!("{what}: {error}")),
        }
        .emit();
    }
}

/// What a message says of addresses and servers. User names, nonces, integrity and payload are left out on purpose.
fn facts(message: &Message) -> Vec<(&'static str, String)> {
    let address = |key, address: Option<SocketAddr>| address.map(|address| (key, address.to_string()));
    let mapped = message.mapped_address().filter(|_| message.xor_mapped_address().is_none());
    let all = [
        address("mappedAddress", message.xor_mapped_address()),
        address("plainMappedAddress", mapped),
        address("responseOrigin", message.response_origin()),
        address("otherAddress", message.other_address()),
        address("alternateServer", message.alternate_server()),
        address("relayedAddress", message.relayed_addresses().next()),
        address("peerAddress", message.peer_address()),
        message.lifetime().map(|seconds| ("lifetime", seconds.to_string())),
        message.software().map(|software| ("software", software)),
    ];
    all.into_iter().flatten().collect()
}

/// What of the facts stands in the one line for a person.
fn in_words(key: &str) -> Option<&'static str> {
    Some(match key {
        "mappedAddress" | "plainMappedAddress" => "mapped address",
        "relayedAddress" => "relayed address",
        "peerAddress" => "peer",
        "alternateServer" => "alternate server",
        _ => return None,
    })
}
