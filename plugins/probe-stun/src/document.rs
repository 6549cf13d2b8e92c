//! `icescope.stun/1`: what was found of one server.

use std::net::SocketAddr;

use icescope_probe_kit::args::Family;
use icescope_probe_kit::dns::Resolved;
use icescope_probe_kit::stream::TlsFacts;
use icescope_probe_kit::udp::NetworkError;
use serde::Serialize;

/// The document's schema.
pub const SCHEMA: &str = "icescope.stun/1";

/// How something turned out. Unknown is not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The server answers as its URL says.
    Pass,
    /// It does not.
    Failed,
    /// It could not be told.
    Unknown,
    /// Nothing was tried.
    Skipped,
}

impl From<Outcome> for icescope_plugin_sdk::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Failed => Self::Failed,
            Outcome::Unknown => Self::Unknown,
            Outcome::Skipped => Self::Skipped,
        }
    }
}

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// The server's URL, as it was given.
    pub url: String,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The transport that the URL names: `udp`, `tcp`, `tls`, `dtls`.
    pub protocol: &'static str,
    /// The look-up of its name.
    pub dns: Resolved,
    /// Each address by each transport that was tried.
    pub paths: Vec<Path>,
    /// What it comes to, for a person.
    pub summary: String,
    /// How it turned out.
    pub outcome: Outcome,
}

/// One address by one transport.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Path {
    /// The server's transport address.
    pub address: SocketAddr,
    /// Its family.
    pub family: Family,
    /// `udp`, `tcp`, `tls` or `dtls`.
    pub protocol: &'static str,
    /// The URL does not name this transport: it does not count for the outcome.
    pub extra: bool,
    /// Whether a STUN answer came; `None` if that could not be tried.
    pub reachable: Option<bool>,
    /// The answer came from another address than was asked, and so clients drop it.
    pub answered_from: Option<SocketAddr>,
    /// The real local address.
    pub local_address: Option<SocketAddr>,
    /// Milliseconds until the TCP connection, and the TLS handshake if there is one, stood.
    pub connect_ms: Option<f64>,
    /// Round trip times.
    pub rtt_ms: Option<RoundTrips>,
    /// Requests and what became of them.
    pub loss: Loss,
    /// The address that the server saw; the first if it saw several.
    pub mapped_address: Option<SocketAddr>,
    /// All that it saw on this one socket. More than one: a NAT on the way does not keep its mapping.
    pub mapped_addresses: Vec<SocketAddr>,
    /// The server sends MAPPED-ADDRESS only, which some NATs rewrite.
    pub mapped_without_xor: bool,
    /// SOFTWARE.
    pub software: Option<String>,
    /// Whether the server can tell NAT behaviour (RFC 5780): it says OTHER-ADDRESS, with another IP address.
    pub rfc5780: Option<bool>,
    /// OTHER-ADDRESS.
    pub other_address: Option<SocketAddr>,
    /// RESPONSE-ORIGIN.
    pub response_origin: Option<SocketAddr>,
    /// ALTERNATE-SERVER.
    pub alternate_server: Option<SocketAddr>,
    /// The STUN error that the server answered with.
    pub error: Option<StunError>,
    /// What the network said: an ICMP error, a refused connection, no route.
    pub network_error: Option<NetworkProblem>,
    /// TLS, verified or not.
    pub tls: Option<TlsFacts>,
    /// What in the server's answers could not be read.
    pub malformed: Vec<String>,
}

/// Round trip times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoundTrips {
    /// Each, in the order of the requests.
    pub samples: Vec<f64>,
    /// The least.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

/// Requests and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Requests sent.
    pub sent: u32,
    /// Those without an answer.
    pub lost: u32,
}

/// A STUN error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StunError {
    /// ERROR-CODE.
    pub code: u16,
    /// The server's words.
    pub reason: String,
    /// What it means and what to do.
    pub words: String,
}

/// What the network said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkProblem {
    /// `port-unreachable`, `host-unreachable`, `network-unreachable`, `prohibited`, `timed-out`, `reset`, `closed` …
    pub code: &'static str,
    /// What came back, and what it means.
    pub words: String,
}

impl From<&NetworkError> for NetworkProblem {
    fn from(error: &NetworkError) -> Self {
        Self { code: error.code(), words: error.why.clone() }
    }
}

impl Path {
    /// Nothing is known yet.
    pub fn new(address: SocketAddr, protocol: icescope_probe_kit::url::Protocol, extra: bool) -> Self {
        Self {
            address,
            family: Family::of(address.ip()),
            protocol: protocol.as_str(),
            extra,
            reachable: None,
            answered_from: None,
            local_address: None,
            connect_ms: None,
            rtt_ms: None,
            loss: Loss::default(),
            mapped_address: None,
            mapped_addresses: Vec::new(),
            mapped_without_xor: false,
            software: None,
            rfc5780: None,
            other_address: None,
            response_origin: None,
            alternate_server: None,
            error: None,
            network_error: None,
            tls: None,
            malformed: Vec::new(),
        }
    }
}
