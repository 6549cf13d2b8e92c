//! STUN over TCP and TLS (RFC 8489 §6.2.2, §6.2.3).

mod certificate;
mod connection;
pub mod frames;
mod tls;
mod verifier;

pub use certificate::Certificate;
pub use connection::Connection;
pub use tls::{TlsError, TlsFacts, TlsFailure, connect};
pub use verifier::{TrustAnchors, TrustError};
