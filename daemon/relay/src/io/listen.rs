//! Listening: which addresses, over what, and which of them make a pair for RFC 5780.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use rustix::net::sockopt::set_ipv6_v6only;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio_rustls::TlsAcceptor;

use super::tls;
use crate::RelayError;
use crate::options::Options;
use crate::server::Discovery;
use crate::tuple::Transport;

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 128;
/// How often a port is drawn that is free on all addresses over UDP and TCP.
const DRAWS: usize = 16;

/// Something that is listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Listening {
    /// The address.
    pub address: SocketAddr,
    /// What carries the messages.
    pub transport: Transport,
}

/// Its socket.
pub enum Socket {
    /// For datagrams.
    Udp(UdpSocket),
    /// For connections.
    Stream(TcpListener),
}

/// What was bound at the start.
pub struct Bound {
    pub(super) sockets: Sockets,
    /// What is wanted, with the port that was found where any would do.
    pub(super) wanted: Vec<SocketAddr>,
    pub(super) tls: Option<TlsAcceptor>,
    discovery: Vec<Discovery>,
}

impl Bound {
    /// What is listened on.
    pub fn listening(&self) -> Vec<Listening> {
        self.sockets.iter().map(|(listening, _)| *listening).collect()
    }

    /// The pairs of addresses by which RFC 5780 is spoken.
    pub fn discovery(&self) -> Vec<Discovery> {
        self.discovery.clone()
    }
}

/// Binds what the options name.
pub fn bind(options: &Options) -> Result<Bound, RelayError> {
    let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
    let own = (options.addresses)();
    let (wanted, mut sockets) = bind_plain(options, &own)?;
    if tls.is_some() {
        for address in expand(&options.tls_listen, &own) {
            match bind_one(address, Transport::Tls) {
                Ok(bound) => sockets.push(bound),
                Err(error) if options.tls_may_fail => {
                    tracing::warn!("{error}; the embedded relay does without TLS there");
                }
                Err(error) => return Err(error),
            }
        }
    }
    let mut discovery = Vec::new();
    for pair in pairs(&options.listen) {
        let alternates = pair.addresses.map(|address| SocketAddr::new(address, pair.ports[1]));
        let bound: Result<Vec<_>, _> =
            alternates.iter().map(|address| bind_one(*address, Transport::Udp)).collect();
        match bound {
            Ok(bound) => {
                sockets.extend(bound);
                discovery.push(pair);
            }
            Err(error) => tracing::warn!("the relay does not speak RFC 5780, which takes two ports: {error}"),
        }
    }
    Ok(Bound { sockets, wanted, tls, discovery })
}

type Sockets = Vec<(Listening, Socket)>;

fn bind_plain(options: &Options, own: &[IpAddr]) -> Result<(Vec<SocketAddr>, Sockets), RelayError> {
    let all = |wanted: &[SocketAddr]| -> Result<Sockets, RelayError> {
        let expanded = expand(wanted, own);
        let both =
            expanded.iter().flat_map(|address| [(*address, Transport::Udp), (*address, Transport::Tcp)]);
        both.map(|(address, transport)| bind_one(address, transport)).collect()
    };
    let first = if options.listen.iter().any(|address| address.port() == 0) {
        None
    } else {
        match all(&options.listen) {
            Ok(sockets) => return Ok((options.listen.clone(), sockets)),
            Err(error) if !options.any_port || !error.is_in_use() => return Err(error),
            Err(error) => Some(error),
        }
    };
    // One port for all addresses and both transports: clients are told one URL.
    let mut last = None;
    for _ in 0..DRAWS {
        let port = free_port(&options.listen, own)?;
        let with_port = |address: &SocketAddr| {
            let keeps = first.is_none() && address.port() != 0;
            SocketAddr::new(address.ip(), if keeps { address.port() } else { port })
        };
        let wanted: Vec<SocketAddr> = options.listen.iter().map(with_port).collect();
        match all(&wanted) {
            Ok(sockets) => {
                if let Some(error) = first {
                    tracing::warn!("{error}; the embedded relay takes port {port} instead");
                }
                return Ok((wanted, sockets));
            }
            Err(error) if error.is_in_use() => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or(RelayError::NoAddress))
}

fn free_port(listen: &[SocketAddr], own: &[IpAddr]) -> Result<u16, RelayError> {
    let address = expand(listen, own).into_iter().next().ok_or(RelayError::NoAddress)?;
    let any = SocketAddr::new(address.ip(), 0);
    let failed = |source| RelayError::Listen { address: any, transport: "udp", source };
    let socket = std::net::UdpSocket::bind(any).map_err(failed)?;
    Ok(socket.local_addr().map_err(failed)?.port())
}

/// Unspecified addresses become this host's own: a datagram's answer must leave from the address that it came to.
pub(super) fn expand(listen: &[SocketAddr], own: &[IpAddr]) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = Vec::new();
    for wanted in listen {
        let loopback: IpAddr =
            if wanted.is_ipv4() { [127, 0, 0, 1].into() } else { Ipv6Addr::LOCALHOST.into() };
        let family = own.iter().copied().filter(|address| address.is_ipv4() == wanted.is_ipv4());
        let addresses: Vec<IpAddr> =
            if wanted.ip().is_unspecified() { family.chain([loopback]).collect() } else { vec![wanted.ip()] };
        for address in addresses {
            let address = SocketAddr::new(address, wanted.port());
            if !all.contains(&address) {
                all.push(address);
            }
        }
    }
    all
}

/// Two addresses of one family that are listened on at the same port, and the port after it for RFC 5780. Loopback addresses
/// pair with each other only: from outside they cannot be asked.
fn pairs(listen: &[SocketAddr]) -> Vec<Discovery> {
    let mut pairs: Vec<Discovery> = Vec::new();
    for (index, one) in listen.iter().enumerate() {
        let alike = |two: &&SocketAddr| {
            two.port() == one.port()
                && two.is_ipv4() == one.is_ipv4()
                && two.ip() != one.ip()
                && two.ip().is_loopback() == one.ip().is_loopback()
                && !two.ip().is_unspecified()
        };
        let taken = pairs.iter().any(|pair| pair.addresses.contains(&one.ip()));
        let usable = !one.ip().is_unspecified() && !matches!(one.port(), 0 | u16::MAX) && !taken;
        if let Some(two) = listen[index + 1..].iter().find(alike).filter(|_| usable) {
            pairs.push(Discovery { addresses: [one.ip(), two.ip()], ports: [one.port(), one.port() + 1] });
        }
    }
    pairs
}

pub(super) fn bind_one(address: SocketAddr, transport: Transport) -> Result<(Listening, Socket), RelayError> {
    let failed = |source| RelayError::Listen { address, transport: transport.word(), source };
    let socket = match transport {
        Transport::Udp => Socket::Udp(bind_udp(address).map_err(failed)?),
        _ => Socket::Stream(bind_stream(address).map_err(failed)?),
    };
    let bound = match &socket {
        Socket::Udp(socket) => socket.local_addr(),
        Socket::Stream(listener) => listener.local_addr(),
    };
    Ok((Listening { address: bound.map_err(failed)?, transport }, socket))
}

fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn bind_stream(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, true)?;
    }
    // A restart must not wait for the last connections' TIME-WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
