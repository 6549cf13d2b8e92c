//! What a site is to be like, in the words of RFC 4787. Plain data.

use std::time::Duration;

/// When the NAT gives one local endpoint another public one (RFC 4787 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mapping {
    /// Endpoint-independent: never.
    Eim,
    /// Address-dependent: for another destination address.
    Adm,
    /// Address- and port-dependent: for another destination address or port.
    Apdm,
}

/// Whose packets a mapping, or a hole in a firewall, lets in (RFC 4787 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filtering {
    /// Endpoint-independent: anybody's.
    Eif,
    /// Address-dependent: those of addresses that were sent to.
    Adf,
    /// Address- and port-dependent: those of endpoints that were sent to.
    Apdf,
}

/// Which public port a new mapping gets (RFC 4787 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ports {
    /// The local one: port preservation.
    Kept,
    /// Any.
    Random,
    /// The one after the last mapping's.
    Sequential,
}

/// An IPv4 NAT for UDP. TCP is translated with its ports kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nat {
    /// Mapping behaviour.
    pub mapping: Mapping,
    /// Filtering behaviour.
    pub filtering: Filtering,
    /// Port assignment.
    pub ports: Ports,
    /// Whether the host reaches its own mappings by their public address (RFC 4787 §6). Such packets pass whatever the filter.
    pub hairpin: bool,
    /// How long an idle binding lives. Packets of both directions refresh it.
    pub lifetime: Duration,
}

impl Nat {
    /// The two minutes that RFC 4787 §4.3 asks for at least.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_mins(2);

    const fn with(mapping: Mapping, ports: Ports) -> Self {
        let filtering = Filtering::Apdf;
        Self { mapping, filtering, ports, hairpin: false, lifetime: Self::DEFAULT_LIFETIME }
    }

    /// Endpoint-independent mapping, ports kept, APDF: what most homes have.
    pub const fn eim() -> Self {
        Self::with(Mapping::Eim, Ports::Kept)
    }

    /// Address-dependent mapping, random ports, APDF.
    pub const fn adm() -> Self {
        Self::with(Mapping::Adm, Ports::Random)
    }

    /// Address- and port-dependent mapping, random ports, APDF: what many companies have.
    pub const fn apdm() -> Self {
        Self::with(Mapping::Apdm, Ports::Random)
    }

    /// The same with another filter.
    #[must_use]
    pub const fn filtering(mut self, filtering: Filtering) -> Self {
        self.filtering = filtering;
        self
    }

    /// The same with other ports.
    #[must_use]
    pub const fn ports(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }

    /// The same with or without hairpinning.
    #[must_use]
    pub const fn hairpin(mut self, hairpin: bool) -> Self {
        self.hairpin = hairpin;
        self
    }

    /// The same with another lifetime of idle bindings; the kernel counts whole seconds.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

/// What stands between the host and the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edge {
    /// Nothing.
    Public,
    /// A stateful firewall that translates nothing.
    Firewall(Filtering),
    /// A NAT for IPv4; IPv6, where the family has it, passes an APDF firewall.
    Nat(Nat),
    /// A home's NAT behind a carrier's, with 100.64.0.0/10 (RFC 6598) between. IPv4 only.
    DoubleNat {
        /// The one at the internet.
        carrier: Nat,
        /// The one at the host.
        home: Nat,
    },
}

/// What the firewall of the site's router lets out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Egress {
    /// Everything.
    All,
    /// No UDP: dropped without a word.
    UdpDropped,
    /// No UDP: answered with ICMP «administratively prohibited» (RFC 1812 §5.2.7.1).
    UdpRejected,
    /// UDP only to these ports; other UDP is dropped.
    UdpOnlyTo(Vec<u16>),
    /// TCP to port 443, and nothing else.
    OnlyTcp443,
}

/// Which families the host has an address and a route of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4 only: IPv6 is switched off on the host.
    V4,
    /// IPv6 only.
    V6,
    /// Both.
    Dual,
}

impl Family {
    /// Whether there is IPv4.
    pub const fn has_v4(self) -> bool {
        matches!(self, Self::V4 | Self::Dual)
    }

    /// Whether there is IPv6.
    pub const fn has_v6(self) -> bool {
        matches!(self, Self::V6 | Self::Dual)
    }
}

/// What a site is to be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Between host and internet.
    pub edge: Edge,
    /// What the router lets out.
    pub egress: Egress,
    /// The host's address families.
    pub family: Family,
    /// Packets lost on the access line, each way, in percent. [`crate::Site::set_loss`] changes it later.
    pub loss: f64,
    /// Time that the access line takes, each way. A site made without any cannot get one later.
    pub delay: Duration,
    /// Rate of the access line, each way, in bit/s. [`crate::Site::set_rate`] changes it later.
    pub rate: Option<u64>,
    /// Public addresses per family, 1 or 2; more than one only for a public host.
    pub addresses: usize,
}

impl Plan {
    /// IPv4 only, a perfect line, everything let out.
    pub const fn new(edge: Edge) -> Self {
        Self {
            edge,
            egress: Egress::All,
            family: Family::V4,
            loss: 0.0,
            delay: Duration::ZERO,
            rate: None,
            addresses: 1,
        }
    }

    /// A host with a public address of its own.
    pub const fn public() -> Self {
        Self::new(Edge::Public)
    }

    /// A public address behind a stateful firewall.
    pub const fn firewall(filtering: Filtering) -> Self {
        Self::new(Edge::Firewall(filtering))
    }

    /// Two NATs with 100.64.0.0/10 between.
    pub const fn double_nat(carrier: Nat, home: Nat) -> Self {
        Self::new(Edge::DoubleNat { carrier, home })
    }

    /// A server: public, both families, two addresses of each.
    pub fn server() -> Self {
        Self { family: Family::Dual, addresses: 2, ..Self::public() }
    }

    /// The same with another egress.
    #[must_use]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// The same with other families.
    #[must_use]
    pub const fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// The same with loss, in percent.
    #[must_use]
    pub const fn loss(mut self, percent: f64) -> Self {
        self.loss = percent;
        self
    }

    /// The same with delay, each way.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same with a rate, in bit/s.
    #[must_use]
    pub const fn rate(mut self, bits_per_second: u64) -> Self {
        self.rate = Some(bits_per_second);
        self
    }

    /// What cannot be made, and why.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let public = self.edge == Edge::Public;
        if public && self.egress != Egress::All {
            return Some("a public host has no router that could hold its packets back");
        }
        if matches!(self.edge, Edge::DoubleNat { .. }) && self.family != Family::V4 {
            return Some("a double NAT is IPv4 only");
        }
        if matches!(self.edge, Edge::Nat(_)) && self.family == Family::V6 {
            return Some("an IPv4 NAT needs IPv4: IPv6 only is Plan::firewall(..).family(Family::V6)");
        }
        if !(1..=2).contains(&self.addresses) || (self.addresses > 1 && !public) {
            return Some("a host has one public address, or two if it is public");
        }
        None
    }
}

impl From<Nat> for Plan {
    fn from(nat: Nat) -> Self {
        Self::new(Edge::Nat(nat))
    }
}
