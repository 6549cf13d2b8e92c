//! Candidates as the browser is to see them: with the shared port, with the public addresses of a 1:1 NAT, without what is
//! to stay unsaid. The crate knows none of these.

use std::net::IpAddr;

/// One public address of a 1:1 NAT in front of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAddress {
    /// The local address that it stands for; `None`: all of its family.
    pub local: Option<IpAddr>,
    /// What the browser is told.
    pub public: IpAddr,
}

/// What to change in the daemon's own candidates.
#[derive(Debug, Clone, Default)]
pub struct AddressMap {
    /// Shared UDP port per local address.
    pub udp_ports: Vec<(IpAddr, u16)>,
    /// Shared TCP port per local address, for passive candidates.
    pub tcp_ports: Vec<(IpAddr, u16)>,
    /// 1:1 addresses; the first that fits is taken.
    pub public: Vec<PublicAddress>,
    /// Local addresses whose candidates are left out.
    pub hidden: Vec<IpAddr>,
}

impl AddressMap {
    /// The map for a shared port (its addresses and number) and 1:1 addresses.
    pub fn new(shared: Option<&super::shared_port::SharedPort>, public: Vec<PublicAddress>) -> Self {
        let udp_ports =
            shared.map_or_else(Vec::new, |shared| shared.addresses().map(|ip| (ip, shared.port())).collect());
        Self { udp_ports, tcp_ports: Vec::new(), public, hidden: Vec::new() }
    }

    /// With a shared TCP port, too.
    #[must_use]
    pub fn with_tcp(mut self, shared: Option<&super::shared_tcp::SharedTcpPort>) -> Self {
        self.tcp_ports =
            shared.map_or_else(Vec::new, |shared| shared.addresses().map(|ip| (ip, shared.port())).collect());
        self
    }

    fn port(&self, local: IpAddr, udp: bool) -> Option<u16> {
        let ports = if udp { &self.udp_ports } else { &self.tcp_ports };
        ports.iter().find(|(ip, _)| *ip == local).map(|(_, port)| *port)
    }

    fn public(&self, local: IpAddr) -> Option<IpAddr> {
        let fits = |entry: &&PublicAddress| {
            entry.local.map_or(entry.public.is_ipv4() == local.is_ipv4(), |only| only == local)
        };
        self.public.iter().find(fits).map(|entry| entry.public)
    }
}

/// Rewrites one candidate (`candidate:…`, with or without `a=`; RFC 8839 §5.1). `None`: the browser is not to get it.
/// What is no candidate, or one of the browser's kinds (`.local`), stays as it is.
pub fn rewrite_candidate(candidate: &str, map: &AddressMap) -> Option<String> {
    let mut fields: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
    let [_, _, transport, _, address, port, typ, kind, ..] = &mut fields[..] else {
        return Some(candidate.to_owned());
    };
    if typ != "typ" {
        return Some(candidate.to_owned());
    }
    let is_udp = transport.eq_ignore_ascii_case("udp");
    if kind == "host" {
        let Ok(local) = address.parse::<IpAddr>() else { return Some(candidate.to_owned()) };
        if map.hidden.contains(&local) {
            return None;
        }
        // An active candidate has the discard port and keeps it (RFC 6544 §4.5).
        if let Some(shared) = map.port(local, is_udp).filter(|_| port != "9") {
            *port = shared.to_string();
        }
        if let Some(public) = map.public(local) {
            *address = public.to_string();
        }
        return Some(fields.join(" "));
    }
    // The base of a reflexive candidate is the socket that asked: on a shared port that one.
    if kind == "srflx" && is_udp {
        let base = value_of(&fields, "raddr").and_then(|at| fields[at].parse::<IpAddr>().ok());
        if base.is_some_and(|base| map.hidden.contains(&base)) {
            return None;
        }
        if let (Some(shared), Some(at)) =
            (base.and_then(|base| map.port(base, true)), value_of(&fields, "rport"))
        {
            fields[at] = shared.to_string();
        }
    }
    Some(fields.join(" "))
}

/// Where the value of an extension field is.
fn value_of(fields: &[String], name: &str) -> Option<usize> {
    fields.iter().position(|field| field == name).map(|at| at + 1).filter(|at| *at < fields.len())
}

