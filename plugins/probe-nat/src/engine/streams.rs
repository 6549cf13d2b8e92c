//! Attempts over TCP and TLS: they tell blocked UDP from dead servers.

use std::net::SocketAddr;
use std::time::Duration;

/// What carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// Plain TCP.
    Tcp,
    /// TLS over TCP; certificates are not judged here.
    Tls,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// A Binding response came back over it.
    Answered {
        /// The mapped address that it reported.
        mapped: Option<SocketAddr>,
    },
    /// It opened, and no STUN came back.
    Opened(String),
    /// The host itself refused it: it lives.
    Refused,
    /// It did not open.
    Failed(String),
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Of which server.
    pub server: usize,
    /// To where.
    pub to: SocketAddr,
    /// TCP or TLS.
    pub carrier: Carrier,
    /// When it was begun.
    pub begun: Duration,
    /// When and how it ended.
    pub ended: Option<(Duration, StreamEnd)>,
}

impl Stream {
    /// A STUN server answered over it.
    pub fn is_answered(&self) -> bool {
        matches!(self.ended, Some((_, StreamEnd::Answered { .. })))
    }

    /// The host at the other end gave a sign of life.
    pub fn shows_life(&self) -> bool {
        matches!(
            self.ended,
            Some((_, StreamEnd::Answered { .. } | StreamEnd::Opened(_) | StreamEnd::Refused))
        )
    }
}
