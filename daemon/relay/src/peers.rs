//! To whom may be relayed.
//!
//! By default only to the daemon's own candidates, address and port, and to the relay's own relayed addresses. What the
//! operator allows beside (`allow-peers`) widens that; loopback, link-local, «this network» and multicast addresses are
//! never relayed to, in no disguise, so that nobody reaches through the relay what listens only on this machine.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use icescope_model::SessionId;

use crate::auth::Holder;

/// A block of addresses: `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Any address of it.
    pub address: IpAddr,
    /// How many leading bits its addresses share.
    pub prefix: u8,
}

impl Network {
    /// Whether an address belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                self.prefix == 0 || differing >> 32_u32.saturating_sub(u32::from(self.prefix)) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                self.prefix == 0 || differing >> 128_u32.saturating_sub(u32::from(self.prefix)) == 0
            }
            _ => false,
        }
    }
}

/// The rules, as they are now.
#[derive(Debug, Default)]
pub struct Rules {
    allowed: Vec<Network>,
    candidates: HashMap<SessionId, Vec<SocketAddr>>,
    own: HashSet<SocketAddr>,
    own_ips: HashSet<IpAddr>,
}

impl Rules {
    /// What the operator allows.
    pub fn set_allowed(&mut self, allowed: Vec<Network>) {
        self.allowed = allowed;
    }

    /// The daemon's own candidates in a session; none of them: the session is over.
    pub fn set_candidates(&mut self, session: SessionId, candidates: Vec<SocketAddr>) {
        if candidates.is_empty() {
            self.candidates.remove(&session);
        } else {
            self.candidates.insert(session, candidates);
        }
        self.own = self.candidates.values().flatten().copied().collect();
        self.own_ips = self.own.iter().map(SocketAddr::ip).collect();
    }

    /// Whether it is one of the daemon's own candidates, in a session that goes on.
    pub fn is_candidate(&self, peer: SocketAddr) -> bool {
        self.own.contains(&peer)
    }

    /// Whether a permission may be had for an address. Permissions know no ports (RFC 8656 §9): [`permits`](Self::permits)
    /// has the last word, packet by packet. `relayed`: it is one of the relay's own.
    pub fn permits_address(&self, address: IpAddr, holder: &Holder, relayed: bool) -> bool {
        never(address).is_none()
            && (relayed || self.is_open(address, holder) || self.own_ips.contains(&address))
    }

    /// Whether a packet may go to a peer. `relayed`: it is one of the relay's own relayed addresses.
    pub fn permits(&self, peer: SocketAddr, holder: &Holder, relayed: bool) -> bool {
        never(peer.ip()).is_none()
            && (relayed || self.own.contains(&peer) || self.is_open(peer.ip(), holder))
            && peer.port() != 0
    }

    fn is_open(&self, address: IpAddr, holder: &Holder) -> bool {
        // The daemon's own peer sends where it is told to without a relay, too: its rules are in its own hands.
        *holder == Holder::Daemon || self.allowed.iter().any(|network| network.contains(address))
    }
}

/// Why an address is never relayed to; `None` if it may be.
pub fn never(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => never_v4(v4),
        IpAddr::V6(v6) => never_v6(v6),
    }
}

fn never_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("«this network» (0.0.0.0/8)"),
        [127, ..] => Some("loopback"),
        [169, 254, ..] => Some("link-local"),
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("reserved or broadcast"),
        _ => None,
    }
}

