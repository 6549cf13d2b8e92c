//! Real Chromium at one site of the NAT lab, the daemon at another: faults provoked for real, and what the verdict names.
//!
//! How it is run: see `main.rs`.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod causes;
mod rig;
