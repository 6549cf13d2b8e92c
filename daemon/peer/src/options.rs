//! How the peer is set up. Filled by the binary from the configuration.

use std::net::IpAddr;
use std::time::Duration;

/// Which candidate pairs may be used (`iceTransportPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Any.
    #[default]
    All,
    /// Only those through a TURN server.
    Relay,
}

/// Whether browsers' `.local` candidates are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mdns {
    /// Where a route to the mDNS group exists: without one the crate fails to start a connection.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Which IP families are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Families {
    /// IPv4 and IPv6.
    #[default]
    Both,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Families {
    /// Whether an address belongs to them.
    pub fn contains(self, address: IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// A STUN or TURN server for the daemon's own use.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct IceServer {
    /// `stun:` URLs, `turn:` URLs over UDP and TCP, `turns:` URLs over TCP (RFC 7064, RFC 7065). Others are skipped, and a
    /// session's record says so.
    pub urls: Vec<String>,
    /// TURN user name; empty for STUN.
    pub username: String,
    /// TURN password; empty for STUN.
    pub credential: String,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The credential is a secret.
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// An address behind a 1:1 NAT and what it is seen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappedAddress {
    /// The interface's address; `None` maps every address of the same family.
    pub local: Option<IpAddr>,
    /// What the other side is told instead.
    pub public: IpAddr,
}

/// Bit rates of an encoder that can be set, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitRates {
    /// Never below this: a viewer that cannot take it gets key frames only.
    pub min: u64,
    /// What a stream begins with.
    pub start: u64,
    /// Never above this.
    pub max: u64,
}

impl Default for BitRates {
    fn default() -> Self {
        Self { min: 150_000, start: 1_000_000, max: 2_500_000 }
    }
}

/// How the peer is set up. What sessions have taken from it when they were made stays as it was for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names of interfaces to use; empty means all. `*` at the end matches any rest.
    pub interfaces: Vec<String>,
    /// Names of interfaces not to use; the same notation.
    pub exclude_interfaces: Vec<String>,
    /// IP families to use.
    pub families: Families,
    /// One UDP port for all sessions; `None` gives each session ports of its own. Taken at start only.
    pub udp_port: Option<u16>,
    /// One TCP port for passive ICE-TCP candidates of all sessions (RFC 6544); `None` offers no TCP. Taken at start only.
    pub tcp_port: Option<u16>,
    /// Addresses that the other side is told instead of the interfaces' own.
    pub addresses: Vec<MappedAddress>,
    /// STUN and TURN servers for the daemon's own candidates.
    pub ice_servers: Vec<IceServer>,
    /// Certificates in DER that are trusted beside the system's roots when a TURN server is spoken to over TLS; read them from
    /// a file with [`crate::roots_from_pem`].
    pub extra_roots: Vec<Vec<u8>>,
    /// Which pairs may be used.
    pub policy: Policy,
    /// Whether `.local` candidates are resolved.
    pub mdns: Mdns,
    /// A session that is not connected after this long is closed.
    pub connect_timeout: Duration,
    /// Without anything heard for this long a session is shown as disconnected.
    pub disconnected: Duration,
    /// A session of which nothing was heard for this long is closed.
    pub vanished: Duration,
    /// Gathering is called complete after this long, whatever a server still owes.
    pub gather_timeout: Duration,
    /// Sessions at the same time.
    pub max_sessions: usize,
    /// Remote candidates per session and ICE generation.
    pub max_remote_candidates: usize,
    /// How many of them per second are handed to ICE, after a first burst of a dozen.
    pub candidates_per_second: u32,
    /// Bounds of the encoders' bit rates.
    pub bit_rate: BitRates,
    /// How long a stream goes on after its last viewer has left.
    pub keep_warm: Duration,
    /// The default source's preferred format runs from the start and never stops: the first viewer need not wait.
    pub warm_default: bool,
    /// Loopback addresses are used and accepted: for tests on one machine.
    pub allow_loopback: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            exclude_interfaces: Vec::new(),
            families: Families::Both,
            udp_port: None,
            tcp_port: None,
            addresses: Vec::new(),
            ice_servers: Vec::new(),
            extra_roots: Vec::new(),
            policy: Policy::All,
            mdns: Mdns::Auto,
            // RFC 8863 §4: nobody calls ICE failed before 39.5 s have passed; and a handshake may follow the last check.
            connect_timeout: Duration::from_secs(45),
            disconnected: Duration::from_secs(5),
            // RFC 7675 §5.1: consent expires after 30 s.
            vanished: Duration::from_secs(25),
            gather_timeout: Duration::from_secs(10),
            max_sessions: 50,
            max_remote_candidates: 50,
            candidates_per_second: 20,
            bit_rate: BitRates::default(),
            keep_warm: Duration::from_secs(30),
            warm_default: false,
            allow_loopback: false,
        }
    }
}

/// Whether `name` matches one of `patterns` (`eth0`, `docker*`).
pub(crate) fn names_match(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(head) => name.starts_with(head),
        None => pattern == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_match_whole_or_by_their_head() {
        let patterns = ["eth0".to_owned(), "docker*".to_owned()];
        assert!(names_match(&patterns, "eth0") && names_match(&patterns, "docker12"));
        assert!(!names_match(&patterns, "eth01") && !names_match(&[], "eth0"));
    }

    #[test]
    fn a_servers_credential_is_not_shown() {
        let server =
            IceServer { urls: vec!["turn:t".into()], username: "u".into(), credential: "hush".into() };
        assert!(!format!("{server:?}").contains("hush"));
    }
}
