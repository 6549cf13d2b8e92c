//! What the relay is told; the binary makes it from the configuration.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::{Monotonic, Observation};

use crate::peers::Network;

/// This host's addresses, as they are now.
pub type Addresses = Arc<dyn Fn() -> Vec<IpAddr> + Send + Sync>;

/// Makes an observation of a STUN message; `None` for what is none. The binary implements it by the peer's wiretap, so that both
/// observers use the same words. Whose it is, who saw it, its lanes and what carried it are set by the relay.
pub type Describe = Arc<dyn Fn(&Packet<'_>) -> Option<Observation> + Send + Sync>;

/// A message between a client and the relay.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// From the client, not to it.
    pub inbound: bool,
    /// The relay's address.
    pub server: SocketAddr,
    /// The client's address.
    pub client: SocketAddr,
    /// When.
    pub at: Monotonic,
    /// The message.
    pub bytes: &'a [u8],
}

/// What the relay is told.
#[derive(Clone)]
pub struct Options {
    /// Addresses to listen on over UDP and TCP. An unspecified one stands for all of the host's own addresses. Port 0 is any
    /// free one.
    pub listen: Vec<SocketAddr>,
    /// If a port of `listen` is taken, another one will do.
    pub any_port: bool,
    /// Addresses to listen on over TLS.
    pub tls_listen: Vec<SocketAddr>,
    /// If a port of `tls_listen` is taken, the relay does without TLS.
    pub tls_may_fail: bool,
    /// Certificate and key for TLS.
    pub tls: Option<Tls>,
    /// Addresses that relayed addresses are opened on; empty: the host's own.
    pub relay_addresses: Vec<IpAddr>,
    /// What clients and peers see instead of the host's own addresses, behind a 1:1 NAT.
    pub external_addresses: Vec<ExternalAddress>,
    /// Ports of relayed addresses.
    pub ports: RangeInclusive<u16>,
    /// REALM (RFC 8489 §14.9): at most eight bytes, see [`crate::LONGEST_REALM`].
    pub realm: String,
    /// Allocations in all.
    pub max_allocations: usize,
    /// What may be changed while it runs.
    pub policy: Policy,
    /// This host's addresses.
    pub addresses: Addresses,
    /// Decodes messages for the record.
    pub describe: Describe,
}

/// What may be changed while the relay runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long new credentials are good for.
    pub lifetime: Duration,
    /// Allocations of one session.
    pub quota: usize,
    /// Peers beside the daemon's own candidates and the relay's own relayed addresses.
    pub allow_peers: Vec<Network>,
}

/// Where the certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// An address behind a 1:1 NAT and what it is seen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalAddress {
    /// The host's address; `None` stands for every address of the same family.
    pub local: Option<IpAddr>,
    /// What the others see.
    pub public: IpAddr,
}

impl Options {
    /// What an own address is seen as from outside.
    pub(crate) fn seen_as(&self, local: IpAddr) -> IpAddr {
        let exact = self.external_addresses.iter().find(|address| address.local == Some(local));
        let any = || {
            let same_family = |address: &&ExternalAddress| address.public.is_ipv4() == local.is_ipv4();
            self.external_addresses.iter().filter(|address| address.local.is_none()).find(same_family)
        };
        exact.or_else(any).map_or(local, |address| address.public)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("tls_listen", &self.tls_listen)
            .field("ports", &self.ports)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_address_is_seen_as_its_public_one() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let external = |local: Option<&str>, public| ExternalAddress {
            local: local.map(address),
            public: address(public),
        };
        let options = |external_addresses| Options { external_addresses, ..crate::testing::options() };
        let one = options(vec![external(Some("10.0.0.2"), "203.0.113.7"), external(None, "203.0.113.8")]);
        assert_eq!(one.seen_as(address("10.0.0.2")), address("203.0.113.7"));
        assert_eq!(one.seen_as(address("10.0.0.3")), address("203.0.113.8"));
        assert_eq!(one.seen_as(address("fd00::2")), address("fd00::2"), "another family");
        assert_eq!(options(Vec::new()).seen_as(address("10.0.0.2")), address("10.0.0.2"));
    }
}
