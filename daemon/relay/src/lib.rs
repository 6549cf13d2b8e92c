//! The embedded STUN (RFC 8489, RFC 5780) and TURN (RFC 8656) server: the default where no other is configured.
//!
//! [`Relay`] listens over UDP, TCP and TLS and relays over UDP. What decides is a pure state machine ([`server`]): messages and
//! the time go in, answers come out. Around it are sockets ([`io`]) and what makes events of it all ([`observe`]), for
//! observation is what this relay is for: with it, the browser's side of a TURN exchange is seen, too.
//!
//! It is never an open relay. Each allocation takes a credential that was made for one session and ends; each packet's peer is
//! checked ([`peers`]); who has proven nothing costs no memory, gets short answers, and not many ([`rate`]).
#![forbid(unsafe_code)]

mod auth;
pub mod fuzz;
mod io;
mod observe;
mod options;
mod peers;
mod rate;
mod relay;
mod replay;
mod server;
#[cfg(test)]
mod testing;
mod tuple;
mod wire;

pub use auth::Credentials;
pub use io::Listening;
pub use options::{Addresses, Describe, ExternalAddress, Options, Packet, Policy, Tls};
pub use peers::Network;
pub use relay::{LONGEST_REALM, Relay, RelayError};
pub use tuple::Transport;
