//! STUN messages, TURN framing: bytes in, facts out, and back.
//!
//! Reading is our own ([`read`]): the hot path looks at each relayed packet without allocating, and a server must name the
//! attributes that it does not know (420) and answer what a strict decoder refuses. Answers are written by `stun-rs`
//! ([`write`]).

pub mod frame;
pub mod read;
pub mod write;

/// RFC 8489 §5.
pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Bytes before the attributes (RFC 8489 §5).
pub const HEADER: usize = 20;
/// Bytes before an attribute's value (RFC 8489 §14).
pub const ATTRIBUTE_HEADER: usize = 4;

/// A transaction id (RFC 8489 §5).
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
    pub const CREATE_PERMISSION: u16 = 0x008;
    pub const CHANNEL_BIND: u16 = 0x009;
}

/// Attribute types (RFC 8489 §18.3, RFC 8656 §18, RFC 5780 §9.1). Those below 0x8000 must be understood.
pub mod attribute {
    pub const MAPPED_ADDRESS: u16 = 0x0001;
    pub const CHANGE_REQUEST: u16 = 0x0003;
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const CHANNEL_NUMBER: u16 = 0x000c;
    pub const LIFETIME: u16 = 0x000d;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const EVEN_PORT: u16 = 0x0018;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
    pub const RESERVATION_TOKEN: u16 = 0x0022;
    pub const PADDING: u16 = 0x0026;
    pub const RESPONSE_PORT: u16 = 0x0027;
    pub const FINGERPRINT: u16 = 0x8028;
}
