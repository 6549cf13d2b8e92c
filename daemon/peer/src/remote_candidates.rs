//! The door for the other side's candidates: which addresses the daemon may be made to send to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest candidate attribute that is looked at; browsers' stay below 200 octets.
const LONGEST: usize = 512;

/// A candidate that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// It may be used.
    Open,
    /// It is left out, and why: not the client's fault.
    LeftOut(&'static str),
}

/// The parts of a candidate attribute that matter here and in observations (RFC 8839 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CandidateFacts<'a> {
    pub(crate) component: u16,
    pub(crate) protocol: &'a str,
    pub(crate) priority: u32,
    pub(crate) address: &'a str,
    pub(crate) port: u16,
    pub(crate) kind: &'a str,
    pub(crate) tcp_type: Option<&'a str>,
    pub(crate) ufrag: Option<&'a str>,
}

impl<'a> CandidateFacts<'a> {
    /// Address and port as URLs write them (RFC 3986 §3.2.2): an IPv6 address stands in brackets.
    pub(crate) fn endpoint(&self) -> String {
        let Self { address, port, .. } = self;
        if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    }

    /// Reads a candidate attribute, with or without `a=` and `candidate:`.
    pub(crate) fn read(text: &'a str) -> Result<Self, String> {
        let bad = |what: &str| Err(format!("«{}»: {what}", text.chars().take(80).collect::<String>()));
        if text.len() > LONGEST {
            return bad("it is too long");
        }
        let text = text.trim();
        let body = text.strip_prefix("a=").unwrap_or(text);
        let body = body.strip_prefix("candidate:").unwrap_or(body);
        let words: Vec<&str> = body.split_ascii_whitespace().collect();
        let [_foundation, component, protocol, priority, address, port, "typ", kind, rest @ ..] = &words[..]
        else {
            return bad(
                "it is not «foundation component transport priority address port typ type» (RFC 8839 §5.1)",
            );
        };
        let (Ok(component), Ok(priority), Ok(port)) = (component.parse(), priority.parse(), port.parse())
        else {
            return bad("component, priority or port is not a number in range");
        };
        if !["udp", "tcp"].iter().any(|known| protocol.eq_ignore_ascii_case(known)) {
            return bad("its transport is neither UDP nor TCP");
        }
        if !["host", "srflx", "prflx", "relay"].contains(kind) {
            return bad("its type is none of host, srflx, prflx, relay");
        }
        let extension = |name: &str| rest.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
        let (tcp_type, ufrag) = (extension("tcptype"), extension("ufrag"));
        Ok(Self { component, protocol, priority, address, port, kind, tcp_type, ufrag })
    }

    /// Whether it is over UDP and no relay's, though its address may be hidden.
    pub(crate) fn is_direct_udp(&self) -> bool {
        self.kind != "relay" && self.protocol.eq_ignore_ascii_case("udp")
    }

    /// The address of a relayed candidate.
    pub(crate) fn relayed_address(&self) -> Option<SocketAddr> {
        let address = (self.kind == "relay").then(|| self.address.parse().ok()).flatten()?;
        Some(SocketAddr::new(address, self.port))
    }

    /// Whether the daemon may send to it.
    pub(crate) fn door(&self, allow_loopback: bool) -> Door {
        if self.port == 0 || (self.port == 9 && self.tcp_type == Some("active")) {
            // An active TCP candidate has no port of its own: it connects to us (RFC 6544 §4.5).
            return Door::LeftOut("it cannot be sent to");
        }
        match self.address.parse::<IpAddr>() {
            Ok(address) => closed_to(address, allow_loopback).map_or(Door::Open, Door::LeftOut),
            Err(_) if is_mdns_name(self.address) => Door::Open,
            Err(_) => Door::LeftOut("it is neither an address nor an mDNS name"),
        }
    }
}

/// `<uuid>.local` as browsers make them; no other name is ever resolved.
fn is_mdns_name(name: &str) -> bool {
    name.strip_suffix(".local").is_some_and(|head| {
        (1..=63).contains(&head.len())
            && head.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Why nothing is sent to an address; `None` if it may be.
pub(crate) fn closed_to(address: IpAddr, allow_loopback: bool) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => closed_to_v4(v4, allow_loopback),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => closed_to_v4(v4, allow_loopback),
            None => closed_to_v6(v6, allow_loopback),
        },
    }
}

