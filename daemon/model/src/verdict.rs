//! What the diagnosis concludes of a session.

use serde::{Deserialize, Serialize};

/// How the attempt turned out. What is not decided is pending, never failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum VerdictOutcome {
    /// Both ends reach each other.
    Connected,
    /// They do not, or no longer.
    Failed,
    /// It is not decided.
    #[default]
    Pending,
}

/// The stages of an attempt, in the order in which they come and are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The page could make a connection.
    #[default]
    Page,
    /// Offer and answer went across.
    Signalling,
    /// STUN and TURN servers answered each end.
    Servers,
    /// Both ends have candidates, and the other end got them.
    Candidates,
    /// They share an address family and a protocol.
    Families,
    /// A check went through and was answered.
    Checks,
    /// A pair was nominated.
    Nomination,
    /// The DTLS handshake was finished.
    Dtls,
    /// RTP arrived.
    Rtp,
    /// Frames were decoded.
    Frames,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Page,
        Self::Signalling,
        Self::Servers,
        Self::Candidates,
        Self::Families,
        Self::Checks,
        Self::Nomination,
        Self::Dtls,
        Self::Rtp,
        Self::Frames,
    ];
}

/// How far one stage came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum StageState {
    /// It was seen to be done.
    Reached,
    /// This is what broke first.
    Broken,
    /// It goes on, or nothing is known of it.
    Open,
    /// An earlier stage broke.
    NotReached,
}

/// One stage of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub struct StageProgress {
    /// Which one.
    pub stage: Stage,
    /// How far it came.
    pub state: StageState,
}

/// Where a cause lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The browser, its host or its network.
    Client,
    /// The daemon, its host or its network.
    Daemon,
    /// A STUN or TURN server.
    Server,
    /// Both ends.
    Both,
    /// What lies between them, or it cannot be told.
    #[default]
    Unknown,
}

/// How sure a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// What was observed admits nothing else.
    Proven,
    /// What was observed fits it best.
    #[default]
    Likely,
}

/// What a finding means for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// It can keep the ends apart by itself.
    Fatal,
    /// It delays or degrades, or will do so.
    Degraded,
    /// It looks like a fault and is none.
    Harmless,
}

/// One thing that was found, beside what decides the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub struct Finding {
    /// Its name in the catalogue, for `icescope explain`.
    pub cause: String,
    /// Where it happened.
    pub stage: Stage,
    /// Whose it is.
    pub side: Side,
    /// How sure it is.
    pub certainty: Certainty,
    /// What it means.
    pub weight: Weight,
    /// What happened, in one sentence.
    pub summary: String,
    /// What to change, in one sentence.
    pub advice: String,
    /// The numbers of the events that show it.
    #[cfg_attr(test, ts(type = "Array<number>"))]
    pub evidence: Vec<u64>,
}

/// Whether a server carries the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// From end to end.
    Direct,
    /// Through a TURN server.
    Relayed,
}

/// The path that the packets take. «Local» is the daemon's end, «remote» the client's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct VerdictPath {
    /// Direct or relayed.
    pub kind: PathKind,
    /// The daemon's candidate: `host`, `srflx`, `prflx`, `relay`.
    pub local_candidate_type: String,
    /// The client's candidate.
    pub remote_candidate_type: String,
    /// `udp` or `tcp`, between the ends.
    pub protocol: String,
    /// `ipv4` or `ipv6`; none where the address is hidden.
    pub family: Option<String>,
    /// How the end that uses a relay speaks to it: `udp`, `tcp`, `tls`.
    pub relay_protocol: Option<String>,
}

/// What the diagnosis concludes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema), ts(export))]
pub struct Verdict {
    /// How it turned out.
    pub outcome: VerdictOutcome,
    /// The path, once there is one.
    pub path: Option<VerdictPath>,
    /// What broke first, by its name in the catalogue; none while nothing is known to be broken.
    pub cause: Option<String>,
    /// The stage that broke, or the last one that was reached.
    pub stage: Stage,
    /// Where the cause lies.
    pub side: Side,
    /// How sure it is.
    pub certainty: Certainty,
    /// What happened, in one sentence.
    pub summary: String,
    /// The one thing to change; empty where there is nothing.
    pub advice: String,
    /// The numbers of the events that show it.
    #[cfg_attr(test, ts(type = "Array<number>"))]
    pub evidence: Vec<u64>,
    /// What else was found, harmless things, too.
    pub findings: Vec<Finding>,
    /// How far each stage came.
    pub stages: Vec<StageProgress>,
}
