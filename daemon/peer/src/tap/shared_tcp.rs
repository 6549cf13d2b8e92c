//! One TCP port for the passive ICE-TCP candidates of all sessions (RFC 6544): a stream belongs to the session whose user
//! name fragment its first frame, a check, names.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use webrtc::runtime::AsyncTcpStream;

use super::fragments::Place;
use super::ports::{SharedPortError, bind_everywhere};
use super::stun::Message;

/// Streams whose first frame has not come, per address; anybody can open one.
const STRANGERS: usize = 128;
/// How long a stream may take to say whose it is: a browser sends its check at once.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// A check is some 100 bytes.
const LONGEST_CHECK: usize = 1_500;
/// Streams that wait for a session to take them.
const WAITING: usize = 16;
/// Pause after an error that is not one stream's, such as no more descriptors.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// The port that all sessions share.
#[derive(Debug)]
pub struct SharedTcpPort {
    port: u16,
    listeners: Vec<Arc<Listener>>,
    /// Ended when the last session and the daemon let go of the port.
    _tasks: Mutex<JoinSet<()>>,
}

impl SharedTcpPort {
    /// Opens the port on each address; 0 is any that is free on all. Needs a Tokio runtime, which serves it from then on.
    pub fn bind(addresses: &[IpAddr], port: u16) -> Result<Arc<Self>, SharedPortError> {
        let (port, bound) = bind_everywhere(addresses, port, bind_one, |address, port, source| {
            SharedPortError::BindTcp { address, port, source }
        })?;
        let (mut tasks, mut listeners) = (JoinSet::new(), Vec::new());
        for (local, listener) in bound {
            let shared =
                Arc::new(Listener { local, sessions: Mutex::default(), unclaimed: AtomicU64::new(0) });
            tasks.spawn(serve(listener, Arc::clone(&shared)));
            listeners.push(shared);
        }
        Ok(Arc::new(Self { port, listeners, _tasks: Mutex::new(tasks) }))
    }

    /// Its number.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses that it is open on.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.listeners.iter().map(|listener| listener.local.ip())
    }

    /// Streams so far that no session claimed.
    pub fn unclaimed(&self) -> u64 {
        self.listeners.iter().map(|listener| listener.unclaimed.load(Relaxed)).sum()
    }

    /// A place for a session at one local address.
    pub(super) fn attach(&self, address: IpAddr) -> Option<Arc<Door>> {
        let listener = self.listeners.iter().find(|listener| listener.local.ip() == address)?;
        Some(Arc::new(Door { listener: Arc::clone(listener), queue: Arc::default() }))
    }
}

fn bind_one(local: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let listener = StdListener::bind(local)?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?, TcpListener::from_std(listener)?))
}

#[derive(Debug)]
struct Listener {
    local: SocketAddr,
    sessions: Mutex<HashMap<String, Arc<Queue>>>,
    unclaimed: AtomicU64,
}

impl Listener {
    fn deliver(&self, accepted: Accepted) {
        let session = ufrag_of(&accepted.first).and_then(|ufrag| lock(&self.sessions).get(ufrag).cloned());
        let Some(queue) = session else {
            self.unclaimed.fetch_add(1, Relaxed);
            tracing::debug!(from = %accepted.peer, local = %self.local, "no session claims a stream on the shared TCP port");
            return;
        };
        let mut waiting = lock(&queue.streams);
        if waiting.len() < WAITING {
            waiting.push_back(accepted);
            drop(waiting);
            queue.came.notify_one();
        }
    }
}

/// The fragment of the agent that a first frame asks for.
fn ufrag_of(frame: &[u8]) -> Option<&str> {
    Message::parse(frame.get(2..)?).filter(Message::is_check)?.ufrags().map(|(own, _)| own)
}

