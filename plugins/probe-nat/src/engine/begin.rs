//! How each test is begun: which sockets, which destinations.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Engine;
use super::server::{Capability, is_private};
use super::streams::Carrier;
use super::test::{Ask, Kind, SocketId, State, Test, TestId};
use crate::verdict::filtering::Said;
use crate::verdict::{self, View};

/// Fresh sockets for each filtering question.
const REPEATS: usize = 2;
/// Fresh sockets whose ports are looked at together.
const SAMPLES: usize = 6;
/// When nothing has answered for so long, other ports and transports are tried as well.
const FALLBACK_AFTER: Duration = Duration::from_millis(300);
/// Hosts of which other ports and transports are tried.
const FALLBACK_HOSTS: usize = 4;
/// Where STUN is often served, and what firewalls often let through.
const SPARE_PORTS: [u16; 4] = [3478, 19302, 53, 443];
/// TLS ports beside a server's own.
const TLS_PORTS: [u16; 2] = [443, 5349];
/// A port that nothing listens on: the end of the dynamic range is seldom given out.
const CLOSED_PORT: u16 = 65_353;
/// Discard (RFC 863): no NAT maps it for an inside host, so only the router itself is asked.
const SELF_PORT: u16 = 9;
/// The trace to the server begins when the one to the own address has been sent.
const TRACE_LATER: Duration = Duration::from_millis(150);
/// The first routers on the way: carriers translate within them.
const TRACE_HOPS: u8 = 5;

impl Engine {
    fn shared_sockets(&mut self, source: IpAddr) -> [SocketId; 2] {
        if let Some((_, sockets)) = self.plan.shared.iter().find(|(own, _)| *own == source) {
            return *sockets;
        }
        let sockets = [self.open(source, None), self.open(source, None)];
        self.plan.shared.push((source, sockets));
        sockets
    }

    pub(super) fn begin_bindings(&mut self) {
        for server in self.udp_servers().collect::<Vec<_>>() {
            let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
            for socket in self.shared_sockets(source) {
                self.begin(Kind::Binding(server), socket, address, Ask::PLAIN);
            }
        }
    }

    pub(super) fn begin_streams_of_urls(&mut self) {
        for server in 0..self.servers.len() {
            if let Some(carrier) = self.servers[server].target.carrier {
                self.connect(server, self.servers[server].address(), carrier);
            }
        }
    }

    /// A plain request to where answers come from, beside each request of a test whose silence is to count.
    fn begin_beside(&mut self, test: TestId, server: usize, to: SocketAddr) {
        let beside = self.begin(Kind::Beside(server), self.tests[test].socket, to, Ask::PLAIN);
        self.tests[test].beside = Some(beside);
    }

    pub(super) fn begin_filtering(&mut self, server: usize) {
        for ask in [Ask::BOTH, Ask::PORT] {
            self.begin_question(server, ask);
        }
    }

    /// One question to the filter, from fresh sockets.
    pub(super) fn begin_question(&mut self, server: usize, ask: Ask) {
        let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
        for _ in 0..REPEATS {
            let socket = self.open_apart(source);
            let test = self.begin(Kind::Filtering(server), socket, address, ask);
            self.begin_beside(test, server, address);
        }
    }

    pub(super) fn begin_mapping(&mut self) {
        if self.plan.mapped.iter().any(|server| !self.has_failed(*server)) {
            return;
        }
        let ready = self.udp_servers().find(|server| {
            !self.plan.mapped.contains(server)
                && self.of(Kind::Filtering(*server)).next().is_some()
                && !self.of(Kind::Filtering(*server)).any(Test::is_asking)
                && matches!(self.capable(*server), Capability::Capable(_))
        });
        let Some(server) = ready else { return };
        let Capability::Capable(other) = self.capable(server) else { return };
        self.plan.mapped.push(server);
        let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
        for _ in 0..REPEATS {
            let socket = self.open(source, None);
            // RFC 5780 §4.3 asks three of them one after another; the fourth tells more, and together they take one
            // round trip. Silence of one counts only beside answers of the address that is known to work.
            self.begin(Kind::Mapping(server), socket, address, Ask::PLAIN);
            for to in [
                SocketAddr::new(address.ip(), other.port()),
                SocketAddr::new(other.ip(), address.port()),
                other,
            ] {
                let test = self.begin(Kind::Mapping(server), socket, to, Ask::PLAIN);
                self.begin_beside(test, server, address);
            }
            if verdict::filtering::said(self.of(Kind::Filtering(server)), Ask::BOTH) != Said::Yes {
                for ask in [Ask::BOTH, Ask::PORT] {
                    self.begin(Kind::Control(server), socket, address, ask);
                }
            }
        }
    }

    pub(super) fn begin_hairpin(&mut self) {
        if self.plan.hairpin || verdict::translation::nat(&self.view()).value != Some(true) {
            return;
        }
        let pairs = self.plan.shared.clone();
        for (_, [first, second]) in pairs {
            let view = self.view();
            let (Some(to_first), Some(to_second)) = (view.public_of(first), view.public_of(second)) else {
                continue;
            };
            let Some(lead) = self.lead() else { return };
            let works = verdict::udp::destinations_that_work(&self.view());
            let at_lead = works.iter().find(|to| to.ip() == self.servers[lead].address().ip()).copied();
            let Some(at_lead) = at_lead else { return };
            self.plan.hairpin = true;
            for (socket, to) in [(second, to_first), (first, to_second)] {
                let test = self.begin(Kind::Hairpin, socket, to, Ask::PLAIN);
                self.begin_beside(test, lead, at_lead);
            }
            return;
        }
    }