fn never_v6(address: Ipv6Addr) -> Option<&'static str> {
    let octets = address.octets();
    let v4 = |at: usize| Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]);
    // ISATAP (RFC 5214 §6.1), under any prefix.
    if let [_, _, _, _, 0 | 0x0200, 0x5efe, ..] = address.segments()
        && let Some(why) = never_v4(v4(12))
    {
        return Some(why);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        // On an IPv6 socket it would leave as IPv4 (RFC 4291 §2.5.5).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] => Some("IPv4 in IPv6"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        // NAT64 (RFC 6052 §2.1, RFC 8215), and IPv4-translated (RFC 2765 §2.1): what comes out behind the translator.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => never_v4(v4(12)),
        // The local prefix may be cut in several places (RFC 6052 §2.2): none of them may hide one.
        [0x64, 0xff9b, 1, ..] => never_v4(v4(12))
            .or_else(|| never_v4(Ipv4Addr::new(octets[6], octets[7], octets[9], octets[10])))
            .or_else(|| never_v4(Ipv4Addr::new(octets[7], octets[9], octets[10], octets[11])))
            .or_else(|| never_v4(Ipv4Addr::new(octets[9], octets[10], octets[11], octets[12]))),
        // 6to4 (RFC 3056).
        [0x2002, ..] => never_v4(v4(2)),
        // Teredo (RFC 4380 §4): the server's address, and the client's with all bits turned round.
        [0x2001, 0, ..] => never_v4(v4(4)).or_else(|| never_v4(Ipv4Addr::from_bits(!v4(12).to_bits()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Holder {
        Holder::Client("aa".into())
    }

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
    }

    #[test]
    fn nothing_on_this_machine_is_reached_in_any_disguise() {
        let mut rules = Rules::default();
        rules.set_allowed(vec![network("0.0.0.0/0"), network("::/0")]);
        for address in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.1.1",
            "224.0.0.251",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:192.0.2.1",
            "::127.0.0.1",
            "fe80::1",
            "febf::1",
            "ff02::fb",
            "64:ff9b::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:7f00:0:100::",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "::ffff:0:127.0.0.1",
            "2001:0:c000:201::80ff:fffe",
            "2001:0:7f00:1::3fff:fdfe",
            "2001:db8::5efe:127.0.0.1",
            "2001:db8::200:5efe:169.254.1.1",
            "2002:7f00:1::5efe:192.0.2.1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            for holder in [client(), Holder::Daemon] {
                assert!(!rules.permits_address(address, &holder, true), "{address}");
                assert!(!rules.permits(SocketAddr::new(address, 9), &holder, true), "{address}");
            }
        }
        for address in [
            "10.0.0.1",
            "192.0.2.1",
            "2001:db8::1",
            "fd00::2",
            "64:ff9b::c000:201",
            "2002:c000:201::1",
            "2001:0:c000:201::3fff:fdfe",
            "2001:db8::5efe:192.0.2.1",
        ] {
            assert!(rules.permits_address(address.parse().unwrap(), &client(), false), "{address}");
        }
    }

    #[test]
    fn by_default_only_the_daemons_own_candidates_are_reached_by_port() {
        let mut rules = Rules::default();
        let session = SessionId::random();
        let [own, beside, foreign]: [SocketAddr; 3] =
            ["192.0.2.2:5000", "192.0.2.2:53", "192.0.2.3:5000"].map(|text| text.parse().unwrap());
        assert!(!rules.permits(own, &client(), false));
        rules.set_candidates(session, vec![own]);
        assert!(rules.permits(own, &client(), false) && rules.permits_address(own.ip(), &client(), false));
        assert!(!rules.permits(beside, &client(), false), "another port of this machine");
        assert!(!rules.permits(foreign, &client(), false));
        assert!(rules.permits(foreign, &client(), true), "the relay's own");
        assert!(rules.permits(foreign, &Holder::Daemon, false), "the daemon's own peer");
        rules.set_candidates(session, Vec::new());
        assert!(!rules.permits(own, &client(), false), "the session is over");
    }

    #[test]
    fn the_operator_widens_by_blocks() {
        let mut rules = Rules::default();
        rules.set_allowed(vec![network("198.51.100.0/25"), network("2001:db8:1::/48")]);
        for (address, expected) in [
            ("198.51.100.127:9", true),
            ("198.51.100.128:9", false),
            ("198.51.100.1:0", false),
            ("[2001:db8:1:2::3]:9", true),
            ("[2001:db8:2::]:9", false),
        ] {
            assert_eq!(rules.permits(address.parse().unwrap(), &client(), false), expected, "{address}");
        }
        assert!(network("192.0.2.1/32").contains("192.0.2.1".parse().unwrap()));
        assert!(!network("192.0.2.1/32").contains("192.0.2.2".parse().unwrap()));
        assert!(network("::/0").contains("ff::".parse().unwrap()));
    }
}
