//! Tests TURN servers as a WebRTC client uses them: allocate, permit, bind a channel, send data through the relay and
//! back, refresh, release. What fails is named by its cause.
//!
//! `engine` decides what to send and what an answer means, without sockets and clocks; `causes` judges what was seen;
//! `io` is the shell around them.

#![forbid(unsafe_code)]

mod address;
mod attempt;
mod causes;
mod config;
mod credential;
mod document;
mod engine;
mod io;
mod plugin;
mod step;

pub use config::{Config, SCHEMA as CONFIG_SCHEMA};
pub use plugin::TurnProbe;

icescope_plugin_sdk::export! {
    probe TurnProbe {
        id: "org.icescope.probe.turn",
        name: "probe-turn",
        version: env!("CARGO_PKG_VERSION"),
        vendor: "icescope",
        license: "MIT OR Apache-2.0",
        config_schema: CONFIG_SCHEMA,
        args_schema: icescope_probe_kit::args::SCHEMA,
    }
}