    pub(super) fn begin_trace(&mut self) {
        if self.plan.trace || self.ipv6 || verdict::translation::nat(&self.view()).value != Some(true) {
            return;
        }
        let Some((server, public)) = verdict::translation::public(&self.view()) else { return };
        self.plan.trace = true;
        let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
        // First towards the own public address: the router answers few of them, and must still have some left then.
        let mut trace = |kind, ttl, to, later| {
            let socket = self.open(source, Some(ttl));
            let test = self.begin(kind, socket, to, Ask::PLAIN);
            self.tests[test].ttl = Some(ttl);
            self.tests[test].begun += later;
        };
        trace(Kind::TraceSelf, 1, SocketAddr::new(public.ip(), SELF_PORT), Duration::ZERO);
        for ttl in 1..=TRACE_HOPS {
            trace(Kind::Trace, ttl, address, TRACE_LATER);
        }
    }

    /// More fresh sockets, where the other tests use too few to see an order in the ports that they get.
    pub(super) fn begin_samples(&mut self) {
        if self.plan.samples || verdict::translation::nat(&self.view()).value != Some(true) {
            return;
        }
        let sockets: BTreeSet<SocketId> = self
            .tests
            .iter()
            .filter(|test| {
                test.mapped().is_some() || test.is_asking() && matches!(test.kind, Kind::Beside(_))
            })
            .map(|test| test.socket)
            .collect();
        let Some(works) = self.view().mappings().first().map(|test| (test.kind, test.to)) else { return };
        if let (Some(server), true) = (works.0.server(), sockets.len() < SAMPLES) {
            self.plan.samples = true;
            let source = self.servers[server].target.source;
            for _ in sockets.len()..SAMPLES {
                let socket = self.open(source, None);
                self.begin(Kind::Sample(server), socket, works.1, Ask::PLAIN);
            }
        }
    }

    /// Other ports and transports, when UDP as configured brings nothing.
    pub(super) fn begin_fallback(&mut self) {
        let refused = self.udp_servers().next().is_some()
            && self.udp_servers().all(|s| self.of(Kind::Binding(s)).any(|test| !test.icmp.is_empty()));
        let late = self.now >= FALLBACK_AFTER || refused;
        if self.plan.fallback || !late || self.lead().is_some() {
            return;
        }
        self.plan.fallback = true;
        for server in self.first_of_each_host() {
            self.begin_spare_ports(server);
            let address = self.servers[server].address();
            let mut ports = BTreeSet::from([(address.port(), Carrier::Tcp), (443, Carrier::Tcp)]);
            ports.extend(TLS_PORTS.map(|port| (port, Carrier::Tls)));
            for (port, carrier) in ports {
                let to = SocketAddr::new(address.ip(), port);
                if !self.streams.iter().any(|stream| stream.to == to && stream.carrier == carrier) {
                    self.connect(server, to, carrier);
                }
            }
        }
    }

    fn first_of_each_host(&self) -> Vec<usize> {
        let mut hosts = BTreeSet::new();
        (0..self.servers.len())
            .filter(|server| hosts.insert(self.servers[*server].address().ip()))
            .take(FALLBACK_HOSTS)
            .collect()
    }

    fn begin_spare_ports(&mut self, server: usize) {
        let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
        let sockets = self.shared_sockets(source);
        for port in SPARE_PORTS {
            let to = SocketAddr::new(address.ip(), port);
            let is_asked = |test: &Test| {
                test.to == to && test.ask == Ask::PLAIN && test.ttl.is_none() && test.state != State::Dropped
            };
            if !self.tests.iter().any(is_asked) {
                for socket in sockets {
                    self.begin(Kind::SparePort(server), socket, to, Ask::PLAIN);
                }
            }
        }
        let socket = self.open(source, None);
        self.begin(Kind::ClosedPort(server), socket, SocketAddr::new(address.ip(), CLOSED_PORT), Ask::PLAIN);
    }

    /// UDP to one port says little of others: a second one is looked for where no server has shown one.
    pub(super) fn begin_second_port(&mut self) {
        if self.plan.second_port || self.plan.fallback || self.may_still_answer() {
            return;
        }
        let Some(lead) = self.lead() else { return };
        let asked_elsewhere =
            self.plan.mapped.iter().any(|server| self.of(Kind::Mapping(*server)).next().is_some());
        if asked_elsewhere || verdict::udp::ports_that_work(&self.view()).len() > 1 {
            return;
        }
        self.plan.second_port = true;
        self.begin_spare_ports(lead);
    }

    /// A server whose own port is silent while another port of its host answers: is it that port? Asked once more, beside
    /// the port that answers.
    pub(super) fn begin_recheck(&mut self) {
        let works = verdict::udp::destinations_that_work(&self.view());
        for server in self.udp_servers().collect::<Vec<_>>() {
            let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
            let beside = works.iter().find(|to| to.ip() == address.ip() && to.port() != address.port());
            let Some(beside) = beside.copied() else { continue };
            if works.contains(&address) || self.of(Kind::Recheck(server)).next().is_some() {
                continue;
            }
            let socket = self.open(source, None);
            let test = self.begin(Kind::Recheck(server), socket, address, Ask::PLAIN);
            self.begin_beside(test, server, beside);
        }
    }
}

impl View<'_> {
    /// The mapped address of a shared socket, as the first server outside the site sees it.
    fn public_of(&self, socket: SocketId) -> Option<SocketAddr> {
        let seen = |test: &&Test| test.socket == socket && test.mapped().is_some();
        let tests = || self.tests.iter().filter(seen);
        let outside = tests().find(|test| !is_private(test.to.ip()));
        outside.or_else(|| tests().next()).and_then(Test::mapped)
    }
}
