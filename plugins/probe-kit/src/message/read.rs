//! Messages, read.

use std::net::SocketAddr;

use stun_rs::attributes::StunAttribute;
use stun_rs::{AttributeType, DecoderContextBuilder, MessageDecoderBuilder};

use super::{Class, HEADER, MAGIC_COOKIE, Method, TransactionId, kind, words};

/// Why bytes are no STUN message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than a header.
    #[error("{0} bytes are too short for a STUN message, whose header has 20")]
    Short(usize),
    /// RFC 8489 §5: the first two bits are zero.
    #[error("the first two bits are not zero: this is not STUN")]
    NotStun,
    /// RFC 8489 §5: the magic cookie.
    #[error("the magic cookie is missing: this is not STUN, or the STUN of RFC 3489")]
    Cookie,
    /// RFC 8489 §5: the length is a multiple of four and that of the message.
    #[error("the header says {said} bytes of attributes, and {there} came")]
    Length {
        /// In the header.
        said: usize,
        /// After the header.
        there: usize,
    },
}

/// One attribute, as stun-rs reads it.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its type in the registry.
    pub number: u16,
    /// Where its value lies in the message.
    value: std::ops::Range<usize>,
    /// What it says; an unknown one says nothing.
    pub read: StunAttribute,
}

/// An attribute that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Its type in the registry.
    pub number: u16,
    /// Where its value lies in the message; empty if it does not lie in it.
    value: std::ops::Range<usize>,
    /// What is wrong with it.
    pub why: String,
}

/// The address that a server saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mapped {
    /// The address.
    pub address: SocketAddr,
    /// By XOR-MAPPED-ADDRESS; else by MAPPED-ADDRESS alone, which some NATs rewrite (RFC 8489 §14.2).
    pub xor: bool,
}

/// ERROR-CODE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// 300 to 699.
    pub code: u16,
    /// The server's own words.
    pub reason: String,
    /// What the code means, in ours.
    pub words: &'static str,
}

/// One message, read. Attributes after the first integrity attribute are left out, but for those that may stand there
/// (RFC 8489 §14.5).
#[derive(Debug, Clone)]
pub struct Message {
    bytes: Vec<u8>,
    method: Method,
    class: Class,
    transaction_id: TransactionId,
    attributes: Vec<Attribute>,
    malformed: Vec<Malformed>,
}

/// RFC 8489 §18.3.
const MESSAGE_INTEGRITY: u16 = 0x0008;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const FINGERPRINT: u16 = 0x8028;
const SOFTWARE: u16 = 0x8022;