/// Accepts streams until the port is dropped.
async fn serve(listener: TcpListener, shared: Arc<Listener>) {
    let mut strangers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if strangers.len() < STRANGERS => match accepted {
                Ok((stream, peer)) => {
                    strangers.spawn(tokio::time::timeout(INTRODUCTION, introduce(stream, peer)));
                }
                Err(error) => {
                    tracing::warn!(local = %shared.local, %error, "the shared TCP port cannot take a stream");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            },
            Some(introduced) = strangers.join_next() => match introduced {
                Ok(Ok(Ok(accepted))) => shared.deliver(accepted),
                // It said nothing, or nothing sensible, or broke off: dropped.
                _ => { shared.unclaimed.fetch_add(1, Relaxed); }
            },
        }
    }
}

/// Reads the first frame of a stream.
async fn introduce(mut stream: TcpStream, peer: SocketAddr) -> io::Result<Accepted> {
    let length = stream.read_u16().await?;
    if usize::from(length) > LONGEST_CHECK {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut first = length.to_be_bytes().to_vec();
    first.resize(2 + usize::from(length), 0);
    stream.read_exact(&mut first[2..]).await?;
    Ok(Accepted { stream, peer, first })
}

/// A stream that has said whose it is.
#[derive(Debug)]
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    /// Its first frame, with the length in front.
    first: Vec<u8>,
}

#[derive(Debug, Default)]
struct Queue {
    streams: Mutex<VecDeque<Accepted>>,
    came: Notify,
}

/// One session's place on the port; given up when dropped.
#[derive(Debug)]
pub struct Door {
    listener: Arc<Listener>,
    queue: Arc<Queue>,
}

impl Door {
    /// The real listener's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local
    }

    /// The next stream of this session. `local` is what the crate takes for its address.
    pub async fn accept(&self, local: SocketAddr) -> (Arc<dyn AsyncTcpStream>, SocketAddr) {
        loop {
            let accepted = lock(&self.queue.streams).pop_front();
            if let Some(Accepted { stream, peer, first }) = accepted {
                let first = Mutex::new(first.into());
                return (Arc::new(Introduced { stream, local, peer, first }), peer);
            }
            self.queue.came.notified().await;
        }
    }
}

impl Place for Door {
    fn add_ufrag(&self, ufrag: &str) {
        lock(&self.listener.sessions).insert(ufrag.to_owned(), Arc::clone(&self.queue));
    }

    fn remove_ufrag(&self, ufrag: &str) {
        let mut sessions = lock(&self.listener.sessions);
        if sessions.get(ufrag).is_some_and(|queue| Arc::ptr_eq(queue, &self.queue)) {
            sessions.remove(ufrag);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        lock(&self.listener.sessions).retain(|_, queue| !Arc::ptr_eq(queue, &self.queue));
    }
}

/// A stream whose first frame was read already: the crate gets it first.
#[derive(Debug)]
struct Introduced {
    stream: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    first: Mutex<VecDeque<u8>>,
}

impl Introduced {
    fn read_first(&self, buf: &mut [u8]) -> usize {
        let mut first = lock(&self.first);
        let length = first.len().min(buf.len());
        buf.iter_mut().zip(first.drain(..length)).for_each(|(to, from)| *to = from);
        length
    }
}

impl AsyncTcpStream for Introduced {
    fn read<'a, 'b>(&'a self, buf: &'b mut [u8]) -> Boxed<'b, usize>
    where
        'a: 'b,
    {
        Box::pin(async move {
            let length = self.read_first(buf);
            if length > 0 {
                return Ok(length);
            }
            loop {
                self.stream.readable().await?;
                match self.stream.try_read(buf) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return done,
                }
            }
        })
    }

    fn write_all<'a, 'b>(&'a self, mut buf: &'b [u8]) -> Boxed<'b, ()>
    where
        'a: 'b,
    {
        Box::pin(async move {
            while !buf.is_empty() {
                self.stream.writable().await?;
                match self.stream.try_write(buf) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(length) => buf = &buf[length..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
