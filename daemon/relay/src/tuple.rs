//! Between whom a message went.

use std::net::SocketAddr;

use icescope_model::Monotonic;

/// What carries messages between a client and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl Transport {
    /// The word in attributes, as `RTCIceCandidateStats.relayProtocol` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// Whether messages follow each other in a stream.
    pub fn is_stream(self) -> bool {
        self != Self::Udp
    }
}

/// What names an allocation (RFC 8656 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// The client, as the server sees it.
    pub client: SocketAddr,
    /// The server's address that the client sends to.
    pub server: SocketAddr,
    /// What carries their messages.
    pub transport: Transport,
}

/// The time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For everything that runs out.
    pub monotonic: Monotonic,
    /// Unix seconds: for credentials, whose end is a date.
    pub unix: u64,
}

impl Now {
    /// Reads both clocks.
    pub fn read() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self { monotonic: Monotonic::now(), unix: since.unwrap_or_default().as_secs() }
    }
}
