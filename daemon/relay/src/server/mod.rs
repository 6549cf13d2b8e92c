//! The server itself, without I/O: datagrams and the time go in, what is to be sent comes out.
//!
//! What it needs of the world while it decides is one thing: [`Ports::open`], which makes the socket of a new allocation.

mod allocate;
mod allocation;
mod binding;
mod permit;
mod refresh;
mod relaying;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::auth::{Authority, Holder};
use crate::peers::Rules;
use crate::rate::Sources;
use crate::replay::Replay;
use crate::tuple::{FiveTuple, Now};
use crate::wire::frame::Wrap;
use crate::wire::read::Message;
use crate::wire::{Class, TransactionId, method};

pub use allocation::{Allocation, Traffic};
pub use binding::Discovery;

/// Makes the sockets of relayed addresses.
pub trait Ports {
    /// The socket, as the world outside knows it.
    type Port: Clone;

    /// Opens a relayed transport address for a client.
    fn open(&mut self, via: &FiveTuple, wanted: Wanted) -> Result<Opened<Self::Port>, NoPort>;
}

/// What a relayed address is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// IPv6, not IPv4.
    pub ipv6: bool,
    /// With an even port (EVEN-PORT).
    pub even: bool,
}

/// An open relayed address.
#[derive(Debug)]
pub struct Opened<P> {
    /// Its socket.
    pub port: P,
    /// The address that the client is told, and that peers send to.
    pub relayed: SocketAddr,
}

/// Why there is no relayed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPort {
    /// This host has no address of the family that may be used.
    Family,
    /// No port of the range is free.
    Taken,
}

/// What is to be done with what came in.
#[derive(Debug)]
pub enum Outcome<P> {
    /// Nothing.
    Nothing,
    /// Send an answer.
    Answer(Reply),
    /// Send a part of what came in from a relayed address to a peer.
    ToPeer {
        /// The relayed address's socket.
        port: P,
        /// The peer.
        peer: SocketAddr,
        /// The part.
        payload: Range<usize>,
    },
    /// Hand a part of what came in to another client of the relay, whose relayed address it was sent to.
    ToClient {
        /// The socket of the other's relayed address.
        port: P,
        /// The part.
        payload: Range<usize>,
        /// How the other is told from where it comes.
        wrap: Wrap,
    },
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The server's address that it is sent from.
    pub from: SocketAddr,
    /// Where it is sent to.
    pub to: SocketAddr,
    /// The message.
    pub bytes: Vec<u8>,
    /// Who asked, if proven.
    pub holder: Option<Holder>,
    /// A credential came with the request and is refused.
    pub refused: bool,
}

/// Something beside messages that is worth an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The client's 5-tuple.
    pub via: FiveTuple,
    /// Whose allocation it is.
    pub holder: Holder,
    /// Its relayed address.
    pub relayed: SocketAddr,
    /// What happened.
    pub what: What,
}

/// What happened to an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Its first packet from the client to a peer was relayed.
    FirstToPeer(SocketAddr),
    /// Its first packet from a peer to the client was relayed.
    FirstFromPeer(SocketAddr),
    /// The rules refuse a peer that the client sent to.
    PeerRefused(SocketAddr),
    /// It ended.
    Ended(End, Traffic),
}

/// Why an allocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client gave it back (a Refresh with lifetime 0).
    Released,
    /// It was not refreshed in time.
    Expired,
    /// The client's connection closed.
    Disconnected,
    /// Its session is over.
    SessionOver,
}

impl End {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Released => "the client released it",
            Self::Expired => "it was not refreshed in time",
            Self::Disconnected => "the client's connection closed",
            Self::SessionOver => "its session is over",
        }
    }
}

/// Bounds of what one holder and all together may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Allocations of one credential id.
    pub quota: usize,
    /// Allocations in all.
    pub allocations: usize,
}

/// Credentials that are remembered as revoked: as many ids as sessions are known by.
const MOST_REVOKED: usize = 4096;

/// The server's state.
pub struct Server<P> {
    pub(crate) authority: Authority,
    pub(crate) rules: Rules,
    limits: Limits,
    discovery: Vec<Discovery>,
    sources: Sources,
    replay: Replay,
    allocations: HashMap<FiveTuple, Allocation<P>>,
    /// Relayed addresses, as told, and whose they are.
    relayed: HashMap<SocketAddr, FiveTuple>,
    notes: Vec<Note>,
    /// Whose session is over while their credentials' time is not, and when it is (Unix seconds).
    revoked: HashMap<Holder, u64>,
    /// State of the generator of indications' transaction ids, which nobody answers.
    random: u64,
}

