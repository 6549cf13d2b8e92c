//! Servers for tests, on the loopback interface: a small STUN server over UDP, TCP and TLS that answers as a test wants.
//! Needs the feature `testing`. They panic where something of the test's own goes wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "for tests only")]

mod authority;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stun_rs::attributes::stun::{Software, XorMappedAddress};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

pub use authority::{Authority, Identity, Validity};

use crate::message::{Class, Message, Request};
use crate::stream::frames::Frames;

/// How a server answers: the messages to send back, in this order. The number counts its requests from 1.
pub type Behaviour = Arc<dyn Fn(&Message, SocketAddr, u64) -> Vec<Vec<u8>> + Send + Sync>;

/// What SOFTWARE the servers name.
pub const SOFTWARE: &str = "icescope test";

/// Servers on a runtime of their own; they end with it.
#[derive(Debug)]
pub struct Servers {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    /// Requests that all servers saw.
    seen: Arc<AtomicU64>,
}

impl Default for Servers {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // Also from inside another runtime, where waiting is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The plain success response to a Binding request.
pub fn success(request: &Message, mapped: SocketAddr) -> Request {
    Request::new(request.method(), Class::Success)
        .id(request.transaction_id())
        .with(XorMappedAddress::from(mapped))
        .with(Software::new(SOFTWARE).expect("plain text"))
}

/// Answers every request with the address it came from.
pub fn plain() -> Behaviour {
    Arc::new(|request, from, _| vec![success(request, from).encode().expect("a response")])
}

/// Never answers.
pub fn silent() -> Behaviour {
    Arc::new(|_, _, _| Vec::new())
}

impl Servers {
    /// No server yet.
    ///
    /// # Panics
    /// The system gives no thread.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Self { runtime: Some(runtime), seen: Arc::default() }
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("not yet dropped")
    }

    /// Requests that all servers saw so far.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// A UDP server on 127.0.0.1.
    pub fn udp(&self, behaviour: Behaviour) -> SocketAddr {
        self.udp_on(Ipv4Addr::LOCALHOST.into(), behaviour)
    }

    /// A UDP server on an address of the loopback interface.
    ///
    /// # Panics
    /// The address is not there.
    pub fn udp_on(&self, ip: IpAddr, behaviour: Behaviour) -> SocketAddr {
        // Not by the runtime: a test may be on another one.
        self.answer(std::net::UdpSocket::bind((ip, 0)).expect("a UDP socket"), None, behaviour)
    }

    /// A UDP server on 127.0.0.1 that answers from another port than it is asked at: the two, in this order.
    ///
    /// # Panics
    /// The system gives no sockets.
    pub fn udp_from_elsewhere(&self, behaviour: Behaviour) -> (SocketAddr, SocketAddr) {
        let bind = || std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP socket");
        let elsewhere = bind();
        let from = elsewhere.local_addr().expect("an address");
        (self.answer(bind(), Some(elsewhere), behaviour), from)
    }

    /// A UDP and a TCP server on the same port of 127.0.0.1.
    ///
    /// # Panics
    /// The system gives no sockets.
    pub fn udp_and_tcp(&self, udp: Behaviour, tcp: Behaviour) -> SocketAddr {
        let (socket, listener) = on_one_port(|udp, address| {
            let listener = std::net::TcpListener::bind(address).ok()?;
            Some((udp.try_clone().expect("a socket"), listener))
        });
        self.listen(listener, tcp, None);
        self.answer(socket, None, udp)
    }

