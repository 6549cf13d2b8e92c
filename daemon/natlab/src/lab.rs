//! The internet in one namespace, and the sites around it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::addresses::{self, GATEWAY_V4, GATEWAY_V6_GLOBAL, Plot};
use crate::error::{Error, Result};
use crate::namespace::Namespace;
use crate::plan::Plan;
use crate::servers::{Coturn, CoturnOptions, PlainStun};
use crate::site::Site;

/// An internet of its own: sites of one lab reach each other, and nothing else. Labs do not see each other.
///
/// Every site hangs on a link of its own at one router, which drops what is addressed to nobody.
#[derive(Debug)]
pub struct Lab {
    internet: Namespace,
    next: AtomicU8,
}

impl Lab {
    /// Makes an internet that nobody is on yet.
    pub fn new() -> Result<Arc<Self>> {
        let internet = Namespace::new()?;
        router_sysctls(&internet)?;
        internet.ip(&format!(
            "addr add {GATEWAY_V4}/32 dev lo\n\
             addr add {GATEWAY_V6_GLOBAL}/128 dev lo nodad\n\
             route add blackhole default\n\
             route add blackhole ::/0\n"
        ))?;
        Ok(Arc::new(Self { internet, next: AtomicU8::new(*addresses::NUMBERS.start()) }))
    }

    /// Makes a site: a host, and what stands between it and the internet.
    pub fn site(self: &Arc<Self>, plan: impl Into<Plan>) -> Result<Site> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if !addresses::NUMBERS.contains(&number) {
            self.next.store(u8::MAX, Ordering::Relaxed);
            return Err(Error::Plan(format!("a lab has room for {} sites", addresses::NUMBERS.len())));
        }
        Site::make(Arc::clone(self), Plot::new(number), plan.into())
    }

    /// A host for servers: public, IPv4 and IPv6, two addresses of each.
    pub fn server(self: &Arc<Self>) -> Result<Site> {
        self.site(Plan::server())
    }

    /// A coturn, on a host of its own.
    pub fn coturn(self: &Arc<Self>, options: &CoturnOptions) -> Result<Coturn> {
        Coturn::start(self.server()?, options)
    }

    /// A STUN server that knows nothing of RFC 5780, on a host of its own.
    pub fn plain_stun(self: &Arc<Self>) -> Result<PlainStun> {
        PlainStun::start(self.server()?)
    }

    /// An IPv4 and an IPv6 address that nobody has: no answer, no ICMP.
    pub const fn dead_addresses() -> (IpAddr, IpAddr) {
        let (v4, v6) = Plot::dead();
        (IpAddr::V4(v4), IpAddr::V6(v6))
    }

    /// The namespace of the internet's router.
    pub const fn internet(&self) -> &Namespace {
        &self.internet
    }
}

/// What every router of the lab needs from the kernel.
pub fn router_sysctls(namespace: &Namespace) -> Result<()> {
    namespace.sysctl(&[
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv4/conf/all/send_redirects", "0"),
        ("net/ipv4/conf/default/send_redirects", "0"),
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv4/conf/default/rp_filter", "0"),
        // ICMP errors are facts that probes are judged by: none may be held back for there were others.
        ("net/ipv4/icmp_ratelimit", "0"),
        ("net/ipv6/icmp/ratelimit", "0"),
        ("net/ipv6/conf/all/forwarding", "1"),
        ("net/ipv6/conf/default/forwarding", "1"),
        ("net/ipv6/conf/default/accept_dad", "0"),
    ])
}
