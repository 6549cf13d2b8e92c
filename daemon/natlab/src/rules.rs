//! A router's nftables rules, from what it is to be like. Pure: text out.
//!
//! The kernel alone gives one NAT behaviour (ports kept, APDF). The others are had with two maps that are filled after the
//! translation of each packet: from local to public endpoint, which the next flow of that endpoint is given (mapping), and
//! back, which packets from elsewhere are led by (filtering and hairpinning). Traps that this file steers around:
//!
//! - unsolicited packets are *dropped* in `input`: a refused one leaves a connection behind, and the hole punch that comes
//!   later would get another port;
//! - `snat to ADDRESS : numgen …` forgets the byte order (nft 1.0.6): the number goes through a map;
//! - `snat to ADDRESS : …` wants the protocol named in the same rule, though the chain before it did;
//! - `fwd` is a reserved word.

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::plan::{Egress, Filtering, Mapping, Nat, Ports};

/// Mappings that get other ports than the local ones, before a port comes again: more than a test makes within a
/// binding's lifetime, and 30 ms for nft.
///
/// Each port is given once: the kernel's own random choice may give one to two endpoints, for it minds only whole flows, and
/// then drops what the second endpoint sends to a destination of the first.
const MAPPINGS: usize = 8_000;

/// Where sequential ports begin.
const FIRST_SEQUENTIAL: u16 = 40_000;

/// Where random ports begin: below are the well-known ones.
const FIRST_RANDOM: u16 = 1_024;

/// The addresses that an IPv4 NAT works on.
#[derive(Debug, Clone, Copy)]
pub struct NatAddresses {
    /// The router's own at the outer side.
    pub wan: Ipv4Addr,
    /// The inner network, as 192.168.7.0; always a /24.
    pub lan: Ipv4Addr,
}

/// The filter of a router: only what was asked for comes in, and only what `egress` allows goes out.
///
/// `open` widens what comes in, for a firewall that translates nothing; a NAT's wider filters work by translation.
pub fn filter(egress: &Egress, open: Filtering) -> String {
    let egress = match egress {
        Egress::All => "accept".to_owned(),
        Egress::UdpDropped => "meta l4proto udp drop\n    accept".to_owned(),
        Egress::UdpRejected => {
            "meta l4proto udp reject with icmpx type admin-prohibited\n    accept".to_owned()
        }
        Egress::UdpOnlyTo(ports) => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!("udp dport {{ {} }} accept\n    meta l4proto udp drop\n    accept", ports.join(", "))
        }
        Egress::OnlyTcp443 => "tcp dport 443 accept\n    drop".to_owned(),
    };
    let (sets, learn, wider) = holes(open);
    format!(
        r#"table inet filter {{{sets}
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    meta l4proto {{ icmp, ipv6-icmp }} accept
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;{learn}
    ct state established,related accept
    iifname "lan" jump egress
    ct status dnat accept{wider}
  }}
  chain egress {{
    {egress}
  }}
}}
"#
    )
}

/// Sets, the rules that fill them, and the rules that let in by them.
fn holes(open: Filtering) -> (String, String, String) {
    let (mut sets, mut learn, mut wider) = (String::new(), String::new(), String::new());
    for (family, address) in [("ip", "ipv4_addr"), ("ip6", "ipv6_addr")] {
        let (key, from_inside, from_outside) = match open {
            Filtering::Apdf => return (String::new(), String::new(), String::new()),
            Filtering::Adf => (
                format!("{address} . inet_service . {address}"),
                format!("{family} saddr . udp sport . {family} daddr"),
                format!("{family} daddr . udp dport . {family} saddr"),
            ),
            Filtering::Eif => (
                format!("{address} . inet_service"),
                format!("{family} saddr . udp sport"),
                format!("{family} daddr . udp dport"),
            ),
        };
        let seconds = Nat::DEFAULT_LIFETIME.as_secs();
        let _ = write!(
            sets,
            "\n  set holes_{family} {{ type {key}; flags dynamic,timeout; timeout {seconds}s; size 65535; }}"
        );
        let _ = write!(learn, "\n    iifname \"lan\" update @holes_{family} {{ {from_inside} }}");
        let _ = write!(wider, "\n    iifname \"wan\" {from_outside} @holes_{family} accept");
    }
    (sets, learn, wider)
}

