//! A candidate pair as both ends see it (RFC 8445 §2.2). «Local» is the daemon's end, «remote» the client's.
//!
//! What is not known is none: a browser that does not count something, a pair that only one end formed. A zero is a count.

use serde::{Deserialize, Serialize};

/// One end of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct PairCandidate {
    /// `host`, `srflx`, `prflx`, `relay`; empty where nobody told it.
    pub candidate_type: String,
    /// An address, an mDNS name, or empty where the browser hides it.
    pub address: String,
    /// The port.
    pub port: u16,
    /// `udp` or `tcp`, between the ends.
    pub protocol: String,
    /// The TURN server behind a relayed candidate: its URL, else its transport address.
    pub relay_server: Option<String>,
    /// How the server is spoken to: `udp`, `tcp`, `tls`.
    pub relay_protocol: Option<String>,
    /// The transport address under which the other end has it, where that is another: behind an mDNS name or a NAT.
    pub seen_as: Option<String>,
}

/// How a pair stands, in the words of webrtc-stats (`RTCStatsIceCandidatePairState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum PairState {
    /// A check of either end was answered.
    Succeeded,
    /// Checks are seen and none was answered so far.
    InProgress,
    /// An end has formed it and sent nothing yet.
    Waiting,
    /// The browser gave it up, or ICE is over without an answer.
    Failed,
    /// Nothing tells of it.
    #[default]
    Unknown,
}

/// Which way a pair's checks do not come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum PairLoss {
    /// The browser sends, nothing reaches the daemon.
    ToDaemon,
    /// The daemon sends, nothing reaches the browser.
    ToBrowser,
    /// Neither way.
    Both,
    /// Packets come through both ways.
    None,
    /// Too little was counted to tell.
    #[default]
    Unknown,
}

/// Which end says that it sends over a pair. They can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub struct SelectedBy {
    /// The daemon selected it last.
    pub daemon: bool,
    /// The browser selected it last.
    pub browser: bool,
}

/// Error responses of one code, one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub struct PairError {
    /// ERROR-CODE (RFC 8489 §14.8).
    pub code: u16,
    /// It came to the daemon; else the daemon sent it.
    pub inbound: bool,
    /// How many.
    pub count: u32,
}

/// What the daemon's wiretap counted on a pair. Times are microseconds on the session's axis, round trips seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct DaemonCounters {
    /// Checks that the daemon sent, sent-again ones among them; from the connection on these are consent checks, too.
    pub requests_sent: u32,
    /// Success responses that came to them.
    pub responses_received: u32,
    /// Checks that came in, sent-again ones among them.
    pub requests_received: u32,
    /// Success responses that the daemon gave to them.
    pub responses_sent: u32,
    /// Of the checks that the daemon sent, those whose transaction had been sent before.
    pub retransmissions_sent: u32,
    /// Of the checks that came in, those whose transaction had come before.
    pub retransmissions_received: u32,
    /// 487 (Role Conflict), either way (RFC 8445 §7.3.1.1).
    pub role_conflicts: u32,
    /// Error responses, each code and way once.
    pub errors: Vec<PairError>,
    /// When the first message was seen.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub first_time: Option<i64>,
    /// When the last message was seen.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub last_time: Option<i64>,
    /// Round trip of the last answer.
    pub current_round_trip_time: Option<f64>,
    /// The shortest round trip.
    pub min_round_trip_time: Option<f64>,
    /// The longest round trip.
    pub max_round_trip_time: Option<f64>,
}

/// What the browser's statistics say of a pair (`RTCIceCandidatePairStats`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct BrowserCounters {
    /// Its word for the pair's state.
    pub state: Option<String>,
    /// It was nominated.
    pub nominated: Option<bool>,
    /// Checks that it sent.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub requests_sent: Option<u64>,
    /// Answers that it got.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub responses_received: Option<u64>,
    /// Checks that it got.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub requests_received: Option<u64>,
    /// Answers that it gave.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub responses_sent: Option<u64>,
    /// Consent checks that it sent (RFC 7675).
    #[cfg_attr(test, ts(type = "number | null"))]
    pub consent_requests_sent: Option<u64>,
    /// Packets of media and DTLS that it sent.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub packets_sent: Option<u64>,
    /// Packets of media and DTLS that it got.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub packets_received: Option<u64>,
    /// Their bytes.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub bytes_sent: Option<u64>,
    /// Their bytes.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub bytes_received: Option<u64>,
    /// Round trip of the last answer, in seconds.
    pub current_round_trip_time: Option<f64>,
}

/// A candidate pair as both ends see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct JoinedPair {
    /// The daemon's candidate.
    pub local: PairCandidate,
    /// The client's candidate.
    pub remote: PairCandidate,
    /// How it stands, by both ends' evidence.
    pub state: PairState,
    /// The controlling end nominated it (RFC 8445 §8.1.1).
    pub nominated: bool,
    /// Which end sends over it.
    pub selected_by: SelectedBy,
    /// What the daemon counted.
    pub daemon: Option<DaemonCounters>,
    /// What the browser counted.
    pub browser: Option<BrowserCounters>,
    /// Which way nothing comes through.
    pub loss: PairLoss,
    /// What was sent and what arrived, in one sentence.
    pub summary: String,
    /// The numbers of events that show it.
    #[cfg_attr(test, ts(type = "Array<number>"))]
    pub evidence: Vec<u64>,
}