impl<P: Clone> Server<P> {
    /// A server without allocations. `random` begins the transaction ids of its indications.
    pub fn new(authority: Authority, limits: Limits, random: u64) -> Self {
        Self {
            authority,
            rules: Rules::default(),
            limits,
            discovery: Vec::new(),
            sources: Sources::default(),
            replay: Replay::default(),
            allocations: HashMap::new(),
            relayed: HashMap::new(),
            notes: Vec::new(),
            revoked: HashMap::new(),
            random,
        }
    }

    /// Other bounds, for allocations to come.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The pairs of addresses by which RFC 5780 is spoken.
    pub fn set_discovery(&mut self, discovery: Vec<Discovery>) {
        self.discovery = discovery;
    }

    /// Something came in from a client: a datagram, or one message of a stream.
    pub fn handle(
        &mut self,
        now: Now,
        via: FiveTuple,
        bytes: &[u8],
        ports: &mut impl Ports<Port = P>,
    ) -> Outcome<P> {
        // The first two bits tell (RFC 5766 §11.4).
        match bytes.first() {
            Some(0x40..=0x7f) => self.channel_data(now.monotonic, &via, bytes),
            Some(0..=0x3f) => Message::parse(bytes)
                .map_or(Outcome::Nothing, |message| self.message(now, via, &message, ports)),
            _ => Outcome::Nothing,
        }
    }

    fn message(
        &mut self,
        now: Now,
        via: FiveTuple,
        message: &Message<'_>,
        ports: &mut impl Ports<Port = P>,
    ) -> Outcome<P> {
        match (message.class, message.method) {
            (Class::Indication, method::SEND) => self.send_indication(now.monotonic, &via, message),
            (Class::Request, _) if message.is_misprinted() => Outcome::Nothing,
            (Class::Request, method::BINDING) => self.binding(now, &via, message),
            (
                Class::Request,
                method::ALLOCATE | method::REFRESH | method::CREATE_PERMISSION | method::CHANNEL_BIND,
            ) => self.request(now, via, message, ports),
            // Binding indications only keep a NAT's binding alive; what is not known is dropped (RFC 8489 §6.3).
            _ => Outcome::Nothing,
        }
    }

    /// Ends what has run out. To be called about once a second.
    pub fn expire(&mut self, now: Now) {
        let over = |allocation: &Allocation<P>| now.monotonic >= allocation.until;
        let ended: Vec<FiveTuple> =
            self.allocations.iter().filter(|(_, allocation)| over(allocation)).map(|(via, _)| *via).collect();
        for via in ended {
            self.end(&via, End::Expired);
        }
        self.revoked.retain(|_, until| *until > now.unix);
    }

    /// A client's connection closed.
    pub fn disconnected(&mut self, via: &FiveTuple) {
        self.end(via, End::Disconnected);
    }

    /// Whoever has this id has no session any more. Its credentials, which are good until then (Unix seconds), are no more.
    pub fn evict(&mut self, holder: &Holder, until: u64) {
        if self.revoked.len() >= MOST_REVOKED {
            let soonest =
                self.revoked.iter().min_by_key(|(_, until)| **until).map(|(holder, _)| holder.clone());
            soonest.and_then(|holder| self.revoked.remove(&holder));
        }
        self.revoked.insert(holder.clone(), until);
        let theirs = self.allocations.iter().filter(|(_, allocation)| allocation.owner.holder == *holder);
        for via in theirs.map(|(via, _)| *via).collect::<Vec<_>>() {
            self.end(&via, End::SessionOver);
        }
    }

    fn end(&mut self, via: &FiveTuple, why: End) {
        let Some(allocation) = self.allocations.remove(via) else { return };
        self.relayed.remove(&allocation.relayed);
        self.notes.push(Note {
            via: *via,
            holder: allocation.owner.holder,
            relayed: allocation.relayed,
            what: What::Ended(why, allocation.traffic),
        });
    }

    /// What happened since the last call beside messages.
    pub fn take_notes(&mut self) -> Vec<Note> {
        // Nearly always empty, and then nothing is allocated.
        std::mem::take(&mut self.notes)
    }

    /// Whether a client has an allocation.
    pub fn holds(&self, via: &FiveTuple) -> bool {
        self.allocations.contains_key(via)
    }

    /// Who has allocations.
    pub fn holders(&self) -> HashSet<Holder> {
        self.allocations.values().map(|allocation| allocation.owner.holder.clone()).collect()
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.allocations.len()
    }

    fn is_relayed_address(&self, address: IpAddr) -> bool {
        self.relayed.keys().any(|relayed| relayed.ip() == address)
    }

    /// A transaction id for an indication (SplitMix64).
    fn transaction(&mut self) -> TransactionId {
        let mut next = || {
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ mixed >> 31).to_be_bytes()
        };
        let [high, low] = [next(), next()];
        std::array::from_fn(|index| if index < 8 { high[index] } else { low[index - 8] })
    }
}
