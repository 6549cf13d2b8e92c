//! One UDP port for all sessions: one real socket per local address, bound once, and a virtual one per session.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::task::JoinSet;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Runtime, TokioRuntime, Transmit};

use super::demux::{Demux, Key};
use super::fragments::Place;
pub use super::ports::SharedPortError;
use super::ports::bind_everywhere;
use super::segments::segments;
use super::udp::fill;

/// Datagrams that wait for one session. At 1200 bytes and 2 Mbit/s about a second; more would only be late.
const INBOX: usize = 256;
/// Asked of the kernel for each socket: all sessions share it. The kernel gives no more than `net.core.rmem_max`.
const KERNEL_BUFFER: usize = 2 << 20;
/// A GRO batch at the usual MTU.
const BATCH_BYTES: usize = 64 * 1500;
/// Pause after an error that is not one datagram's, such as a lost interface.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// The port that all sessions share.
#[derive(Debug)]
pub struct SharedPort {
    port: u16,
    sockets: Vec<Arc<Real>>,
    /// Ended when the last session and the daemon let go of the port.
    _readers: Mutex<JoinSet<()>>,
}

impl SharedPort {
    /// Opens the port on each address; 0 is any that is free on all. Needs a Tokio runtime, which reads it from then on.
    pub fn bind(addresses: &[IpAddr], port: u16) -> Result<Arc<Self>, SharedPortError> {
        let (port, sockets) = bind_everywhere(addresses, port, Real::bind, |address, port, source| {
            SharedPortError::Bind { address, port, source }
        })?;
        let mut readers = JoinSet::new();
        let sockets: Vec<Arc<Real>> = sockets.into_iter().map(|(_, socket)| Arc::new(socket)).collect();
        for socket in &sockets {
            readers.spawn(read(Arc::clone(socket)));
        }
        Ok(Arc::new(Self { port, sockets, _readers: Mutex::new(readers) }))
    }

    /// Its number.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses that it is open on.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.sockets.iter().map(|socket| socket.local.ip())
    }

    /// Datagrams so far that no session claimed.
    pub fn unclaimed(&self) -> u64 {
        self.sockets.iter().map(|socket| socket.unclaimed.load(Relaxed)).sum()
    }

    /// Datagrams so far that came faster than their session read them.
    pub fn overflowed(&self) -> u64 {
        self.sockets.iter().map(|socket| socket.overflowed.load(Relaxed)).sum()
    }

    /// A place for a session on the socket of one local address.
    pub(super) fn attach(&self, address: IpAddr) -> Option<Arc<Port>> {
        let real = self.sockets.iter().find(|socket| socket.local.ip() == address)?;
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let key = lock(&real.demux).add(Arc::clone(&inbox));
        Some(Arc::new(Port { real: Arc::clone(real), inbox, key }))
    }
}

/// One session's place on the port; given up when dropped.
#[derive(Debug)]
pub struct Port {
    real: Arc<Real>,
    inbox: Arc<Mutex<Inbox>>,
    key: Key,
}

impl Port {
    /// The real socket's address.
    pub fn local_addr(&self) -> SocketAddr {
        self.real.local
    }

    /// As the real socket has it.
    pub fn max_gso_segments(&self) -> usize {
        self.real.socket.max_gso_segments()
    }

    /// Sends from the shared port.
    pub fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        for segment in segments(transmit.contents, transmit.segment_size) {
            if segment[0] < 4 {
                lock(&self.real.demux).sent(self.key, transmit.destination, segment);
            }
        }
        self.real.poll_send(cx, transmit)
    }

    /// The next datagram of this session.
    pub fn poll_recv(
        &self,
        cx: &Context<'_>,
        probe: bool,
        buffer: &mut [u8],
        meta: &mut RecvMeta,
    ) -> Poll<()> {
        let mut inbox = lock(&self.inbox);
        if let Some(datagram) = inbox.queue.pop_front() {
            drop(inbox);
            *meta = fill(buffer, &datagram.bytes, datagram.from);
            meta.timestamp = datagram.timestamp;
            return Poll::Ready(());
        }
        if !probe {
            match &mut inbox.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }
}

