//! Finds out how the NATs and firewalls of this host behave: RFC 5780 discovery, in the words of RFC 4787.
//!
//! [`engine`] decides what to ask and when enough was heard, [`verdict`] what it means; both are pure. [`io`] is the shell
//! around them, [`document`] the report.
#![forbid(unsafe_code)]

pub mod config;
pub mod document;
pub mod engine;
pub mod facts;
pub mod io;
pub mod lifetime;
mod plugin;
pub mod verdict;

pub use plugin::NatProbe;

icescope_plugin_sdk::export! {
    probe NatProbe {
        id: "org.icescope.probe.nat",
        name: "probe-nat",
        version: env!("CARGO_PKG_VERSION"),
        vendor: "icescope",
        license: "MIT OR Apache-2.0",
        config_schema: config::SCHEMA,
        args_schema: icescope_probe_kit::args::SCHEMA,
    }
}
