//! Where all that is observed meets: the only writer of session records, and the live feeds that are read from them.
//!
//! Observers inside the daemon put [`icescope_model::Observation`]s into the [`icescope_model::EventSink`]; signalling and
//! the live channel speak to a [`Session`]. What a session asks of the WebRTC peer goes through the [`Peer`] trait.
//!
//! A live feed is a pull: a reader waits for [`Session::revision`] to change and then asks for what it has not got yet, so
//! that a slow reader costs no memory.
#![forbid(unsafe_code)]

mod browser;
mod evidence;
mod probes;
mod record;
pub mod redact;
mod secrets;
mod session;
mod verdict;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use icescope_model::SessionId;
use icescope_model::signal::{Answer, CloseReason, Offer, SignalError, Trickle, Trickled};
use icescope_model::uplink::UplinkStats;

pub use evidence::Evidence;
pub use probes::{Position, Probes, RunRecord, RunRefused};
pub use session::Session;

/// A boxed future, as the methods of [`Peer`] return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What evidence asks of the WebRTC peer.
pub trait Peer: Send + Sync + 'static {
    /// Answers the first offer of a session.
    fn answer(&self, session: SessionId, offer: Offer) -> BoxFuture<'_, Result<Answer, SignalError>>;
    /// Hands over candidates of the client, or its ICE restart.
    fn trickle(&self, session: SessionId, trickle: Trickle) -> BoxFuture<'_, Result<Trickled, SignalError>>;
    /// Ends a session's connection; nothing happens where there is none.
    fn close(&self, session: SessionId, reason: CloseReason) -> BoxFuture<'_, ()>;
    /// What arrives of the client's own picture; `None` for a session that plays.
    fn uplink(&self, session: SessionId) -> Option<UplinkStats>;
}

/// Bounds of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Sessions open at one time.
    pub max_sessions: usize,
    /// Events kept of one session.
    pub max_events: usize,
    /// Closed sessions that are remembered.
    pub keep_closed: usize,
    /// A session that was opened and brought no offer within this time is closed.
    pub unanswered_timeout: Duration,
    /// What a refused client is told to wait, in seconds.
    pub retry_after_s: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_sessions: 32,
            max_events: 2_000,
            keep_closed: 32,
            unanswered_timeout: Duration::from_mins(1),
            retry_after_s: 5,
        }
    }
}
