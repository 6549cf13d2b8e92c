//! A UDP socket that hears everybody, knows its real local address, and reads ICMP errors with who sent them.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvfrom, recvmsg, sendto, setsockopt, sockopt,
};

use icescope_probe_kit::message::random_transaction_id;

use crate::engine::test::IcmpKind;

/// Larger than any answer to a Binding request.
const LARGEST: usize = 2048;
/// Room for one control message: the error, and the address of who sent it.
const CONTROL: usize = 256;
/// Above Linux's ip_local_port_range, which ends at 60999.
const APART: std::ops::RangeInclusive<u16> = 61_000..=65_000;
/// So many taken ports in a row mean that something else is wrong.
const APART_TRIES: usize = 16;
/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6` of linux/errqueue.h.
const ORIGIN_ICMP: u8 = 2;
const ORIGIN_ICMP6: u8 = 3;

/// An ICMP message as the system's error queue has it.
#[derive(Debug)]
pub struct Refusal {
    /// Where our packet was going.
    pub to: SocketAddr,
    /// As much of our packet as was quoted.
    pub quoted: Vec<u8>,
    /// Who sent it.
    pub from: Option<IpAddr>,
    /// What it said.
    pub kind: IcmpKind,
}

/// The socket.
#[derive(Debug)]
pub struct Socket {
    inner: tokio::net::UdpSocket,
    local: SocketAddr,
}

/// The own address that the system's routes choose towards `remote`: a connected socket's.
///
/// # Errors
/// There is no route, or no address of that family.
pub fn source_towards(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

impl Socket {
    /// On a fresh port of `source`.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(source: IpAddr, ttl: Option<u8>) -> io::Result<Self> {
        Self::set_up(UdpSocket::bind((source, 0))?, source, ttl)
    }

    /// On a random port that the system gives to nobody by itself.
    ///
    /// # Errors
    /// What the system says.
    pub fn open_apart(source: IpAddr) -> io::Result<Self> {
        for _ in 0..APART_TRIES {
            let [high, low, ..] = random_transaction_id();
            let port = APART.start() + u16::from_be_bytes([high, low]) % (APART.end() - APART.start() + 1);
            match UdpSocket::bind((source, port)) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                bound => return Self::set_up(bound?, source, None),
            }
        }
        Self::open(source, None)
    }

    fn set_up(socket: UdpSocket, source: IpAddr, ttl: Option<u8>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        if source.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
            if let Some(ttl) = ttl {
                setsockopt(&socket, sockopt::Ipv4Ttl, &i32::from(ttl))?;
            }
        } else {
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
            if let Some(ttl) = ttl {
                setsockopt(&socket, sockopt::Ipv6Ttl, &i32::from(ttl))?;
            }
        }
        let local = socket.local_addr()?;
        Ok(Self { inner: tokio::net::UdpSocket::from_std(socket)?, local })
    }

    /// Its local address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends once. An ICMP error that waits in the queue is no failure of this packet.
    ///
    /// # Errors
    /// What the system says.
    pub fn send(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        let to = SockaddrStorage::from(to);
        let send = || sendto(self.inner.as_raw_fd(), bytes, &to, MsgFlags::empty());
        // Each error that waits is told by one call (ip(7), IP_RECVERR): some may wait.
        for _ in 0..4 {
            match send() {
                Err(Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::EACCES | Errno::ENETUNREACH) => {}
                sent => return Ok(sent.map(drop)?),
            }
        }
        Ok(send().map(drop)?)
    }

    /// Ready while something may be there that [`Socket::receive`] has not taken.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_recv_ready(context).map(drop)
    }

    /// The next datagram, if one is there. The system itself is asked, not the event loop's memory of it: it may be late.
    pub fn receive(&self) -> Option<(Vec<u8>, SocketAddr)> {
        let mut buffer = [0; LARGEST];
        // Each ICMP error that waits is told here as well; it is read from its queue.
        for _ in 0..8 {
            match recvfrom::<SockaddrStorage>(self.inner.as_raw_fd(), &mut buffer) {
                Ok((length, source)) => {
                    let source = source.as_ref().and_then(socket_address)?;
                    return Some((buffer[..length].to_vec(), source));
                }
                Err(Errno::EAGAIN) => break,
                Err(_) => {}
            }
        }
        // The event loop learns that there is nothing left, or that there is after all.
        let (length, source) = self.inner.try_recv_from(&mut buffer).ok()?;
        Some((buffer[..length].to_vec(), source))
    }

    /// The next ICMP message, if one is there.
    pub fn refusal(&self) -> Option<Refusal> {
        let mut buffer = [0; LARGEST];
        let mut control = [0; CONTROL];
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let fd = self.inner.as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), flags).ok()?;
        let to = message.address.as_ref().and_then(socket_address)?;
        let mut found = None;
        for item in message.cmsgs().ok()? {
            match item {
                ControlMessageOwned::Ipv4RecvErr(error, from) if error.ee_origin == ORIGIN_ICMP => {
                    let from = from.map(|from| IpAddr::V4(u32::from_be(from.sin_addr.s_addr).into()));
                    found = Some((from, icmp_v4(error.ee_type, error.ee_code)));
                }
                ControlMessageOwned::Ipv6RecvErr(error, from) if error.ee_origin == ORIGIN_ICMP6 => {
                    let from = from.map(|from| IpAddr::V6(from.sin6_addr.s6_addr.into()));
                    found = Some((from, icmp_v6(error.ee_type, error.ee_code)));
                }
                _ => {}
            }
        }
        let length = message.bytes;
        let (from, kind) = found?;
        Some(Refusal { to, quoted: buffer[..length].to_vec(), from, kind })
    }
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(v4.ip().into(), v4.port()));
    }
    address.as_sockaddr_in6().map(|v6| SocketAddr::new(v6.ip().into(), v6.port()))
}

/// RFC 792, RFC 1812 §5.2.7.1.
fn icmp_v4(kind: u8, code: u8) -> IcmpKind {
    match (kind, code) {
        (11, 0) => IcmpKind::TimeExceeded,
        (3, 3) => IcmpKind::PortUnreachable,
        (3, 9 | 10 | 13) => IcmpKind::Prohibited,
        _ => IcmpKind::Unreachable,
    }
}

/// RFC 4443 §3.1, §3.3.
fn icmp_v6(kind: u8, code: u8) -> IcmpKind {
    match (kind, code) {
        (3, 0) => IcmpKind::TimeExceeded,
        (1, 4) => IcmpKind::PortUnreachable,
        (1, 1 | 5 | 6) => IcmpKind::Prohibited,
        _ => IcmpKind::Unreachable,
    }
}
