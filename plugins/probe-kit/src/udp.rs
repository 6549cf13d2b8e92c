//! A UDP socket that runs many transactions at once.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::clock;
use crate::demux::{Demux, Expectation};
use crate::exchange::Carrier;
use crate::message::TransactionId;
use crate::observe::{Path, Watch};
use crate::transaction::Schedule;
use crate::url::Protocol;

pub use crate::demux::{Answer, Datagram};
pub use crate::exchange::{Exchange, NetworkError};

/// The largest datagram there is.
const LARGEST: usize = 65_535;

/// The socket. Its receiving task ends with it. A packet that fails the checksum of its header is never seen; a
/// datagram that is no STUN message goes to [`Socket::take_unclaimed`].
#[derive(Debug)]
pub struct Socket {
    inner: Arc<UdpSocket>,
    local: SocketAddr,
    connected: bool,
    demux: Arc<Demux>,
    errors: watch::Receiver<Option<NetworkError>>,
    _tasks: JoinSet<()>,
}

impl Socket {
    /// A socket on a fresh port that only hears `remote`, knows its real local address, and hears of hard ICMP errors, which
    /// are those that end a transaction (RFC 8489 §6.2.1): a closed port, a prohibition.
    ///
    /// # Errors
    /// There is no route, no address of the family, or no socket left.
    pub async fn connect(remote: SocketAddr) -> Result<Self, NetworkError> {
        let error = |error: &io::Error| NetworkError::new(format!("opening a UDP socket to {remote}"), error);
        let any = match remote {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).await.map_err(|why| error(&why))?;
        socket.connect(remote).await.map_err(|why| error(&why))?;
        Self::start(socket, true).map_err(|why| error(&why))
    }

    /// A socket that hears everybody, bound to `local` (port 0 for a fresh one). It does not hear of ICMP errors.
    ///
    /// # Errors
    /// The address is not this machine's, or the port is taken.
    pub async fn bind(local: SocketAddr) -> Result<Self, NetworkError> {
        let error = |error: &io::Error| NetworkError::new(format!("opening a UDP socket on {local}"), error);
        let socket = UdpSocket::bind(local).await.map_err(|why| error(&why))?;
        Self::start(socket, false).map_err(|why| error(&why))
    }

    /// A socket that hears everybody, on a fresh port of the address from which this machine sends to `remote`.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub async fn bind_towards(remote: SocketAddr) -> Result<Self, NetworkError> {
        let mut local = Self::connect(remote).await?.local_address();
        local.set_port(0);
        Self::bind(local).await
    }

    fn start(socket: UdpSocket, connected: bool) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let socket = Arc::new(socket);
        let demux = Demux::new();
        let (error, errors) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(receive(Arc::clone(&socket), Arc::clone(&demux), error));
        Ok(Self { inner: socket, local, connected, demux, errors, _tasks: tasks })
    }

    /// The address it is bound to. Of a connected socket it is the one that packets really leave from.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// What belongs to no transaction: data, requests from elsewhere. Can be taken once.
    pub fn take_unclaimed(&self) -> Option<mpsc::Receiver<Datagram>> {
        self.demux.take_unclaimed()
    }

    /// Datagrams that nobody expected and that were dropped because nobody took them.
    pub fn dropped(&self) -> u64 {
        self.demux.dropped()
    }

    /// Sends a datagram once. A connected socket sends to where it is connected.
    ///
    /// # Errors
    /// What this machine or the network says.
    pub async fn send(&self, bytes: &[u8], to: SocketAddr) -> Result<(), NetworkError> {
        let sent =
            if self.connected { self.inner.send(bytes).await } else { self.inner.send_to(bytes, to).await };
        sent.map(drop).map_err(|error| NetworkError::new(format!("sending to {to} by UDP"), &error))
    }

    /// Expects messages with this transaction id at this socket, wherever its request leaves.
    pub fn expect(&self, id: TransactionId) -> Expectation {
        self.demux.expect(id)
    }

    /// Sends `request`, an encoded STUN request, by `schedule` until an answer comes, the network reports an error, or
    /// it is given up.
    pub async fn transact(
        &self,
        request: &[u8],
        to: SocketAddr,
        schedule: Schedule,
        watch: &dyn Watch,
    ) -> Exchange {
        let path = Path { local: self.local, remote: to, protocol: Protocol::Udp };
        let carrier = Carrier { path, demux: &self.demux, errors: self.errors.clone(), watch };
        carrier.transact(request, schedule, async |bytes| self.send(bytes, to).await).await
    }
}

async fn receive(socket: Arc<UdpSocket>, demux: Arc<Demux>, errors: watch::Sender<Option<NetworkError>>) {
    let mut buffer = vec![0; LARGEST];
    let peer = socket.peer_addr().map_or_else(|_| "the network".to_owned(), |peer| format!("{peer} by UDP"));
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => demux.deliver(&buffer[..length], from, clock::now_ns()),
            // An ICMP error; reading it takes it off the socket.
            Err(error) => {
                errors.send_replace(Some(NetworkError::new(peer.as_str(), &error)));
                tokio::task::yield_now().await;
            }
        }
    }
}
