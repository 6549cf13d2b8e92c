//! TURN over TCP and TLS (RFC 8656 §3.1), which the crate does not speak.
//!
//! The crate is given a TURN server over UDP at an address that exists nowhere. What it sends there goes into a stream to
//! the real server ([`link`], [`carry`]); what comes back out of the stream comes back from that address. The record has the
//! real addresses and the real transport.

pub(super) mod carry;
pub(super) mod failure;
pub(super) mod frames;
pub(super) mod link;
pub(super) mod open;
pub(super) mod told;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;
use tokio_util::task::TaskTracker;

use super::path::Protocol;

/// Where the streams seem to end: the dummy address of RFC 7600 §4.8 and the discard prefix of RFC 6666, neither of which
/// is on any wire. The port is the server's number.
const NOWHERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8));
const NOWHERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0));
/// Behind the server's number, its name for the crate. `.invalid` is nobody's (RFC 6761 §6.4).
const SUFFIX: &str = ".turn.invalid";

/// A TURN server that is reached over a stream.
#[derive(Debug, Clone)]
pub struct StreamServer {
    /// Its URL as it was configured.
    pub url: Arc<str>,
    /// Its name or address. A certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// With TLS: whom to trust.
    pub tls: Option<Arc<ClientConfig>>,
}

impl StreamServer {
    /// Its address, if it is not named.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// What carries the messages.
    pub fn protocol(&self) -> Protocol {
        if self.tls.is_some() { Protocol::Tls } else { Protocol::Tcp }
    }
}

/// All such servers of one session.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    /// The servers; a server's number is its place here.
    pub servers: Vec<StreamServer>,
    /// Servers over UDP: host and port as the crate has them resolved, and the URL.
    pub named: Vec<(String, Arc<str>)>,
    /// Who owns the streams' tasks.
    pub tasks: TaskTracker,
}

impl Streams {
    /// The URL by which the crate is given a server.
    pub fn url(number: usize) -> String {
        format!("turn:{number}{SUFFIX}:{}?transport=udp", number + 1)
    }

    /// The number of a server by the URL that the crate was given.
    pub fn number_of_url(url: &str) -> Option<usize> {
        number_of_host(url.strip_prefix("turn:")?.split('?').next()?)
    }

    /// Where a host name with its port leads that the crate wants resolved; `None` if it is none of these. A server's real
    /// name is resolved when the stream is opened: the crate would wait.
    pub fn resolve(&self, host: &str) -> Option<Vec<SocketAddr>> {
        let number = number_of_host(host)?;
        let server = self.servers.get(number)?;
        let nowhere = [NOWHERE_V4, NOWHERE_V6].map(|ip| SocketAddr::new(ip, number as u16 + 1));
        let fits = |address: &SocketAddr| server.ip().is_none_or(|ip| ip.is_ipv4() == address.is_ipv4());
        Some(nowhere.into_iter().filter(fits).collect())
    }

    /// The server behind an address that the crate sends to.
    pub fn at(&self, address: SocketAddr) -> Option<&StreamServer> {
        let ip = address.ip();
        if ip != NOWHERE_V4 && ip != NOWHERE_V6 {
            return None;
        }
        self.servers.get(usize::from(address.port()).checked_sub(1)?)
    }
}

/// What became of a session's allocations.
#[derive(Debug, Default)]
pub struct Relays {
    /// One was granted over UDP: how long it lives is not known.
    over_udp: bool,
    /// Streams that are up: the tap's number and the server's URL.
    up: Vec<(u64, Arc<str>)>,
    /// One broke.
    broke: bool,
}

impl Relays {
    /// A server granted an allocation.
    pub fn granted(&mut self, protocol: Protocol) {
        self.over_udp |= protocol == Protocol::Udp;
    }

    /// A stream is up.
    pub fn up(&mut self, socket: u64, url: &Arc<str>) {
        self.up.push((socket, Arc::clone(url)));
    }

    /// Whether a stream to this server is up, from whichever of the daemon's addresses.
    pub fn reach(&self, url: &str) -> bool {
        self.up.iter().any(|(_, up)| **up == *url)
    }

    /// A stream that was up is over.
    pub fn down(&mut self, socket: u64) {
        let before = self.up.len();
        self.up.retain(|(up, _)| *up != socket);
        self.broke |= self.up.len() < before;
    }

    /// Whether there were some, and none is left.
    pub fn are_lost(&self) -> bool {
        self.broke && self.up.is_empty() && !self.over_udp
    }
}

fn number_of_host(host: &str) -> Option<usize> {
    host.rsplit_once(':')?.0.strip_suffix(SUFFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams() -> Streams {
        let server =
            |host: &str| StreamServer { url: "turn:x".into(), host: host.into(), port: 443, tls: None };
        Streams {
            servers: ["turn.example", "192.0.2.1", "2001:db8::1"].map(server).to_vec(),
            ..Streams::default()
        }
    }

    #[test]
    fn a_server_is_found_by_what_the_crate_makes_of_its_url() {
        let streams = streams();
        for (number, families) in [(0, 2), (1, 1), (2, 1)] {
            let url = Streams::url(number);
            assert_eq!(Streams::number_of_url(&url), Some(number), "{url}");
            let host = url.strip_prefix("turn:").unwrap().strip_suffix("?transport=udp").unwrap();
            let addresses = streams.resolve(host).unwrap();
            assert_eq!(addresses.len(), families, "{addresses:?}");
            for address in addresses {
                assert_eq!(streams.at(address).unwrap().host, streams.servers[number].host);
            }
        }
    }

    #[test]
    fn relays_are_lost_when_the_last_stream_broke_and_none_goes_over_udp() {
        let mut relays = Relays::default();
        relays.down(1);
        assert!(!relays.are_lost(), "it never was up");
        relays.up(1, &"turn:a".into());
        relays.up(2, &"turn:b".into());
        assert!(relays.reach("turn:a") && !relays.reach("turn:c"));
        relays.granted(Protocol::Tls);
        relays.down(1);
        assert!(!relays.are_lost());
        relays.down(2);
        assert!(relays.are_lost());
        relays.granted(Protocol::Udp);
        assert!(!relays.are_lost());
    }

    #[test]
    fn real_names_and_addresses_are_none_of_these() {
        let streams = streams();
        assert_eq!(streams.resolve("turn.example:3478"), None);
        assert_eq!(streams.resolve("9.turn.invalid:10"), None);
        assert_eq!(Streams::number_of_url("turn:turn.example?transport=udp"), None);
        for address in ["192.0.2.1:1", "192.0.0.8:0", "192.0.0.8:4"] {
            assert!(streams.at(address.parse().unwrap()).is_none(), "{address}");
        }
    }
}
