//! The NAT of the simulation: mapping, filtering and ports as told, nothing else.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use icescope_probe_nat::facts::{Filtering, Mapping, Ports};

use super::router;

/// xorshift64*: runs repeat by their seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Any seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..4).for_each(|_| {
            random.below(2);
        });
        random
    }

    /// Less than `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    /// A port of the dynamic range.
    pub fn port(&mut self) -> u16 {
        32_768 + self.below(28_000) as u16
    }
}

/// What it is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Addresses are translated.
    pub translates: bool,
    /// Which external address a destination sees.
    pub mapping: Mapping,
    /// What comes in.
    pub filtering: Filtering,
    /// Which ports are given.
    pub ports: Ports,
    /// Own external addresses can be reached from inside.
    pub hairpin: bool,
    /// A second NAT behind 100.64.0.0/10.
    pub carrier: bool,
}

/// One NAT, or firewall.
#[derive(Debug, Clone)]
pub struct Nat {
    kind: Kind,
    given: HashMap<(SocketAddr, Option<IpAddr>, Option<u16>), SocketAddr>,
    spoken_to: HashSet<(SocketAddr, SocketAddr)>,
    next: u16,
}

const PUBLIC: [u8; 4] = [203, 0, 113, 7];
const INSIDE: [u8; 4] = [192, 168, 1, 100];
const CARRIER: [u8; 4] = [100, 64, 0, 1];

impl Nat {
    /// A new one.
    pub fn new(kind: Kind) -> Self {
        Self { kind, given: HashMap::new(), spoken_to: HashSet::new(), next: 40_000 }
    }

    /// The host's own address.
    pub fn inside(&self) -> IpAddr {
        if self.kind.translates { INSIDE.into() } else { PUBLIC.into() }
    }

    /// The translated one.
    pub fn public(&self) -> Option<IpAddr> {
        self.kind.translates.then_some(PUBLIC.into())
    }

    /// Who says that a packet with this TTL expired.
    pub fn hop(&self, ttl: u8, to: SocketAddr) -> Option<IpAddr> {
        let is_own = self.public() == Some(to.ip());
        match (ttl, self.kind.carrier) {
            (1, carrier) => (!is_own || carrier).then(router),
            (2, true) => (!is_own).then_some(CARRIER.into()),
            (2 | 3, _) => (!is_own).then_some(IpAddr::from([198, 18, 0, ttl])),
            _ => None,
        }
    }

    fn key(&self, local: SocketAddr, to: SocketAddr) -> (SocketAddr, Option<IpAddr>, Option<u16>) {
        match self.kind.mapping {
            Mapping::AddressDependent => (local, Some(to.ip()), None),
            Mapping::AddressAndPortDependent => (local, Some(to.ip()), Some(to.port())),
            Mapping::EndpointIndependent | Mapping::Unknown => (local, None, None),
        }
    }

    /// A packet goes out: what the destination sees.
    pub fn outward(&mut self, local: SocketAddr, to: SocketAddr, random: &mut Random) -> SocketAddr {
        let external = if self.kind.translates {
            let key = self.key(local, to);
            if let Some(given) = self.given.get(&key) {
                *given
            } else {
                let port = match self.kind.ports {
                    Ports::Random | Ports::Unknown => 1024 + random.below(64_000) as u16,
                    Ports::Sequential => {
                        self.next += 1;
                        self.next
                    }
                    Ports::Preserved => local.port(),
                };
                let given = SocketAddr::new(PUBLIC.into(), port);
                self.given.insert(key, given);
                given
            }
        } else {
            local
        };
        self.spoken_to.insert((external, to));
        external
    }

    /// Whether a packet from `source` to `external`, a mapping of `local`, comes in.
    pub fn lets_in(&self, _local: SocketAddr, external: SocketAddr, source: SocketAddr) -> bool {
        let mut spoken = self.spoken_to.iter().filter(|(own, _)| *own == external).map(|(_, to)| *to);
        match self.kind.filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => spoken.any(|to| to.ip() == source.ip()),
            Filtering::AddressAndPortDependent | Filtering::Unknown => spoken.any(|to| to == source),
        }
    }

    /// A packet to the own public address: to whom it comes, and from where.
    pub fn hairpin(
        &mut self,
        local: SocketAddr,
        to: SocketAddr,
        random: &mut Random,
    ) -> Option<(SocketAddr, SocketAddr)> {
        if !self.kind.hairpin {
            return None;
        }
        let source = self.outward(local, to, random);
        let (target, external) = self.given.iter().find(|(_, external)| **external == to)?;
        self.lets_in(target.0, *external, source).then_some((target.0, source))
    }
}
