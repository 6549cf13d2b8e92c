//! What travels inside TURN: ChannelData (RFC 8656 §12.4), Send and Data indications (§11).

use std::net::SocketAddr;

use super::classify::{self, classify};
use super::stun::{Class, Message, attribute, method};
use super::stun_names;

/// The payload of a ChannelData message, and its channel.
#[inline]
pub fn channel_data(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = datagram.split_at_checked(4)?;
    let channel = u16::from_be_bytes([head[0], head[1]]);
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((channel, rest.get(..length)?))
}

/// The payload of a Send or Data indication, and the peer at the other side of the relay.
pub fn indication<'a>(message: &Message<'a>) -> Option<(SocketAddr, &'a [u8])> {
    let carries = message.class == Class::Indication && matches!(message.method, method::SEND | method::DATA);
    if !carries {
        return None;
    }
    Some((message.xor_address(attribute::XOR_PEER_ADDRESS)?, message.get(attribute::DATA)?))
}

/// Whether a datagram belongs to the session's TURN client, which keeps a socket of its own beside the shared port.
pub fn is_turn(datagram: &[u8]) -> bool {
    match classify(datagram) {
        classify::Class::ChannelData => true,
        classify::Class::Stun => {
            Message::parse(datagram).is_some_and(|message| stun_names::is_turn(message.method))
        }
        _ => false,
    }
}

/// Bound channels and relayed addresses that are remembered: more than the crate makes.
const REMEMBERED: usize = 64;

/// What was seen of the session's TURN allocations.
#[derive(Debug, Default)]
pub struct Allocations {
    /// Socket, server, channel, peer: each allocation numbers its channels by itself.
    channels: Vec<(u64, SocketAddr, u16, SocketAddr)>,
    relayed: Vec<(SocketAddr, SocketAddr, SocketAddr)>,
}

impl Allocations {
    /// Remembers which peer a channel of a socket's allocation is bound to.
    pub fn bind(&mut self, socket: u64, server: SocketAddr, channel: u16, peer: SocketAddr) {
        self.channels.retain(|(by, of, number, _)| (*by, *of, *number) != (socket, server, channel));
        self.channels.push((socket, server, channel, peer));
        if self.channels.len() > REMEMBERED {
            self.channels.remove(0);
        }
    }

    /// Remembers the relayed address that a server granted to a socket.
    pub fn allocated(&mut self, local: SocketAddr, server: SocketAddr, relayed: SocketAddr) {
        self.relayed.retain(|(socket, of, _)| (*socket, *of) != (local, server));
        self.relayed.push((local, server, relayed));
        if self.relayed.len() > REMEMBERED {
            self.relayed.remove(0);
        }
    }

    /// The peer of a channel.
    pub fn peer(&self, socket: u64, server: SocketAddr, channel: u16) -> Option<SocketAddr> {
        self.channels
            .iter()
            .find(|(by, of, number, _)| (*by, *of, *number) == (socket, server, channel))
            .map(|(.., peer)| *peer)
    }

    /// The relayed address of a socket's allocation.
    pub fn relayed(&self, local: SocketAddr, server: SocketAddr) -> Option<SocketAddr> {
        self.relayed
            .iter()
            .find(|(socket, of, _)| (*socket, *of) == (local, server))
            .map(|(.., relayed)| *relayed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::stun::tests::build;
    use super::*;

    #[test]
    fn channel_data_is_unwrapped_and_padding_left_out() {
        assert_eq!(channel_data(&[0x40, 1, 0, 2, 7, 8, 0, 0]), Some((0x4001, &[7, 8][..])));
        assert_eq!(channel_data(&[0x40, 1, 0, 9, 7, 8]), None, "shorter than it says");
        assert_eq!(channel_data(&[0x40, 1]), None);
    }

    #[test]
    fn a_send_indication_is_unwrapped() {
        // 192.0.2.1:32853 XORed with the cookie, as in RFC 5769 §2.2.
        let peer = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let bytes =
            build(0x0016, [3; 12], &[(attribute::XOR_PEER_ADDRESS, &peer), (attribute::DATA, b"payload")]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(indication(&message), Some(("192.0.2.1:32853".parse().unwrap(), &b"payload"[..])));
    }

    #[test]
    fn channels_and_relayed_addresses_are_remembered_per_server() {
        let [server, other, peer, local, relayed] =
            ["1.1.1.1:3478", "2.2.2.2:3478", "3.3.3.3:9", "10.0.0.1:5", "1.1.1.1:50000"]
                .map(|text| text.parse::<SocketAddr>().unwrap());
        let mut allocations = Allocations::default();
        allocations.bind(1, server, 0x4000, peer);
        allocations.allocated(local, server, relayed);
        assert_eq!(allocations.peer(1, server, 0x4000), Some(peer));
        assert_eq!(allocations.peer(1, other, 0x4000), None);
        assert_eq!(allocations.peer(2, server, 0x4000), None, "another socket's allocation");
        assert_eq!(allocations.relayed(local, server), Some(relayed));
        for channel in 0..1000 {
            allocations.bind(1, server, channel, peer);
        }
        assert_eq!(allocations.channels.len(), REMEMBERED);
    }

    proptest! {
        #[test]
        fn no_channel_data_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some((_, inner)) = channel_data(&bytes) {
                prop_assert!(inner.len() + 4 <= bytes.len());
            }
        }
    }
}
