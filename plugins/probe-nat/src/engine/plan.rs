//! Which tests are begun when, and when nothing is left that could change a finding.
//!
//! A filtering test goes before, and apart from, all that opens a filter: on fresh sockets that only ever speak to one
//! address, and before any socket speaks to the server's other address. All that does not depend on one another runs
//! side by side.

use std::net::IpAddr;

use super::Engine;
use super::server::{Capability, Server, capability};
use super::test::{Ask, Kind, SocketId, State, Test, TestId};
use crate::facts::{Filtering, Mapping, Udp};
use crate::verdict::filtering::Said;
use crate::verdict::{self, View};

/// Servers whose filtering tests begin at once, before it is known whether they can do them.
const BLIND: usize = 2;

/// What was begun.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) begun: bool,
    /// The two sockets that talk to all servers, per own address.
    pub(super) shared: Vec<(IpAddr, [SocketId; 2])>,
    /// Servers whose mapping was asked, in that order.
    pub(super) mapped: Vec<usize>,
    pub(super) hairpin: bool,
    pub(super) trace: bool,
    pub(super) samples: bool,
    pub(super) fallback: bool,
    pub(super) second_port: bool,
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
            for server in blind {
                self.begin_filtering(server);
            }
        }
        self.cull();
        self.settle_disputes();
        self.follow_up_filtering();
        self.begin_mapping();
        self.begin_hairpin();
        self.begin_trace();
        self.begin_samples();
        self.begin_fallback();
        self.begin_second_port();
        self.begin_recheck();
    }

    pub(super) fn udp_servers(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.servers.len()).filter(|server| self.servers[*server].target.carrier.is_none())
    }

    pub(super) fn capable(&self, server: usize) -> Capability {
        capability(server, self.servers[server].address(), &self.tests)
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Test> {
        self.tests.iter().filter(move |test| test.kind == kind)
    }

    fn drop_tests(&mut self, unwanted: impl Fn(&Test) -> bool) {
        let ids: Vec<TestId> =
            self.tests.iter().filter(|test| test.is_asking() && unwanted(test)).map(|test| test.id).collect();
        for id in ids {
            self.end(id, State::Dropped);
        }
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
            if verdict::filtering::said(self.of(kind), Ask::BOTH) == Said::Yes {
                self.drop_tests(|test| test.kind == kind);
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

    /// More sockets where the first ones differ.
    fn settle_disputes(&mut self) {
        for server in self.udp_servers().collect::<Vec<_>>() {
            for ask in [Ask::BOTH, Ask::PORT] {
                if verdict::filtering::said(self.of(Kind::Filtering(server)), ask) == Said::Disputed {
                    self.begin_question(server, ask);
                }
            }
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
    pub(super) fn has_failed(&self, server: usize) -> bool {
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

    /// A server may still turn out to be one that can tell more.
    pub(super) fn may_still_answer(&self) -> bool {
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
                    Kind::Hairpin | Kind::Trace | Kind::TraceSelf | Kind::Sample(_) | Kind::Recheck(_) => {
                        true
                    }
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
