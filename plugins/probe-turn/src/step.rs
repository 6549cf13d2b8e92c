//! The steps of an attempt: what was done, how long it took, what came back.

use std::net::SocketAddr;

use serde::Serialize;

/// What a step does, in the words of RFC 8656 where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The look-up of the server's name.
    Dns,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The first Allocate, which a server answers with its realm and nonce (RFC 8489 §9.2.3): 401 is right here.
    Challenge,
    /// An Allocate with credentials, or one that needed none.
    Allocate,
    /// The server sent the client elsewhere (300).
    Redirect,
    /// A plain Binding, sent to tell a silent server from one that has no TURN.
    Binding,
    /// CreatePermission.
    Permission,
    /// ChannelBind.
    ChannelBind,
    /// Data through the relay and back.
    Data,
    /// As much data through the relay as it takes.
    Throughput,
    /// Refresh.
    Refresh,
    /// Refresh with a lifetime of zero.
    Release,
}

impl Action {
    /// As in the document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Challenge => "challenge",
            Self::Allocate => "allocate",
            Self::Redirect => "redirect",
            Self::Binding => "binding",
            Self::Permission => "permission",
            Self::ChannelBind => "channel_bind",
            Self::Data => "data",
            Self::Throughput => "throughput",
            Self::Refresh => "refresh",
            Self::Release => "release",
        }
    }
}

/// What came back instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Nothing, until the time was up.
    Timeout,
    /// The machine said that the port is closed: ICMP port unreachable, or a TCP reset.
    Refused,
    /// No way to the address.
    Unreachable,
    /// The name has no address.
    Name,
    /// The TLS handshake failed.
    Tls,
    /// The server closed the connection.
    Closed,
    /// An error response; its code says why.
    Code,
    /// The user name or the password cannot be put into a request.
    Credential,
    /// An answer that is not what RFC 8656 asks for, or whose integrity does not hold.
    Invalid,
    /// Ended by this probe: cancelled, or out of time.
    Stopped,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What was done.
    #[serde(rename = "step")]
    pub action: Action,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// Whether it went as it should.
    pub ok: bool,
    /// The error response's code.
    pub code: Option<u16>,
    /// The error response's reason phrase.
    pub reason: Option<String>,
    /// What else there is to say.
    pub detail: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The peer that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    /// 2 on the second allocation, which stands in for a peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation: Option<u8>,
}

impl Step {
    /// A step that went well.
    pub fn passed(action: Action, ms: f64) -> Self {
        Self {
            action,
            ms,
            ok: true,
            code: None,
            reason: None,
            detail: None,
            failure: None,
            peer: None,
            allocation: None,
        }
    }

    /// A step that did not.
    pub fn failed(action: Action, ms: f64, failure: Failure, detail: impl Into<String>) -> Self {
        Self { ok: false, failure: Some(failure), detail: Some(detail.into()), ..Self::passed(action, ms) }
    }

    /// A step that the server refused.
    pub fn refused(action: Action, ms: f64, code: u16, reason: impl Into<String>) -> Self {
        Self {
            ok: false,
            failure: Some(Failure::Code),
            code: Some(code),
            reason: Some(reason.into()),
            ..Self::passed(action, ms)
        }
    }

    /// What else there is to say.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// `403 Forbidden IP`, or what came back instead, for a sentence.
    pub fn came_back(&self) -> String {
        match (self.code, &self.reason, &self.detail) {
            (Some(code), Some(reason), _) => format!("{code} {reason}").trim_end().to_owned(),
            (Some(code), None, _) => code.to_string(),
            (None, _, Some(detail)) => detail.clone(),
            (None, _, None) => "no answer".to_owned(),
        }
    }
}
