//! CreatePermission and ChannelBind (RFC 8656 §10.2, §12.2).

use std::net::{IpAddr, SocketAddr};

use super::allocation::Unbound;
use super::requests::Asked;
use super::{Note, Server, What};
use crate::wire::attribute;
use crate::wire::write::{Answer, Refusal};

/// Numbers that channels may have. RFC 8656 §12 ends them at 0x4fff, for the sake of protocols that never share this socket;
/// clients of RFC 5766 (§11), coturn's among them, go up to 0x7fff.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7fff;

impl<P: Clone> Server<P> {
    pub(super) fn create_permission(&mut self, asked: &Asked<'_, '_>) -> Result<Answer, Refusal> {
        let peers: Option<Vec<SocketAddr>> = asked.message.peers().collect();
        let peers = peers.filter(|peers| !peers.is_empty()).ok_or(Refusal::BAD_REQUEST)?;
        self.permit(asked, &peers)?;
        Ok(Answer::success(asked.message).software())
    }

    pub(super) fn channel_bind(&mut self, asked: &Asked<'_, '_>) -> Result<Answer, Refusal> {
        let number = asked.message.get(attribute::CHANNEL_NUMBER).and_then(<[u8]>::first_chunk::<2>);
        let number =
            number.map(|bytes| u16::from_be_bytes(*bytes)).filter(|number| CHANNELS.contains(number));
        let number = number.ok_or(Refusal::BAD_REQUEST)?;
        let peer = asked.message.xor_address(attribute::XOR_PEER_ADDRESS).ok_or(Refusal::BAD_REQUEST)?;
        self.check(asked, &[peer])?;
        let allocation = self.allocations.get_mut(&asked.via).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        allocation.bind(number, peer, asked.now.monotonic).map_err(|unbound| match unbound {
            Unbound::Otherwise => Refusal::BAD_REQUEST,
            Unbound::TooMany => Refusal::INSUFFICIENT_CAPACITY,
        })?;
        // A channel brings its permission along (RFC 8656 §12.2).
        self.permit(asked, &[peer])?;
        Ok(Answer::success(asked.message).software())
    }

    /// Whether all peers are of the allocation's family and the rules let them be reached.
    fn check(&mut self, asked: &Asked<'_, '_>, peers: &[SocketAddr]) -> Result<(), Refusal> {
        let allocation = self.allocations.get(&asked.via).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        if peers.iter().any(|peer| peer.is_ipv4() != allocation.relayed.is_ipv4()) {
            return Err(Refusal::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        let holder = &asked.who.holder;
        let refused = |peer: &&SocketAddr| {
            !self.rules.permits_address(peer.ip(), holder, self.is_relayed_address(peer.ip()))
        };
        let Some(peer) = peers.iter().find(refused) else { return Ok(()) };
        let what = What::PeerRefused(*peer);
        let note = Note { via: asked.via, holder: holder.clone(), relayed: allocation.relayed, what };
        if self.allocations.get_mut(&asked.via).is_some_and(|allocation| allocation.refuse(*peer)) {
            self.notes.push(note);
        }
        Err(Refusal::FORBIDDEN)
    }

    /// All or none (RFC 8656 §10.2).
    fn permit(&mut self, asked: &Asked<'_, '_>, peers: &[SocketAddr]) -> Result<(), Refusal> {
        self.check(asked, peers)?;
        let addresses: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        let allocation = self.allocations.get_mut(&asked.via).ok_or(Refusal::ALLOCATION_MISMATCH)?;
        allocation.permit(&addresses, asked.now.monotonic).then_some(()).ok_or(Refusal::INSUFFICIENT_CAPACITY)
    }
}
