//! A reader of STUN messages (RFC 8489): borrows, allocates nothing, never panics.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, Mac};
use sha1::Sha1;
use stun_rs::attributes::stun::Fingerprint;

use super::{ATTRIBUTE_HEADER, Class, HEADER, MAGIC_COOKIE, TransactionId, attribute};

/// Bytes of MESSAGE-INTEGRITY's value (RFC 8489 §14.5).
const INTEGRITY: usize = 20;

/// One message, borrowed from its datagram.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its class.
    pub class: Class,
    /// Its method.
    pub method: u16,
    /// Its transaction id.
    pub transaction: TransactionId,
    datagram: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message; `None` for what is no STUN of RFC 8489, or whose length is not the datagram's.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = datagram.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[0] & 0xc0 != 0
            || header[4..8] != MAGIC_COOKIE
            || length % 4 != 0
            || datagram.len() != HEADER + length
        {
            return None;
        }
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&header[8..20]);
        Some(Self { class: class(kind), method: method(kind), transaction, datagram })
    }

    /// The whole datagram.
    pub fn datagram(&self) -> &'a [u8] {
        self.datagram
    }

    /// Its attributes in order. What follows MESSAGE-INTEGRITY is not covered by it and is left out, but for FINGERPRINT
    /// (RFC 8489 §14.5).
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { datagram: self.datagram, offset: HEADER, covered: false }
    }

    /// The value of the first attribute of a type: only that counts (RFC 8489 §14).
    pub fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }

    /// Whether it has an attribute.
    pub fn has(&self, kind: u16) -> bool {
        self.get(kind).is_some()
    }

    /// A number of 32 bits.
    pub fn number(&self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(*self.get(kind)?.first_chunk()?))
    }

    /// Text.
    pub fn text(&self, kind: u16) -> Option<&'a str> {
        std::str::from_utf8(self.get(kind)?).ok()
    }

    /// An address XORed with the cookie and the transaction id.
    pub fn xor_address(&self, kind: u16) -> Option<SocketAddr> {
        xor_address(self.get(kind)?, &self.transaction)
    }

    /// All XOR-PEER-ADDRESS attributes; `None` stands for one that cannot be read.
    pub fn peers(&self) -> impl Iterator<Item = Option<SocketAddr>> + use<'a> {
        let transaction = self.transaction;
        self.attributes()
            .filter(|attribute| attribute.kind == attribute::XOR_PEER_ADDRESS)
            .map(move |attribute| xor_address(attribute.value, &transaction))
    }

    /// Whether its attributes fill it exactly, each with a length that fits.
    pub fn is_whole(&self) -> bool {
        let mut attributes = Attributes { datagram: self.datagram, offset: HEADER, covered: false };
        while attributes.step().is_some() {}
        attributes.offset == self.datagram.len()
    }

    /// Types below 0x8000 that are none of `known`: a server must refuse them with 420 (RFC 8489 §6.3.1).
    pub fn unknown<'k>(&self, known: &'k [u16]) -> impl Iterator<Item = u16> + use<'a, 'k> {
        let required = self.attributes().map(|attribute| attribute.kind).filter(|kind| *kind < 0x8000);
        required.filter(|kind| !known.contains(kind))
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with this key (RFC 8489 §14.5). In constant time.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        let Some(found) = self.attributes().find(|found| found.kind == attribute::MESSAGE_INTEGRITY) else {
            return false;
        };
        let start = found.offset - ATTRIBUTE_HEADER;
        let Ok(mac) = Hmac::<Sha1>::new_from_slice(key) else { return false };
        let length = (start - HEADER + ATTRIBUTE_HEADER + INTEGRITY) as u16;
        mac.chain_update(&self.datagram[..2])
            .chain_update(length.to_be_bytes())
            .chain_update(&self.datagram[4..start])
            .verify_slice(found.value)
            .is_ok()
    }

    /// Whether a FINGERPRINT that is there is wrong: then it is another protocol's message (RFC 8489 §7.3).
    pub fn is_misprinted(&self) -> bool {
        let Some(found) = self.attributes().find(|found| found.kind == attribute::FINGERPRINT) else {
            return false;
        };
        let Ok(value) = <[u8; 4]>::try_from(found.value) else { return true };
        !Fingerprint::from(value).validate(&self.datagram[..found.offset - ATTRIBUTE_HEADER])
    }
}

