//! The embedded STUN (RFC 8489, RFC 5780) and TURN (RFC 8656) server.
#![forbid(unsafe_code)]

mod auth;
pub mod fuzz;
mod peers;
mod rate;
mod replay;
mod server;
#[cfg(test)]
mod testing;
mod tuple;
mod wire;
