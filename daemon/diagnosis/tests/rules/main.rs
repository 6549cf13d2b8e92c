//! Each rule over a small record that shows its cause, and over one that nearly does.
#![allow(clippy::unwrap_used)]

mod build;
mod candidates;
mod checks;
mod connected;
mod dtls;
mod media;
mod nat;
mod outcome;
mod pairs;
mod patience;
mod servers;
mod signalling;
mod turn;
mod uplink;
