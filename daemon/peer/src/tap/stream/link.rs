//! One stream as a socket of the crate sees it: messages go in without waiting, and come out when they are there.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::super::path::{Direction, Protocol, Stamp};
use super::super::state::{Packet, State};
use super::super::stun::{self, Message, TransactionId};
use super::failure::Failure;
use super::{StreamServer, carry, frames, told};

/// Messages that wait for the stream to take them: about a second of video at 2 Mbit/s; more would only be late.
const OUTGOING: usize = 256;
/// Messages that wait for the crate; then the stream is not read.
const INCOMING: usize = 256;
/// Messages that wait for the stream to come up: the crate asks for an allocation and repeats that.
const WAITING: usize = 16;
/// Requests whose repetition is left out. TCP repeats by itself (RFC 8489 §6.2.2).
const ASKED: usize = 64;

/// Both ends of a stream that is up.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The daemon's.
    pub local: SocketAddr,
    /// The server's.
    pub remote: SocketAddr,
    /// TCP or TLS.
    pub protocol: Protocol,
}

/// A message that came.
#[derive(Debug)]
pub struct Arrived {
    /// When it was read.
    pub stamp: Stamp,
    /// The stream that it came by.
    pub ends: Ends,
    /// It.
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
enum Phase {
    /// With what is to be sent once it is up.
    Opening(Vec<Vec<u8>>),
    Open(Ends),
    Over(Failure),
}

/// What the crate's side of a stream and its task share.
#[derive(Debug)]
pub struct Shared {
    pub(super) state: Arc<State>,
    pub(super) server: StreamServer,
    /// The daemon's address that it goes out from.
    pub(super) from: IpAddr,
    /// The tap's number of it.
    socket: u64,
    phase: Mutex<Phase>,
    dropped: AtomicU64,
}

impl Shared {
    /// It is up: returns what has waited for it.
    pub(super) fn opened(&self, ends: Ends) -> Vec<Vec<u8>> {
        let mut phase = lock(&self.phase);
        let Phase::Opening(waiting) = std::mem::replace(&mut *phase, Phase::Open(ends)) else {
            return Vec::new();
        };
        // Under the lock: what the crate sends from now on is noted behind these.
        for message in &waiting {
            self.note(ends, Direction::Outbound, Stamp::sending(), message);
        }
        lock(&self.state.relays).up(self.socket, &self.server.url);
        waiting
    }

    /// It is over.
    pub(super) fn over(&self, failure: Failure) {
        *lock(&self.phase) = Phase::Over(failure);
        lock(&self.state.relays).down(self.socket);
        // The crate learns of it when it sends next, and it sends when its driver turns.
        self.state.kicks.request(1);
    }

    /// Whether another of the daemon's addresses reaches the server.
    pub(super) fn has_another_way(&self) -> bool {
        lock(&self.state.relays).reach(&self.server.url)
    }

    /// Messages dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    fn note(&self, ends: Ends, direction: Direction, stamp: Stamp, bytes: &[u8]) -> Vec<Vec<u8>> {
        let Ends { local, remote, protocol } = ends;
        self.state.pass(&Packet { direction, socket: self.socket, local, remote, protocol, stamp, bytes })
    }
}

/// A stream to one server from one of the daemon's addresses; ends with this.
#[derive(Debug)]
pub struct Link {
    /// Where the crate takes the server to be.
    pub nowhere: SocketAddr,
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Vec<u8>>,
    incoming: Mutex<mpsc::Receiver<Arrived>>,
    asked: Mutex<VecDeque<TransactionId>>,
    _gone: DropGuard,
}

