//! What of a server to measure. Pure.

use std::net::SocketAddr;

use icescope_probe_kit::args::Family;
use icescope_probe_kit::dns::Resolved;
use icescope_probe_kit::url::{Protocol, Scheme, ServerUrl};

/// More addresses than this of one name are not measured: no service needs them, and a name with very many could turn
/// the probe against them.
pub const MOST_ADDRESSES: usize = 16;

/// One address by one transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The server's transport address.
    pub address: SocketAddr,
    /// The transport.
    pub protocol: Protocol,
    /// The URL does not name this transport.
    pub extra: bool,
}

/// Every address by every transport: the URL's own, and TCP beside the UDP of `stun:`, for that tells a dead server from
/// blocked UDP.
pub fn targets(url: &ServerUrl, resolved: &Resolved, families: &[Family]) -> Vec<Target> {
    let wanted = resolved.addresses.iter().filter(|address| families.contains(&Family::of(**address)));
    let addresses: Vec<SocketAddr> =
        wanted.take(MOST_ADDRESSES).map(|address| SocketAddr::new(*address, url.port)).collect();
    let mut targets = Vec::new();
    for address in addresses {
        targets.push(Target { address, protocol: url.protocol, extra: false });
        if url.scheme == Scheme::Stun {
            targets.push(Target { address, protocol: Protocol::Tcp, extra: true });
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(addresses: &[&str]) -> Resolved {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Resolved { ms: None, addresses, error: None }
    }

    fn plan(url: &str, families: &[Family]) -> Vec<(String, &'static str, bool)> {
        let found = resolved(&["192.0.2.1", "2001:db8::1"]);
        let targets = targets(&url.parse().unwrap(), &found, families);
        targets.iter().map(|one| (one.address.to_string(), one.protocol.as_str(), one.extra)).collect()
    }

    const BOTH: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    #[test]
    fn a_stun_url_is_udp_with_tcp_as_an_extra_on_every_address() {
        let expected = [
            ("192.0.2.1:3478".to_owned(), "udp", false),
            ("192.0.2.1:3478".to_owned(), "tcp", true),
            ("[2001:db8::1]:3478".to_owned(), "udp", false),
            ("[2001:db8::1]:3478".to_owned(), "tcp", true),
        ];
        assert_eq!(plan("stun:example.org", &BOTH), expected);
    }

    #[test]
    fn the_others_are_what_their_url_says() {
        let protocols = |url: &str| plan(url, &[Family::Ipv6]).iter().map(|one| one.1).collect::<Vec<_>>();
        assert_eq!(protocols("stuns:example.org"), ["tls"]);
        assert_eq!(protocols("turn:example.org"), ["udp"]);
        assert_eq!(protocols("turn:example.org?transport=tcp"), ["tcp"]);
        assert_eq!(protocols("turns:example.org"), ["tls"]);
        assert_eq!(protocols("turns:example.org?transport=udp"), ["dtls"]);
    }

    #[test]
    fn only_the_families_asked_for_are_measured() {
        assert!(plan("stun:example.org", &[Family::Ipv4]).iter().all(|one| one.0.starts_with("192.")));
        assert!(plan("stun:example.org", &[]).is_empty());
    }

    #[test]
    fn a_name_with_very_many_addresses_is_measured_in_part() {
        let many: Vec<String> = (1..=40).map(|last| format!("192.0.2.{last}")).collect();
        let many = resolved(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(targets(&"turn:example.org".parse().unwrap(), &many, &BOTH).len(), MOST_ADDRESSES);
    }
}
