//! A second host behind a site's router, kept apart from the first as guests of an access point are.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use crate::build::connect;
use crate::error::{Error, Result};
use crate::namespace::Namespace;
use crate::plan::Edge;
use crate::site::{Addresses, Site};

/// The last byte of its address; the first host's is the one before.
const NEIGHBOUR: u8 = 101;
/// Its interface on the router.
const DEVICE: &str = "lan2";

impl Site {
    /// Another host behind the same NAT, with an address of the same network, which no packet of the first host reaches by
    /// itself: the access point keeps its clients apart. By the router's public address they meet where it hairpins.
    ///
    /// Only behind a single NAT for IPv4, and once.
    pub fn neighbour(&self) -> Result<Self> {
        let (Edge::Nat(nat), [router]) = (&self.plan.edge, self.routers.as_slice()) else {
            return Err(Error::Plan("a neighbour takes a site behind one NAT".to_owned()));
        };
        let start = Instant::now();
        let host = Namespace::new()?;
        host.sysctl(&[("net/ipv6/conf/default/disable_ipv6", "1"), ("net/ipv4/icmp_ratelimit", "0")])?;
        connect((router, DEVICE), (&host, "eth0"))?;
        let (address, gateway) = (self.plot.lan_v4(NEIGHBOUR), self.plot.lan_v4(1));
        // The router answers for its own address on every interface, and for nobody else's.
        router.ip(&format!("route add {address}/32 dev {DEVICE}\n"))?;
        host.ip(&format!("addr add {address}/24 dev eth0\nroute add default via {gateway}\n"))?;
        let (wan, lan) = (self.plot.wan_v4(), self.plot.lan_v4(0));
        let mut rules = format!(
            "insert rule inet filter forward iifname \"{DEVICE}\" jump egress\n\
             insert rule ip nat post oifname \"{DEVICE}\" ip saddr != {lan}/24 accept\n"
        );
        if nat.hairpin {
            // Writing to a string does not fail.
            let _ = writeln!(
                rules,
                "add rule ip nat pre iifname \"{DEVICE}\" ip daddr {wan} dnat ip to udp dport map @local"
            );
        }
        router.nft(&rules)?;
        Ok(Self {
            plan: self.plan.clone(),
            plot: self.plot,
            host,
            routers: self.routers.clone(),
            addresses: Addresses { local_v4: vec![address], ..self.addresses.clone() },
            line: None,
            made_in: start.elapsed(),
            lab: Arc::clone(&self.lab),
        })
    }
}