/// Rewrites all candidates of an SDP; one that becomes the same as an earlier one of its media section is left out.
pub fn rewrite_sdp(sdp: &str, map: &AddressMap) -> String {
    let mut out = String::with_capacity(sdp.len());
    let mut told: Vec<String> = Vec::new();
    for line in sdp.split_inclusive('\n') {
        if line.starts_with("m=") {
            told.clear();
        }
        let content = line.trim_end_matches(['\r', '\n']);
        if !content.starts_with("a=candidate:") {
            out.push_str(line);
            continue;
        }
        let Some(rewritten) = rewrite_candidate(content, map) else { continue };
        if told.contains(&rewritten) {
            continue;
        }
        out.push_str(&rewritten);
        out.push_str(&line[content.len()..]);
        told.push(rewritten);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> AddressMap {
        AddressMap {
            udp_ports: vec![("10.0.0.2".parse().unwrap(), 3000)],
            tcp_ports: vec![("10.0.0.2".parse().unwrap(), 4000)],
            public: vec![PublicAddress {
                local: Some("10.0.0.2".parse().unwrap()),
                public: "203.0.113.7".parse().unwrap(),
            }],
            hidden: vec!["172.17.0.1".parse().unwrap()],
        }
    }

    fn rewritten(candidate: &str) -> Option<String> {
        rewrite_candidate(candidate, &map())
    }

    #[test]
    fn a_host_candidate_gets_the_shared_port_and_the_public_address() {
        assert_eq!(
            rewritten("candidate:1 1 udp 2130706431 10.0.0.2 45678 typ host ufrag abcd").as_deref(),
            Some("candidate:1 1 udp 2130706431 203.0.113.7 3000 typ host ufrag abcd")
        );
        assert_eq!(
            rewritten("candidate:1 1 tcp 2130706431 10.0.0.2 45678 typ host tcptype passive").as_deref(),
            Some("candidate:1 1 tcp 2130706431 203.0.113.7 4000 typ host tcptype passive")
        );
        assert_eq!(
            rewritten("candidate:1 1 tcp 2130706431 10.0.0.2 9 typ host tcptype active").as_deref(),
            Some("candidate:1 1 tcp 2130706431 203.0.113.7 9 typ host tcptype active")
        );
        let other = "candidate:1 1 udp 2130706431 192.168.1.1 45678 typ host";
        assert_eq!(rewritten(other).as_deref(), Some(other));
    }

    #[test]
    fn a_reflexive_candidate_names_the_shared_port_as_its_base() {
        assert_eq!(
            rewritten("candidate:1 1 udp 1694498815 198.51.100.1 3000 typ srflx raddr 10.0.0.2 rport 45678")
                .as_deref(),
            Some("candidate:1 1 udp 1694498815 198.51.100.1 3000 typ srflx raddr 10.0.0.2 rport 3000")
        );
        let relay = "candidate:1 1 udp 16777215 198.51.100.9 50000 typ relay raddr 10.0.0.2 rport 45678";
        assert_eq!(rewritten(relay).as_deref(), Some(relay), "TURN has a socket of its own");
    }

    #[test]
    fn what_is_hidden_is_left_out_and_what_is_no_candidate_stays() {
        assert_eq!(rewritten("candidate:1 1 udp 1 172.17.0.1 45678 typ host"), None);
        for odd in ["", "candidate:", "candidate:1 1 udp 1 name.local 5 typ host", "a b c d e f g h"] {
            assert_eq!(rewritten(odd).as_deref(), Some(odd));
        }
    }

    #[test]
    fn a_public_address_without_a_local_one_stands_for_its_family() {
        let public = "203.0.113.9".parse().unwrap();
        let map = AddressMap { public: vec![PublicAddress { local: None, public }], ..AddressMap::default() };
        let v4 = rewrite_candidate("candidate:1 1 udp 1 10.9.9.9 5 typ host", &map);
        assert_eq!(v4.as_deref(), Some("candidate:1 1 udp 1 203.0.113.9 5 typ host"));
        let v6 = "candidate:1 1 udp 1 2001:db8::1 5 typ host";
        assert_eq!(rewrite_candidate(v6, &map).as_deref(), Some(v6));
    }

    #[test]
    fn an_sdp_keeps_its_other_lines_and_its_line_ends() {
        let sdp = "v=0\r\nm=video 9 x 96\r\n\
                   a=candidate:1 1 udp 1 10.0.0.2 5000 typ host\r\n\
                   a=candidate:1 1 udp 1 10.0.0.2 6000 typ host\r\n\
                   a=candidate:2 1 udp 1 172.17.0.1 7000 typ host\r\n\
                   a=end-of-candidates\r\n";
        assert_eq!(
            rewrite_sdp(sdp, &map()),
            "v=0\r\nm=video 9 x 96\r\na=candidate:1 1 udp 1 203.0.113.7 3000 typ host\r\na=end-of-candidates\r\n"
        );
    }
}
