//! What signalling and the peer say to each other.

use std::time::Duration;

use tokio::sync::watch;

use crate::media::SourceError;

/// Which way the media goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// The client watches a source (WHEP, `/offer`); `None` is the configured default source, also after a reload.
    Play {
        /// The source's configured name.
        source: Option<String>,
    },
    /// The client sends its own picture (WHIP, RFC 9725), which is measured and discarded.
    Ingest,
}

/// An offer for the peer to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The offer (RFC 8866, RFC 9429).
    pub sdp: String,
    /// Which way the media goes.
    pub direction: Direction,
    /// How long the answer may wait for the daemon's own candidates. Zero for a client that trickles both ways; else the
    /// answer carries what was gathered until then, and comes at once when gathering ends earlier.
    pub gather_for: Duration,
}

/// The peer's answer.
#[derive(Debug)]
pub struct Answer {
    /// The answer, with the candidates that are there already.
    pub sdp: String,
    /// What the session goes on to be.
    pub link: PeerLink,
}

/// What a session's peer goes on to tell after its answer.
#[derive(Debug, Clone)]
pub struct PeerLink {
    /// The daemon's own candidates of the current ICE generation: all that are known so far.
    pub candidates: watch::Receiver<LocalCandidates>,
    /// Where the connection stands. The last value is always `Closed`.
    pub state: watch::Receiver<PeerState>,
}

/// The daemon's own candidates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalCandidates {
    /// The ICE user name fragment of their generation.
    pub ufrag: String,
    /// The ICE password of their generation.
    pub pwd: String,
    /// Candidate attributes without `a=` (`candidate:1 1 udp …`), in the order of gathering.
    pub candidates: Vec<String>,
    /// No more will come.
    pub complete: bool,
}

/// Where a session's connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerState {
    /// Answered; checks run or wait for candidates.
    Connecting,
    /// ICE and DTLS are up.
    Connected,
    /// ICE hears nothing at the moment.
    Disconnected,
    /// It is over.
    Closed(CloseReason),
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The client asked for it (HTTP DELETE).
    Deleted,
    /// The client closed the connection (DTLS close_notify).
    ClosedByRemote,
    /// ICE or DTLS failed; the words say what was observed.
    Failed(String),
    /// It never came up within the configured time.
    NeverConnected,
    /// The client vanished: nothing was heard of it for the configured time.
    Vanished,
    /// Its source ended, or the new one has no format that was negotiated.
    SourceEnded(String),
    /// The daemon is stopping.
    ShuttingDown,
}

impl CloseReason {
    /// A stable word for JSON and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::ClosedByRemote => "closed-by-remote",
            Self::Failed(_) => "failed",
            Self::NeverConnected => "never-connected",
            Self::Vanished => "vanished",
            Self::SourceEnded(_) => "source-ended",
            Self::ShuttingDown => "shutting-down",
        }
    }

    /// A sentence for a person.
    pub fn describe(&self) -> String {
        match self {
            Self::Deleted => "the client ended the session (DELETE)".to_owned(),
            Self::ClosedByRemote => "the client closed the connection (DTLS close_notify)".to_owned(),
            Self::Failed(what) | Self::SourceEnded(what) => what.clone(),
            Self::NeverConnected => "no connection came up in time".to_owned(),
            Self::Vanished => "nothing was heard of the client any more".to_owned(),
            Self::ShuttingDown => "the daemon is stopping".to_owned(),
        }
    }
}

/// A part of the client's candidates (RFC 8840), or its ICE restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trickle {
    /// The ICE user name fragment of these candidates, if told.
    pub ufrag: Option<String>,
    /// The ICE password, if told.
    pub pwd: Option<String>,
    /// The media section that they belong to, if told.
    pub mid: Option<String>,
    /// Candidate attributes without `a=`.
    pub candidates: Vec<String>,
    /// No more will come.
    pub end_of_candidates: bool,
}

/// Why the peer refused what signalling asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// The offer is not usable SDP.
    #[error("the offer cannot be used: {0}")]
    BadOffer(String),
    /// A candidate or fragment is not usable.
    #[error("the candidate cannot be used: {0}")]
    BadCandidate(String),
    /// Offer and source share no codec.
    #[error("no common video format: the offer has {offered}, the source has {available}")]
    NoCommonFormat {
        /// What the client offered.
        offered: String,
        /// What the source makes.
        available: String,
    },
    /// The source cannot be played now.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// As many sessions as the configuration allows are open.
    #[error("all {limit} sessions are taken; try again in {retry_after_s} s")]
    TooManySessions {
        /// The configured limit.
        limit: usize,
        /// Seconds after which to try again.
        retry_after_s: u32,
    },
    /// The session sent more candidates than it may.
    #[error("more than {limit} candidates in one session")]
    TooManyCandidates {
        /// The configured limit.
        limit: usize,
    },
    /// No such session at the peer (any more).
    #[error("the session is over or never was")]
    UnknownSession,
    /// The session has a connection already.
    #[error("the session has a connection already")]
    AlreadyAnswered,
    /// The daemon itself failed.
    #[error("the daemon failed: {0}")]
    Internal(String),
}

/// What a fragment did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trickled {
    /// Its candidates were added.
    Added,
    /// It restarted ICE (its ufrag and password are new): these are the daemon's own new ones.
    Restarted(LocalCandidates),
}
