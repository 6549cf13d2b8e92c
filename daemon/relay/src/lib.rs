//! The embedded STUN (RFC 8489, RFC 5780) and TURN (RFC 8656) server.
#![forbid(unsafe_code)]
