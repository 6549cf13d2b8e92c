//! What is relayed, in its two wrappings: ChannelData (RFC 8656 §12.4), and Send and Data indications (§11); and how both
//! are cut out of a TCP or TLS stream.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::read::{mask, xored};
use super::{ATTRIBUTE_HEADER, HEADER, MAGIC_COOKIE, TransactionId, attribute};

/// Bytes before the payload of ChannelData.
pub const CHANNEL_HEADER: usize = 4;
/// Bytes before the payload of a Data indication, at most: header, XOR-PEER-ADDRESS for IPv6, head of DATA.
pub const HEADROOM: usize = HEADER + ATTRIBUTE_HEADER + 20 + ATTRIBUTE_HEADER;
/// Bytes after a payload: padding to a multiple of four.
pub const TAILROOM: usize = 3;
/// The longest payload whose Data indication has a length that fits into 16 bits; no UDP over IPv4 carries more by itself.
pub const LONGEST: usize = 65_532 - (ATTRIBUTE_HEADER + 20 + ATTRIBUTE_HEADER);
/// The type of a Data indication (RFC 8656 §17).
const DATA_INDICATION: [u8; 2] = [0x00, 0x17];

/// How a payload is wrapped for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// As ChannelData of this channel.
    Channel(u16),
    /// As a Data indication from this peer, with this transaction id.
    Indication(SocketAddr, TransactionId),
}

/// Channel and payload of a ChannelData message; what follows the payload is padding.
pub fn channel_data(datagram: &[u8]) -> Option<(u16, Range<usize>)> {
    let head: &[u8; CHANNEL_HEADER] = datagram.first_chunk()?;
    let channel = u16::from_be_bytes([head[0], head[1]]);
    let end = CHANNEL_HEADER + usize::from(u16::from_be_bytes([head[2], head[3]]));
    (end <= datagram.len()).then_some((channel, CHANNEL_HEADER..end))
}

/// Writes the wrapping around a payload that stands in `buffer` with [`HEADROOM`] before and [`TAILROOM`] after it. Returns
/// where the message stands then. ChannelData is padded on streams only (RFC 8656 §12.5).
pub fn wrap(buffer: &mut [u8], payload: Range<usize>, wrap: Wrap, stream: bool) -> Range<usize> {
    let length = payload.len() as u16;
    let padded = payload.end + payload.len().next_multiple_of(4) - payload.len();
    buffer[payload.end..padded].fill(0);
    match wrap {
        Wrap::Channel(channel) => {
            let start = payload.start - CHANNEL_HEADER;
            buffer[start..start + 2].copy_from_slice(&channel.to_be_bytes());
            buffer[start + 2..payload.start].copy_from_slice(&length.to_be_bytes());
            start..if stream { padded } else { payload.end }
        }
        Wrap::Indication(peer, transaction) => {
            let address = if peer.is_ipv4() { 8 } else { 20 };
            let start = payload.start - HEADER - ATTRIBUTE_HEADER - address - ATTRIBUTE_HEADER;
            let body = (padded - start - HEADER) as u16;
            let out = &mut buffer[start..payload.start];
            out[..2].copy_from_slice(&DATA_INDICATION);
            out[2..4].copy_from_slice(&body.to_be_bytes());
            out[4..8].copy_from_slice(&MAGIC_COOKIE);
            out[8..20].copy_from_slice(&transaction);
            let attributes = &mut out[HEADER..];
            attributes[..2].copy_from_slice(&attribute::XOR_PEER_ADDRESS.to_be_bytes());
            attributes[2..4].copy_from_slice(&(address as u16).to_be_bytes());
            write_xored(&mut attributes[4..4 + address], peer, &transaction);
            let data = &mut attributes[4 + address..];
            data[..2].copy_from_slice(&attribute::DATA.to_be_bytes());
            data[2..4].copy_from_slice(&length.to_be_bytes());
            start..padded
        }
    }
}

fn write_xored(out: &mut [u8], address: SocketAddr, transaction: &TransactionId) {
    let mask = mask(transaction);
    out[0] = 0;
    out[2..4].copy_from_slice(&xored(address.port().to_be_bytes(), &mask));
    match address.ip() {
        IpAddr::V4(v4) => {
            out[1] = 1;
            out[4..].copy_from_slice(&xored(v4.octets(), &mask));
        }
        IpAddr::V6(v6) => {
            out[1] = 2;
            out[4..].copy_from_slice(&xored(v6.octets(), &mask));
        }
    }
}

