//! A host and what stands between it and the internet.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::addresses::Plot;
use crate::build::Builder;
use crate::delay_line::DelayLine;
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::namespace::Namespace;
use crate::plan::Plan;
use crate::rules;

/// A site of a lab. It is gone when this is dropped.
#[derive(Debug)]
pub struct Site {
    pub(crate) plan: Plan,
    pub(crate) plot: Plot,
    pub(crate) host: Namespace,
    /// From the internet inwards.
    pub(crate) routers: Vec<Namespace>,
    pub(crate) addresses: Addresses,
    pub(crate) line: Option<DelayLine>,
    pub(crate) made_in: Duration,
    pub(crate) lab: Arc<Lab>,
}

/// The addresses of a site's host.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// What the host's interface has.
    pub local_v4: Vec<Ipv4Addr>,
    /// What the internet sees of it.
    pub public_v4: Vec<Ipv4Addr>,
    /// What the host's interface has, link-local ones aside; IPv6 is not translated.
    pub v6: Vec<Ipv6Addr>,
    /// The outer addresses of its routers that translate, from the host outwards.
    pub translators: Vec<Ipv4Addr>,
}

impl Site {
    pub(crate) fn make(lab: Arc<Lab>, plot: Plot, plan: Plan) -> Result<Self> {
        if let Some(problem) = plan.problem() {
            return Err(Error::Plan(problem.to_owned()));
        }
        let start = Instant::now();
        let mut site = Builder::new(lab, plot, plan)?.build()?;
        if site.plan.loss > 0.0 {
            site.set_loss(site.plan.loss)?;
        }
        if let Some(rate) = site.plan.rate {
            site.set_rate(Some(rate))?;
        }
        site.made_in = start.elapsed();
        Ok(site)
    }

    /// What the site was to be like.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All its addresses.
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The host's own address: IPv4 where it has that.
    pub fn local_address(&self) -> IpAddr {
        self.first(&self.addresses.local_v4)
    }

    /// Its address as the internet sees it: IPv4 where it has that.
    pub fn public_address(&self) -> IpAddr {
        self.first(&self.addresses.public_v4)
    }

    fn first(&self, v4: &[Ipv4Addr]) -> IpAddr {
        let v6 = self.addresses.v6.first().copied().map(IpAddr::V6);
        v4.first().copied().map(IpAddr::V4).or(v6).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// The namespace of the host.
    pub const fn host(&self) -> &Namespace {
        &self.host
    }

    /// The namespaces of its routers, from the internet inwards.
    pub fn routers(&self) -> &[Namespace] {
        &self.routers
    }

    /// A command that will run on the host; see [`Namespace::command`].
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.host.command(program)
    }

    /// Runs `work` on a thread on the host; see [`Namespace::run`].
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        self.host.run(work)
    }

    /// How long it took to make it.
    pub const fn made_in(&self) -> Duration {
        self.made_in
    }

    /// Loses that many percent of the packets on the access line from now on, each way.
    pub fn set_loss(&self, percent: f64) -> Result<()> {
        self.lab.internet().nft(&rules::loss(&self.plot.link(), percent))
    }

    /// Holds the access line to that many bit/s from now on, each way; `None` lets go.
    pub fn set_rate(&self, bits_per_second: Option<u64>) -> Result<()> {
        let (outer, device) = match self.routers.first() {
            Some(router) => (router, "wan"),
            None => (&self.host, "eth0"),
        };
        for (namespace, device) in [(self.lab.internet(), self.plot.link().as_str()), (outer, device)] {
            match bits_per_second {
                // A bucket of two full packets at least, or of what passes in 5 ms; a queue of 50 ms, as an access line has.
                Some(rate) => {
                    let burst = (rate / 8 / 200).max(3_028);
                    namespace.tc(&format!(
                        "qdisc replace dev {device} root tbf rate {rate}bit burst {burst} latency 50ms"
                    ))?;
                }
                // What a veth has from the start; not an error where there is no rate to lift.
                None => namespace.tc(&format!("qdisc replace dev {device} root noqueue"))?,
            }
        }
        Ok(())
    }

    /// Changes the time that the access line takes, each way, of a site that was planned with one.
    pub fn set_delay(&self, delay: Duration) -> Result<()> {
        let line = self.line.as_ref().ok_or_else(|| {
            Error::Plan("a delay can only be changed where the plan has one from the start".to_owned())
        })?;
        line.set(delay);
        Ok(())
    }
}
