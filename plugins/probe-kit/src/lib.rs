//! What the measuring plugins share: STUN transactions, transports, name look-ups.
#![forbid(unsafe_code)]
