//! Measures STUN servers.
#![forbid(unsafe_code)]
