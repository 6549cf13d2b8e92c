//! What is known of one server.

use std::net::{IpAddr, SocketAddr};

use super::pace::Pace;
use super::streams::Carrier;
use super::test::{Kind, Test};

/// A server to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its URI, as it was given.
    pub url: String,
    /// Its address in this family.
    pub address: SocketAddr,
    /// The own address that the system's routes choose towards it.
    pub source: IpAddr,
    /// How its URI is to be reached: `None` for UDP.
    pub carrier: Option<Carrier>,
}

/// A server of this run.
#[derive(Debug, Clone)]
pub struct Server {
    /// What was given.
    pub target: Target,
    /// Round trips to it.
    pub pace: Pace,
}

/// Whether a server can tell filtering (RFC 5780 §4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// It has not answered.
    Unknown,
    /// It has a second address and port.
    Capable(SocketAddr),
    /// It has not, or says what cannot be used.
    Not(String),
}

impl Server {
    /// Nothing is known yet.
    pub fn new(target: Target) -> Self {
        Self { target, pace: Pace::default() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.target.address
    }
}

/// What the plain answers of server number `server` say of its abilities.
pub fn capability(server: usize, address: SocketAddr, tests: &[Test]) -> Capability {
    let answers = || {
        tests
            .iter()
            .filter(move |test| {
                test.to == address && matches!(test.kind, Kind::Binding(s) | Kind::Beside(s) if s == server)
            })
            .filter_map(Test::answer)
            .filter(|answer| answer.error.is_none())
    };
    if let Some(origin) = answers().filter_map(|answer| answer.origin).find(|origin| *origin != address) {
        // RFC 5780 §7.3: RESPONSE-ORIGIN is where the answer came from. A server behind a NAT of its own says another
        // address, and so will its OTHER-ADDRESS be one that does not reach it.
        return Capability::Not(format!(
            "its answers come from {address} but call themselves {origin} (RESPONSE-ORIGIN)"
        ));
    }
    let Some(first) = answers().next() else { return Capability::Unknown };
    let Some(other) = first.other else {
        return Capability::Not(
            "it sends no OTHER-ADDRESS, so it has no second address to answer from".into(),
        );
    };
    if answers().any(|answer| answer.other != Some(other)) {
        return Capability::Not("its OTHER-ADDRESS changes from answer to answer".into());
    }
    usable(address, other)
}

fn usable(address: SocketAddr, other: SocketAddr) -> Capability {
    if other.is_ipv4() != address.is_ipv4() {
        return Capability::Not(format!("its OTHER-ADDRESS {other} is of another family"));
    }
    if other.ip() == address.ip() || other.port() == address.port() {
        return Capability::Not(format!(
            "its OTHER-ADDRESS {other} differs from {address} not in address and port"
        ));
    }
    if is_private(other.ip()) && !is_private(address.ip()) || other.port() == 0 || other.ip().is_unspecified()
    {
        return Capability::Not(format!("its OTHER-ADDRESS {other} cannot be reached from here"));
    }
    Capability::Capable(other)
}

/// The shared address space of carriers (RFC 6598 §7).
pub fn is_shared(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 100 && v4.octets()[1] & 0xC0 == 0x40)
}

/// Addresses that mean nothing outside a site.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback() || is_shared(address),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_address_space_is_100_64_to_100_127() {
        for (address, shared) in [
            ("100.63.255.255", false),
            ("100.64.0.0", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("10.64.0.1", false),
        ] {
            assert_eq!(is_shared(address.parse().unwrap()), shared, "{address}");
        }
    }

    #[test]
    fn an_other_address_has_to_differ_in_address_and_port() {
        let address: SocketAddr = "192.0.2.1:3478".parse().unwrap();
        for (other, capable) in [
            ("192.0.2.2:3479", true),
            ("192.0.2.1:3479", false),
            ("192.0.2.2:3478", false),
            ("10.0.0.5:3479", false),
            ("[2001:db8::1]:3479", false),
            ("192.0.2.2:0", false),
            ("0.0.0.0:3479", false),
        ] {
            let found = usable(address, other.parse().unwrap());
            assert_eq!(matches!(found, Capability::Capable(_)), capable, "{other}: {found:?}");
        }
    }
}
