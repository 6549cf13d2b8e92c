//! Pseudonyms of addresses: prefix-preserving, within their kind (pure).
//!
//! Two addresses share the first 16 or 24 bits (IPv4), 48 or 64 bits (IPv6) of their pseudonyms exactly where they share them
//! themselves. Pseudonyms are given in the order in which addresses turn up: there is no key that could be found out.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for; its pseudonym is for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `0/8`, `::`, `127.0.0.1`, `::1`, `255.255.255.255`: the same on every machine. They stay.
    Universal,
    /// The rest of 127/8.
    Loopback,
    /// 10/8 (RFC 1918).
    Private10,
    /// 172.16/16, which is nobody's default.
    Private172,
    /// 172.17/16 to 172.31/16: where containers' bridges are.
    Bridge172,
    /// 192.168/16.
    Private192,
    /// fc00::/7 (RFC 4193).
    UniqueLocal,
    /// 100.64/10, between a carrier's NAT and its customers (RFC 6598).
    Shared,
    /// 169.254/16, fe80::/10.
    LinkLocal,
    /// 224/4, ff00::/8.
    Multicast,
    /// All others; documentation addresses stand for public ones.
    Public,
}

/// The kind of an address.
pub fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some((_, v4)) => kind_v4(v4),
            None if v6.is_unspecified() || v6.is_loopback() => Kind::Universal,
            None if v6.is_unique_local() => Kind::UniqueLocal,
            None if v6.is_unicast_link_local() => Kind::LinkLocal,
            None if v6.is_multicast() => Kind::Multicast,
            None => Kind::Public,
        },
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [0, ..] | [127, 0, 0, 1] | [255, 255, 255, 255] => Kind::Universal,
        [127, ..] => Kind::Loopback,
        [10, ..] => Kind::Private10,
        [172, 16, ..] => Kind::Private172,
        [172, 17..=31, ..] => Kind::Bridge172,
        [192, 168, ..] => Kind::Private192,
        [100, 64..=127, ..] => Kind::Shared,
        [169, 254, ..] => Kind::LinkLocal,
        [224..=239, ..] => Kind::Multicast,
        _ => Kind::Public,
    }
}

/// The IPv4 address in an IPv4-mapped one (RFC 4291 §2.5.5.2) or in one of the well-known NAT64 prefix (RFC 6052 §2.1), and
/// the 96 bits before it.
fn embedded(address: Ipv6Addr) -> Option<(u128, Ipv4Addr)> {
    const MAPPED: u128 = 0xffff;
    const NAT64: u128 = 0x0064_ff9b << 64;
    let bits = address.to_bits();
    let head = bits >> 32;
    matches!(head, MAPPED | NAT64).then(|| (head, Ipv4Addr::from_bits(bits as u32)))
}

/// What a part of an address stands behind: its pseudonym hangs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Behind {
    /// The first 16 bits are of that kind.
    KindV4(Kind),
    HighV4(u32),
    NetworkV4(u32),
    /// The first 48 bits are of that kind; the second value is a multicast address's flags and scope.
    KindV6(Kind, u64),
    NetworkV6(u64),
    SubnetV6(u64),
}

/// The pseudonyms that were given.
#[derive(Debug, Default)]
pub struct Addresses {
    /// Addresses of the record itself: none of them is given as a pseudonym.
    originals: HashSet<IpAddr>,
    given: HashMap<(Behind, u64), u64>,
    used: HashMap<Behind, HashSet<u64>>,
}

impl Addresses {
    /// An address that stands in the record.
    pub fn note(&mut self, address: IpAddr) {
        self.originals.insert(address);
        if let IpAddr::V6(v6) = address {
            self.originals.extend(embedded(v6).map(|(_, v4)| IpAddr::V4(v4)));
        }
    }

