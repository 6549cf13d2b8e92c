//! One allocation (RFC 8656 §3.2): its permissions, its channels, and what went through.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use icescope_model::Monotonic;

use crate::auth::Identity;

/// How long a permission lasts (RFC 8656 §9).
const PERMISSION: Duration = Duration::from_mins(5);
/// How long a channel lasts (RFC 8656 §12).
const CHANNEL: Duration = Duration::from_mins(10);
/// Addresses with a permission, and channels, of one allocation: more than a browser is given candidates.
pub const MOST_PEERS: usize = 64;
/// Refused peers that are told one by one.
const MOST_TOLD: usize = 8;

/// What went through an allocation. Bytes are those of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Packets from the client to peers.
    pub packets_to_peers: u64,
    /// Their bytes.
    pub bytes_to_peers: u64,
    /// Packets from peers to the client.
    pub packets_from_peers: u64,
    /// Their bytes.
    pub bytes_from_peers: u64,
    /// Packets of the client to peers that the rules refuse, or without a permission.
    pub packets_refused: u64,
}

#[derive(Debug)]
struct Permission {
    address: IpAddr,
    until: Monotonic,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    until: Monotonic,
}

/// One allocation. `P` is what its relayed address is outside of the pure core: a socket.
#[derive(Debug)]
pub struct Allocation<P> {
    /// Who made it.
    pub owner: Identity,
    /// Its relayed transport address, as everybody is told.
    pub relayed: SocketAddr,
    /// The socket behind it.
    pub port: P,
    /// When it ends unless it is refreshed.
    pub until: Monotonic,
    /// What went through.
    pub traffic: Traffic,
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
    told: Vec<SocketAddr>,
}

impl<P> Allocation<P> {
    /// A new one.
    pub fn new(owner: Identity, relayed: SocketAddr, port: P, until: Monotonic) -> Self {
        Self {
            owner,
            relayed,
            port,
            until,
            traffic: Traffic::default(),
            permissions: Vec::new(),
            channels: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Whether packets from and to an address may pass.
    pub fn is_permitted(&self, address: IpAddr, now: Monotonic) -> bool {
        self.permissions.iter().any(|permission| permission.address == address && now < permission.until)
    }

    /// Gives permissions or renews them; false, and nothing done, if there are too many.
    pub fn permit(&mut self, addresses: &[IpAddr], now: Monotonic) -> bool {
        self.permissions.retain(|permission| now < permission.until);
        let known =
            |address: &&IpAddr| self.permissions.iter().any(|permission| permission.address == **address);
        let new = addresses.iter().filter(|address| !known(address)).count();
        if self.permissions.len() + new > MOST_PEERS {
            return false;
        }
        for address in addresses {
            self.permissions.retain(|permission| permission.address != *address);
            self.permissions.push(Permission { address: *address, until: now.plus(PERMISSION) });
        }
        true
    }

    /// Binds a channel or renews it.
    pub fn bind(&mut self, number: u16, peer: SocketAddr, now: Monotonic) -> Result<(), Unbound> {
        self.channels.retain(|channel| now < channel.until);
        let full = self.channels.len() >= MOST_PEERS;
        let same = |channel: &&mut Channel| channel.number == number || channel.peer == peer;
        match self.channels.iter_mut().find(same) {
            Some(channel) if channel.number == number && channel.peer == peer => {
                channel.until = now.plus(CHANNEL);
                Ok(())
            }
            Some(_) => Err(Unbound::Otherwise),
            None if full => Err(Unbound::TooMany),
            None => {
                self.channels.push(Channel { number, peer, until: now.plus(CHANNEL) });
                Ok(())
            }
        }
    }

    /// The peer of a channel.
    pub fn peer_of(&self, number: u16, now: Monotonic) -> Option<SocketAddr> {
        let mut bound = self.channels.iter().filter(|channel| now < channel.until);
        bound.find(|channel| channel.number == number).map(|channel| channel.peer)
    }

    /// The channel of a peer.
    pub fn channel_of(&self, peer: SocketAddr, now: Monotonic) -> Option<u16> {
        let mut bound = self.channels.iter().filter(|channel| now < channel.until);
        bound.find(|channel| channel.peer == peer).map(|channel| channel.number)
    }

    /// Counts a refused packet; true the first time for a peer, for some peers.
    pub fn refuse(&mut self, peer: SocketAddr) -> bool {
        self.traffic.packets_refused += 1;
        let new = self.told.len() < MOST_TOLD && !self.told.contains(&peer);
        if new {
            self.told.push(peer);
        }
        new
    }
}

/// Why a channel was not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbound {
    /// The number has another peer, or the peer another number (RFC 8656 §12.2).
    Otherwise,
    /// There are too many.
    TooMany,
}

#[cfg(test)]
mod tests {
    use stun_rs::HMACKey;

