//! Real Chromium at one site of the NAT lab, the daemon at another: the joined timeline held against packet captures.
//!
//! How it is run: see `main.rs`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod captures;
mod rig;
