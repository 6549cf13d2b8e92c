//! What the relay sees of its clients, as events of their sessions.
//!
//! A Binding request and the first Allocate carry no name. What is seen of a 5-tuple is therefore kept for a while, until a
//! session claims it: by the user name of a later Allocate, or by a server-reflexive candidate that is the 5-tuple's client
//! address. What nobody claims is dropped; nothing is guessed. The daemon's own peer is a client, too: its wiretap has seen
//! all of that already, so none of it is told here.

mod claims;
mod unclaimed;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use icescope_model::{EventSink, Evidence, Lane, Level, Monotonic, Observation, Scope, SeenBy, SessionId};

use crate::auth::Holder;
use crate::options::{Describe, Packet};
use crate::server::{End, Note, Traffic, What};
use crate::tuple::FiveTuple;
use crate::wire::method;
use crate::wire::read::Message;
use claims::{Claims, Whose};
use unclaimed::{Seen, Unclaimed};

#[derive(Default)]
struct State {
    claims: Claims,
    unclaimed: Unclaimed,
}

/// Turns what was seen into observations.
pub struct Observer {
    sink: EventSink,
    describe: Describe,
    state: Mutex<State>,
}

impl Observer {
    /// An observer that has seen nothing yet.
    pub fn new(sink: EventSink, describe: Describe) -> Self {
        Self { sink, describe, state: Mutex::default() }
    }

    /// The id of a session in user names: the known one, or a new one made of `random`.
    pub fn id_of(&self, session: SessionId, random: u64, expires: u64, unix: u64) -> Holder {
        self.state().claims.id_of(session, random, expires, unix)
    }

    /// A session's client is seen at this address over UDP: its server-reflexive candidate says so.
    pub fn claim(&self, session: SessionId, mapped: SocketAddr, now: Monotonic) {
        let mut state = self.state();
        for (via, seen) in state.unclaimed.take_client(mapped) {
            if state.claims.bind(via, Whose::Session(session), now) {
                self.tell_all(session, &via, &seen);
            }
        }
    }

    /// The id that a session has in user names, if it has one, and when its credentials end (Unix seconds).
    pub fn id_of_session(&self, session: SessionId) -> Option<(Holder, u64)> {
        self.state().claims.known(session)
    }

    /// A session is over: nothing more is told of it.
    pub fn forget(&self, session: SessionId) {
        self.state().claims.forget(session);
    }

    /// A request of a client and its answer, if it got one. `holder`: who asked, if that is proven.
    pub fn exchange(&self, via: &FiveTuple, holder: Option<&Holder>, request: Seen, answer: Option<Seen>) {
        let at = request.at;
        let mut state = self.state();
        if let Some(whose) = holder.and_then(|holder| state.claims.whose(holder)) {
            state.claims.prove(*via, whose, at);
        }
        match state.claims.of(via, at) {
            Some(Whose::Session(session)) => {
                for seen in state.unclaimed.take(via).iter().chain([&request]).chain(&answer) {
                    self.tell_within_limit(&mut state, session, via, seen);
                }
            }
            Some(Whose::Daemon) => drop(state.unclaimed.take(via)),
            None => state.unclaimed.keep(*via, request, answer),
        }
    }

    fn tell_all(&self, session: SessionId, via: &FiveTuple, seen: &[Seen]) {
        for seen in seen {
            self.tell(session, via, seen);
        }
    }

    fn tell_within_limit(&self, state: &mut State, session: SessionId, via: &FiveTuple, seen: &Seen) {
        match state.claims.spend(via, seen.at) {
            claims::Spent::Yes => self.tell(session, via, seen),
            claims::Spent::Last => {
                let summary = format!(
                    "{} asks the relay faster than is recorded: from now on some of it is left out",
                    via.client
                );
                let limited = observation(session, Lane::Web, Lane::Turn, "relay.limited", seen.at);
                self.sink.send(limited.level(Level::Warn).summary(summary));
            }
            claims::Spent::No => {}
        }
    }