    /// The address's pseudonym.
    pub fn pseudonym(&mut self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => self.of_v4(v4).into(),
            IpAddr::V6(v6) => match embedded(v6) {
                Some((head, v4)) => {
                    Ipv6Addr::from_bits(head << 32 | u128::from(self.of_v4(v4).to_bits())).into()
                }
                None => self.of_v6(v6).into(),
            },
        }
    }

    /// The first 24 bits of that network's pseudonyms, also for addresses whose last byte a browser hides.
    pub fn network_v4(&mut self, network: u32) -> u32 {
        let kind = kind_v4(Ipv4Addr::from_bits(network << 8 | 2));
        if kind == Kind::Universal {
            return network;
        }
        let high = network >> 8;
        let shown = self.high_v4(kind, high);
        let third = self.choose(Behind::HighV4(high), u64::from(network & 0xff), 256, |_| true);
        shown << 8 | third as u32
    }

    /// The first 16 bits.
    fn high_v4(&mut self, kind: Kind, high: u32) -> u32 {
        let (first, size) = match kind {
            Kind::Private10 => (0x0a00, 256),
            Kind::Loopback => (0x7f00, 256),
            Kind::Bridge172 => (0xac11, 15),
            Kind::Shared => (0x6440, 64),
            Kind::Multicast => (0xe000, 16 << 8),
            // 240/4 is nobody's (RFC 1112 §4): no stranger's address is ever shown. Its last /8 has the broadcast address.
            Kind::Public => (0xf000, 15 << 8),
            // These kinds have one such prefix only.
            _ => return high,
        };
        first + self.choose(Behind::KindV4(kind), high.into(), size, |_| true) as u32
    }

    fn of_v4(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        let (kind, bits) = (kind_v4(address), address.to_bits());
        if kind == Kind::Universal {
            return address;
        }
        let shown = self.network_v4(bits >> 8);
        let made = |n: u64| Ipv4Addr::from_bits(shown << 8 | (n as u32 + 1) & 0xff);
        let originals = std::mem::take(&mut self.originals);
        let free = |n: u64| !originals.contains(&made(n).into()) && kind_v4(made(n)) == kind;
        let last = self.choose(Behind::NetworkV4(bits >> 8), u64::from(bits & 0xff), 256, free);
        self.originals = originals;
        made(last)
    }

    /// The first 48 bits of that network's pseudonyms, also for addresses whose rest a browser hides.
    pub fn network_v6(&mut self, network: u64) -> u64 {
        let kind = kind(Ipv6Addr::from_bits(u128::from(network) << 80 | 2).into());
        let first = match kind {
            // Flags and scope stay (RFC 4291 §2.7).
            Kind::Multicast => network >> 32 << 32,
            Kind::LinkLocal => 0xfe80 << 32,
            Kind::UniqueLocal => 0xfd00 << 32,
            // The documentation prefix (RFC 3849).
            _ => 0x2001_0db8 << 16,
        };
        first | self.choose(Behind::KindV6(kind, first), network, 1 << 16, |_| true)
    }

    fn of_v6(&mut self, address: Ipv6Addr) -> Ipv6Addr {
        if kind(address.into()) == Kind::Universal {
            return address;
        }
        let bits = address.to_bits();
        let (subnet, interface) = ((bits >> 64) as u64, bits as u64);
        let network = subnet >> 16;
        let head = self.network_v6(network);
        let shown = head << 16 | self.choose(Behind::NetworkV6(network), subnet & 0xffff, 1 << 16, |_| true);
        let made = |n: u64| Ipv6Addr::from_bits(u128::from(shown) << 64 | u128::from(n + 1));
        let originals = std::mem::take(&mut self.originals);
        let free = |n: u64| !originals.contains(&made(n).into());
        let last = self.choose(Behind::SubnetV6(subnet), interface, u64::MAX - 1, free);
        self.originals = originals;
        made(last)
    }

    /// The number of that part: the next free one below `size`. Where all are taken, they are shared.
    fn choose(&mut self, behind: Behind, part: u64, size: u64, free: impl Fn(u64) -> bool) -> u64 {
        if let Some(given) = self.given.get(&(behind, part)) {
            return *given;
        }
        let used = self.used.entry(behind).or_default();
        let count = used.len() as u64;
        let all = (count..size).chain(0..count.min(size));
        let unused = |n: &u64| !used.contains(n);
        let next = all.clone().find(|n| unused(n) && free(*n)).or_else(|| all.clone().find(unused));
        let chosen = next.unwrap_or(count % size);
        used.insert(chosen);
        self.given.insert((behind, part), chosen);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(address: IpAddr) -> (u128, u32) {
        match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        }
    }

    /// They have their first `length` bits in common.
    fn share(one: IpAddr, other: IpAddr, length: u32) -> bool {
        let ((one, of), (other, and)) = (bits(one), bits(other));
        of == and && (one ^ other) >> (128 - length) == 0
    }

    /// Addresses that are near each other more often than chance has it.
    fn address() -> impl Strategy<Value = IpAddr> {
        let heads = prop_oneof![
            Just([10, 0]),
            Just([10, 1]),
            Just([172, 16]),
            Just([172, 17]),
            Just([172, 31]),
            Just([192, 168]),
            Just([100, 64]),
            Just([100, 127]),
            Just([100, 128]),
            Just([169, 254]),
            Just([127, 0]),
            Just([224, 0]),
            Just([239, 255]),
            Just([240, 0]),
            Just([203, 0]),
            Just([192, 0]),
            Just([255, 255]),
            any::<[u8; 2]>(),
        ];
        let v4 = (heads, 0_u8..4, any::<u8>()).prop_map(|([a, b], c, d)| Ipv4Addr::new(a, b, c, d).into());
        let heads = prop_oneof![
            Just(0xfe80_u16),
            Just(0xfd12),
            Just(0xfc00),
            Just(0xff02),
            Just(0xff0e),
            Just(0x2001),
            Just(0x2a02),
            any::<u16>(),
        ];
        let v6 = (heads, 0_u16..3, 0_u16..3, 0_u16..3, any::<u8>())
            .prop_map(|(a, b, c, d, h)| Ipv6Addr::new(a, b, c, d, 0, 0, 0, h.into()).into());
        let mapped = any::<[u8; 4]>().prop_map(|v4| Ipv4Addr::from(v4).to_ipv6_mapped().into());
        prop_oneof![v4, v6, mapped]
    }

    proptest! {
        #[test]
        fn kinds_families_and_shared_prefixes_stay(list in proptest::collection::vec(address(), 1..60)) {
            let mut addresses = Addresses::default();
            list.iter().copied().for_each(|address| addresses.note(address));
            let shown: Vec<IpAddr> = list.iter().map(|address| addresses.pseudonym(*address)).collect();
            for (one, its) in list.iter().zip(&shown) {
                prop_assert_eq!(kind(*one), kind(*its), "{} became {}", one, its);
                prop_assert_eq!(one.is_ipv4(), its.is_ipv4());
                if kind(*one) != Kind::Universal {
                    prop_assert!(!list.contains(its), "{} became {}, which is another's", one, its);
                }
                for (other, others) in list.iter().zip(&shown) {
                    let lengths: &[u32] = if one.is_ipv4() { &[16, 24, 32] } else { &[48, 64, 128] };
                    for length in lengths {
                        prop_assert_eq!(
                            share(*one, *other, *length),
                            share(*its, *others, *length),
                            "/{}: {} and {} became {} and {}", length, one, other, its, others
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn pseudonyms_are_numbered_as_they_turn_up() {
        let mut addresses = Addresses::default();
        let given = [
            "198.51.100.7",
            "198.51.100.9",
            "198.51.77.9",
            "203.0.113.1",
            "10.9.8.7",
            "172.17.0.2",
            "fe80::1",
        ];
        let shown: Vec<String> =
            given.iter().map(|text| addresses.pseudonym(text.parse().unwrap()).to_string()).collect();
        let expected =
            ["240.0.0.1", "240.0.0.2", "240.0.1.1", "240.1.0.1", "10.0.0.1", "172.17.0.1", "fe80::1"];
        assert_eq!(shown, expected, "fe80::1 was not noted as one of the record's");
    }

    #[test]
    fn a_full_network_shares_pseudonyms_and_shows_no_original() {
        let mut addresses = Addresses::default();
        let all: Vec<IpAddr> = (0..=255).map(|last| Ipv4Addr::new(10, 0, 0, last).into()).collect();
        all.iter().copied().for_each(|address| addresses.note(address));
        let shown: HashSet<IpAddr> = all.iter().map(|address| addresses.pseudonym(*address)).collect();
        assert_eq!(shown.len(), 256);
        assert!(shown.iter().all(|address| kind(*address) == Kind::Private10));
    }
}