    fn answer(
        &self,
        socket: std::net::UdpSocket,
        elsewhere: Option<std::net::UdpSocket>,
        behaviour: Behaviour,
    ) -> SocketAddr {
        let address = socket.local_addr().expect("an address");
        socket.set_nonblocking(true).expect("a socket that does not block");
        let seen = Arc::clone(&self.seen);
        self.runtime().spawn(async move {
            let socket = UdpSocket::from_std(socket).expect("a socket");
            let mut buffer = vec![0; 65_535];
            let mut count = 0;
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let Ok(request) = Message::decode(&buffer[..length]) else { continue };
                seen.fetch_add(1, Ordering::Relaxed);
                count += 1;
                for answer in behaviour(&request, from, count) {
                    // A client that is gone by now is its own business.
                    let _ = match &elsewhere {
                        Some(elsewhere) => elsewhere.send_to(&answer, from),
                        None => socket.send_to(&answer, from).await,
                    };
                }
            }
        });
        address
    }

    /// A TCP server on 127.0.0.1.
    ///
    /// # Panics
    /// The system gives no socket.
    pub fn tcp(&self, behaviour: Behaviour) -> SocketAddr {
        self.listen(loopback_listener(), behaviour, None)
    }

    /// A TLS server on 127.0.0.1 that shows this certificate.
    ///
    /// # Panics
    /// The system gives no socket.
    pub fn tls(&self, identity: &Identity, behaviour: Behaviour) -> SocketAddr {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())
            .expect("a certificate with its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        self.listen(loopback_listener(), behaviour, Some(acceptor))
    }

    fn listen(
        &self,
        listener: std::net::TcpListener,
        behaviour: Behaviour,
        tls: Option<TlsAcceptor>,
    ) -> SocketAddr {
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let seen = Arc::clone(&self.seen);
        self.runtime().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            let mut clients = JoinSet::new();
            while let Ok((stream, from)) = listener.accept().await {
                let (behaviour, seen, tls) = (Arc::clone(&behaviour), Arc::clone(&seen), tls.clone());
                clients.spawn(async move {
                    match tls {
                        None => serve(stream, from, behaviour, seen).await,
                        Some(tls) => {
                            // A client that does not trust the certificate goes away.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, from, behaviour, seen).await;
                            }
                        }
                    }
                });
            }
        });
        address
    }
}

fn loopback_listener() -> std::net::TcpListener {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a TCP listener")
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    from: SocketAddr,
    behaviour: Behaviour,
    seen: Arc<AtomicU64>,
) {
    let mut frames = Frames::default();
    let mut buffer = [0; 2048];
    let mut count = 0;
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        frames.push(&buffer[..length]);
        while let Ok(Some(frame)) = frames.next() {
            let Ok(request) = Message::decode(&frame.bytes) else { return };
            seen.fetch_add(1, Ordering::Relaxed);
            count += 1;
            for answer in behaviour(&request, from, count) {
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A port of 127.0.0.1 on which nothing listens, by UDP and by TCP, and which nobody else gets as long as this is there.
#[derive(Debug)]
pub struct DeadPort {
    udp: std::net::UdpSocket,
    _tcp: TcpSocket,
}

impl Default for DeadPort {
    fn default() -> Self {
        Self::new()
    }
}

impl DeadPort {
    /// Takes a port.
    ///
    /// # Panics
    /// The system gives no socket.
    pub fn new() -> Self {
        on_one_port(|udp, address| {
            // Connected to itself it hears nobody else: the system answers for it that the port is closed.
            udp.connect(address).expect("a connected socket");
            let tcp = TcpSocket::new_v4().expect("a TCP socket");
            // Bound, but not listening.
            tcp.bind(address).ok()?;
            Some(Self { udp: udp.try_clone().expect("a socket"), _tcp: tcp })
        })
    }

    /// Where nothing listens.
    ///
    /// # Panics
    /// Never: the socket is bound.
    pub fn address(&self) -> SocketAddr {
        self.udp.local_addr().expect("an address")
    }
}

/// Tries UDP ports of 127.0.0.1 until `with` can use one, for TCP too.
fn on_one_port<R>(mut with: impl FnMut(&std::net::UdpSocket, SocketAddr) -> Option<R>) -> R {
    for _ in 0..100 {
        let udp = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP socket");
        let address = udp.local_addr().expect("an address");
        if let Some(result) = with(&udp, address) {
            return result;
        }
    }
    panic!("no port of 127.0.0.1 is free for both UDP and TCP");
}
