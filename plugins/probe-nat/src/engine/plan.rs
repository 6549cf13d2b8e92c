//! Which tests are begun when, and when nothing is left that could change a finding.
//!
//! A filtering test goes before, and apart from, all that opens a filter: on fresh sockets that only ever speak to one
//! address, and before any socket speaks to the server's other address. All that does not depend on one another runs
//! side by side.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Engine;
use super::server::{Capability, Server, capability, is_private};
use super::streams::Carrier;
use super::test::{Ask, Kind, SocketId, State, Test, TestId};
use crate::facts::{Filtering, Mapping, Udp};
use crate::verdict::{self, View};

/// Servers whose filtering tests begin at once, before it is known whether they can do them.
const BLIND: usize = 2;
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

/// What was begun.
#[derive(Debug, Default)]
pub(super) struct Plan {
    begun: bool,
    /// The two sockets that talk to all servers, per own address.
    shared: Vec<(IpAddr, [SocketId; 2])>,
    /// Servers whose mapping was asked, in that order.
    mapped: Vec<usize>,
    hairpin: bool,
    trace: bool,
    samples: bool,
    fallback: bool,
    second_port: bool,
}

impl Engine {
    /// The measurement's state, for the verdicts.
    pub fn view(&self) -> View<'_> {
        View { ipv6: self.ipv6, servers: &self.servers, tests: &self.tests, streams: &self.streams }
    }

    /// The first server with a second address.
    pub fn capable_server(&self) -> Option<&Server> {
        let place = self.udp_servers().find(|s| matches!(self.capable(*s), Capability::Capable(_)))?;
        self.servers.get(place)
    }

    /// The server that the waiting goes by where no other is concerned: the first in the list that answered.
    pub(super) fn lead(&self) -> Option<usize> {
        self.servers.iter().position(|server| server.pace.is_known())
    }

    pub(super) fn plan(&mut self) {
        if !self.plan.begun {
            self.plan.begun = true;
            self.begin_bindings();
            self.begin_streams_of_urls();
            let blind: Vec<usize> = self.udp_servers().take(BLIND).collect();
            blind.into_iter().for_each(|server| self.begin_filtering(server));
        }
        self.cull();
        self.follow_up_filtering();
        self.begin_mapping();
        self.begin_hairpin();
        self.begin_trace();
        self.begin_samples();
        self.begin_fallback();
        self.begin_second_port();
        self.begin_recheck();
    }

    fn udp_servers(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.servers.len()).filter(|server| self.servers[*server].target.carrier.is_none())
    }

    fn capable(&self, server: usize) -> Capability {
        capability(server, self.servers[server].address(), &self.tests)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Test> {
        self.tests.iter().filter(move |test| test.kind == kind)
    }

    fn shared_sockets(&mut self, source: IpAddr) -> [SocketId; 2] {
        if let Some((_, sockets)) = self.plan.shared.iter().find(|(own, _)| *own == source) {
            return *sockets;
        }
        let sockets = [self.open(source, None), self.open(source, None)];
        self.plan.shared.push((source, sockets));
        sockets
    }

    fn begin_bindings(&mut self) {
        for server in self.udp_servers().collect::<Vec<_>>() {
            let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
            for socket in self.shared_sockets(source) {
                self.begin(Kind::Binding(server), socket, address, Ask::PLAIN);
            }
        }
    }

    fn begin_streams_of_urls(&mut self) {
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

    fn begin_filtering(&mut self, server: usize) {
        let (address, source) = (self.servers[server].address(), self.servers[server].target.source);
        for ask in [Ask::BOTH, Ask::PORT] {
            for _ in 0..REPEATS {
                let socket = self.open(source, None);
                let test = self.begin(Kind::Filtering(server), socket, address, ask);
                self.begin_beside(test, server, address);
            }
        }
    }

    fn drop_tests(&mut self, unwanted: impl Fn(&Test) -> bool) {
        let ids: Vec<TestId> =
            self.tests.iter().filter(|test| test.is_asking() && unwanted(test)).map(|test| test.id).collect();
        ids.into_iter().for_each(|id| self.end(id, State::Dropped));
    }

    /// A server answered at the very port that its URI names.
    fn is_answered_as_configured(&self) -> bool {
        self.tests.iter().any(|test| matches!(test.kind, Kind::Binding(_)) && test.answer().is_some())
    }

    /// Stops asking for what is known already or cannot be known.
    fn cull(&mut self) {
        if self.plan.fallback && !self.plan.second_port && self.is_answered_as_configured() {
            // They were only slow. Should a second port be wanted later, it is asked for then.
            self.plan.fallback = false;
            self.drop_tests(|test| matches!(test.kind, Kind::SparePort(_) | Kind::ClosedPort(_)));
        }
        for server in 0..self.servers.len() {
            let kind = Kind::Filtering(server);
            let dead = self.of(Kind::Binding(server)).all(Test::is_silent);
            if dead || matches!(self.capable(server), Capability::Not(_)) {
                self.drop_tests(|test| test.kind == kind);
            }
            match verdict::filtering::opening(self.of(kind)) {
                Some(Filtering::EndpointIndependent) => self.drop_tests(|test| test.kind == kind),
                Some(_) => self.drop_tests(|test| test.kind == kind && test.ask == Ask::PORT),
                None => {}
            }
        }
        // One of the control questions is enough, and after address- and port-dependent mapping there is none.
        for server in self.plan.mapped.clone() {
            let mapping = verdict::mapping::of_server(&self.view(), server).value;
            let needless = |test: &Test| match mapping {
                Mapping::EndpointIndependent => test.ask == Ask::PORT,
                Mapping::AddressDependent => test.ask == Ask::BOTH,
                Mapping::AddressAndPortDependent => true,
                Mapping::Unknown => false,
            };
            self.drop_tests(|test| test.kind == Kind::Control(server) && needless(test));
            let shown = self.of(Kind::Control(server)).any(verdict::filtering::is_honoured);
            self.drop_tests(|test| test.kind == Kind::Control(server) && shown);
        }
    }

    /// A capable server beyond the first two, if those cannot tell.
    fn follow_up_filtering(&mut self) {
        let running = |server: usize| self.of(Kind::Filtering(server)).next().is_some();
        let hopeful = |server| {
            running(server)
                && !self.has_failed(server)
                && matches!(self.capable(server), Capability::Capable(_))
        };
        if self.udp_servers().any(hopeful) {
            return;
        }
        let next = self
            .udp_servers()
            .find(|server| !running(*server) && matches!(self.capable(*server), Capability::Capable(_)));
        if let Some(server) = next {
            self.begin_filtering(server);
        }
    }

    /// Its tests are over and the filter is still unknown.
    fn has_failed(&self, server: usize) -> bool {
        self.plan.mapped.contains(&server)
            && !self.tests.iter().any(|test| test.is_asking() && test.kind.server() == Some(server))
            && verdict::filtering::of_server(&self.view(), server).value == Filtering::Unknown
    }

    /// The server whose answers the report waits for.
    fn is_decided_by(&self, server: usize) -> bool {
        self.plan.mapped.contains(&server)
            && !self.has_failed(server)
            && ![Kind::Filtering(server), Kind::Mapping(server), Kind::Control(server)]
                .into_iter()
                .any(|kind| self.of(kind).any(Test::is_asking))
    }

    fn begin_mapping(&mut self) {
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
            if verdict::filtering::opening(self.of(Kind::Filtering(server)))
                != Some(Filtering::EndpointIndependent)
            {
                for ask in [Ask::BOTH, Ask::PORT] {
                    self.begin(Kind::Control(server), socket, address, ask);
                }
            }
        }
    }

    fn begin_hairpin(&mut self) {
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

    fn begin_trace(&mut self) {
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
    fn begin_samples(&mut self) {
        if self.plan.samples || verdict::translation::nat(&self.view()).value != Some(true) {
            return;
        }
        let sockets: BTreeSet<SocketId> = self
            .tests
            .iter()
            .filter(|test| test.mapped().is_some() || test.is_asking() && matches!(test.kind, Kind::Beside(_)))
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
    fn begin_fallback(&mut self) {
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
    fn begin_second_port(&mut self) {
        if self.plan.second_port || self.plan.fallback || self.may_still_answer() {
            return;
        }
        let Some(lead) = self.lead() else { return };
        let asked_elsewhere = self.plan.mapped.iter().any(|server| self.of(Kind::Mapping(*server)).next().is_some());
        if asked_elsewhere || verdict::udp::ports_that_work(&self.view()).len() > 1 {
            return;
        }
        self.plan.second_port = true;
        self.begin_spare_ports(lead);
    }

    /// A server whose own port is silent while another port of its host answers: is it that port? Asked once more, beside
    /// the port that answers.
    fn begin_recheck(&mut self) {
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

    /// A server may still turn out to be one that can tell more.
    fn may_still_answer(&self) -> bool {
        self.udp_servers().any(|server| match self.capable(server) {
            Capability::Unknown => self.of(Kind::Binding(server)).any(Test::is_asking),
            Capability::Capable(_) => !self.is_decided_by(server) && !self.has_failed(server),
            Capability::Not(_) => false,
        })
    }

    /// Nothing open could still change a finding.
    pub(super) fn is_complete(&self) -> bool {
        let decided = self.udp_servers().any(|server| self.is_decided_by(server));
        if !decided && self.may_still_answer() {
            return false;
        }
        let open = |test: &Test| {
            test.is_asking()
                && match test.kind {
                    // A server that answers later, or never, changes nothing any more.
                    Kind::Binding(_) => !decided && self.lead().is_none(),
                    Kind::Filtering(_) | Kind::Mapping(_) | Kind::Control(_) => !decided,
                    Kind::Hairpin
                    | Kind::Trace
                    | Kind::TraceSelf
                    | Kind::Sample(_)
                    | Kind::Recheck(_) => true,
                    Kind::SparePort(_) | Kind::ClosedPort(_) => {
                        !self.is_answered_as_configured()
                            || verdict::udp::ports_that_work(&self.view()).len() < 2
                    }
                    Kind::Beside(_) => false,
                }
        };
        if self.tests.iter().any(open) {
            return false;
        }
        // TCP is only asked for what UDP left open.
        self.streams.iter().all(|stream| stream.ended.is_some())
            || verdict::udp::overall(&self.view()).value != Udp::Unknown
            || self.lead().is_some()
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