    fn tell(&self, session: SessionId, via: &FiveTuple, seen: &Seen) {
        let (server, client) = (via.server, via.client);
        let packet = Packet { inbound: seen.inbound, server, client, at: seen.at, bytes: &seen.bytes };
        let Some(mut told) = (self.describe)(&packet) else { return };
        let is_binding = Message::parse(&seen.bytes).is_some_and(|message| message.method == method::BINDING);
        let server = if is_binding { Lane::Stun } else { Lane::Turn };
        (told.from, told.to) = if seen.inbound { (Lane::Web, server) } else { (server, Lane::Web) };
        told.scope = Scope::Session(session);
        told.seen_by = SeenBy::Relay;
        told.uncertainty = seen.uncertainty;
        if seen.refused {
            told.level = Level::Warn;
            told.summary.push_str(
                ": the user name or the password is not the one that the page was given, or its time is over",
            );
            told.attributes.insert("credentialRefused".to_owned(), true.into());
        }
        self.sink.send(told.with("protocol", via.transport.word()));
    }

    /// Something beside messages.
    pub fn note(&self, note: &Note, at: Monotonic) {
        let Some(Whose::Session(session)) = self.state().claims.whose(&note.holder) else { return };
        let told = match note.what {
            What::FirstToPeer(peer) => {
                observation(session, Lane::Turn, Lane::Peer, "relay.first_to_peer", at)
                    .summary(format!("The relay sends a first packet on from {} to {peer}", note.relayed))
                    .with("peerAddress", peer.to_string())
            }
            What::FirstFromPeer(peer) => {
                observation(session, Lane::Peer, Lane::Turn, "relay.first_from_peer", at)
                    .summary(format!("The relay gets a first packet from {peer} at {}", note.relayed))
                    .with("peerAddress", peer.to_string())
            }
            What::PeerRefused(peer) => observation(session, Lane::Web, Lane::Turn, "relay.peer_refused", at)
                .level(Level::Warn)
                .summary(format!("The relay's rules do not let {} reach {peer}", via_client(note)))
                .with("peerAddress", peer.to_string()),
            What::Ended(why, traffic) => ended(session, note, why, traffic, at),
        };
        self.sink.send(with_ends(told, &note.via).with("relayedAddress", note.relayed.to_string()));
    }

    /// Lets go of what nobody claimed in time, and of ids whose time is over, but for those of `holders`: their allocations go on.
    pub fn expire(&self, now: Monotonic, unix: u64, holders: &HashSet<Holder>) {
        let mut state = self.state();
        state.unclaimed.expire(now);
        state.claims.expire(now, unix, holders);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn via_client(note: &Note) -> SocketAddr {
    note.via.client
}

fn ended(session: SessionId, note: &Note, why: End, traffic: Traffic, at: Monotonic) -> Observation {
    let mut told = observation(session, Lane::Turn, Lane::Turn, "relay.allocation_ended", at);
    told.evidence = Evidence::Api;
    told.level = if why == End::Expired { Level::Warn } else { Level::Info };
    told.summary = format!(
        "The allocation {} of {} ended: {}; {} packets went to peers and {} came from them",
        note.relayed,
        note.via.client,
        why.words(),
        traffic.packets_to_peers,
        traffic.packets_from_peers
    );
    told.with("reason", why.words())
        .with("packetsToPeers", traffic.packets_to_peers)
        .with("bytesToPeers", traffic.bytes_to_peers)
        .with("packetsFromPeers", traffic.packets_from_peers)
        .with("bytesFromPeers", traffic.bytes_from_peers)
        .with("packetsRefused", traffic.packets_refused)
}

fn observation(session: SessionId, from: Lane, to: Lane, kind: &'static str, at: Monotonic) -> Observation {
    Observation::new(Scope::Session(session), Evidence::Packet, from, to, kind).at(at).seen_by(SeenBy::Relay)
}

/// Adds the two ends of a 5-tuple, by the wiretap's names: the relay is «local» here.
fn with_ends(observation: Observation, via: &FiveTuple) -> Observation {
    observation
        .with("localAddress", via.server.to_string())
        .with("remoteAddress", via.client.to_string())
        .with("protocol", via.transport.word())
}

pub use unclaimed::Seen as SeenMessage;

#[cfg(test)]
mod tests;