impl Link {
    /// Begins to open a stream; what is sent meanwhile waits for it.
    pub fn open(
        state: &Arc<State>,
        server: &StreamServer,
        (from, nowhere): (IpAddr, SocketAddr),
        tasks: &TaskTracker,
    ) -> Self {
        let (outgoing, to_send) = mpsc::channel(OUTGOING);
        let (came, incoming) = mpsc::channel(INCOMING);
        let shared = Arc::new(Shared {
            socket: state.next_socket(),
            state: Arc::clone(state),
            server: server.clone(),
            from,
            phase: Mutex::new(Phase::Opening(Vec::new())),
            dropped: AtomicU64::new(0),
        });
        let gone = CancellationToken::new();
        tasks.spawn(carry::carry(Arc::clone(&shared), to_send, came, gone.clone()));
        Self {
            nowhere,
            shared,
            outgoing,
            incoming: Mutex::new(incoming),
            asked: Mutex::default(),
            _gone: gone.drop_guard(),
        }
    }

    /// Whether a message may begin a stream anew in the place of this one: it is over, and another allocation is asked for.
    /// What else comes late, repetitions included, belongs to what went with it.
    pub fn gives_way_to(&self, message: &[u8]) -> bool {
        let asks = |message: Message<'_>| {
            message.method == stun::method::ALLOCATE && !lock(&self.asked).contains(&message.transaction)
        };
        matches!(&*lock(&self.shared.phase), Phase::Over(_)) && Message::parse(message).is_some_and(asks)
    }

    /// Sends a message, or drops it as a full socket would. An error once the stream is over.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        let mut phase = lock(&self.shared.phase);
        match &mut *phase {
            Phase::Over(failure) => Err(io::Error::new(io::ErrorKind::NotConnected, failure.text.clone())),
            _ if self.is_repetition(message) => Ok(()),
            Phase::Opening(waiting) => {
                if waiting.len() < WAITING {
                    waiting.push(frames::padded(message));
                }
                Ok(())
            }
            Phase::Open(ends) => {
                let ends = *ends;
                drop(phase);
                let stamp = Stamp::sending();
                if self.outgoing.try_send(frames::padded(message)).is_ok() {
                    self.shared.note(ends, Direction::Outbound, stamp, message);
                } else if self.shared.dropped.fetch_add(1, Relaxed) == 0 {
                    let state = &self.shared.state;
                    state.sink.send(told::congested(state.scope, &self.shared.server, ends.remote));
                }
                Ok(())
            }
        }
    }

    /// Whether a message is a request that was sent before.
    fn is_repetition(&self, message: &[u8]) -> bool {
        let Some(message) = Message::parse(message).filter(|message| message.class == stun::Class::Request)
        else {
            return false;
        };
        let mut asked = lock(&self.asked);
        if asked.contains(&message.transaction) {
            return true;
        }
        if asked.len() == ASKED {
            asked.pop_front();
        }
        asked.push_back(message.transaction);
        false
    }

    /// The next message that came. A probe's waker is not kept: the stream's reader would wake nobody.
    pub fn poll_recv(&self, cx: &mut Context<'_>, probe: bool) -> Poll<Arrived> {
        let mut incoming = lock(&self.incoming);
        if probe {
            return incoming.try_recv().map_or(Poll::Pending, Poll::Ready);
        }
        match incoming.poll_recv(cx) {
            Poll::Ready(Some(arrived)) => Poll::Ready(arrived),
            // Over: there will be none any more.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Takes note of a message that came, as it is given to the crate. Returns what the agent is to be given once more.
    pub fn received(&self, arrived: &Arrived) -> Vec<Vec<u8>> {
        self.shared.note(arrived.ends, Direction::Inbound, arrived.stamp, &arrived.bytes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use icescope_model::sink::EventSource;
    use icescope_model::{EventSink, SessionId};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::super::TapOptions;
    use super::super::super::stun::tests::build;
    use super::*;

    struct Rig {
        link: Link,
        server: TcpStream,
        events: EventSource,
        tasks: TaskTracker,
    }

    /// A link to a listener of the test's, and a first message on it.
    async fn linked(first: &[u8]) -> Rig {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sink, events) = EventSink::new(100);
        let state = Arc::new(State::new(TapOptions {
            session: SessionId::random(),
            sink,
            stun_servers: Vec::new(),
            turn_servers: Vec::new(),
            shared: None,
            local_ufrag: String::new(),
            hold_nomination: true,
        }));
        let server = StreamServer {
            url: "turn:t?transport=tcp".into(),
            host: address.ip().to_string(),
            port: address.port(),
            tls: None,
        };
        let tasks = TaskTracker::new();
        let ends = (address.ip(), "192.0.0.8:1".parse().unwrap());
        let link = Link::open(&state, &server, ends, &tasks);
        link.send(first).unwrap();
        let server = listener.accept().await.unwrap().0;
        Rig { link, server, events, tasks }
    }

    async fn soon<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), future).await.expect("it comes")
    }

    #[tokio::test]
    async fn a_request_goes_out_once_however_often_it_is_repeated() {
        let (first, second) = (build(0x0003, [1; 12], &[]), build(0x0003, [2; 12], &[]));
        let mut rig = linked(&first).await;
        for message in [&first, &first, &second, &second] {
            rig.link.send(message).unwrap();
        }
        // An indication is not answered: whoever repeats it means it.
        let indication = build(0x0016, [3; 12], &[]);
        rig.link.send(&indication).unwrap();
        rig.link.send(&indication).unwrap();
        let expected = [&first[..], &second, &indication, &indication].concat();
        let mut got = vec![0; expected.len()];
        soon(rig.server.read_exact(&mut got)).await.unwrap();
        assert_eq!(got, expected);
        // The end comes behind all that was sent, and nothing is left running.
        drop(rig.link);
        assert_eq!(soon(rig.server.read(&mut got)).await.unwrap(), 0);
        rig.tasks.close();
        soon(rig.tasks.wait()).await;
    }

    #[tokio::test]
    async fn a_server_that_goes_away_is_told_and_what_is_sent_then_fails() {
        let first = build(0x0003, [1; 12], &[]);
        let mut rig = linked(&first).await;
        let answer = build(0x0113, [1; 12], &[]);
        rig.server.write_all(&answer).await.unwrap();
        let arrived = soon(std::future::poll_fn(|cx| rig.link.poll_recv(cx, false))).await;
        assert_eq!((arrived.bytes, arrived.ends.protocol), (answer, Protocol::Tcp));
        drop(rig.server);
        let closed = soon(async {
            loop {
                let event = rig.events.next().await.unwrap();
                if event.kind == "turn.tcp.closed" {
                    return event;
                }
            }
        })
        .await;
        // It had not read the request: the kernel resets then.
        assert!(["closed", "reset"].contains(&closed.attributes["cause"].as_str().unwrap()), "{closed:?}");
        rig.tasks.close();
        soon(rig.tasks.wait()).await;
        let error = rig.link.send(&first).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        let [another, refresh] = [0x0003, 0x0004].map(|kind| build(kind, [2; 12], &[]));
        assert!(rig.link.gives_way_to(&another));
        assert!(!rig.link.gives_way_to(&first) && !rig.link.gives_way_to(&refresh));
    }

    #[tokio::test]
    async fn a_stream_that_takes_nothing_drops_what_is_too_much_and_says_so_once() {
        let mut rig = linked(&build(0x0003, [1; 12], &[])).await;
        let mut payload = vec![0x40, 0, 0x10, 0];
        payload.resize(4 + 0x1000, 7);
        let congested = soon(async {
            loop {
                rig.link.send(&payload).unwrap();
                if let Some(event) = rig.events.try_next()
                    && event.kind == "turn.tcp.congested"
                {
                    return event;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(congested.attributes["url"], "turn:t?transport=tcp");
        let before = rig.link.shared.dropped();
        for _ in 0..2 * OUTGOING {
            rig.link.send(&payload).unwrap();
        }
        assert!(rig.link.shared.dropped() > before);
        assert!(std::iter::from_fn(|| rig.events.try_next()).all(|event| event.kind != "turn.tcp.congested"));
    }
}
