//! Listening, and serving connections until the daemon stops.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use icescope_evidence::Evidence;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::app::{self, App, Shared};
use crate::doors::Ends;
use crate::error::Error;
use crate::options::Options;
use crate::tls;

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 256;
/// A request's head is there within this, and an idle connection is closed after it.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of a request's head, and of what is read ahead of a body.
const BUFFER: usize = 32 * 1024;
/// How long a stop waits for requests and live channels under way.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Pause after the system had no descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// A TLS handshake is a few round trips.
const TLS_WITHIN: Duration = Duration::from_secs(10);

/// The HTTP server: it listens, and serves once [`Server::serve`] is called.
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    tls: Option<TlsAcceptor>,
    app: Shared,
}

/// Changes the options of a running server. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    app: Shared,
}

impl Handle {
    /// Takes new options; what [`Options`] marks as read at the start stays as it was.
    pub fn reconfigure(&self, options: Options) {
        self.app.set_options(options);
    }
}

impl Server {
    /// Listens at once, so that clients can connect from now on; they are answered once [`serve`](Self::serve) runs.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// An address cannot be listened on, or the certificate cannot be used.
    pub fn bind(options: Options, evidence: Evidence) -> Result<Self, Error> {
        if options.listen.is_empty() {
            return Err(Error::NoAddress);
        }
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for address in &options.listen {
            let failed = |source| Error::Listen { address: *address, source };
            let listener = listen(*address, &options.listen).map_err(failed)?;
            addresses.push(listener.local_addr().map_err(failed)?);
            listeners.push(listener);
        }
        Ok(Self { listeners, addresses, tls, app: App::new(options, evidence) })
    }

    /// The addresses that are listened on, with the ports that the system chose where 0 was asked for.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// For changing the options later.
    pub fn handle(&self) -> Handle {
        Handle { app: Arc::clone(&self.app) }
    }

    /// Serves until `shutdown`; then requests under way are ended within 3 s, live channels with close code 1001.
    pub async fn serve(self, shutdown: CancellationToken) {
        let router = app::routes(&self.app);
        let connections = Connections {
            router,
            tls: self.tls,
            tracker: TaskTracker::new(),
            places: Arc::new(Semaphore::new(self.app.options().max_connections.max(1))),
            stop: shutdown.clone(),
            abort: CancellationToken::new(),
        };
        let mut loops = JoinSet::new();
        for listener in self.listeners {
            loops.spawn(connections.clone().accept(listener));
        }
        shutdown.cancelled().await;
        self.app.stop.cancel();
        // The listening sockets close here: nobody is kept waiting for an answer that will not come.
        loops.shutdown().await;
        connections.tracker.close();
        self.app.tasks.close();
        let ended = async {
            connections.tracker.wait().await;
            self.app.tasks.wait().await;
        };
        if timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!(
                left = connections.tracker.len(),
                "connections are cut: they did not end within {STOP_WITHIN:?}"
            );
            connections.abort.cancel();
            connections.tracker.wait().await;
        }
    }
}

/// Listens on one address. `[::]` takes IPv4 too, unless the same port is listened on by IPv4 as well.
fn listen(address: SocketAddr, all: &[SocketAddr]) -> io::Result<TcpListener> {
    let socket = match address.ip() {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    let twin = all.iter().any(|other| other.is_ipv4() && other.port() == address.port() && other.port() != 0);
    if address.is_ipv6() && twin {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // A restart must not wait for the last connections' TIME-WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[derive(Clone)]
struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    tracker: TaskTracker,
    places: Arc<Semaphore>,
    /// No new requests.
    stop: CancellationToken,
    /// No more patience.
    abort: CancellationToken,
}

impl Connections {
    async fn accept(self, listener: TcpListener) {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let this = self.clone();
                    self.tracker.spawn(async move {
                        tokio::select! {
                            () = this.abort.cancelled() => {}
                            () = this.connection(stream, peer) => {}
                        }
                        drop(place);
                    });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}; trying again in {ACCEPT_PAUSE:?}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        // Live messages are small, and worth more now than later in one packet.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, "cannot set TCP_NODELAY: {error}");
        }
        let ends = Ends { peer, local };
        match &self.tls {
            None => self.requests(stream, ends).await,
            Some(tls) => match timeout(TLS_WITHIN, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.requests(stream, ends).await,
                Ok(Err(error)) => tracing::info!(%peer, "TLS handshake failed: {error}"),
                Err(_) => tracing::info!(%peer, "TLS handshake did not end within {TLS_WITHIN:?}"),
            },
        }
    }

    async fn requests(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, ends: Ends) {
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ends);
            let mut router = self.router.clone();
            async move { Service::call(&mut router, request).await as Result<_, Infallible> }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(peer = %ends.peer, "connection ended: {error}");
        }
    }
}

/// The client was gone before it was accepted; the listener is well.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
