//! The shell around the engine: sockets, the clock, and the host that is told of every packet.

mod lifetime;
mod socket;
mod streams;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use icescope_probe_kit::clock;
use icescope_probe_kit::message::{Class, Message, Request, ResponsePortWidth, TransactionId};
use icescope_probe_kit::observe::{Direction, Path, Watch};
use icescope_probe_kit::url::Protocol;

pub use self::lifetime::lifetime;
pub use self::socket::source_towards;
use self::socket::{Refusal, Socket};
pub use self::streams::Streams;
use crate::engine::test::{Answer, Ask, Attempt, Heard, Icmp, SocketId, TestId};
use crate::engine::{Engine, Output};

/// One run's sockets.
struct Shell<'a> {
    engine: &'a mut Engine,
    start: Instant,
    sockets: Vec<Option<Socket>>,
    attempts: HashMap<TransactionId, Attempt>,
    watch: &'a dyn Watch,
}

/// Runs the engine to its end. `settled` hears of each test that came to its end.
pub async fn measure(
    engine: &mut Engine,
    streams: &Streams<'_>,
    watch: &dyn Watch,
    settled: &dyn Fn(&Engine, TestId),
) {
    let start = Instant::now();
    let mut shell = Shell { engine, start, sockets: Vec::new(), attempts: HashMap::new(), watch };
    let mut connecting = FuturesUnordered::new();
    loop {
        for output in shell.engine.poll(start.elapsed()) {
            match output {
                Output::Open { socket, source, ttl, apart } => {
                    let opened = if apart { Socket::open_apart(source) } else { Socket::open(source, ttl) };
                    shell.open(socket, opened);
                }
                Output::Send { attempt, socket, to, ask } => shell.send(attempt, socket, to, ask),
                Output::Connect { stream, to, carrier, server } => {
                    connecting
                        .push(async move { (stream, streams.attempt(server, to, carrier, watch).await) });
                }
                Output::Settled(test) => settled(shell.engine, test),
            }
        }
        if shell.engine.is_done() {
            return;
        }
        let sleep = tokio::time::sleep(shell.engine.wake().saturating_sub(start.elapsed()));
        tokio::select! {
            () = shell.readable() => {}
            () = sleep => {}
            Some((stream, end)) = connecting.next() => shell.engine.stream(stream, end, start.elapsed()),
        }
        // Before time is judged: what has arrived has arrived, also if this thread was late to look.
        shell.drain();
    }
}

impl Shell<'_> {
    fn open(&mut self, socket: SocketId, opened: std::io::Result<Socket>) {
        let local = opened.as_ref().map(Socket::local).map_err(|error| format!("no socket: {error}"));
        if self.sockets.len() <= socket {
            self.sockets.resize_with(socket + 1, || None);
        }
        self.sockets[socket] = opened.ok();
        self.engine.opened(socket, local);
    }

    fn send(&mut self, attempt: Attempt, socket: SocketId, to: SocketAddr, ask: Ask) {
        let Some(socket) = self.sockets.get(socket).and_then(Option::as_ref) else { return };
        let mut request = Request::binding();
        if ask.change_address || ask.change_port {
            request = request.change_request(ask.change_address, ask.change_port);
        }
        if let Some(port) = ask.response_port {
            request = request.response_port(port, ResponsePortWidth::Four);
        }
        let bytes = match request.encode() {
            Ok(bytes) => bytes,
            Err(error) => return self.engine.unsent(attempt.test, error.to_string()),
        };
        let at_ns = clock::now_ns();
        match socket.send(&bytes, to) {
            Ok(()) => {
                self.attempts.insert(request.transaction_id(), attempt);
                let path = Path { local: socket.local(), remote: to, protocol: Protocol::Udp };
                if let Ok(message) = Message::decode(&bytes) {
                    let number = u32::try_from(attempt.number + 1).unwrap_or(u32::MAX);
                    self.watch.message(Direction::Outbound, path, &message, number, at_ns);
                }
            }
            Err(error) => self.engine.unsent(attempt.test, format!("sending to {to} failed: {error}")),
        }
    }

    /// When any socket may have something.
    async fn readable(&self) {
        std::future::poll_fn(|context| {
            let mut any = std::task::Poll::Pending;
            for socket in self.sockets.iter().flatten() {
                if socket.poll_readable(context).is_ready() {
                    any = std::task::Poll::Ready(());
                }
            }
            any
        })
        .await;
    }

    fn drain(&mut self) {
        for id in 0..self.sockets.len() {
            while let Some((bytes, source)) = self.sockets[id].as_ref().and_then(Socket::receive) {
                self.received(id, &bytes, source);
            }
            while let Some(refusal) = self.sockets[id].as_ref().and_then(Socket::refusal) {
                self.refused(id, &refusal);
            }
        }
    }

    fn received(&mut self, socket: SocketId, bytes: &[u8], source: SocketAddr) {
        let (at, at_ns) = (self.start.elapsed(), clock::now_ns());
        let Ok(message) = Message::decode(bytes) else { return };
        let Some(attempt) = self.attempts.get(&message.transaction_id()).copied() else { return };
        if let Some(socket) = &self.sockets[socket] {
            let path = Path { local: socket.local(), remote: source, protocol: Protocol::Udp };
            self.watch.message(Direction::Inbound, path, &message, 0, at_ns);
        }
        let answer = match message.class() {
            Class::Request => None,
            Class::Success | Class::Error => Some(answer(&message)),
            Class::Indication => return,
        };
        self.engine.heard(attempt, Heard { attempt: attempt.number, at, socket, source, answer });
    }

    fn refused(&mut self, socket: SocketId, refusal: &Refusal) {
        let icmp = Icmp { at: self.start.elapsed(), from: refusal.from, kind: refusal.kind };
        // RFC 792 has routers quote 8 bytes of the payload only; many quote more, and then the transaction id is there.
        let id = refusal.quoted.get(8..20).and_then(|id| TransactionId::try_from(id).ok());
        let quoted = id.and_then(|id| self.attempts.get(&id)).map(|attempt| attempt.test);
        let test = quoted.or_else(|| {
            let mut tests = self.engine.tests().iter().rev();
            tests.find(|test| test.socket == socket && test.to == refusal.to).map(|test| test.id)
        });
        if let Some(test) = test {
            self.engine.icmp(test, icmp);
        }
    }
}

fn answer(message: &Message) -> Answer {
    Answer {
        mapped: message.mapped().map(|mapped| mapped.address),
        other: message.other_address(),
        origin: message.response_origin(),
        error: message.error().map(|error| (error.code, error.reason)),
    }
}

/// How long a connection over TCP or TLS may take, with its answer.
const STREAM_LIMIT: Duration = Duration::from_millis(2400);
