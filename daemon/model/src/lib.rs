//! What was observed and concluded: plain data that every part of the daemon shares.
//!
//! Nothing here does I/O. The one thing that moves is [`sink::EventSink`], the bounded channel through which observers
//! hand their observations to `evidence`.

#![forbid(unsafe_code)]

pub mod api;
pub mod clock;
pub mod event;
pub mod id;
pub mod media;
pub mod pair;
pub mod plugin;
pub mod record;
pub mod report;
pub mod schema;
pub mod share;
pub mod signal;
pub mod sink;
pub mod uplink;
pub mod verdict;

pub use clock::Monotonic;
pub use event::{Attributes, Event, Evidence, Lane, Level, Observation, Scope, SeenBy};
pub use id::{SessionId, Token};
pub use sink::EventSink;