fn closed_to_v4(address: Ipv4Addr, allow_loopback: bool) -> Option<&'static str> {
    match address {
        _ if address.is_loopback() => (!allow_loopback).then_some("loopback"),
        // «This network», RFC 1122 §3.2.1.3.
        _ if address.octets()[0] == 0 => Some("unspecified"),
        _ if address.is_link_local() => Some("link-local"),
        _ if address.is_multicast() => Some("multicast"),
        _ if address.is_broadcast() => Some("broadcast"),
        _ => None,
    }
}

fn closed_to_v6(address: Ipv6Addr, allow_loopback: bool) -> Option<&'static str> {
    match address {
        _ if address.is_loopback() => (!allow_loopback).then_some("loopback"),
        _ if address.is_unspecified() => Some("unspecified"),
        _ if address.is_unicast_link_local() => Some("link-local"),
        _ if address.is_multicast() => Some("multicast"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(address: &str, port: u16) -> Door {
        let text = format!("candidate:1 1 udp 2122260223 {address} {port} typ host generation 0 ufrag abcd");
        CandidateFacts::read(&text).unwrap().door(false)
    }

    #[test]
    fn a_candidate_is_read() {
        let text = "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active ufrag abcd network-id 1";
        let facts = CandidateFacts::read(text).unwrap();
        assert_eq!((facts.protocol, facts.priority, facts.kind), ("tcp", 1_518_280_447, "host"));
        assert_eq!((facts.tcp_type, facts.ufrag), (Some("active"), Some("abcd")));
        assert_eq!(facts.door(false), Door::LeftOut("it cannot be sent to"));
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets_before_its_port() {
        let endpoint = |address| {
            let text = format!("candidate:1 1 udp 1 {address} 5000 typ host");
            CandidateFacts::read(&text).unwrap().endpoint()
        };
        assert_eq!(endpoint("2001:db8::1"), "[2001:db8::1]:5000");
        assert_eq!(endpoint("192.0.2.1"), "192.0.2.1:5000");
        assert_eq!(endpoint("473b.local"), "473b.local:5000");
    }

    #[test]
    fn nothing_is_sent_where_a_browser_cannot_be() {
        for (address, why) in [
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("::", "unspecified"),
            ("169.254.1.1", "link-local"),
            ("fe80::1", "link-local"),
            ("224.0.0.251", "multicast"),
            ("ff02::fb", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("example.com", "it is neither an address nor an mDNS name"),
            ("a.b.local", "it is neither an address nor an mDNS name"),
        ] {
            assert_eq!(door(address, 5000), Door::LeftOut(why), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_and_mdns_names_may_be_used() {
        for address in [
            "192.168.1.2",
            "10.0.0.1",
            "203.0.113.9",
            "2001:db8::1",
            "3b9f0d3e-1a5c-4c1e-9a55-0f1f0d9b6f2a.local",
        ] {
            assert_eq!(door(address, 5000), Door::Open, "{address}");
        }
        let text = "candidate:1 1 udp 1 127.0.0.1 5000 typ host";
        assert_eq!(
            CandidateFacts::read(text).unwrap().door(true),
            Door::Open,
            "loopback, where it is allowed"
        );
    }

    #[test]
    fn what_is_not_a_candidate_is_refused_with_its_reason() {
        for (text, what) in [
            ("", "it is not «foundation"),
            ("candidate:1 1 udp x 192.0.2.1 5000 typ host", "priority or port is not"),
            ("candidate:1 1 udp 1 192.0.2.1 70000 typ host", "priority or port is not"),
            ("candidate:1 1 sctp 1 192.0.2.1 5000 typ host", "neither UDP nor TCP"),
            ("candidate:1 1 udp 1 192.0.2.1 5000 typ magic", "its type is none of"),
            (&"x".repeat(600), "it is too long"),
        ] {
            let error = CandidateFacts::read(text).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = CandidateFacts::read(&text).map(|facts| facts.door(false));
        }
    }
}
