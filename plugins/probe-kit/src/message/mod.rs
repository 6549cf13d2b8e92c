//! STUN messages (RFC 8489), with those of NAT discovery (RFC 5780) and TURN (RFC 8656).
//!
//! stun-rs reads and writes the attributes. It gives a whole message up for one attribute that it cannot read, so here
//! each attribute is read on its own: what a server got wrong is named, and does not hide what it got right.

mod build;
mod integrity;
mod read;
pub mod words;

pub use build::{BuildError, Credentials, Request, ResponsePortWidth, random_transaction_id};
pub use integrity::{Checked, Hash, Key, KeyError};
pub use read::{Attribute, DecodeError, Malformed, Mapped, Message, ServerError};

use stun_rs::{MessageClass, MessageMethod, MessageType};

/// Length of a header (RFC 8489 §5).
pub const HEADER: usize = 20;
/// RFC 8489 §5.
pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A transaction id (RFC 8489 §5).
pub type TransactionId = [u8; 12];

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 8489.
    Binding,
    /// RFC 8656.
    Allocate,
    /// RFC 8656.
    Refresh,
    /// RFC 8656, an indication.
    Send,
    /// RFC 8656, an indication.
    Data,
    /// RFC 8656.
    CreatePermission,
    /// RFC 8656.
    ChannelBind,
    /// Any other, by its number.
    Other(u16),
}

impl Method {
    const KNOWN: [(Self, u16, &'static str); 7] = [
        (Self::Binding, 0x001, "Binding"),
        (Self::Allocate, 0x003, "Allocate"),
        (Self::Refresh, 0x004, "Refresh"),
        (Self::Send, 0x006, "Send"),
        (Self::Data, 0x007, "Data"),
        (Self::CreatePermission, 0x008, "CreatePermission"),
        (Self::ChannelBind, 0x009, "ChannelBind"),
    ];

    /// Its number in the registry.
    pub fn number(self) -> u16 {
        match self {
            Self::Other(number) => number,
            known => Self::KNOWN.iter().find(|row| row.0 == known).map_or(0, |row| row.1),
        }
    }

    /// From its number.
    pub fn from_number(number: u16) -> Self {
        Self::KNOWN.iter().find(|row| row.1 == number).map_or(Self::Other(number), |row| row.0)
    }

    /// Its name in the registry.
    pub fn name(self) -> &'static str {
        Self::KNOWN.iter().find(|row| row.0 == self).map_or("unknown method", |row| row.2)
    }
}

/// Request, indication or one of the two kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Success response.
    Success,
    /// Error response.
    Error,
}

impl Class {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Indication => "indication",
            Self::Success => "success response",
            Self::Error => "error response",
        }
    }

    /// Success or error response.
    pub fn is_response(self) -> bool {
        matches!(self, Self::Success | Self::Error)
    }

    fn raw(self) -> MessageClass {
        match self {
            Self::Request => MessageClass::Request,
            Self::Indication => MessageClass::Indication,
            Self::Success => MessageClass::SuccessResponse,
            Self::Error => MessageClass::ErrorResponse,
        }
    }

    fn from_raw(raw: MessageClass) -> Self {
        match raw {
            MessageClass::Request => Self::Request,
            MessageClass::Indication => Self::Indication,
            MessageClass::SuccessResponse => Self::Success,
            MessageClass::ErrorResponse => Self::Error,
        }
    }
}

fn raw_method(method: Method) -> MessageMethod {
    // A method has 12 bits (RFC 8489 §5); those of the registry fit.
    MessageMethod::try_from(method.number() & 0x0fff).unwrap_or_default()
}

fn kind(message_type: u16) -> (Method, Class) {
    let raw = MessageType::from(message_type);
    (Method::from_number(raw.method().as_u16()), Class::from_raw(raw.class()))
}
