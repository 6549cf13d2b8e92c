//! Every type that crosses HTTP or the live channel. Field names are camelCase, times are microseconds on the session's axis.

use serde::{Deserialize, Serialize};

use crate::event::{Attributes, Event, Evidence, Lane, Level};
use crate::id::SessionId;
use crate::plugin::PluginStatus;
pub use crate::record::{PageClock, RecordFormat, SessionRecord};
use crate::report::{ProbeState, ProbeStep};
use crate::uplink::UplinkStats;
use crate::verdict::Verdict;

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// `stun:`, `stuns:`, `turn:` and `turns:` URLs (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub username: Option<String>,
    /// TURN password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub credential: Option<String>,
}

/// Answer of `POST /api/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SessionOpened {
    /// The session's name; goes into the header `Icescope-Session` of signalling requests, as `id.token`.
    #[cfg_attr(test, ts(type = "string"))]
    pub id: SessionId,
    /// The secret that opens it.
    pub token: String,
    /// What the page hands to its `RTCPeerConnection`.
    pub ice_servers: Vec<IceServer>,
    /// Path of the live channel (WebSocket).
    pub live: String,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// Opened; no offer has come.
    New,
    /// Answered; not connected yet.
    Connecting,
    /// ICE and DTLS are up.
    Connected,
    /// ICE hears nothing at the moment.
    Disconnected,
    /// Over.
    Closed,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub struct Closed {
    /// A stable word: `deleted`, `closed-by-remote`, `failed`, `never-connected`, `vanished`, `source-ended`, `shutting-down`.
    pub code: String,
    /// A sentence for a person.
    pub reason: String,
}

/// One line of `GET /api/sessions`, and the head of `GET /api/sessions/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct SessionSummary {
    /// The session's name.
    #[cfg_attr(test, ts(type = "string"), schemars(with = "String", regex(pattern = "^[0-9a-f]{32}$")))]
    pub id: SessionId,
    /// When it was opened, in milliseconds since the Unix epoch.
    pub opened_unix_ms: i64,
    /// Where it stands.
    pub state: SessionState,
    /// Why it is over.
    pub closed: Option<Closed>,
    /// When it ended, in microseconds on its axis; null while it goes on. Not in records of the first days.
    #[serde(default)]
    pub ended: Option<i64>,
    /// Events recorded.
    pub events: u64,
    /// Events that could not be kept.
    pub events_dropped: u64,
    /// What arrived of the client's own picture, for an uplink.
    pub uplink: Option<UplinkStats>,
    /// What the diagnosis concludes so far; of a session that is over, in the end.
    #[serde(default)]
    pub verdict: Option<Box<Verdict>>,
}

/// `GET /api/plugins`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Plugins {
    /// All configured plugins, in the order of the configuration.
    pub plugins: Vec<PluginStatus>,
}

/// `GET /api/probes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Probes {
    /// All configured probes, in the order of the configuration.
    pub probes: Vec<ProbeState>,
}

/// Answer of `POST /api/probes/{instance}/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ProbeStarted {
    /// The configured name of the probe.
    pub instance: String,
    /// The number of the run that began.
    pub run: u64,
}

/// Every error answer of the API, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ApiError {
    /// A stable word: `unknown-session`, `bad-offer`.
    pub code: String,
    /// What was wrong and what to do.
    pub message: String,
}

/// An event that the browser saw, in the browser's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct BrowserEvent {
    /// The page's own number of it, from 1, so that one sent twice is kept once.
    pub number: u64,
    /// `performance.now()` of when it happened, in microseconds.
    pub time: i64,
    /// Where it started.
    pub from: Lane,
    /// Where it went.
    pub to: Lane,
    /// Dotted name.
    pub kind: String,
    /// What a page sees comes from an API; RTP's first packet is known from statistics, too.
    pub evidence: Evidence,
    /// How much it matters.
    pub level: Level,
    /// One line for a person.
    pub summary: String,
    /// The facts, with webrtc-stats names.
    #[cfg_attr(test, ts(type = "Record<string, unknown>"))]
    pub attributes: Attributes,
}

/// Page to daemon, on the live channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum FromPage {
    /// First message: the session's secret, and the first event number that the page has not got yet.
    Hello {
        /// The session's secret.
        token: String,
        /// Events below this number are not sent again.
        next: u64,
    },
    /// A clock exchange begins: the page's `performance.now()` in microseconds.
    Ping {
        /// When the page sent it, on the page's clock.
        sent: i64,
    },
    /// The page's estimate after an exchange (NTP's least round trip): daemon time on the session's axis = page time + offset.
    Clock {
        /// Microseconds to add to the page's time.
        offset: i64,
        /// Half of the least round trip, in microseconds.
        uncertainty: u32,
    },
    /// Events the browser saw.
    Events {
        /// In order.
        events: Vec<BrowserEvent>,
    },
}

/// Daemon to page, on the live channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ToPage {
    /// Answer to `ping`.
    Pong {
        /// The page's own time, as it came.
        sent: i64,
        /// When the daemon received it, on the session's axis, in microseconds.
        received: i64,
        /// When the daemon answered, on the session's axis, in microseconds.
        answered: i64,
    },
    /// New events of the session, both ends', in order of sequence.
    Events {
        /// In order.
        events: Vec<Event>,
    },
    /// The browser's events up to this number are kept.
    Ack {
        /// The highest `number` kept.
        number: u64,
    },
    /// One of the daemon's own candidates, for `addIceCandidate`; an empty one says that no more will come.
    Candidate {
        /// `candidate:…`, or empty.
        candidate: String,
        /// Its generation's user name fragment.
        username_fragment: String,
    },
    /// The session's head has changed.
    Session {
        /// As it is now.
        session: SessionSummary,
    },
    /// The plugins' states have changed.
    Plugins {
        /// As they are now.
        plugins: Vec<PluginStatus>,
    },
    /// The probes, their runs or their reports have changed. The steps of their runs come apart.
    Probes {
        /// As they are now, each run without its steps.
        probes: Vec<ProbeState>,
    },
    /// Steps of a probe's run.
    ProbeSteps {
        /// The configured name of the probe.
        instance: String,
        /// The number of its run.
        run: u64,
        /// The place of the first of these among the run's steps.
        first: u64,
        /// In order of arrival.
        steps: Vec<ProbeStep>,
    },
    /// The page said something that cannot be used; it was left out.
    Error {
        /// What was wrong.
        message: String,
    },
}

/// Body of `POST /offer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct OfferRequest {
    /// The SDP.
    pub sdp: String,
    /// `offer`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Answer of `POST /offer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct OfferAnswer {
    /// The SDP.
    pub sdp: String,
    /// `answer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is known of the daemon's NAT; unknown is null.
    pub nat_info: NatInfo,
}

/// The daemon's NAT in the words of the common aiortc demos; unknown is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct NatInfo {
    /// The daemon's local address.
    pub local_ip: Option<String>,
    /// The address that servers see.
    pub public_ip: Option<String>,
    /// RFC 4787 words.
    pub nat_type: Option<String>,
    /// A coarse word.
    pub nat_category: Option<String>,
    /// Whether this session's answer has a server-reflexive candidate.
    pub has_srflx: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_messages_are_tagged_by_type() {
        let message = ToPage::Candidate { candidate: String::new(), username_fragment: "u".into() };
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"type":"candidate","candidate":"","usernameFragment":"u"}"#
        );
    }
}