impl Place for Port {
    fn add_ufrag(&self, ufrag: &str) {
        lock(&self.real.demux).add_ufrag(self.key, ufrag);
    }

    fn remove_ufrag(&self, ufrag: &str) {
        lock(&self.real.demux).remove_ufrag(self.key, ufrag);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        lock(&self.real.demux).remove(self.key);
    }
}

#[derive(Debug)]
struct Datagram {
    from: SocketAddr,
    timestamp: Option<Duration>,
    bytes: Box<[u8]>,
}

#[derive(Debug, Default)]
struct Inbox {
    queue: VecDeque<Datagram>,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Real {
    socket: Arc<dyn AsyncUdpSocket>,
    local: SocketAddr,
    demux: Mutex<Demux<Arc<Mutex<Inbox>>>>,
    writers: Arc<Writers>,
    /// Of `writers`: Tokio keeps one waker per direction, and many sessions may wait.
    writable: Waker,
    unclaimed: AtomicU64,
    overflowed: AtomicU64,
}

impl Real {
    fn bind(local: SocketAddr) -> io::Result<(SocketAddr, Self)> {
        let socket = UdpSocket::bind(local)?;
        let local = socket.local_addr()?;
        // As much as the kernel gives; the default serves a few sessions, too.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, KERNEL_BUFFER);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, KERNEL_BUFFER);
        let writers = Arc::new(Writers::default());
        let real = Self {
            socket: TokioRuntime.wrap_udp_socket(socket)?,
            local,
            demux: Mutex::default(),
            writable: Waker::from(Arc::clone(&writers)),
            writers,
            unclaimed: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
        };
        Ok((local, real))
    }

    fn poll_send(&self, cx: &Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let mut writable = Context::from_waker(&self.writable);
        if let Poll::Ready(sent) = self.socket.poll_send(&mut writable, transmit) {
            return Poll::Ready(sent);
        }
        lock(&self.writers.0).push(cx.waker().clone());
        // It may have become writable before the waker was there.
        self.socket.poll_send(&mut writable, transmit)
    }

    fn deliver(&self, from: SocketAddr, timestamp: Option<Duration>, bytes: &[u8]) {
        let inbox = lock(&self.demux).route(from, bytes).cloned();
        let Some(inbox) = inbox else {
            self.unclaimed.fetch_add(1, Relaxed);
            tracing::debug!(%from, local = %self.local, size = bytes.len(), "no session claims a datagram on the shared port");
            return;
        };
        let mut inbox = lock(&inbox);
        if inbox.queue.len() >= INBOX {
            self.overflowed.fetch_add(1, Relaxed);
            return;
        }
        inbox.queue.push_back(Datagram { from, timestamp, bytes: bytes.into() });
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Reads one real socket until the port is dropped.
async fn read(real: Arc<Real>) {
    let mut buffer = vec![0; BATCH_BYTES];
    loop {
        let mut meta = [RecvMeta::default()];
        let received = poll_fn(|cx| {
            let mut buffers = [IoSliceMut::new(&mut buffer)];
            real.socket.poll_recv(cx, &mut buffers, &mut meta)
        })
        .await;
        match received {
            Ok(_) => {
                let [meta] = &meta;
                for datagram in segments(&buffer[..meta.len.min(buffer.len())], Some(meta.stride)) {
                    real.deliver(meta.addr, meta.timestamp, datagram);
                }
            }
            // How an ICMP error about a datagram sent earlier shows.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => {
                tracing::warn!(local = %real.local, %error, "reading the shared UDP port failed; trying again");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

/// The sessions that wait for a full socket.
#[derive(Debug, Default)]
struct Writers(Mutex<Vec<Waker>>);

impl Wake for Writers {
    fn wake(self: Arc<Self>) {
        let waiting = std::mem::take(&mut *lock(&self.0));
        waiting.into_iter().for_each(Waker::wake);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
