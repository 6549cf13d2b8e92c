//! A TCP or TLS connection that runs many transactions at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::frames::Frames;
use crate::clock;
use crate::demux::{Datagram, Demux, Expectation};
use crate::exchange::{Carrier, Exchange, NetworkError};
use crate::message::TransactionId;
use crate::observe::{Path, Watch};
use crate::transaction::Schedule;
use crate::url::Protocol;

/// Messages that wait to be written; whoever sends more waits.
const OUTGOING: usize = 64;

/// The connection. Its tasks end with it.
pub struct Connection {
    path: Path,
    outgoing: mpsc::Sender<Vec<u8>>,
    demux: Arc<Demux>,
    errors: watch::Receiver<Option<NetworkError>>,
    _tasks: JoinSet<()>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Connects by TCP.
///
/// # Errors
/// What the network says, or that it says nothing for `limit`.
pub(super) async fn open(remote: SocketAddr, limit: Duration) -> Result<TcpStream, NetworkError> {
    let what = format!("connecting to {remote} by TCP");
    match tokio::time::timeout(limit, TcpStream::connect(remote)).await {
        Ok(Ok(stream)) => {
            // Requests are small and wait for their answers: Nagle's algorithm would only delay them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("no TCP_NODELAY towards {remote}: {error}");
            }
            Ok(stream)
        }
        Ok(Err(error)) => Err(NetworkError::new(what, &error)),
        Err(_) => {
            let why =
                format!("no answer within {limit:.1?}: the host is down, or a firewall drops the packets");
            Err(NetworkError { what, why, kind: io::ErrorKind::TimedOut })
        }
    }
}

impl Connection {
    /// Connects by TCP.
    ///
    /// # Errors
    /// What the network says, or that it says nothing for `limit`.
    pub async fn tcp(remote: SocketAddr, limit: Duration) -> Result<Self, NetworkError> {
        let stream = open(remote, limit).await?;
        let local = stream.local_addr().map_err(|error| NetworkError::new("the local address", &error))?;
        Ok(Self::start(stream, Path { local, remote, protocol: Protocol::Tcp }))
    }

    pub(super) fn start(stream: impl AsyncRead + AsyncWrite + Send + 'static, path: Path) -> Self {
        let demux = Demux::new();
        let (error, errors) = watch::channel(None);
        let (outgoing, queue) = mpsc::channel(OUTGOING);
        let (reader, writer) = tokio::io::split(stream);
        let mut tasks = JoinSet::new();
        tasks.spawn(write(writer, queue, path, error.clone()));
        tasks.spawn(read(reader, Arc::clone(&demux), path, error));
        Self { path, outgoing, demux, errors, _tasks: tasks }
    }

    /// Its two ends.
    pub fn path(&self) -> Path {
        self.path
    }

    /// What belongs to no transaction: indications, ChannelData. Can be taken once.
    pub fn take_unclaimed(&self) -> Option<mpsc::Receiver<Datagram>> {
        self.demux.take_unclaimed()
    }

    /// Messages that nobody expected and that were dropped because nobody took them.
    pub fn dropped(&self) -> u64 {
        self.demux.dropped()
    }

    /// Why the connection ended, if it has.
    pub fn ended(&self) -> Option<NetworkError> {
        self.errors.borrow().clone()
    }

    /// Sends one message; ChannelData already padded: see [`super::frames::channel_data`]. Waits while 64 are unsent.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn send(&self, bytes: &[u8]) -> Result<(), NetworkError> {
        self.outgoing.send(bytes.to_vec()).await.map_err(|_| {
            let why = "the connection has ended".to_owned();
            let what = format!("sending to {}", self.path.remote);
            self.ended().unwrap_or(NetworkError { what, why, kind: io::ErrorKind::BrokenPipe })
        })
    }

    /// Expects messages with this transaction id.
    pub fn expect(&self, id: TransactionId) -> Expectation {
        self.demux.expect(id)
    }

    /// Sends `request`, an encoded STUN request, once (RFC 8489 §6.2.2) and waits for its answer for at most `limit`.
    pub async fn transact(&self, request: &[u8], limit: Duration, watch: &dyn Watch) -> Exchange {
        if let Some(error) = self.ended() {
            return Exchange { error: Some(error), ..Exchange::default() };
        }
        let carrier = Carrier { path: self.path, demux: &self.demux, errors: self.errors.clone(), watch };
        carrier.transact(request, Schedule::once(limit), async |bytes| self.send(bytes).await).await
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Vec<u8>>,
    path: Path,
    errors: watch::Sender<Option<NetworkError>>,
) {
    while let Some(bytes) = queue.recv().await {
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            errors.send_replace(Some(NetworkError::new(format!("sending to {}", path.remote), &error)));
            return;
        }
    }
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    demux: Arc<Demux>,
    path: Path,
    errors: watch::Sender<Option<NetworkError>>,
) {
    let mut frames = Frames::default();
    let mut buffer = vec![0; 16 * 1024];
    let error = loop {
        match reader.read(&mut buffer).await {
            Ok(0) => break io::Error::from(io::ErrorKind::UnexpectedEof),
            Ok(length) => frames.push(&buffer[..length]),
            Err(error) => break error,
        }
        let at_ns = clock::now_ns();
        let cut = loop {
            match frames.next() {
                Ok(Some(frame)) => demux.deliver(&frame.bytes, path.remote, at_ns),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = cut {
            break io::Error::new(io::ErrorKind::InvalidData, error.to_string());
        }
    };
    errors.send_replace(Some(NetworkError::new(format!("the connection with {}", path.remote), &error)));
}
