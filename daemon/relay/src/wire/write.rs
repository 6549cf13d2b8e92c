//! Answers, written by `stun-rs`.

use std::net::SocketAddr;

use stun_rs::attributes::StunAttribute;
use stun_rs::attributes::discovery::{OtherAddress, Padding, ResponseOrigin};
use stun_rs::attributes::stun::{
    ErrorCode, Fingerprint, MappedAddress, MessageIntegrity, Nonce, Realm, Software, UnknownAttributes,
    XorMappedAddress,
};
use stun_rs::attributes::turn::{LifeTime, XorRelayedAddress};
use stun_rs::{
    HMACKey, MessageClass, MessageEncoderBuilder, MessageMethod, StunMessageBuilder, TransactionId, methods,
};

use super::read::Message;
use super::{HEADER, attribute, method};

/// What the server calls itself in authenticated answers; the others are kept short (amplification).
const SOFTWARE: &str = "icescope";
/// More than the longest answer: a PADDING that is sent back has the length of the request's.
const ROOM: usize = 2048;
/// Unknown attributes that a 420 names: a message has room for thousands, and naming them costs the square of their number.
const MOST_UNKNOWN: usize = 32;

/// An error code and its words (RFC 8489 §14.8, RFC 8656 §19, RFC 5780 §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: u16,
    /// Its reason phrase.
    pub reason: &'static str,
}

