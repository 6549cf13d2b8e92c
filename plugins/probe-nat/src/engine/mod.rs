//! What to ask next, and when enough was heard. It opens no socket and reads no clock: times are what the caller says,
//! counted from the start of the run.

mod begin;
pub mod pace;
mod plan;
mod schedule;
pub mod server;
pub mod streams;
pub mod test;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pace::Pace;
use server::{Server, Target};
use streams::{Carrier, Stream, StreamEnd};
use test::{Ask, Attempt, Heard, Icmp, Kind, SocketId, State, Test, TestId};

/// What the shell has to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Open a UDP socket on this address, any port; tell by [`Engine::opened`].
    Open {
        /// Its number.
        socket: SocketId,
        /// The local address.
        source: IpAddr,
        /// The TTL or hop limit, if not the usual one.
        ttl: Option<u8>,
        /// On a port that no socket without this mark is ever given: holes that others left open in the NAT, in this
        /// run or an earlier one, must not be seen by it.
        apart: bool,
    },
    /// Send a Binding request.
    Send {
        /// Which.
        attempt: Attempt,
        /// From where.
        socket: SocketId,
        /// To where.
        to: SocketAddr,
        /// What it asks for.
        ask: Ask,
    },
    /// Try a TCP or TLS connection; tell by [`Engine::stream`].
    Connect {
        /// Its number.
        stream: usize,
        /// To where.
        to: SocketAddr,
        /// TCP or TLS.
        carrier: Carrier,
        /// Of which server.
        server: usize,
    },
    /// A test came to its end: to be told to the host.
    Settled(TestId),
}

/// One run for one address family.
#[derive(Debug)]
pub struct Engine {
    ipv6: bool,
    limit: Duration,
    servers: Vec<Server>,
    sockets: Vec<Option<SocketAddr>>,
    tests: Vec<Test>,
    streams: Vec<Stream>,
    outputs: VecDeque<Output>,
    plan: plan::Plan,
    now: Duration,
    done: bool,
}

impl Engine {
    /// A run over `servers`, which ends at `limit` whatever is still unknown then.
    pub fn new(ipv6: bool, targets: Vec<Target>, limit: Duration) -> Self {
        Self {
            ipv6,
            limit,
            servers: targets.into_iter().map(Server::new).collect(),
            sockets: Vec::new(),
            tests: Vec::new(),
            streams: Vec::new(),
            outputs: VecDeque::new(),
            plan: plan::Plan::default(),
            now: Duration::ZERO,
            done: false,
        }
    }

    /// Whether it is about IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// The servers, with what is known of them.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// All tests so far.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// All attempts over TCP and TLS.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// The time of the last call.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Nothing that could still change a finding is open.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The shell opened a socket, or could not.
    pub fn opened(&mut self, socket: SocketId, local: Result<SocketAddr, String>) {
        match local {
            Ok(local) => {
                self.sockets[socket] = Some(local);
                for test in self.tests.iter_mut().filter(|test| test.socket == socket) {
                    test.local = local;
                }
            }
            Err(why) => {
                for test in self.tests.iter_mut().filter(|test| test.socket == socket) {
                    test.unsent = Some(why.clone());
                    test.state = State::Dropped;
                }
            }
        }
    }

    /// Something came in that carries the transaction id of an attempt.
    pub fn heard(&mut self, attempt: Attempt, heard: Heard) {
        self.now = self.now.max(heard.at);
        let Some(test) = self.tests.get_mut(attempt.test) else { return };
        let Some(sent) = test.sent.get(attempt.number).copied() else { return };
        // Only a request of our own that came back may arrive on another socket than it left from.
        if heard.answer.is_some() && heard.socket != test.socket {
            return;
        }
        let round_trip = heard.at.saturating_sub(sent);
        let came_straight = heard.source == test.to && heard.answer.is_some();
        let kind = test.kind;
        let duplicate =
            test.heard.iter().any(|old| old.attempt == heard.attempt && old.source == heard.source);
        if duplicate {
            return;
        }
        test.heard.push(heard);
        if let (Some(server), true) = (kind.server(), came_straight) {
            self.servers[server].pace.measured(round_trip);
        }
        self.settle_answered(attempt.test);
    }

