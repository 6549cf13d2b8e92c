//! A tolerant reader of STUN messages (RFC 8489): borrows, allocates nothing, never panics.
//!
//! Not `stun-rs`: the wiretap must also show what a strict decoder refuses, and a steady check costs no allocation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// RFC 8489 §5.
pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Bytes before the attributes.
pub const HEADER_LENGTH: usize = 20;

/// A transaction id.
pub type TransactionId = [u8; 12];

/// The class of a message (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Asks.
    Request,
    /// Tells, and is not answered.
    Indication,
    /// Answers well.
    Success,
    /// Answers badly.
    Error,
}

/// Methods (RFC 8489 §18.2, RFC 8656 §17).
pub mod method {
    pub const BINDING: u16 = 0x001;
    pub const ALLOCATE: u16 = 0x003;
    pub const REFRESH: u16 = 0x004;
    pub const SEND: u16 = 0x006;
    pub const DATA: u16 = 0x007;
    pub const CREATE_PERMISSION: u16 = 0x008;
    pub const CHANNEL_BIND: u16 = 0x009;
}

/// Attribute types (RFC 8489 §18.3, RFC 8656 §18, RFC 8445 §16.1, RFC 5780 §9.1).
pub mod attribute {
    pub const MAPPED_ADDRESS: u16 = 0x0001;
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub const CHANNEL_NUMBER: u16 = 0x000c;
    pub const LIFETIME: u16 = 0x000d;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    pub const SOFTWARE: u16 = 0x8022;
    pub const ALTERNATE_SERVER: u16 = 0x8023;
    pub const FINGERPRINT: u16 = 0x8028;
    pub const ICE_CONTROLLED: u16 = 0x8029;
    pub const ICE_CONTROLLING: u16 = 0x802a;
    pub const RESPONSE_ORIGIN: u16 = 0x802b;
    pub const OTHER_ADDRESS: u16 = 0x802c;
    /// Chromium's, of its renomination draft.
    pub const NOMINATION: u16 = 0xc001;
    /// Chromium's: the network's id and cost.
    pub const NETWORK_INFO: u16 = 0xc057;
}

/// One message, borrowed from its datagram.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its class.
    pub class: Class,
    /// Its method.
    pub method: u16,
    /// Its transaction id.
    pub transaction: TransactionId,
    /// The attributes, as far as the datagram has them.
    body: &'a [u8],
    /// Where the body starts in what was parsed: for [`Message::attributes_with_offset`].
    size: usize,
    /// The length field and the datagram disagree.
    pub malformed: bool,
}

impl<'a> Message<'a> {
    /// Reads a message. `None` if it is no STUN at all; a wrong length is marked, not refused.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, rest) = datagram.split_at_checked(HEADER_LENGTH)?;
        if header[0] & 0xc0 != 0 || header[4..8] != MAGIC_COOKIE {
            return None;
        }
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&header[8..20]);
        let class = match (kind >> 7 & 2) | (kind >> 4 & 1) {
            0 => Class::Request,
            1 => Class::Indication,
            2 => Class::Success,
            _ => Class::Error,
        };
        Some(Self {
            class,
            method: kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2,
            transaction,
            body: &rest[..length.min(rest.len())],
            size: datagram.len(),
            malformed: length != rest.len() || length % 4 != 0,
        })
    }

    /// The whole datagram's bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Its attributes in order, as far as they can be told apart.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.body, offset: HEADER_LENGTH }
    }

    /// The first attribute of a type.
    pub fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }

    /// Whether it is a Binding request of an ICE check: only those carry USERNAME.
    pub fn is_check(&self) -> bool {
        self.method == method::BINDING
            && self.class == Class::Request
            && self.get(attribute::USERNAME).is_some()
    }

    /// The two user name fragments of a check: of whom it goes to, and of whom it comes from (RFC 8445 §7.2.2).
    pub fn ufrags(&self) -> Option<(&'a str, &'a str)> {
        std::str::from_utf8(self.get(attribute::USERNAME)?).ok()?.split_once(':')
    }

    /// An address attribute that is XORed with the cookie and the transaction id.
    pub fn xor_address(&self, kind: u16) -> Option<SocketAddr> {
        xor_address(self.get(kind)?, &self.transaction)
    }
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its type.
    pub kind: u16,
    /// Its value, without padding.
    pub value: &'a [u8],
    /// Where the value starts in the datagram.
    pub offset: usize,
}

/// Walks the attributes of a message.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (head, rest) = self.rest.split_at_checked(4)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        let found = Attribute { kind, value, offset: self.offset + 4 };
        let padded = length.next_multiple_of(4).min(rest.len());
        self.rest = &rest[padded..];
        self.offset += 4 + padded;
        Some(found)
    }
}

/// A plain address value (RFC 8489 §14.1).
pub fn plain_address(value: &[u8]) -> Option<SocketAddr> {
    xor_with(value, [0; 16])
}

/// An XORed address value (RFC 8489 §14.2).
pub fn xor_address(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE);
    mask[4..].copy_from_slice(transaction);
    xor_with(value, mask)
}

