//! What is known of one attempt: one address of a server, over one transport. The I/O fills it; `causes` judges it.

use std::net::SocketAddr;

use icescope_probe_kit::stream::TlsFacts;
use serde::{Serialize, Serializer};

use crate::credential::Told;
use crate::step::{Action, Step};
use icescope_probe_kit::url::Protocol;

/// How data went through the relay and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A second UDP socket of this host was the peer.
    PeerSocket,
    /// A second allocation on the same server was the peer.
    RelayToRelay,
}

/// Round-trip times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rtt {
    /// The least.
    pub min: f64,
    /// The one in the middle.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

/// Data through the relay and back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Data {
    /// By which way.
    pub way: Way,
    /// Round trips; over two relays on the way relay to relay. `None` if nothing came back.
    pub rtt_ms: Option<Rtt>,
    /// Datagrams that were sent to the peer.
    pub sent: u32,
    /// Those that came back.
    pub received: u32,
    /// The share that did not: 0 to 1.
    pub loss: f64,
}

/// How much the relay took, in bits per second of payload.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Throughput {
    /// From the client to the peer.
    pub sent_bps: f64,
    /// From the peer to the client.
    pub received_bps: f64,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// Between this host and the server.
    #[serde(serialize_with = "word")]
    pub transport: Protocol,
    /// The server's transport address; `None` if the name has none.
    pub server_address: Option<SocketAddr>,
    /// Where the server sent the client (300).
    pub alternate_server: Option<SocketAddr>,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// XOR-RELAYED-ADDRESS.
    pub relayed_address: Option<SocketAddr>,
    /// XOR-MAPPED-ADDRESS: this host as the server sees it.
    pub mapped_address: Option<SocketAddr>,
    /// SOFTWARE.
    pub software: Option<String>,
    /// The realm that the server named.
    pub realm: Option<String>,
    /// LIFETIME of the allocation, in seconds.
    pub lifetime_s: Option<u32>,
    /// What may be told of the credential.
    pub credential: Option<Told>,
    /// The TLS handshake and the certificates, for `turns:`.
    pub tls: Option<TlsFacts>,
    /// Data through the relay and back.
    pub data: Option<Data>,
    /// How much it takes, if that was asked for.
    pub throughput: Option<Throughput>,
    /// Whether the server has been told that the allocations are not needed any more, and has said so. `None` if there
    /// was none.
    pub released: Option<bool>,
    /// The realm that the configuration expects.
    #[serde(skip)]
    pub expected_realm: Option<String>,
    /// The host of the URL.
    #[serde(skip)]
    pub host: String,
    /// What a socket of this host sent to the relayed address came out at the client.
    #[serde(skip)]
    pub heard_socket: bool,
    /// Where the relay's data came from, if not from the relayed address.
    #[serde(skip)]
    pub strange_source: Option<SocketAddr>,
}

impl Attempt {
    /// Nothing done yet.
    pub fn new(transport: Protocol, host: &str, server_address: Option<SocketAddr>) -> Self {
        Self {
            transport,
            server_address,
            alternate_server: None,
            steps: Vec::new(),
            relayed_address: None,
            mapped_address: None,
            software: None,
            realm: None,
            lifetime_s: None,
            credential: None,
            tls: None,
            data: None,
            throughput: None,
            released: None,
            expected_realm: None,
            host: host.to_owned(),
            heard_socket: false,
            strange_source: None,
        }
    }

    /// The last step of this kind on the first allocation, if it failed.
    pub fn failed(&self, action: Action) -> Option<&Step> {
        let last = self.steps.iter().rfind(|step| step.action == action && step.allocation.is_none())?;
        (!last.ok).then_some(last)
    }

    /// Whether there was such a step that went well.
    pub fn passed(&self, action: Action) -> bool {
        self.steps.iter().any(|step| step.action == action && step.ok)
    }

    /// Data came back.
    pub fn relays(&self) -> bool {
        self.data.is_some_and(|data| data.received > 0)
    }

    /// The server and the transport, for a sentence.
    pub fn place(&self) -> String {
        let transport = self.transport.as_str();
        match self.alternate_server.or(self.server_address) {
            Some(address) => format!("{address} over {transport}"),
            None => format!("{} over {transport}", self.host),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn word<S: Serializer>(protocol: &Protocol, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(protocol.as_str())
}