    use super::*;
    use crate::auth::Holder;

    fn allocation() -> Allocation<()> {
        let owner = Identity {
            holder: Holder::Daemon,
            username: "9:daemon".into(),
            key: HMACKey::new_short_term("key").unwrap(),
        };
        Allocation::new(owner, "192.0.2.1:50000".parse().unwrap(), (), Monotonic(0).plus(CHANNEL))
    }

    fn at(seconds: u64) -> Monotonic {
        Monotonic(0).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_permission_lasts_five_minutes_and_a_channel_ten() {
        let mut allocation = allocation();
        let peer: SocketAddr = "192.0.2.7:9".parse().unwrap();
        assert!(!allocation.is_permitted(peer.ip(), at(0)));
        assert!(allocation.permit(&[peer.ip()], at(0)));
        assert_eq!(allocation.bind(0x4000, peer, at(0)), Ok(()));
        assert!(allocation.is_permitted(peer.ip(), at(299)) && !allocation.is_permitted(peer.ip(), at(300)));
        assert_eq!(
            (allocation.peer_of(0x4000, at(599)), allocation.peer_of(0x4000, at(600))),
            (Some(peer), None)
        );
        assert_eq!(
            (allocation.channel_of(peer, at(599)), allocation.channel_of(peer, at(600))),
            (Some(0x4000), None)
        );
    }

    #[test]
    fn a_channel_keeps_its_peer_and_a_peer_its_channel() {
        let mut allocation = allocation();
        let [one, two]: [SocketAddr; 2] = ["192.0.2.7:9", "192.0.2.7:10"].map(|text| text.parse().unwrap());
        assert_eq!(allocation.bind(0x4000, one, at(0)), Ok(()));
        assert_eq!(allocation.bind(0x4000, one, at(1)), Ok(()));
        assert_eq!(allocation.bind(0x4000, two, at(1)), Err(Unbound::Otherwise));
        assert_eq!(allocation.bind(0x4001, one, at(1)), Err(Unbound::Otherwise));
        assert_eq!(allocation.bind(0x4000, two, at(602)), Ok(()), "free again");
    }

    #[test]
    fn peers_are_counted_and_bounded() {
        let mut allocation = allocation();
        let addresses: Vec<IpAddr> = (0..=MOST_PEERS as u32)
            .map(|index| std::net::Ipv4Addr::from_bits(0x0a00_0000 + index).into())
            .collect();
        assert!(!allocation.permit(&addresses, at(0)));
        assert!(!allocation.is_permitted(addresses[0], at(0)), "all or nothing");
        assert!(allocation.permit(&addresses[..MOST_PEERS], at(0)));
        assert!(allocation.permit(&addresses[..2], at(1)), "known ones are renewed");
        assert!(!allocation.permit(&addresses[MOST_PEERS..], at(1)));
        let told =
            (0..100_u16).filter(|port| allocation.refuse(SocketAddr::new(addresses[0], *port))).count();
        assert_eq!((told, allocation.traffic.packets_refused), (MOST_TOLD, 100));
    }
}
