//! Long-term credentials (RFC 8489 §9.2), MESSAGE-INTEGRITY and FINGERPRINT.

use stun_rs::attributes::stun::{Fingerprint, MessageIntegrity, MessageIntegritySha256};
use stun_rs::{Algorithm, AlgorithmId, HMACKey, get_input_text};

use super::Message;

/// A hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// MD5 for keys and SHA-1 for integrity: what every server takes.
    Classic,
    /// SHA-256 (RFC 8489 §18.5).
    Sha256,
}

/// A key for integrity. Hides itself in `Debug`.
#[derive(Clone)]
pub struct Key(pub(super) HMACKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(hidden)")
    }
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the credentials cannot be made into a key (RFC 8265, OpaqueString): {0}; are they empty, or with control characters?"
)]
pub struct KeyError(String);

impl Key {
    /// RFC 8489 §9.2.2, with the algorithm of the key.
    ///
    /// # Errors
    /// A text that RFC 8265 does not allow, an empty one for instance.
    pub fn long_term(username: &str, realm: &str, password: &str, hash: Hash) -> Result<Self, KeyError> {
        let algorithm = match hash {
            Hash::Classic => AlgorithmId::MD5,
            Hash::Sha256 => AlgorithmId::SHA256,
        };
        let algorithm = Algorithm::new(algorithm, None);
        // stun-rs's own message does not show the texts.
        HMACKey::new_long_term(username, realm, password, algorithm)
            .map(Self)
            .map_err(|error| KeyError(error.to_string()))
    }

    /// RFC 8489 §9.1.1.
    ///
    /// # Errors
    /// As [`Key::long_term`].
    pub fn short_term(password: &str) -> Result<Self, KeyError> {
        HMACKey::new_short_term(password).map(Self).map_err(|error| KeyError(error.to_string()))
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The attribute is not there.
    Absent,
    /// It is right.
    Good,
    /// It is wrong: another key, or the message was changed on its way.
    Wrong,
}

impl Checked {
    fn of(good: bool) -> Self {
        if good { Self::Good } else { Self::Wrong }
    }
}

impl Message {
    /// Checks MESSAGE-INTEGRITY-SHA256, or MESSAGE-INTEGRITY where it is all there is.
    pub fn check_integrity(&self, key: &Key) -> Checked {
        if let Some(found) = self.find(|read| read.as_message_integrity_sha256().ok()) {
            let input = get_input_text::<MessageIntegritySha256>(self.bytes());
            return Checked::of(input.is_some_and(|input| found.validate(&input, &key.0)));
        }
        let Some(found) = self.find(|read| read.as_message_integrity().ok()) else { return Checked::Absent };
        let input = get_input_text::<MessageIntegrity>(self.bytes());
        Checked::of(input.is_some_and(|input| found.validate(&input, &key.0)))
    }

    /// Checks FINGERPRINT.
    pub fn check_fingerprint(&self) -> Checked {
        let Some(found) = self.find(|read| read.as_fingerprint().ok()) else { return Checked::Absent };
        let input = get_input_text::<Fingerprint>(self.bytes());
        Checked::of(input.is_some_and(|input| found.validate(&input)))
    }
}