macro_rules! refusals {
    ($($name:ident $code:literal $reason:literal),+ $(,)?) => {
        impl Refusal {
            $(#[doc = $reason] pub const $name: Self = Self { code: $code, reason: $reason };)+
        }
    };
}

refusals! {
    BAD_REQUEST 400 "Bad Request",
    UNAUTHENTICATED 401 "Unauthenticated",
    FORBIDDEN 403 "Forbidden",
    UNKNOWN_ATTRIBUTE 420 "Unknown Attribute",
    ALLOCATION_MISMATCH 437 "Allocation Mismatch",
    STALE_NONCE 438 "Stale Nonce",
    ADDRESS_FAMILY_NOT_SUPPORTED 440 "Address Family not Supported",
    WRONG_CREDENTIALS 441 "Wrong Credentials",
    UNSUPPORTED_TRANSPORT 442 "Unsupported Transport Protocol",
    PEER_ADDRESS_FAMILY_MISMATCH 443 "Peer Address Family Mismatch",
    ALLOCATION_QUOTA_REACHED 486 "Allocation Quota Reached",
    INSUFFICIENT_CAPACITY 508 "Insufficient Capacity",
}

/// An answer in the making.
#[derive(Debug)]
pub struct Answer {
    builder: StunMessageBuilder,
    fingerprint: bool,
}

impl Answer {
    /// A success response to a request.
    pub fn success(request: &Message<'_>) -> Self {
        Self::new(request, MessageClass::SuccessResponse)
    }

    /// An error response to a request, without its words: for those who are not known yet (amplification).
    pub fn short_error(request: &Message<'_>, refusal: Refusal) -> Self {
        Self::new(request, MessageClass::ErrorResponse).code(refusal.code, "")
    }

    /// An error response to a request.
    pub fn error(request: &Message<'_>, refusal: Refusal) -> Self {
        Self::new(request, MessageClass::ErrorResponse).code(refusal.code, refusal.reason)
    }

    fn new(request: &Message<'_>, class: MessageClass) -> Self {
        let builder = StunMessageBuilder::new(method_of(request.method), class)
            .with_transaction_id(TransactionId::from(request.transaction));
        Self { builder, fingerprint: request.has(attribute::FINGERPRINT) }
    }

    fn with(self, attribute: impl Into<StunAttribute>) -> Self {
        Self { builder: self.builder.with_attribute(attribute), ..self }
    }

    fn code(self, code: u16, reason: &str) -> Self {
        match stun_rs::ErrorCode::new(code, reason) {
            Ok(code) => self.with(ErrorCode::from(code)),
            // Every refusal's code is in range.
            Err(_) => self,
        }
    }

    /// Adds XOR-MAPPED-ADDRESS.
    pub fn mapped(self, address: SocketAddr) -> Self {
        self.with(XorMappedAddress::from(address))
    }

    /// Adds MAPPED-ADDRESS, which is not XORed.
    pub fn plain_mapped(self, address: SocketAddr) -> Self {
        self.with(MappedAddress::from(address))
    }

    /// Adds XOR-RELAYED-ADDRESS.
    pub fn relayed(self, address: SocketAddr) -> Self {
        self.with(XorRelayedAddress::from(address))
    }

    /// Adds OTHER-ADDRESS.
    pub fn other_address(self, address: SocketAddr) -> Self {
        self.with(OtherAddress::from(address))
    }

    /// Adds RESPONSE-ORIGIN.
    pub fn response_origin(self, address: SocketAddr) -> Self {
        self.with(ResponseOrigin::from(address))
    }

    /// Adds PADDING.
    pub fn padding(self, length: usize) -> Self {
        match Padding::new(" ".repeat(length)) {
            Ok(padding) => self.with(padding),
            Err(_) => self,
        }
    }

    /// Adds LIFETIME, in seconds.
    pub fn lifetime(self, seconds: u32) -> Self {
        self.with(LifeTime::new(seconds))
    }

    /// Adds SOFTWARE.
    pub fn software(self) -> Self {
        match Software::new(SOFTWARE) {
            Ok(software) => self.with(software),
            Err(_) => self,
        }
    }

    /// Adds REALM and NONCE: the challenge of RFC 8489 §9.2.4.
    pub fn challenge(self, realm: &str, nonce: &str) -> Self {
        match (Realm::new(realm), Nonce::new(nonce)) {
            (Ok(realm), Ok(nonce)) => self.with(realm).with(nonce),
            _ => self,
        }
    }

    /// Adds UNKNOWN-ATTRIBUTES, some at most.
    pub fn unknown(self, kinds: impl IntoIterator<Item = u16>) -> Self {
        let mut unknown = UnknownAttributes::default();
        kinds.into_iter().take(MOST_UNKNOWN).for_each(|kind| unknown.add(kind));
        self.with(unknown)
    }

    /// The bytes, with MESSAGE-INTEGRITY where there is a key, and with FINGERPRINT where the request had one.
    pub fn encode(self, key: Option<&HMACKey>) -> Vec<u8> {
        let fingerprint = self.fingerprint;
        let mut answer = self;
        if let Some(key) = key {
            answer = answer.with(MessageIntegrity::new(key.clone()));
        }
        if fingerprint {
            answer = answer.with(Fingerprint::default());
        }
        let mut bytes = vec![0; ROOM];
        let message = answer.builder.build();
        match MessageEncoderBuilder::default().build().encode(&mut bytes, &message) {
            Ok(length) => {
                bytes.truncate(length);
                bytes.shrink_to_fit();
                bytes
            }
            Err(error) => {
                tracing::error!(?error, "an answer could not be written");
                Vec::new()
            }
        }
    }
}

/// Bytes that FINGERPRINT adds.
pub const FINGERPRINT: usize = 8;

/// Bytes of an address attribute of this family.
pub fn address_attribute(address: SocketAddr) -> usize {
    if address.is_ipv4() { 12 } else { 24 }
}

/// Bytes of the smallest answer to a Binding request.
pub fn smallest_binding(mapped: SocketAddr) -> usize {
    HEADER + address_attribute(mapped)
}

fn method_of(number: u16) -> MessageMethod {
    match number {
        method::ALLOCATE => methods::ALLOCATE,
        method::REFRESH => methods::REFRESH,
        method::CREATE_PERMISSION => methods::CREATE_PERMMISSION,
        method::CHANNEL_BIND => methods::CHANNEL_BIND,
        // The others are not answered.
        _ => methods::BINDING,
    }
}

#[cfg(test)]
pub mod tests {
    use stun_rs::attributes::stun::XorMappedAddress;
    use stun_rs::{Algorithm, AlgorithmId, DecoderContextBuilder, MessageDecoderBuilder};

    use super::*;

    /// The key of RFC 5769 §2.4.
    pub fn long_term_key() -> HMACKey {
        let md5 = Algorithm::from(AlgorithmId::MD5);
        HMACKey::new_long_term("マトリックス", "example.org", "TheMatrIX", md5).unwrap()
    }

    /// RFC 5769 §2.4: the sample request with long-term authentication.
    pub fn long_term_request() -> Vec<u8> {
        let mut bytes = vec![0x00, 0x01, 0x00, 0x60, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend([0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e]);
        bytes.extend([0x00, 0x06, 0x00, 0x12]);
        bytes.extend("マトリックス".as_bytes());
        bytes.extend([0x00, 0x00]);
        bytes.extend([0x00, 0x15, 0x00, 0x1c]);
        bytes.extend(b"f//499k954d6OL34oL9FSTvy64sA");
        bytes.extend([0x00, 0x14, 0x00, 0x0b]);
        bytes.extend(b"example.org\0");
        bytes.extend([0x00, 0x08, 0x00, 0x14]);
        bytes.extend([
            0xf6, 0x70, 0x24, 0x65, 0x6d, 0xd6, 0x4a, 0x3e, 0x02, 0xb8, 0xe0, 0x71, 0x2e, 0x85, 0xc9, 0xa2,
            0x8c, 0xa8, 0x96, 0x66,
        ]);
        bytes
    }

    #[test]
    fn an_answer_is_signed_and_printed_as_another_decoder_wants_it() {
        let mut bytes = long_term_request();
        bytes.extend([0x80, 0x28, 0, 4, 0, 0, 0, 0]);
        let length = (bytes.len() - HEADER) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let request = Message::parse(&bytes).unwrap();
        let md5 = Algorithm::from(AlgorithmId::MD5);
        let key = HMACKey::new_long_term("a", "b", "c", md5).unwrap();
        let mapped: SocketAddr = "[2001:db8::1]:1234".parse().unwrap();
        let answer = Answer::success(&request).mapped(mapped).software().encode(Some(&key));
        let context = DecoderContextBuilder::default().with_key(key.clone()).with_validation().build();
        let (decoded, size) =
            MessageDecoderBuilder::default().with_context(context).build().decode(&answer).unwrap();
        assert_eq!(size, answer.len());
        assert_eq!(
            decoded.get::<XorMappedAddress>().unwrap().as_xor_mapped_address().unwrap().socket_address(),
            &mapped
        );
        assert!(decoded.get::<Fingerprint>().is_some());
        let read = Message::parse(&answer).unwrap();
        assert!(read.is_signed_with(key.as_bytes()) && !read.is_misprinted());
    }

    #[test]
    fn a_refusal_has_its_code_and_no_more_words_than_wanted() {
        let bytes = long_term_request();
        let request = Message::parse(&bytes).unwrap();
        let short = Answer::short_error(&request, Refusal::UNAUTHENTICATED).encode(None);
        let whole = Answer::error(&request, Refusal::UNAUTHENTICATED).encode(None);
        let code = |bytes: &[u8]| Message::parse(bytes).unwrap().get(0x0009).unwrap().to_vec();
        assert_eq!(code(&short), [0, 0, 4, 1]);
        assert_eq!(code(&whole), b"\0\0\x04\x01Unauthenticated");
    }
}