/// The translation of a router.
pub fn nat(nat: &Nat, addresses: NatAddresses) -> String {
    let NatAddresses { wan, lan } = addresses;
    let mut maps = String::new();
    let mut pre = String::new();
    let mut learn = String::new();
    let seconds = nat.lifetime.as_secs();
    let options = format!("flags dynamic,timeout; timeout {seconds}s; size 65535;");

    // Words for one flow, seen from the local endpoint: of its own making, or begun by somebody outside.
    let own = "ct original ip saddr . ct original proto-src";
    let others = "ct reply ip saddr . ct reply proto-src";
    let key = match nat.mapping {
        Mapping::Eim => Some(("ipv4_addr . inet_service", own.to_owned(), others.to_owned())),
        Mapping::Adm => Some((
            "ipv4_addr . inet_service . ipv4_addr",
            format!("{own} . ct original ip daddr"),
            format!("{others} . ct original ip saddr"),
        )),
        Mapping::Apdm => None,
    };
    if let Some((kind, own, others)) = &key {
        let _ = writeln!(maps, "  map public {{ type {kind} : inet_service; {options} }}");
        let _ = writeln!(
            learn,
            "    {wan_udp} ct direction original update @public {{ {own} : udp sport }}",
            wan_udp = sent(wan)
        );
        let _ = writeln!(
            learn,
            "    {wan_udp} ct direction reply update @public {{ {others} : udp sport }}",
            wan_udp = sent(wan)
        );
    }
    if nat.filtering != Filtering::Apdf || nat.hairpin {
        let _ = writeln!(maps, "  map local {{ type inet_service : ipv4_addr . inet_service; {options} }}");
        let _ =
            writeln!(learn, "    {} ct direction original update @local {{ udp sport : {own} }}", sent(wan));
        let _ =
            writeln!(learn, "    {} ct direction reply update @local {{ udp sport : {others} }}", sent(wan));
    }
    match nat.filtering {
        Filtering::Apdf => {}
        Filtering::Adf => {
            let _ = writeln!(maps, "  set heard {{ type inet_service . ipv4_addr; {options} }}");
            let _ = writeln!(learn, "    {} update @heard {{ udp sport . ip daddr }}", sent(wan));
            let _ = writeln!(
                pre,
                "    iifname \"wan\" ip daddr {wan} udp dport . ip saddr @heard dnat ip to udp dport map @local"
            );
        }
        Filtering::Eif => {
            let _ = writeln!(pre, "    iifname \"wan\" ip daddr {wan} dnat ip to udp dport map @local");
        }
    }
    if nat.hairpin {
        let _ = writeln!(pre, "    iifname \"lan\" ip daddr {wan} dnat ip to udp dport map @local");
    }
    let post = post(nat, wan, key.map(|(_, own, _)| own).as_deref());
    format!(
        r"table ip nat {{
{maps}  chain pre {{
    type nat hook prerouting priority dstnat; policy accept;
{pre}  }}
  chain post {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname lan ip saddr != {lan}/24 accept
    meta l4proto udp jump udp_ports
    oifname wan snat ip to {wan}
  }}
  chain udp_ports {{
{post}  }}
  chain learn {{
    type filter hook postrouting priority srcnat + 10; policy accept;
{learn}  }}
}}
"
    )
}

/// A UDP packet that has just been given the router's own address.
fn sent(wan: Ipv4Addr) -> String {
    format!("ip saddr {wan} meta l4proto udp")
}

/// Only the first packet of a flow comes here: an endpoint that has a mapping keeps it, else it gets a port.
///
/// A flow that goes out and one that turns back (hairpin) are treated alike, so that a hairpinned packet's source is the
/// public endpoint (RFC 4787 §6, «External source IP address and port»).
fn post(nat: &Nat, wan: Ipv4Addr, key: Option<&str>) -> String {
    let mut rules = String::new();
    if let Some(key) = key {
        let _ = writeln!(rules, "    meta l4proto udp snat ip to {wan} : {key} map @public");
    }
    let _ = match nat.ports {
        Ports::Kept => writeln!(rules, "    snat ip to {wan}"),
        Ports::Random => {
            let ports = shuffled((FIRST_RANDOM..=u16::MAX).collect(), wan.to_bits());
            writeln!(rules, "{}", next_port(wan, &ports[..MAPPINGS]))
        }
        Ports::Sequential => {
            let ports: Vec<u16> = (FIRST_SEQUENTIAL..).take(MAPPINGS).collect();
            writeln!(rules, "{}", next_port(wan, &ports))
        }
    };
    rules
}

/// The rule that gives each mapping the next port of a list.
fn next_port(wan: Ipv4Addr, ports: &[u16]) -> String {
    let numbered: Vec<String> =
        ports.iter().enumerate().map(|(index, port)| format!("{index} : {port}")).collect();
    format!(
        "    meta l4proto udp snat ip to {wan} : numgen inc mod {} map {{ {} }}",
        ports.len(),
        numbered.join(", ")
    )
}

/// The list in an order that shows no rule (Fisher and Yates), another one for each seed.
fn shuffled(mut ports: Vec<u16>, seed: u32) -> Vec<u16> {
    // The multiplier and the increment are Knuth's (MMIX); the upper half of the state is the good one.
    let mut state = u64::from(seed);
    for last in (1..ports.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ports.swap(last, (state >> 33) as usize % (last + 1));
    }
    ports
}

/// Loss on one link of the internet, each way, in percent.
pub fn loss(interface: &str, percent: f64) -> String {
    const PARTS: f64 = 10_000.0;
    let lost = (percent.clamp(0.0, 100.0) / 100.0 * PARTS).round() as u32;
    // Declaring a table, deleting it and making it anew is nft's way to say «replace».
    let mut rules = format!("table inet loss_{interface}\ndelete table inet loss_{interface}\n");
    // «Less than all of them» is refused by nft as always true, though it is what 100 % means.
    if let Some(last_lost) = lost.checked_sub(1) {
        let _ = write!(
            rules,
            r#"table inet loss_{interface} {{
  chain from {{
    type filter hook prerouting priority raw; policy accept;
    iifname "{interface}" numgen random mod {PARTS} <= {last_lost} drop
  }}
  chain to {{
    type filter hook postrouting priority 300; policy accept;
    oifname "{interface}" numgen random mod {PARTS} <= {last_lost} drop
  }}
}}
"#
        );
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_ports_are_the_same_ports_in_another_order() {
        let ordered: Vec<u16> = (FIRST_RANDOM..=u16::MAX).collect();
        let mut shuffled = shuffled(ordered.clone(), 7);
        let in_a_row = shuffled.windows(2).filter(|two| two[1].wrapping_sub(two[0]) == 1).count();
        assert!(in_a_row < 20, "{in_a_row} ports follow the one before");
        shuffled.sort_unstable();
        assert_eq!(shuffled, ordered);
    }

    #[test]
    fn all_packets_lost_is_a_rule_that_nft_takes() {
        assert!(loss("s2", 100.0).contains("<= 9999 drop"));
        assert!(loss("s2", 0.005).contains("<= 0 drop"));
        assert!(!loss("s2", 0.0).contains("drop"));
    }
}
