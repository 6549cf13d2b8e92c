//! Messages, built.

use stun_rs::attributes::StunAttribute;
use stun_rs::attributes::discovery::{ChangeRequest, ChangeRequestFlags, Padding, ResponsePort};
use stun_rs::attributes::stun::{
    Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce, Realm, UserName,
};
use stun_rs::{MessageEncoderBuilder, StunMessageBuilder};

use super::{Class, HEADER, Hash, Key, Method, TransactionId, raw_method};

/// Why a message cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {method} {class} cannot be built: {why}")]
pub struct BuildError {
    method: &'static str,
    class: &'static str,
    why: String,
}

/// Long-term credentials for one request. Hides the key in `Debug`.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// USERNAME.
    pub username: String,
    /// REALM, as the server said it.
    pub realm: String,
    /// NONCE, as the server said it last.
    pub nonce: String,
    /// The key of user name, realm and password.
    pub key: Key,
    /// Which integrity attribute to add.
    pub hash: Hash,
}

/// How RESPONSE-PORT is written. RFC 5780 §7.5 can be read both ways, and servers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponsePortWidth {
    /// Length 2, and two bytes of padding.
    Two,
    /// Length 4.
    Four,
}

/// A random transaction id (RFC 8489 §5).
pub fn random_transaction_id() -> TransactionId {
    *stun_rs::TransactionId::default().as_bytes()
}

/// A message to be sent, mostly a request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    class: Class,
    transaction_id: TransactionId,
    attributes: Vec<StunAttribute>,
    wide_response_port: bool,
    credentials: Option<Credentials>,
    fingerprint: bool,
    /// What went wrong on the way; told by [`Request::encode`].
    wrong: Option<String>,
}

impl Request {
    /// A message with a random transaction id and no attributes.
    pub fn new(method: Method, class: Class) -> Self {
        Self {
            method,
            class,
            transaction_id: random_transaction_id(),
            attributes: Vec::new(),
            wide_response_port: false,
            credentials: None,
            fingerprint: false,
            wrong: None,
        }
    }

    /// A Binding request.
    pub fn binding() -> Self {
        Self::new(Method::Binding, Class::Request)
    }

    /// With this transaction id.
    #[must_use]
    pub fn id(mut self, transaction_id: TransactionId) -> Self {
        self.transaction_id = transaction_id;
        self
    }

    /// Its transaction id.
    pub fn transaction_id(&self) -> TransactionId {
        self.transaction_id
    }

    /// Adds any attribute of stun-rs.
    #[must_use]
    pub fn with(mut self, attribute: impl Into<StunAttribute>) -> Self {
        self.attributes.push(attribute.into());
        self
    }

    fn with_result<A: Into<StunAttribute>>(
        mut self,
        name: &str,
        attribute: Result<A, stun_rs::StunError>,
    ) -> Self {
        match attribute {
            Ok(attribute) => self.attributes.push(attribute.into()),
            Err(error) => self.wrong = Some(format!("{name} is not allowed: {error}")),
        }
        self
    }

    /// CHANGE-REQUEST (RFC 5780 §7.2): asks for the answer from another address, another port, or both.
    #[must_use]
    pub fn change_request(self, ip: bool, port: bool) -> Self {
        let flags = match (ip, port) {
            (true, true) => Some(ChangeRequestFlags::ChangeIp | ChangeRequestFlags::ChangePort),
            (true, false) => Some(ChangeRequestFlags::ChangeIp.into()),
            (false, true) => Some(ChangeRequestFlags::ChangePort.into()),
            (false, false) => None,
        };
        self.with(ChangeRequest::new(flags))
    }

    /// RESPONSE-PORT (RFC 5780 §7.5): asks for the answer at another port of ours. At length 4 there can be neither
    /// credentials nor a fingerprint: stun-rs writes length 2 and would count that.
    #[must_use]
    pub fn response_port(mut self, port: u16, width: ResponsePortWidth) -> Self {
        self.wide_response_port = width == ResponsePortWidth::Four;
        self.with(ResponsePort::from(port))
    }

    /// PADDING (RFC 5780 §7.6) of so many bytes.
    #[must_use]
    pub fn padding(self, length: usize) -> Self {
        self.with_result("PADDING", Padding::new("0".repeat(length)))
    }

    /// USERNAME, REALM, NONCE and integrity.
    #[must_use]
    pub fn credentials(self, credentials: &Credentials) -> Self {
        let mut request = self
            .with_result("USERNAME", UserName::new(&credentials.username))
            .with_result("REALM", Realm::new(&credentials.realm))
            .with_result("NONCE", Nonce::new(&credentials.nonce));
        request.credentials = Some(credentials.clone());
        request
    }

    /// FINGERPRINT.
    #[must_use]
    pub fn fingerprint(mut self) -> Self {
        self.fingerprint = true;
        self
    }

    fn error(&self, why: impl Into<String>) -> BuildError {
        BuildError { method: self.method.name(), class: self.class.name(), why: why.into() }
    }

    /// The message's bytes.
    ///
    /// # Errors
    /// An attribute holds what its grammar does not allow, or they are longer than a message can be.
    pub fn encode(&self) -> Result<Vec<u8>, BuildError> {
        if let Some(wrong) = &self.wrong {
            return Err(self.error(wrong));
        }
        if self.wide_response_port && (self.credentials.is_some() || self.fingerprint) {
            return Err(
                self.error("RESPONSE-PORT of length 4 goes neither with credentials nor with FINGERPRINT")
            );
        }
        let mut message = StunMessageBuilder::new(raw_method(self.method), self.class.raw())
            .with_transaction_id(self.transaction_id.into());
        for attribute in &self.attributes {
            message = message.with_attribute(attribute.clone());
        }
        // RFC 8489 §14.5 to §14.7: in this order, at the end.
        message = match &self.credentials {
            Some(Credentials { key, hash: Hash::Classic, .. }) => {
                message.with_attribute(MessageIntegrity::new(key.0.clone()))
            }
            Some(Credentials { key, hash: Hash::Sha256, .. }) => {
                message.with_attribute(MessageIntegritySha256::new(key.0.clone()))
            }
            None => message,
        };
        if self.fingerprint {
            message = message.with_attribute(Fingerprint::default());
        }
        let message = message.build();
        // A message's length has 16 bits: the second try is the largest there is.
        let encoder = MessageEncoderBuilder::default().build();
        let mut bytes = vec![0; 2048];
        let length = if let Ok(length) = encoder.encode(&mut bytes, &message) {
            length
        } else {
            bytes = vec![0; HEADER + usize::from(u16::MAX)];
            encoder.encode(&mut bytes, &message).map_err(|error| self.error(error.to_string()))?
        };
        bytes.truncate(length);
        if self.wide_response_port {
            widen_response_port(&mut bytes);
        }
        Ok(bytes)
    }
}

/// Both readings of RFC 5780 §7.5 are the same eight bytes but for the length.
fn widen_response_port(bytes: &mut [u8]) {
    const RESPONSE_PORT: [u8; 4] = [0x00, 0x27, 0x00, 0x02];
    let mut at = HEADER;
    while let Some(&[_, _, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if bytes[at..at + 4] == RESPONSE_PORT {
            bytes[at + 3] = 4;
            return;
        }
        at += 4 + usize::from(u16::from_be_bytes([high, low])).next_multiple_of(4);
    }
}
