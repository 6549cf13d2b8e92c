//! Measures STUN servers: which of their addresses answer, by which transports, how fast, and what they say of us.
//!
//! A run measures all servers, addresses and transports side by side, so that a dead server delays nobody, and reports
//! one document `icescope.stun/1` per server as soon as it is done. The pure parts: [`plan`] says what to measure,
//! [`samples`] makes figures of measurements, [`conclusion`] says in words what they come to. [`document`] is what is
//! reported.

#![forbid(unsafe_code)]

pub mod conclusion;
mod config;
pub mod document;
pub mod plan;
mod plugin;
pub mod samples;
mod server;
mod stream_path;
mod udp_path;

pub use config::{Config, SCHEMA as CONFIG_SCHEMA};
pub use plugin::StunProbe;

icescope_plugin_sdk::export! {
    probe StunProbe {
        id: "org.icescope.probe.stun",
        name: "probe-stun",
        version: env!("CARGO_PKG_VERSION"),
        vendor: "icescope",
        license: "MIT OR Apache-2.0",
        config_schema: CONFIG_SCHEMA,
        args_schema: icescope_probe_kit::args::SCHEMA,
    }
}
