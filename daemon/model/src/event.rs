//! Observations, and the events that they become in a session's record.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Monotonic;
use crate::id::SessionId;

/// Named facts of an event. Names are those of the W3C webrtc-stats identifiers where one exists.
pub type Attributes = Map<String, Value>;

/// One of the five lifelines of the sequence diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// The browser, or whatever client it is.
    Web,
    /// The daemon's HTTP endpoints.
    Signalling,
    /// A STUN server.
    Stun,
    /// A TURN server.
    Turn,
    /// The daemon's WebRTC peer.
    Peer,
}

/// Who saw it happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum SeenBy {
    /// The browser's page.
    Browser,
    /// The daemon: its wiretap, its signalling or its peer.
    Daemon,
    /// The embedded relay.
    Relay,
    /// A plugin.
    Plugin,
}

/// What kind of observation it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// A packet was seen on a socket.
    Packet,
    /// An API reported it (a callback, a request handled, a state read).
    Api,
}

/// How much an event matters to a reader of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is degraded or was refused.
    Warn,
    /// The ordinary course of things.
    #[default]
    Info,
    /// Detail.
    Debug,
}

/// Whose record an observation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One session.
    Session(SessionId),
    /// The daemon as a whole (a plugin died, a configuration was reloaded): every live session notes it.
    Daemon,
}

/// One thing seen by an observer inside the daemon, on its way to `evidence`.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Whose record it belongs to.
    pub scope: Scope,
    /// When it happened.
    pub at: Monotonic,
    /// How far `at` may be off, in microseconds; 0 for what happened where and when the clock was read.
    pub uncertainty: u32,
    /// Who saw it.
    pub seen_by: SeenBy,
    /// Where it started.
    pub from: Lane,
    /// Where it went; equal to `from` for what happened in one place.
    pub to: Lane,
    /// Dotted name, from the general to the particular: `stun.binding.request`, `dtls.handshake`, `ice.candidate`.
    pub kind: Cow<'static, str>,
    /// Packet or API.
    pub evidence: Evidence,
    /// How much it matters.
    pub level: Level,
    /// One line for a person.
    pub summary: String,
    /// The decoded facts.
    pub attributes: Attributes,
}

impl Observation {
    /// An observation made by the daemon now, at level info and without attributes.
    pub fn new(
        scope: Scope,
        evidence: Evidence,
        from: Lane,
        to: Lane,
        kind: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            scope,
            at: Monotonic::now(),
            uncertainty: 0,
            seen_by: SeenBy::Daemon,
            from,
            to,
            kind: kind.into(),
            evidence,
            level: Level::Info,
            summary: String::new(),
            attributes: Attributes::new(),
        }
    }

    /// Sets when it happened.
    #[must_use]
    pub fn at(mut self, at: Monotonic) -> Self {
        self.at = at;
        self
    }

    /// Sets how far that may be off, in microseconds.
    #[must_use]
    pub fn uncertain(mut self, microseconds: u32) -> Self {
        self.uncertainty = microseconds;
        self
    }

    /// Sets who saw it.
    #[must_use]
    pub fn seen_by(mut self, seen_by: SeenBy) -> Self {
        self.seen_by = seen_by;
        self
    }

    /// Sets how much it matters.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sets the line for a person.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// Adds one fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(key.to_owned(), value.into());
        self
    }
}

/// One event of a session's record: an observation with its place and its time on the session's axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its number in the session's record, from 0.
    pub sequence: u64,
    /// Microseconds since the session was opened, on the daemon's clock; negative for what came before.
    pub time: i64,
    /// How far `time` may be off, in microseconds: for the browser's events that of the page's clock; for the daemon's packets the
    /// time that reading the clock and sending took; 0 for what happened where the daemon read its clock.
    pub uncertainty: u32,
    /// Who saw it.
    pub seen_by: SeenBy,
    /// Where it started.
    pub from: Lane,
    /// Where it went; equal to `from` for what happened in one place.
    pub to: Lane,
    /// Dotted name, from the general to the particular.
    pub kind: String,
    /// Packet or API.
    pub evidence: Evidence,
    /// How much it matters.
    pub level: Level,
    /// One line for a person.
    pub summary: String,
    /// The decoded facts, with webrtc-stats names.
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub attributes: Attributes,
}
