//! How a site is put together: namespaces, the links between them, addresses, routes, rules.
//!
//! Names of interfaces: `eth0` on the host, `lan` and `wan` on a router, the plot's link on the internet's side.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::addresses::{GATEWAY_V4, GATEWAY_V6, Plot};
use crate::delay_line::DelayLine;
use crate::error::Result;
use crate::lab::{Lab, router_sysctls};
use crate::namespace::Namespace;
use crate::plan::{Edge, Egress, Filtering, Nat, Plan};
use crate::rules::{self, NatAddresses};
use crate::site::{Addresses, Site};

/// The last byte of a host's private address, and of its router's.
const HOST: u8 = 100;
const ROUTER: u8 = 1;

/// One end of a link: where, and how the interface is called there.
pub type End<'a> = (&'a Namespace, &'a str);

/// Lines for `ip -batch`.
#[derive(Default)]
struct Script(String);

impl Script {
    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

pub struct Builder {
    lab: Arc<Lab>,
    plot: Plot,
    plan: Plan,
    host: Namespace,
    line: Option<DelayLine>,
}

impl Builder {
    pub fn new(lab: Arc<Lab>, plot: Plot, plan: Plan) -> Result<Self> {
        let host = Namespace::new()?;
        host.sysctl(&[
            ("net/ipv6/conf/default/accept_dad", "0"),
            ("net/ipv4/icmp_ratelimit", "0"),
            ("net/ipv6/icmp/ratelimit", "0"),
            ("net/ipv6/conf/default/disable_ipv6", if plan.family.has_v6() { "0" } else { "1" }),
        ])?;
        Ok(Self { lab, plot, plan, host, line: None })
    }

    pub fn build(mut self) -> Result<Site> {
        let (routers, addresses) = match self.plan.edge.clone() {
            Edge::Public => (Vec::new(), self.public()?),
            Edge::Firewall(filtering) => {
                let (router, addresses) = self.firewall(filtering)?;
                (vec![router], addresses)
            }
            Edge::Nat(nat) => {
                let (router, addresses) = self.nat(&nat)?;
                (vec![router], addresses)
            }
            Edge::DoubleNat { carrier, home } => self.double_nat(&carrier, &home)?,
        };
        Ok(Site {
            plan: self.plan,
            plot: self.plot,
            host: self.host,
            routers,
            addresses,
            line: self.line,
            made_in: Duration::ZERO,
            lab: self.lab,
        })
    }

    fn public(&mut self) -> Result<Addresses> {
        let host = self.host.clone();
        let count = self.plan.addresses;
        let v4 = if self.plan.family.has_v4() { &self.plot.public_v4()[..count] } else { &[] };
        let v6 = if self.plan.family.has_v6() { &self.plot.public_v6()[..count] } else { &[] };
        self.access_line((&host, "eth0"), v4, v6, &[])?;
        Ok(Addresses {
            local_v4: v4.to_vec(),
            public_v4: v4.to_vec(),
            v6: v6.to_vec(),
            translators: Vec::new(),
        })
    }

    /// The host has the address that the router of a NAT would have; the router has one that nobody needs to know.
    fn firewall(&mut self, filtering: Filtering) -> Result<(Namespace, Addresses)> {
        let (plot, family) = (self.plot, self.plan.family);
        let router = new_router()?;
        let v4: Vec<Ipv4Addr> = family.has_v4().then_some(plot.wan_v4()).into_iter().collect();
        let [outer, _] = plot.public_v4();
        let wan_v4: &[Ipv4Addr] = if v4.is_empty() { &[] } else { &[outer] };
        router.nft(&rules::filter(&self.plan.egress, filtering))?;
        let v6 = self.v6_lan();
        self.access_line((&router, "wan"), wan_v4, &self.v6_wan(), &v4)?;
        connect((&router, "lan"), (&self.host, "eth0"))?;
        let (mut inside, mut outside) = (Script::default(), Script::default());
        for address in &v4 {
            inside.add(format_args!("addr add {address}/32 dev eth0"));
            inside.add(format_args!("route add default via {outer} dev eth0 onlink"));
            outside.add(format_args!("route add {address}/32 dev lan"));
        }
        self.add_v6_lan(&mut inside, &mut outside);
        router.ip(&outside.0)?;
        self.host.ip(&inside.0)?;
        Ok((router, Addresses { local_v4: v4.clone(), public_v4: v4, v6, translators: Vec::new() }))
    }

    fn nat(&mut self, nat: &Nat) -> Result<(Namespace, Addresses)> {
        let plot = self.plot;
        let wan = plot.wan_v4();
        let router = new_router()?;
        let egress = self.plan.egress.clone();
        translate(&router, nat, &egress, NatAddresses { wan, lan: plot.lan_v4(0) })?;
        self.access_line((&router, "wan"), &[wan], &self.v6_wan(), &[])?;
        connect((&router, "lan"), (&self.host, "eth0"))?;
        let (mut inside, mut outside) = (Script::default(), Script::default());
        self.add_v4_lan(&mut inside, &mut outside);
        self.add_v6_lan(&mut inside, &mut outside);
        router.ip(&outside.0)?;
        self.host.ip(&inside.0)?;
        let addresses = Addresses {
            local_v4: vec![plot.lan_v4(HOST)],
            public_v4: vec![wan],
            v6: self.v6_lan(),
            translators: vec![wan],
        };
        Ok((router, addresses))
    }

