//! The hot path: what goes through allocations (RFC 8656 §11, §12.4–12.7). Each packet is checked anew: its allocation, its
//! permission, and the rules. Nothing is allocated.

use std::net::SocketAddr;
use std::ops::Range;

use icescope_model::Monotonic;

use super::{Note, Outcome, Server, What};
use crate::tuple::FiveTuple;
use crate::wire::attribute;
use crate::wire::frame::{self, Wrap};
use crate::wire::read::Message;

impl<P: Clone> Server<P> {
    pub(super) fn channel_data(&mut self, now: Monotonic, via: &FiveTuple, bytes: &[u8]) -> Outcome<P> {
        let Some((number, payload)) = frame::channel_data(bytes) else { return Outcome::Nothing };
        let peer = self.allocations.get(via).and_then(|allocation| allocation.peer_of(number, now));
        peer.map_or(Outcome::Nothing, |peer| self.client_sent(now, via, peer, payload))
    }

    pub(super) fn send_indication(
        &mut self,
        now: Monotonic,
        via: &FiveTuple,
        message: &Message<'_>,
    ) -> Outcome<P> {
        // Anything else that must be understood makes it be discarded (RFC 8489 §6.3.2).
        let known = [attribute::XOR_PEER_ADDRESS, attribute::DATA];
        if message.unknown(&known).next().is_some() {
            return Outcome::Nothing;
        }
        let data = message.attributes().find(|found| found.kind == attribute::DATA);
        let peer = message.xor_address(attribute::XOR_PEER_ADDRESS);
        match (data, peer) {
            (Some(data), Some(peer)) => {
                self.client_sent(now, via, peer, data.offset..data.offset + data.value.len())
            }
            _ => Outcome::Nothing,
        }
    }

    fn client_sent(
        &mut self,
        now: Monotonic,
        via: &FiveTuple,
        peer: SocketAddr,
        payload: Range<usize>,
    ) -> Outcome<P> {
        let other = self.relayed.get(&peer).copied();
        let Some(allocation) = self.allocations.get_mut(via) else { return Outcome::Nothing };
        let ruled = self.rules.permits(peer, &allocation.owner.holder, other.is_some());
        if now >= allocation.until {
            return Outcome::Nothing;
        }
        if !ruled || !allocation.is_permitted(peer.ip(), now) {
            if allocation.refuse(peer) && !ruled {
                self.notes.push(note(via, allocation, What::PeerRefused(peer)));
            }
            return Outcome::Nothing;
        }
        let first = allocation.traffic.packets_to_peers == 0;
        allocation.traffic.packets_to_peers += 1;
        allocation.traffic.bytes_to_peers += payload.len() as u64;
        if first {
            self.notes.push(note(via, allocation, What::FirstToPeer(peer)));
        }
        let Some(other) = other else {
            return Outcome::ToPeer { port: allocation.port.clone(), peer, payload };
        };
        // Between two of the relay's own addresses nothing leaves the machine: a NAT in front of it might not let it back in.
        let from = allocation.relayed;
        match self.peer_sent(now, &other, from, payload.len()) {
            Some((port, wrap)) => Outcome::ToClient { port, payload, wrap },
            None => Outcome::Nothing,
        }
    }

    /// Something came in on a relayed address. What it is to be wrapped in for the client; `None` drops it.
    pub fn peer_sent(
        &mut self,
        now: Monotonic,
        via: &FiveTuple,
        peer: SocketAddr,
        length: usize,
    ) -> Option<(P, Wrap)> {
        let transaction = self.transaction();
        let allocation = self.allocations.get_mut(via)?;
        // A permission lasts for minutes: what the rules do not let be reached any more is not heard any more either.
        let relayed = self.relayed.contains_key(&peer);
        if now >= allocation.until
            || length > frame::LONGEST
            || !allocation.is_permitted(peer.ip(), now)
            || !self.rules.permits_address(peer.ip(), &allocation.owner.holder, relayed)
        {
            return None;
        }
        let first = allocation.traffic.packets_from_peers == 0;
        allocation.traffic.packets_from_peers += 1;
        allocation.traffic.bytes_from_peers += length as u64;
        if first {
            self.notes.push(note(via, allocation, What::FirstFromPeer(peer)));
        }
        let wrap =
            allocation.channel_of(peer, now).map_or(Wrap::Indication(peer, transaction), Wrap::Channel);
        Some((allocation.port.clone(), wrap))
    }
}

fn note<P>(via: &FiveTuple, allocation: &super::Allocation<P>, what: What) -> Note {
    Note { via: *via, holder: allocation.owner.holder.clone(), relayed: allocation.relayed, what }
}
