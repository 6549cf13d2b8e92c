//! The shell around the engine: sockets, time, and the order of the steps.

mod allocation;
pub mod attempt;
mod data;
pub mod group;
mod link;
mod path;
mod peer;
pub mod stop;
mod throughput;
