//! TLS: what passes, and D17 with which of its kinds.