fn xor_with(value: &[u8], mask: [u8; 16]) -> Option<SocketAddr> {
    let (head, address) = value.split_at_checked(4)?;
    let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
    let ip = match (head[1], address.len()) {
        (1, 4) => {
            let mut octets = [0; 4];
            octets
                .iter_mut()
                .zip(address.iter().zip(mask))
                .for_each(|(out, (byte, mask))| *out = byte ^ mask);
            IpAddr::V4(Ipv4Addr::from(octets))
        }
        (2, 16) => {
            let mut octets = [0; 16];
            octets
                .iter_mut()
                .zip(address.iter().zip(mask))
                .for_each(|(out, (byte, mask))| *out = byte ^ mask);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// ERROR-CODE: the code and its reason phrase (RFC 8489 §14.8).
pub fn error_code(value: &[u8]) -> Option<(u16, &[u8])> {
    let (head, reason) = value.split_at_checked(4)?;
    Some((u16::from(head[2] & 7) * 100 + u16::from(head[3]), reason))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes a message: type, transaction, attributes.
    pub fn build(kind: u16, transaction: TransactionId, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend(kind.to_be_bytes());
            body.extend((value.len() as u16).to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut message = kind.to_be_bytes().to_vec();
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(MAGIC_COOKIE);
        message.extend(transaction);
        message.extend(body);
        message
    }

    #[test]
    fn a_sample_response_of_rfc_5769_is_read() {
        // RFC 5769 §2.2: the sample IPv4 response.
        let bytes = [
            0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
            0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
            0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
            0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
            0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
        ];
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(
            (message.class, message.method, message.malformed),
            (Class::Success, method::BINDING, false)
        );
        assert_eq!(message.get(attribute::SOFTWARE), Some(&b"test vector"[..]));
        assert_eq!(
            message.xor_address(attribute::XOR_MAPPED_ADDRESS),
            Some("192.0.2.1:32853".parse().unwrap())
        );
        let kinds: Vec<u16> = message.attributes().map(|attribute| attribute.kind).collect();
        assert_eq!(kinds, [0x8022, 0x0020, 0x0008, 0x8028]);
    }

    #[test]
    fn the_method_and_class_bits_interleave() {
        for (kind, class, method) in [
            (0x0001, Class::Request, method::BINDING),
            (0x0113, Class::Error, method::ALLOCATE),
            (0x0103, Class::Success, method::ALLOCATE),
            (0x0016, Class::Indication, method::SEND),
            (0x0017, Class::Indication, method::DATA),
            (0x0109, Class::Success, method::CHANNEL_BIND),
        ] {
            let bytes = build(kind, [7; 12], &[]);
            let message = Message::parse(&bytes).unwrap();
            assert_eq!((message.class, message.method), (class, method), "{kind:#06x}");
        }
    }

    #[test]
    fn a_role_conflict_is_an_error_487() {
        let bytes = build(0x0111, [1; 12], &[(attribute::ERROR_CODE, b"\0\0\x04\x57Role Conflict")]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(
            error_code(message.get(attribute::ERROR_CODE).unwrap()),
            Some((487, &b"Role Conflict"[..]))
        );
    }

    #[test]
    fn a_wrong_length_is_marked_and_the_rest_is_read() {
        let mut bytes =
            build(0x0001, [1; 12], &[(attribute::PRIORITY, &[0, 0, 0, 9]), (attribute::USE_CANDIDATE, &[])]);
        bytes.truncate(bytes.len() - 4);
        let message = Message::parse(&bytes).unwrap();
        assert!(message.malformed);
        assert_eq!(message.get(attribute::PRIORITY), Some(&[0, 0, 0, 9][..]));
        assert_eq!(message.get(attribute::USE_CANDIDATE), None);
    }

    proptest! {
        #[test]
        fn no_input_makes_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), stun: bool) {
            if stun && bytes.len() >= 8 {
                bytes[0] &= 0x3f;
                bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
            }
            if let Some(message) = Message::parse(&bytes) {
                for attribute in message.attributes() {
                    prop_assert_eq!(&bytes[attribute.offset..attribute.offset + attribute.value.len()], attribute.value);
                    let _ = (plain_address(attribute.value), xor_address(attribute.value, &message.transaction));
                    let _ = error_code(attribute.value);
                }
                let _ = (message.is_check(), message.ufrags());
            }
        }

        #[test]
        fn what_was_written_is_read(
            transaction: [u8; 12],
            attributes in proptest::collection::vec((any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
        ) {
            let borrowed: Vec<(u16, &[u8])> = attributes.iter().map(|(kind, value)| (*kind, &value[..])).collect();
            let bytes = build(0x0001, transaction, &borrowed);
            let message = Message::parse(&bytes).unwrap();
            prop_assert!(!message.malformed);
            prop_assert_eq!(message.transaction, transaction);
            let read: Vec<(u16, Vec<u8>)> =
                message.attributes().map(|attribute| (attribute.kind, attribute.value.to_vec())).collect();
            prop_assert_eq!(read, attributes);
        }
    }
}