    fn double_nat(&mut self, carrier: &Nat, home: &Nat) -> Result<(Vec<Namespace>, Addresses)> {
        let plot = self.plot;
        let (public, between) = (plot.wan_v4(), plot.carrier_v4(HOST));
        let (outer, inner) = (new_router()?, new_router()?);
        translate(&outer, carrier, &Egress::All, NatAddresses { wan: public, lan: plot.carrier_v4(0) })?;
        translate(&inner, home, &self.plan.egress, NatAddresses { wan: between, lan: plot.lan_v4(0) })?;
        self.access_line((&outer, "wan"), &[public], &[], &[])?;
        connect((&outer, "lan"), (&inner, "wan"))?;
        connect((&inner, "lan"), (&self.host, "eth0"))?;
        let gateway = plot.carrier_v4(ROUTER);
        outer.ip(&format!("addr add {gateway}/24 dev lan\n"))?;
        let (mut inside, mut outside) = (Script::default(), Script::default());
        outside.add(format_args!("addr add {between}/24 dev wan\nroute add default via {gateway}"));
        self.add_v4_lan(&mut inside, &mut outside);
        inner.ip(&outside.0)?;
        self.host.ip(&inside.0)?;
        let addresses = Addresses {
            local_v4: vec![plot.lan_v4(HOST)],
            public_v4: vec![public],
            v6: Vec::new(),
            translators: vec![between, public],
        };
        Ok((vec![outer, inner], addresses))
    }

    /// The access line: `end` gets addresses and default routes; the internet learns what is there, and what is `behind`.
    fn access_line(
        &mut self,
        end: End<'_>,
        v4: &[Ipv4Addr],
        v6: &[Ipv6Addr],
        behind: &[Ipv4Addr],
    ) -> Result<()> {
        let (namespace, device) = end;
        let link = self.plot.link();
        let internet = self.lab.internet().clone();
        if self.plan.delay.is_zero() {
            connect(end, (&internet, &link))?;
        } else {
            self.line = Some(DelayLine::connect(end, (&internet, &link), self.plan.delay)?);
        }
        let (mut here, mut there) = (Script::default(), Script::default());
        there.add(format_args!("addr add {GATEWAY_V6}/64 dev {link} nodad"));
        for address in v4 {
            here.add(format_args!("addr add {address}/32 dev {device}"));
            there.add(format_args!("route add {address}/32 dev {link}"));
        }
        for (index, address) in v6.iter().enumerate() {
            // The first one is the source of what does not choose; the kernel would take the newest.
            let lifetime = if index == 0 { "" } else { " preferred_lft 0" };
            here.add(format_args!("addr add {address}/128 dev {device} nodad{lifetime}"));
            there.add(format_args!("route add {address}/128 dev {link}"));
        }
        if let Some(first) = v4.first() {
            here.add(format_args!("route add default via {GATEWAY_V4} dev {device} onlink src {first}"));
        }
        for address in behind {
            let via = v4.first().copied().unwrap_or(*address);
            there.add(format_args!("route add {address}/32 via {via} dev {link} onlink"));
        }
        if let Some(first) = v6.first() {
            here.add(format_args!("route add ::/0 via {GATEWAY_V6} dev {device} onlink"));
            if device == "wan" {
                there.add(format_args!("route add {}/64 via {first} dev {link} onlink", self.plot.lan_v6(0)));
            }
        }
        namespace.ip(&here.0)?;
        internet.ip(&there.0)
    }

    fn v6_wan(&self) -> Vec<Ipv6Addr> {
        self.plan.family.has_v6().then_some(self.plot.wan_v6()).into_iter().collect()
    }

    fn v6_lan(&self) -> Vec<Ipv6Addr> {
        self.plan.family.has_v6().then_some(self.plot.lan_v6(HOST.into())).into_iter().collect()
    }

    fn add_v4_lan(&self, inside: &mut Script, outside: &mut Script) {
        let (host, router) = (self.plot.lan_v4(HOST), self.plot.lan_v4(ROUTER));
        inside.add(format_args!("addr add {host}/24 dev eth0\nroute add default via {router}"));
        outside.add(format_args!("addr add {router}/24 dev lan"));
    }

    fn add_v6_lan(&self, inside: &mut Script, outside: &mut Script) {
        if !self.plan.family.has_v6() {
            return;
        }
        let (host, router) = (self.plot.lan_v6(HOST.into()), self.plot.lan_v6(ROUTER.into()));
        inside.add(format_args!("addr add {host}/64 dev eth0 nodad\nroute add ::/0 via {router}"));
        outside.add(format_args!("addr add {router}/64 dev lan nodad"));
    }
}

fn new_router() -> Result<Namespace> {
    let router = Namespace::new()?;
    router_sysctls(&router)?;
    Ok(router)
}

/// Makes a router a NAT.
fn translate(router: &Namespace, nat: &Nat, egress: &Egress, addresses: NatAddresses) -> Result<()> {
    // A NAT's wider filters work by translation; what is not translated passes an APDF firewall.
    router.nft(&(rules::filter(egress, Filtering::Apdf) + &rules::nat(nat, addresses)))?;
    // After the rules: they bring connection tracking, and so these parameters.
    let lifetime = nat.lifetime.as_secs().max(1).to_string();
    router.sysctl(&[
        ("net/netfilter/nf_conntrack_udp_timeout", &lifetime),
        ("net/netfilter/nf_conntrack_udp_timeout_stream", &lifetime),
    ])
}

/// A cable between two namespaces, both ends up.
pub fn connect((from, one): End<'_>, (to, other): End<'_>) -> Result<()> {
    from.ip(&format!(
        "link add {one} type veth peer name {other} netns {}\nlink set {one} up\n",
        to.path().display()
    ))?;
    to.ip(&format!("link set {other} up\n"))
}
