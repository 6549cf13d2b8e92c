//! What the author of an icescope plugin in Rust uses. The author writes no `unsafe`.
//!
//! A plugin is a `cdylib` that implements [`VideoSource`] or [`Probe`] and names itself with [`export!`]:
//!
//! ```
//! use icescope_plugin_sdk::{Error, Host, Outcome, Probe, Request, Run};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! struct Config {
//!     #[serde(default)]
//!     greeting: String,
//! }
//!
//! struct Hello(Config);
//!
//! impl Probe for Hello {
//!     type Config = Config;
//!     type Args = serde_json::Value;
//!
//!     fn create(config: Config, _host: Host) -> Result<Self, Error> {
//!         Ok(Self(config))
//!     }
//!
//!     fn run(&mut self, _request: Request<Self::Args>, run: &Run<'_>) -> Result<Outcome, Error> {
//!         run.event("org.example.hello.said/1").summary(&self.0.greeting).emit();
//!         Ok(Outcome::Pass)
//!     }
//! }
//!
//! icescope_plugin_sdk::export! {
//!     probe Hello {
//!         id: "org.example.hello",
//!         name: "Says hello",
//!         version: "1.0.0",
//!         vendor: "example.org",
//!         license: "MIT",
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! What the SDK sees to: panics are caught at every call and become an error with the place where they arose; `tracing`
//! and panics anywhere in the plugin go to the host's log; the configuration and the arguments are read by serde, and
//! what is wrong in them is named by its JSON pointer; a call into the host after the instance was destroyed does
//! nothing.

mod boundary;
mod error;
mod event;
mod export;
mod format;
mod frame;
mod gate;
mod host;
mod json;
mod log;
mod probe;
mod servers;
mod source;
#[cfg(feature = "testing")]
pub mod testing;
mod worker;

pub use icescope_plugin_abi as abi;

pub use error::Error;
pub use event::{Address, Event, Evidence, Lane, Level, Outcome, Report, Transport, Value};
pub use export::Meta;
#[doc(hidden)]
pub use export::{probe, video_source};
pub use format::{Bitstream, Control, Format};
pub use frame::{FrameInfo, FrameSink, HostBuffer, Payload, Pushed};
pub use host::Host;
pub use probe::{Probe, Request, Run};
pub use servers::IceServer;
pub use source::VideoSource;
pub use worker::Worker;