/// The class bits of a message type (RFC 8489 §5).
fn class(kind: u16) -> Class {
    match (kind >> 7 & 2) | (kind >> 4 & 1) {
        0 => Class::Request,
        1 => Class::Indication,
        2 => Class::Success,
        _ => Class::Error,
    }
}

/// The method bits of a message type (RFC 8489 §5).
fn method(kind: u16) -> u16 {
    kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2
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
    datagram: &'a [u8],
    offset: usize,
    covered: bool,
}

impl<'a> Attributes<'a> {
    fn step(&mut self) -> Option<Attribute<'a>> {
        let rest = self.datagram.get(self.offset..)?;
        let (head, rest) = rest.split_first_chunk::<ATTRIBUTE_HEADER>()?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        rest.get(..length.next_multiple_of(4))?;
        let offset = self.offset + ATTRIBUTE_HEADER;
        self.offset = offset + length.next_multiple_of(4);
        Some(Attribute { kind: u16::from_be_bytes([head[0], head[1]]), value, offset })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        loop {
            let found = self.step()?;
            let skipped = self.covered && found.kind != attribute::FINGERPRINT;
            self.covered |= found.kind == attribute::MESSAGE_INTEGRITY;
            if !skipped {
                return Some(found);
            }
        }
    }
}

/// An XORed address value (RFC 8489 §14.2).
pub fn xor_address(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let mask = mask(transaction);
    let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
    let ip = match (head[1], address.len()) {
        (1, 4) => IpAddr::V4(Ipv4Addr::from(xored(*address.first_chunk()?, &mask))),
        (2, 16) => IpAddr::V6(Ipv6Addr::from(xored(*address.first_chunk()?, &mask))),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// What addresses are XORed with.
pub fn mask(transaction: &TransactionId) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE);
    mask[4..].copy_from_slice(transaction);
    mask
}

/// An address's octets, XORed.
pub fn xored<const N: usize>(octets: [u8; N], mask: &[u8; 16]) -> [u8; N] {
    std::array::from_fn(|index| octets[index] ^ mask[index])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::write::tests::{long_term_key, long_term_request};
    use super::super::{attribute, method};
    use super::*;

    #[test]
    fn the_long_term_request_of_rfc_5769_is_read_and_its_integrity_holds() {
        // RFC 5769 §2.4.
        let bytes = long_term_request();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.class, message.method), (Class::Request, method::BINDING));
        assert_eq!(message.text(attribute::REALM), Some("example.org"));
        assert_eq!(message.text(attribute::NONCE), Some("f//499k954d6OL34oL9FSTvy64sA"));
        assert!(message.is_signed_with(long_term_key().as_bytes()));
        assert!(!message.is_signed_with(b"another key"));
        for index in [0, 2, 9, 30, 60] {
            let mut changed = bytes.clone();
            changed[index] ^= 0x04;
            assert!(
                !Message::parse(&changed)
                    .is_some_and(|message| message.is_signed_with(long_term_key().as_bytes())),
                "byte {index}"
            );
        }
    }

    #[test]
    fn what_follows_the_integrity_does_not_count() {
        let mut bytes = long_term_request();
        bytes.extend([0x00, 0x0d, 0, 4, 0, 0, 0, 9]);
        let length = (bytes.len() - HEADER) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let message = Message::parse(&bytes).unwrap();
        assert!(message.is_signed_with(long_term_key().as_bytes()) && message.is_whole());
        assert_eq!(message.number(attribute::LIFETIME), None);
    }

    #[test]
    fn an_attribute_that_is_cut_off_is_noticed() {
        let mut bytes = vec![0, 1, 0, 8];
        bytes.extend(MAGIC_COOKIE);
        bytes.extend([7; 12]);
        bytes.extend([0x80, 0x22, 0, 200, 1, 2, 3, 4]);
        let message = Message::parse(&bytes).unwrap();
        assert!(!message.is_whole());
        assert_eq!(message.attributes().count(), 0);
    }

    proptest! {
        #[test]
        fn no_input_makes_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), stun: bool) {
            if stun && bytes.len() >= HEADER {
                bytes.truncate(bytes.len() / 4 * 4);
                bytes[0] &= 0x3f;
                let length = (bytes.len() - HEADER) as u16;
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
                bytes[4..8].copy_from_slice(&MAGIC_COOKIE);
                prop_assert!(Message::parse(&bytes).is_some());
            }
            super::super::super::fuzz::read(&bytes);
        }
    }
}
