//! A network for the engine: servers, a NAT, loss and delay, all in one thread and on a clock of its own.

pub mod nat;

use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use icescope_probe_nat::engine::server::Target;
use icescope_probe_nat::engine::streams::StreamEnd;
use icescope_probe_nat::engine::test::{Answer, Ask, Attempt, Heard, Icmp, IcmpKind};
use icescope_probe_nat::engine::{Engine, Output};

use nat::{Nat, Random};

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// RFC 5780 with a second address and port.
    Discovery,
    /// Says that it has a second address, and never answers from there.
    Liar,
    /// Answers requests for another source from its first address.
    Stubborn,
    /// Answers such requests from another port of its first address, and says it has only that.
    OneAddress,
    /// Answers plain requests from another address than the one that was asked.
    Crooked,
    /// Binding only; CHANGE-REQUEST is ignored.
    Plain,
    /// Nothing ever.
    Dead,
}

/// A server: its first address; the second one is 100 higher in the third octet, at the next port.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    /// Where it is.
    pub address: SocketAddr,
    /// What it does.
    pub manner: Manner,
}

impl Server {
    fn other(self) -> SocketAddr {
        let IpAddr::V4(v4) = self.address.ip() else { unreachable!("the simulation has IPv4 only") };
        let [a, b, c, d] = v4.octets();
        SocketAddr::new(IpAddr::from([a, b, c + 100, d]), self.address.port() + 1)
    }

    fn is_at(self, to: SocketAddr) -> bool {
        let both = [self.address, self.other()];
        let ports = both.map(|address| address.port());
        match self.manner {
            Manner::Discovery | Manner::Liar | Manner::Stubborn => {
                both.iter().any(|address| address.ip() == to.ip()) && ports.contains(&to.port())
            }
            Manner::OneAddress => self.address.ip() == to.ip() && ports.contains(&to.port()),
            Manner::Plain | Manner::Crooked => self.address == to,
            Manner::Dead => false,
        }
    }

    /// From where it answers, and what, to whom it sees as `mapped`.
    fn answer(self, to: SocketAddr, ask: Ask, mapped: SocketAddr) -> Option<(SocketAddr, Answer)> {
        let flip = |address: SocketAddr, ip: bool, port: bool| {
            let (first, second) = (self.address, self.other());
            let other_ip = if address.ip() == first.ip() { second.ip() } else { first.ip() };
            let other_port = if address.port() == first.port() { second.port() } else { first.port() };
            SocketAddr::new(
                if ip { other_ip } else { address.ip() },
                if port { other_port } else { address.port() },
            )
        };
        let changes = ask.change_address || ask.change_port;
        let mut answer = Answer { mapped: Some(mapped), origin: Some(to), ..Answer::default() };
        let source = match self.manner {
            Manner::Discovery => {
                answer.other = Some(flip(to, true, true));
                flip(to, ask.change_address, ask.change_port)
            }
            Manner::Liar => {
                answer.other = Some(flip(to, true, true));
                if changes {
                    return None;
                }
                to
            }
            Manner::Stubborn => {
                answer.other = Some(flip(to, true, true));
                to
            }
            Manner::OneAddress => {
                answer.other = Some(flip(to, false, true));
                flip(to, false, changes)
            }
            Manner::Crooked => flip(to, true, false),
            Manner::Plain => to,
            Manner::Dead => return None,
        };
        answer.origin =
            Some(source).filter(|_| self.manner != Manner::Crooked && self.manner != Manner::Plain);
        Some((source, answer))
    }
}

/// The way to the servers.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Each way.
    pub delay: Duration,
    /// Of 100 packets, each way.
    pub loss: u64,
    /// UDP does not come through at all.
    pub udp_blocked: bool,
    /// TCP is answered by servers that live.
    pub tcp: bool,
}

enum Arrival {
    Answer(Attempt, Heard),
    Icmp(Attempt, Icmp),
    Stream(usize, StreamEnd),
}