impl Message {
    /// Reads one whole datagram or frame.
    ///
    /// # Errors
    /// It is not a STUN message. That an attribute cannot be read is not an error: see [`Message::malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(DecodeError::Short(bytes.len()))?;
        if header[0] & 0xc0 != 0 {
            return Err(DecodeError::NotStun);
        }
        if header[4..8] != MAGIC_COOKIE {
            return Err(DecodeError::Cookie);
        }
        let said = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let there = bytes.len() - HEADER;
        if said != there || said % 4 != 0 {
            return Err(DecodeError::Length { said, there });
        }
        let (method, class) = kind(u16::from_be_bytes([header[0], header[1]]));
        let mut transaction_id = [0; 12];
        transaction_id.copy_from_slice(&header[8..]);
        let (attributes, malformed) = (Vec::new(), Vec::new());
        let mut message =
            Self { bytes: bytes.to_vec(), method, class, transaction_id, attributes, malformed };
        message.read_attributes();
        Ok(message)
    }

    fn read_attributes(&mut self) {
        let mut at = HEADER;
        let mut last = 0;
        while at < self.bytes.len() {
            // The length is a multiple of four, and so is each step: there are at least four bytes.
            let number = u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]);
            let length = usize::from(u16::from_be_bytes([self.bytes[at + 2], self.bytes[at + 3]]));
            let value = at + 4..at + 4 + length;
            let next = at + 4 + length.next_multiple_of(4);
            if next > self.bytes.len() {
                let left = self.bytes.len() - at - 4;
                let why = format!("its length is {length}, and {left} bytes are left of the message");
                self.malformed.push(Malformed { number, value: at..at, why });
                return;
            }
            if may_follow(last, number) {
                self.read_attribute(number, at, value, next);
                if matches!(number, MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256 | FINGERPRINT) {
                    last = number;
                }
            }
            at = next;
        }
    }

    /// Gives stun-rs a message that has this attribute alone: the header counts, for XOR addresses take its id.
    fn read_attribute(&mut self, number: u16, at: usize, value: std::ops::Range<usize>, next: usize) {
        let mut alone = self.bytes[..HEADER].to_vec();
        alone[2..4].copy_from_slice(&u16::try_from(next - at).unwrap_or(u16::MAX).to_be_bytes());
        alone.extend_from_slice(&self.bytes[at..next]);
        let context = DecoderContextBuilder::default().not_ignore().build();
        match MessageDecoderBuilder::default().with_context(context).build().decode(&alone) {
            Ok((message, _)) => {
                if let Some(read) = message.attributes().first().cloned() {
                    self.attributes.push(Attribute { number, value, read });
                }
            }
            Err(error) => self.malformed.push(Malformed { number, value, why: error.to_string() }),
        }
    }

    /// The bytes that were read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it is about.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Request, indication or response.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Its transaction.
    pub fn transaction_id(&self) -> TransactionId {
        self.transaction_id
    }

    /// All attributes that could be read.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Those that could not.
    pub fn malformed(&self) -> &[Malformed] {
        &self.malformed
    }

    /// The value of the first attribute of a type as bytes, whether it can be read or not.
    pub fn value(&self, number: u16) -> Option<&[u8]> {
        let read = self.attributes.iter().filter(|found| found.number == number).map(|found| &found.value);
        let malformed =
            self.malformed.iter().filter(|found| found.number == number).map(|found| &found.value);
        let first = read.chain(malformed).min_by_key(|value| value.start)?;
        self.bytes.get(first.clone())
    }

    /// The first attribute that `pick` takes.
    pub fn find<'a, T>(&'a self, pick: impl Fn(&'a StunAttribute) -> Option<T>) -> Option<T> {
        self.attributes.iter().find_map(|attribute| pick(&attribute.read))
    }

    /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS where it is all there is.
    pub fn mapped(&self) -> Option<Mapped> {
        let xor = self.xor_mapped_address().map(|address| Mapped { address, xor: true });
        xor.or_else(|| self.mapped_address().map(|address| Mapped { address, xor: false }))
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    pub fn xor_mapped_address(&self) -> Option<SocketAddr> {
        self.find(|read| read.as_xor_mapped_address().ok().map(|found| *found.socket_address()))
    }

    /// MAPPED-ADDRESS (RFC 8489 §14.1).
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.find(|read| read.as_mapped_address().ok().map(|found| *found.socket_address()))
    }

    /// OTHER-ADDRESS (RFC 5780 §7.4).
    pub fn other_address(&self) -> Option<SocketAddr> {
        self.find(|read| read.as_other_address().ok().map(|found| *found.socket_address()))
    }

    /// RESPONSE-ORIGIN (RFC 5780 §7.3).
    pub fn response_origin(&self) -> Option<SocketAddr> {
        self.find(|read| read.as_response_origin().ok().map(|found| *found.socket_address()))
    }

    /// ALTERNATE-SERVER (RFC 8489 §14.15).
    pub fn alternate_server(&self) -> Option<SocketAddr> {
        self.find(|read| read.as_alternate_server().ok().map(|found| *found.socket_address()))
    }

    /// XOR-RELAYED-ADDRESS (RFC 8656 §18.5). Of both families if the server was asked for both.
    pub fn relayed_addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let each =
            self.attributes.iter().filter_map(|attribute| attribute.read.as_xor_relayed_address().ok());
        each.map(|found| *found.socket_address())
    }

    /// XOR-PEER-ADDRESS (RFC 8656 §18.3).
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.find(|read| read.as_xor_peer_address().ok().map(|found| *found.socket_address()))
    }

    /// LIFETIME (RFC 8656 §18.2), in seconds.
    pub fn lifetime(&self) -> Option<u32> {
        self.find(|read| read.as_life_time().ok().map(|found| *found.as_ref()))
    }

    /// CHANNEL-NUMBER (RFC 8656 §18.1).
    pub fn channel_number(&self) -> Option<u16> {
        self.find(|read| read.as_channel_number().ok().map(stun_rs::attributes::turn::ChannelNumber::number))
    }

    /// DATA (RFC 8656 §18.4).
    pub fn data(&self) -> Option<&[u8]> {
        self.find(|read| read.as_data().ok().map(stun_rs::attributes::turn::Data::as_bytes))
    }

    /// SOFTWARE (RFC 8489 §14.14), whatever it is made of.
    pub fn software(&self) -> Option<String> {
        // Outside UTF-8 stun-rs refuses it; for a person it is still a name.
        self.value(SOFTWARE).map(|value| words::text(&String::from_utf8_lossy(value)))
    }

    /// REALM (RFC 8489 §14.9).
    pub fn realm(&self) -> Option<&str> {
        self.find(|read| read.as_realm().ok().map(stun_rs::attributes::stun::Realm::as_str))
    }

    /// NONCE (RFC 8489 §14.10).
    pub fn nonce(&self) -> Option<&str> {
        self.find(|read| read.as_nonce().ok().map(stun_rs::attributes::stun::Nonce::as_str))
    }

    /// ERROR-CODE (RFC 8489 §14.8), with its meaning.
    pub fn error(&self) -> Option<ServerError> {
        let error = self.find(|read| read.as_error_code().ok())?.error_code();
        let code = error.error_code();
        Some(ServerError {
            code,
            reason: words::text(error.reason()),
            words: words::error(code, self.method),
        })
    }

    /// UNKNOWN-ATTRIBUTES (RFC 8489 §14.13).
    pub fn unknown_attributes(&self) -> Vec<u16> {
        let found = self.find(|read| read.as_unknown_attributes().ok());
        found.map(|found| found.attributes().to_vec()).unwrap_or_default()
    }
}

/// RFC 8489 §14.5 to §14.7: after MESSAGE-INTEGRITY only the other two count, after MESSAGE-INTEGRITY-SHA256 only
/// FINGERPRINT, and after FINGERPRINT nothing.
fn may_follow(last: u16, number: u16) -> bool {
    match last {
        MESSAGE_INTEGRITY => matches!(number, MESSAGE_INTEGRITY_SHA256 | FINGERPRINT),
        MESSAGE_INTEGRITY_SHA256 => number == FINGERPRINT,
        FINGERPRINT => false,
        _ => true,
    }
}

/// The name of an attribute's type in the registry, or its number.
pub(super) fn attribute_name(number: u16) -> String {
    words::attribute(number).map_or_else(|| format!("{:?}", AttributeType::from(number)), str::to_owned)
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", attribute_name(self.number), self.why)
    }
}
