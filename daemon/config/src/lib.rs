//! TOML to checked settings.
//!
//! [`load`] reads a file and gives either [`Settings`], every value checked and every default filled in, or [`Problems`]:
//! all of them at once, each with file, line, column, the line itself, the key's path and the remedy. serde would stop
//! at the first error, so the text is parsed to `toml`'s spanned tree and read key by key ([`table`], [`reader`]); one
//! file of this crate per table of the configuration.
//!
//! Secrets are never part of a problem, of `Debug` or of `Display`: [`Secret`] hides them, and [`mask`] hides what was
//! written into the file itself by mistake.
#![forbid(unsafe_code)]

mod diff;
mod document;
mod history;
mod host;
mod ice;
mod ice_server;
mod ice_url;
mod interfaces;
pub mod keys;
mod limits;
mod log;
mod mask;
mod nat_address;
mod plugin;
mod probes;
mod problem;
mod reader;
mod relay;
mod secret;
mod server;
mod settings;
mod source;
mod table;
mod units;

pub use crate::diff::Reloaded;
pub use crate::document::Span;
pub use crate::history::History;
pub use crate::host::{Host, Origin, PublicUrl};
pub use crate::ice::{Families, Ice, MulticastDns, Policy, Timeouts};
pub use crate::ice_server::{Browser, Credential, IceServer};
pub use crate::ice_url::{IceUrl, Scheme, Transport};
pub use crate::interfaces::Interfaces;
pub use crate::limits::{BitRates, Limits};
pub use crate::log::{Log, LogFormat};
pub use crate::nat_address::NatAddress;
pub use crate::plugin::{Isolation, Plugin};
pub use crate::probes::Probes;
pub use crate::problem::{Place, Problem, Problems, Severity};
pub use crate::relay::{Block, Certificate, Relay};
pub use crate::secret::{Environment, Secret};
pub use crate::server::{Server, Tls};
pub use crate::settings::{Settings, load, parse};
pub use crate::source::Source;
pub use crate::units::duration;