    /// An ICMP message on an attempt; `number` is `None` if the message quoted too little.
    pub fn icmp(&mut self, test: TestId, icmp: Icmp) {
        self.now = self.now.max(icmp.at);
        let Some(test) = self.tests.get_mut(test) else { return };
        // A bound: a router that answers every packet does not need a list.
        if test.icmp.len() < 8 {
            test.icmp.push(icmp);
        }
        if matches!(test.kind, Kind::Trace | Kind::ClosedPort(_)) {
            let id = test.id;
            self.end(id, State::Answered);
        }
    }

    /// The system refused to send.
    pub fn unsent(&mut self, test: TestId, why: String) {
        if let Some(test) = self.tests.get_mut(test) {
            test.unsent = Some(why);
        }
    }

    /// An attempt over TCP or TLS came to its end.
    pub fn stream(&mut self, stream: usize, end: StreamEnd, at: Duration) {
        self.now = self.now.max(at);
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.ended = Some((at, end));
        }
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Duration) -> Vec<Output> {
        self.now = self.now.max(now);
        if !self.done {
            self.settle();
            self.plan();
            self.send_due();
            self.done = self.is_complete() || self.now >= self.limit;
        }
        self.outputs.drain(..).collect()
    }

    fn open(&mut self, source: IpAddr, ttl: Option<u8>) -> SocketId {
        self.open_at(source, ttl, false)
    }

    fn open_apart(&mut self, source: IpAddr) -> SocketId {
        self.open_at(source, None, true)
    }

    fn open_at(&mut self, source: IpAddr, ttl: Option<u8>, apart: bool) -> SocketId {
        let socket = self.sockets.len();
        self.sockets.push(None);
        self.outputs.push_back(Output::Open { socket, source, ttl, apart });
        socket
    }

    fn begin(&mut self, kind: Kind, socket: SocketId, to: SocketAddr, ask: Ask) -> TestId {
        let id = self.tests.len();
        let unspecified: IpAddr = if self.ipv6 { IpAddr::from([0_u16; 8]) } else { IpAddr::from([0_u8; 4]) };
        self.tests.push(Test {
            id,
            kind,
            socket,
            local: self.sockets[socket].unwrap_or_else(|| SocketAddr::new(unspecified, 0)),
            to,
            ask,
            ttl: None,
            beside: None,
            begun: self.now,
            sent: Vec::new(),
            heard: Vec::new(),
            icmp: Vec::new(),
            unsent: None,
            state: State::Asking,
        });
        id
    }

    fn connect(&mut self, server: usize, to: SocketAddr, carrier: Carrier) {
        let stream = self.streams.len();
        self.streams.push(Stream { server, to, carrier, begun: self.now, ended: None });
        self.outputs.push_back(Output::Connect { stream, to, carrier, server });
    }

    fn end(&mut self, test: TestId, state: State) {
        let test = &mut self.tests[test];
        if test.state == State::Asking {
            test.state = state;
            let (id, beside) = (test.id, test.beside);
            self.outputs.push_back(Output::Settled(id));
            if let Some(beside) = beside {
                self.end(beside, State::Answered);
            }
        }
    }

    /// The way that a test's waiting goes by: its server's, else the one to the server that answered first.
    fn pace_of(&self, test: &Test) -> &Pace {
        let server = test.kind.server().or_else(|| self.lead()).unwrap_or(0);
        &self.servers[server].pace
    }
}

impl Kind {
    /// The server that it asks.
    pub fn server(self) -> Option<usize> {
        match self {
            Self::Binding(server)
            | Self::Filtering(server)
            | Self::Beside(server)
            | Self::Mapping(server)
            | Self::Control(server)
            | Self::SparePort(server)
            | Self::Sample(server)
            | Self::Recheck(server)
            | Self::ClosedPort(server) => Some(server),
            Self::Hairpin | Self::Trace | Self::TraceSelf => None,
        }
    }
}