struct Due {
    at: Duration,
    order: usize,
    what: Arrival,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// One run.
pub struct World {
    servers: Vec<Server>,
    way: Way,
    nat: Nat,
    random: Random,
    sockets: Vec<(SocketAddr, Option<u8>)>,
    waiting: BinaryHeap<Due>,
    order: usize,
}

/// As the shell has it.
const STREAM_LIMIT: Duration = Duration::from_millis(2400);

/// The home's router, seen from inside.
const ROUTER: [u8; 4] = [192, 168, 1, 1];

impl World {
    /// Runs the engine to its end; gives it back, with the time it took.
    pub fn run(servers: &[Server], nat: Nat, way: Way, seed: u64) -> Engine {
        let source = nat.inside();
        let targets = servers.iter().map(|server| Target {
            url: format!("stun:{}", server.address),
            address: server.address,
            source,
            carrier: None,
        });
        let mut engine = Engine::new(false, targets.collect(), Duration::from_secs(10));
        let mut world = Self {
            servers: servers.to_vec(),
            way,
            nat,
            random: Random::new(seed),
            sockets: Vec::new(),
            waiting: BinaryHeap::new(),
            order: 0,
        };
        let mut now = Duration::ZERO;
        loop {
            for output in engine.poll(now) {
                world.perform(&mut engine, &output, now);
            }
            if engine.is_done() {
                return engine;
            }
            let wake = engine.wake();
            assert!(wake > now, "the engine wants to be called at a time that is past");
            match world.waiting.peek().map(|due| due.at) {
                Some(at) if at <= wake => {
                    now = at;
                    if let Some(due) = world.waiting.pop() {
                        deliver(&mut engine, due);
                    }
                }
                _ => now = wake,
            }
        }
    }

    fn perform(&mut self, engine: &mut Engine, output: &Output, now: Duration) {
        match *output {
            Output::Open { socket, source, ttl, .. } => {
                let local = SocketAddr::new(source, self.random.port());
                self.sockets.push((local, ttl));
                engine.opened(socket, Ok(local));
            }
            Output::Send { attempt, socket, to, ask } => self.send(attempt, socket, to, ask, now),
            Output::Connect { stream, to, .. } => {
                let alive = self.way.tcp && self.servers.iter().any(|server| server.is_at(to));
                let (end, after) = if alive {
                    (StreamEnd::Answered { mapped: None }, self.way.delay * 4)
                } else {
                    (StreamEnd::Failed("no answer".into()), STREAM_LIMIT)
                };
                self.later(now + after, Arrival::Stream(stream, end));
            }
            Output::Settled(_) => {}
        }
    }

    fn later(&mut self, at: Duration, what: Arrival) {
        self.order += 1;
        // Up to 2 ms of jitter.
        let jitter = Duration::from_micros(self.random.below(2000));
        self.waiting.push(Due { at: at + jitter, order: self.order, what });
    }

    fn is_lost(&mut self) -> bool {
        self.random.below(100) < self.way.loss
    }

    fn send(&mut self, attempt: Attempt, socket: usize, to: SocketAddr, ask: Ask, now: Duration) {
        let (local, ttl) = self.sockets[socket];
        if let Some(from) = ttl.and_then(|ttl| self.nat.hop(ttl, to)) {
            let icmp = Icmp { at: now, from: Some(from), kind: IcmpKind::TimeExceeded };
            return self.later(now, Arrival::Icmp(attempt, icmp));
        }
        if self.nat.public() == Some(to.ip()) {
            let Some((target, source)) = self.nat.hairpin(local, to, &mut self.random) else { return };
            let Some(socket) = self.sockets.iter().position(|(local, _)| *local == target) else { return };
            let heard = Heard { attempt: attempt.number, at: now, socket, source, answer: None };
            return self.later(now, Arrival::Answer(attempt, heard));
        }
        if self.way.udp_blocked {
            return;
        }
        let mapped = self.nat.outward(local, to, &mut self.random);
        if self.is_lost() {
            return;
        }
        let Some(server) = self.servers.iter().copied().find(|server| server.is_at(to)) else { return };
        let Some((source, answer)) = server.answer(to, ask, mapped) else { return };
        if self.is_lost() || !self.nat.lets_in(local, mapped, source) {
            return;
        }
        let at = now + self.way.delay * 2;
        let heard = Heard { attempt: attempt.number, at, socket, source, answer: Some(answer) };
        self.later(at, Arrival::Answer(attempt, heard));
    }
}

fn deliver(engine: &mut Engine, due: Due) {
    match due.what {
        Arrival::Answer(attempt, heard) => engine.heard(attempt, Heard { at: due.at, ..heard }),
        Arrival::Icmp(attempt, icmp) => engine.icmp(attempt.test, Icmp { at: due.at, ..icmp }),
        Arrival::Stream(stream, end) => engine.stream(stream, end, due.at),
    }
}

/// The routers on the way: the first is the home's.
pub fn router() -> IpAddr {
    IpAddr::from(ROUTER)
}
