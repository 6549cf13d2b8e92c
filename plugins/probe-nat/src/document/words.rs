//! Findings in plain words.

use super::Document;
use crate::engine::test::{Icmp, IcmpKind};
use crate::facts::{Filtering, Mapping, Udp};

/// An ICMP message in words.
pub fn icmp(icmp: Icmp) -> String {
    let what = match icmp.kind {
        IcmpKind::TimeExceeded => "time exceeded",
        IcmpKind::PortUnreachable => "port unreachable",
        IcmpKind::Prohibited => "administratively prohibited",
        IcmpKind::Unreachable => "unreachable",
    };
    match icmp.from {
        Some(from) => format!("ICMP «{what}» from {from}"),
        None => format!("ICMP «{what}»"),
    }
}

/// The names of RFC 3489 §5, as a note: they mix mapping and filtering up.
pub fn classic(nat: Option<bool>, mapping: Mapping, filtering: Filtering, udp: Udp) -> Option<&'static str> {
    if udp == Udp::Blocked {
        return Some("UDP blocked");
    }
    match (nat?, mapping, filtering) {
        (_, _, Filtering::Unknown) if mapping != Mapping::AddressDependent => match mapping {
            Mapping::AddressAndPortDependent if nat == Some(true) => Some("symmetric"),
            _ => None,
        },
        (false, _, Filtering::EndpointIndependent) => Some("open internet"),
        (false, _, _) => Some("symmetric UDP firewall"),
        (true, Mapping::EndpointIndependent, Filtering::EndpointIndependent) => Some("full cone"),
        (true, Mapping::EndpointIndependent, Filtering::AddressDependent) => Some("restricted cone"),
        (true, Mapping::EndpointIndependent, _) => Some("port-restricted cone"),
        (true, Mapping::AddressDependent | Mapping::AddressAndPortDependent, _) => Some("symmetric"),
        (true, Mapping::Unknown, _) => None,
    }
}

/// Two or three sentences: what there is, and what it means for a connection.
pub fn summary(document: &Document) -> String {
    let mut sentences = vec![translation(document), meaning(document)];
    if document.cgnat == Some(true) {
        sentences.push(
            "The carrier translates once more (CGNAT), so ports cannot be forwarded to this host.".into(),
        );
    }
    let family = if document.family == "ipv6" { "IPv6" } else { "IPv4" };
    sentences.retain(|sentence| !sentence.is_empty());
    format!("{family}: {}", sentences.join(" "))
}

fn translation(document: &Document) -> String {
    let own = document.local_address.as_deref().unwrap_or("this host");
    match (document.udp, document.nat, &document.public_address) {
        (Udp::Blocked, _, Some(public)) => format!("UDP is blocked; over TCP this host is seen as {public}."),
        (Udp::Blocked, _, None) => "UDP is blocked.".into(),
        (_, Some(false), _) if document.filtering == Filtering::EndpointIndependent => {
            format!("{own} is public, and nothing filters what comes in.")
        }
        (_, Some(false), _) if document.filtering != Filtering::Unknown => {
            format!("{own} is public, behind a stateful firewall.")
        }
        (_, Some(false), _) => format!("{own} is public; whether a firewall filters could not be told."),
        (_, Some(true), Some(public)) => format!("A NAT shows {own} as {public}."),
        _ if document.servers.iter().all(|server| server.address.is_none()) => {
            let why = document.servers.iter().find_map(|server| server.error.clone());
            format!("Not measured: {}.", why.unwrap_or_else(|| "there is no server of this family".into()))
        }
        _ => "No server told the public address, so nothing is known of a NAT.".into(),
    }
}

fn meaning(document: &Document) -> String {
    if document.udp == Udp::Blocked {
        return "Only a TURN server over TCP or TLS can connect it.".into();
    }
    let partial = if document.udp == Udp::Partial { " UDP works to some ports only." } else { "" };
    let text = match (document.mapping, document.filtering) {
        (Mapping::Unknown, _) => "",
        (Mapping::EndpointIndependent, Filtering::EndpointIndependent) => {
            "Peers behind any NAT that lets UDP through can connect directly."
        }
        (Mapping::EndpointIndependent, Filtering::AddressDependent) => {
            "Peers can connect directly, also from behind a NAT with address-dependent mapping of one public address."
        }
        (Mapping::EndpointIndependent, _) => {
            "Peers can connect directly, unless their own NAT has address- and port-dependent mapping: those need TURN."
        }
        (_, Filtering::EndpointIndependent) => {
            "Its ports cannot be foretold, but it accepts from anywhere what comes back to them: most peers connect directly."
        }
        _ => {
            "Its ports cannot be foretold: only peers that are public or whose NAT filters by address at most connect \
              directly, all others need TURN."
        }
    };
    format!("{text}{partial}").trim().to_owned()
}
