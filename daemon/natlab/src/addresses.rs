//! Who gets which address: by the number of the site in its lab, all from the ranges for documentation
//! (RFC 5737, RFC 3849) where they are public.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The internet's router as its neighbours and `traceroute` see it.
pub const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The same for IPv6: the next hop of everybody, on each link.
pub const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// The same for IPv6: the source of its ICMP messages.
pub const GATEWAY_V6_GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Numbers of sites: all but what the last byte of an address cannot be, and the gateway's.
pub const NUMBERS: std::ops::RangeInclusive<u8> = 2..=250;

/// The number that no site gets, so that nobody answers there.
const DEAD: u8 = 254;

/// The addresses of one site.
#[derive(Debug, Clone, Copy)]
pub struct Plot(u8);

impl Plot {
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Nobody's: packets to it vanish.
    pub const fn dead() -> (Ipv4Addr, Ipv6Addr) {
        (Ipv4Addr::new(192, 0, 2, DEAD), Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, DEAD as u16))
    }

    /// The interface of the site's link in the internet's namespace.
    pub fn link(self) -> String {
        format!("s{}", self.0)
    }

    /// A router's own at the internet, or a firewalled host's public one.
    pub const fn wan_v4(self) -> Ipv4Addr {
        Ipv4Addr::new(203, 0, 113, self.0)
    }

    /// A public host's, in networks that have nothing in common (RFC 5780 wants two addresses).
    pub const fn public_v4(self) -> [Ipv4Addr; 2] {
        [Ipv4Addr::new(192, 0, 2, self.0), Ipv4Addr::new(198, 51, 100, self.0)]
    }

    /// The same for IPv6.
    pub const fn public_v6(self) -> [Ipv6Addr; 2] {
        let last = self.0 as u16;
        [Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last), Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, last)]
    }

    /// A router's own at the internet.
    pub const fn wan_v6(self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 3, 0, 0, 0, 0, self.0 as u16)
    }

    /// The network behind the router, a /64, with the given last part.
    pub const fn lan_v6(self, last: u16) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0x100, self.0 as u16, 0, 0, 0, last)
    }

    /// The private network behind a NAT, a /24, with the given last part.
    pub const fn lan_v4(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, self.0, last)
    }

    /// The network between a carrier's NAT and a home's (RFC 6598), a /24, with the given last part.
    pub const fn carrier_v4(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(100, 64, self.0, last)
    }
}
