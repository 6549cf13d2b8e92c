//! Real Chromium at one site of the NAT lab, the daemon at another: what the verdict says of every kind of path, held against
//! what theory says.
//!
//! Needs Node.js, Chromium and the built page, and takes minutes: `cargo xtask test --only lab` runs it. Without the variable
//! `ICESCOPE_LAB_BROWSER` each test says that it did not run; `rig` tells how a test is written.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod grid;
mod healthy;
mod rig;
