//! The catalogue: sites of every kind, each with the facts that a probe should find there.
//!
//! The facts are proven by tests that use no STUN (`tests/behaviours.rs`), so that a probe may be judged by them.

use std::time::Duration;

use crate::plan::{Edge, Egress, Family, Filtering, Mapping, Nat, Plan, Ports};

/// One kind of site.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Its name in tests and reports.
    pub name: &'static str,
    /// How it is made.
    pub plan: Plan,
    /// What is true of its IPv4; `None` where it has none.
    pub v4: Option<Facts>,
    /// What is true of its IPv6; `None` where it has none.
    pub v6: Option<Facts>,
}

/// What is true of one address family of a site. `None`: cannot be known, or makes no sense there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whether addresses are translated.
    pub nat: Option<bool>,
    /// Mapping behaviour as seen from the internet: of two NATs the stricter one's.
    pub mapping: Option<Mapping>,
    /// Filtering behaviour, likewise.
    pub filtering: Option<Filtering>,
    /// Port assignment.
    pub ports: Option<Ports>,
    /// Hairpinning; `None` without a NAT.
    pub hairpin: Option<bool>,
    /// Whether there is a carrier's NAT with 100.64.0.0/10 (RFC 6598).
    pub cgnat: Option<bool>,
    /// What becomes of UDP.
    pub udp: Udp,
    /// Whether TCP connections to port 443 come through, and to others.
    pub tcp: Tcp,
    /// How long an idle binding lives, where that is short enough to be measured in a test.
    pub lifetime: Option<Duration>,
}

/// What becomes of UDP that the host sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Udp {
    /// It comes through.
    Works,
    /// It vanishes.
    Dropped,
    /// It is answered by an ICMP error.
    Rejected,
    /// It comes through to these ports, and vanishes to others.
    OnlyTo(Vec<u16>),
}

/// What becomes of TCP connections that the host opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tcp {
    /// They come through.
    Works,
    /// They come through to port 443, and vanish to others.
    Only443,
}

/// Idle bindings of the short-lived kind: RFC 4787 §4.3 asks for two minutes, and some give less than half of one.
const SHORT_LIFETIME: Duration = Duration::from_secs(2);

/// The ports of the site that lets only some through: names, and QUIC.
const LET_THROUGH: [u16; 2] = [53, 443];

/// Every kind of site.
pub fn behaviours() -> Vec<Behaviour> {
    use Filtering::{Adf, Apdf, Eif};
    use Ports::{Random, Sequential};

    let named = |name, plan: Plan| Behaviour::new(name, plan);
    let home = Nat::eim;
    let firewall = Plan::firewall;
    vec![
        named("public", Plan::public()),
        named("firewall APDF", firewall(Apdf)),
        named("firewall ADF", firewall(Adf)),
        named("EIM EIF, ports kept", home().filtering(Eif).into()),
        named("EIM ADF, ports kept", home().filtering(Adf).into()),
        named("EIM APDF, ports kept", home().into()),
        named("EIM EIF, random ports", home().filtering(Eif).ports(Random).into()),
        named("EIM ADF, random ports", home().filtering(Adf).ports(Random).into()),
        named("EIM APDF, random ports", home().ports(Random).into()),
        named("ADM ADF, random ports", Nat::adm().filtering(Adf).into()),
        named("ADM APDF, random ports", Nat::adm().into()),
        named("APDM APDF, random ports", Nat::apdm().into()),
        named("APDM APDF, sequential ports", Nat::apdm().ports(Sequential).into()),
        named("APDM EIF, random ports", Nat::apdm().filtering(Eif).into()),
        named("hairpin, EIM EIF", home().filtering(Eif).hairpin(true).into()),
        named("hairpin, EIM APDF", home().hairpin(true).into()),
        named("double NAT, EIM behind EIM", Plan::double_nat(home(), home())),
        named("double NAT, EIM behind APDM", Plan::double_nat(Nat::apdm(), home())),
        named("short lifetime", home().lifetime(SHORT_LIFETIME).into()),
        named("UDP dropped", Plan::from(home()).egress(Egress::UdpDropped)),
        named("UDP rejected", Plan::from(home()).egress(Egress::UdpRejected)),
        named("UDP only to 53 and 443", Plan::from(home()).egress(Egress::UdpOnlyTo(LET_THROUGH.to_vec()))),
        named("only TCP 443", Plan::from(home()).egress(Egress::OnlyTcp443)),
        named("dual stack, public", Plan::public().family(Family::Dual)),
        named("dual stack, NAT and firewall", Plan::from(home()).family(Family::Dual)),
        named("IPv6 only, firewall", firewall(Apdf).family(Family::V6)),
        named(
            "IPv6 only, firewall, UDP rejected",
            firewall(Apdf).family(Family::V6).egress(Egress::UdpRejected),
        ),
    ]
}

impl Behaviour {
    fn new(name: &'static str, plan: Plan) -> Self {
        let v4 = plan.family.has_v4().then(|| Facts::v4(&plan));
        let v6 = plan.family.has_v6().then(|| Facts::v6(&plan));
        Self { name, plan, v4, v6 }
    }
}

impl Facts {
    /// The facts of a host without NAT, whose filter is given.
    fn plain(filtering: Filtering) -> Self {
        Self {
            nat: Some(false),
            mapping: Some(Mapping::Eim),
            filtering: Some(filtering),
            ports: Some(Ports::Kept),
            hairpin: None,
            cgnat: Some(false),
            udp: Udp::Works,
            tcp: Tcp::Works,
            lifetime: None,
        }
    }

    fn v4(plan: &Plan) -> Self {
        let behind = |nat: &Nat| Self {
            nat: Some(true),
            mapping: Some(nat.mapping),
            ports: Some(nat.ports),
            hairpin: Some(nat.hairpin),
            lifetime: Some(nat.lifetime).filter(|&lifetime| lifetime < Nat::DEFAULT_LIFETIME),
            ..Self::plain(nat.filtering)
        };
        let facts = match &plan.edge {
            Edge::Public => Self::plain(Filtering::Eif),
            Edge::Firewall(filtering) => Self::plain(*filtering),
            Edge::Nat(nat) => behind(nat),
            // What the catalogue has: a home's NAT that keeps ports and is never looser than the carrier's.
            Edge::DoubleNat { carrier, home: _ } => Self { cgnat: Some(true), ..behind(carrier) },
        };
        facts.through(&plan.egress)
    }

    fn v6(plan: &Plan) -> Self {
        let filtering = match plan.edge {
            Edge::Public => Filtering::Eif,
            Edge::Firewall(filtering) => filtering,
            Edge::Nat(_) | Edge::DoubleNat { .. } => Filtering::Apdf,
        };
        Self { cgnat: None, ..Self::plain(filtering) }.through(&plan.egress)
    }

    /// What is left of the facts behind this egress.
    fn through(self, egress: &Egress) -> Self {
        let udp = match egress {
            Egress::All => return self,
            Egress::UdpDropped | Egress::OnlyTcp443 => Udp::Dropped,
            Egress::UdpRejected => Udp::Rejected,
            Egress::UdpOnlyTo(ports) => return Self { udp: Udp::OnlyTo(ports.clone()), ..self },
        };
        let tcp = if *egress == Egress::OnlyTcp443 { Tcp::Only443 } else { Tcp::Works };
        // Nobody sees a mapping of packets that never leave.
        let none = Self { nat: None, mapping: None, filtering: None, ports: None, cgnat: None, ..self };
        Self { hairpin: None, lifetime: None, udp, tcp, ..none }
    }
}
