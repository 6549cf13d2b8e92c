//! A client's own picture: received, measured and discarded.

pub(crate) mod meter;
pub(crate) mod reception;
pub(crate) mod sps;