/// What stands at the start of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Not all of a message yet.
    More,
    /// A message: its bytes without padding, and how many the stream goes on by.
    Message {
        /// Bytes of the message.
        length: usize,
        /// The same with what follows it as padding.
        taken: usize,
    },
    /// Neither STUN nor ChannelData: the stream cannot be followed further.
    Garbage,
}

/// Looks for a message at the start of a stream: STUN by its length field, ChannelData padded to four bytes (RFC 8656 §12.5).
pub fn next(stream: &[u8]) -> Next {
    let Some(head) = stream.first_chunk::<4>() else { return Next::More };
    let body = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let (length, taken) = match head[0] {
        0..=0x3f if body % 4 != 0 => return Next::Garbage,
        0..=0x3f => (HEADER + body, HEADER + body),
        0x40..=0x7f => (CHANNEL_HEADER + body, CHANNEL_HEADER + body.next_multiple_of(4)),
        _ => return Next::Garbage,
    };
    if stream.get(4..8).is_some_and(|cookie| head[0] < 0x40 && cookie != MAGIC_COOKIE) {
        return Next::Garbage;
    }
    if stream.len() < taken { Next::More } else { Next::Message { length, taken } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Class;
    use super::super::read::Message;
    use super::*;

    /// RFC 8656 §17.
    const DATA_METHOD: u16 = 0x007;

    #[test]
    fn a_payload_is_wrapped_in_place_as_an_indication() {
        for peer in ["192.0.2.1:32853", "[2001:db8::9]:1"] {
            let peer: SocketAddr = peer.parse().unwrap();
            let mut buffer = vec![0xee; HEADROOM + 5 + TAILROOM];
            buffer[HEADROOM..HEADROOM + 5].copy_from_slice(b"hello");
            let range = wrap(&mut buffer, HEADROOM..HEADROOM + 5, Wrap::Indication(peer, [3; 12]), false);
            let message = Message::parse(&buffer[range]).unwrap();
            assert_eq!((message.class, message.method), (Class::Indication, DATA_METHOD));
            assert_eq!(message.xor_address(attribute::XOR_PEER_ADDRESS), Some(peer));
            assert_eq!(message.get(attribute::DATA), Some(&b"hello"[..]));
            assert!(message.is_whole());
        }
    }

    #[test]
    fn the_longest_payload_fits_into_an_indication() {
        let mut buffer = vec![0; HEADROOM + LONGEST + TAILROOM];
        let peer = Wrap::Indication("[2001:db8::9]:1".parse().unwrap(), [3; 12]);
        let range = wrap(&mut buffer, HEADROOM..HEADROOM + LONGEST, peer, true);
        assert_eq!(
            Message::parse(&buffer[range]).unwrap().get(attribute::DATA).map(<[u8]>::len),
            Some(LONGEST)
        );
    }

    #[test]
    fn channel_data_is_padded_on_streams_only() {
        for (stream, end) in [(false, 9), (true, 12)] {
            let mut buffer = vec![0xee; HEADROOM + 5 + TAILROOM];
            buffer[HEADROOM..HEADROOM + 5].copy_from_slice(b"hello");
            let range = wrap(&mut buffer, HEADROOM..HEADROOM + 5, Wrap::Channel(0x4001), stream);
            let out = &buffer[range];
            assert_eq!(out.len(), end);
            assert_eq!(channel_data(out), Some((0x4001, 4..9)));
            assert!(out[9..].iter().all(|byte| *byte == 0));
        }
        assert_eq!(channel_data(&[0x40, 1, 0, 9, 7, 8]), None, "shorter than it says");
    }

    #[test]
    fn a_stream_is_cut_where_its_messages_end() {
        let mut stun = vec![0, 1, 0, 4];
        stun.extend(MAGIC_COOKIE);
        stun.extend([0; 16]);
        let all = [&stun[..], &[0x40, 0, 0, 3, 1, 2, 3, 0], &[0x40, 0]].concat();
        assert_eq!(next(&all), Next::Message { length: 24, taken: 24 });
        assert_eq!(next(&all[24..]), Next::Message { length: 7, taken: 8 });
        assert_eq!(next(&all[32..]), Next::More);
        assert_eq!(next(&[0x80, 1, 2, 3]), Next::Garbage);
        assert_eq!(next(&[0, 1, 0, 0, 1, 2, 3, 4]), Next::Garbage, "no cookie");
        assert_eq!(next(&[22, 3, 1, 2, 0]), Next::Garbage, "a TLS hello");
    }

    proptest! {
        #[test]
        fn a_stream_never_stands_still(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Next::Message { length, taken } = next(&bytes) {
                prop_assert!(4 <= length && length <= taken && taken <= bytes.len());
            }
        }
    }
}
