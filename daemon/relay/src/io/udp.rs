//! Datagrams: of clients to the server's own sockets, and of peers to relayed addresses.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
};
use nix::sys::time::TimeSpec;
use rustix::net::{SendFlags, sendto};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::buffer::DATAGRAM;
use super::{Hub, Link};
use crate::tuple::{FiveTuple, Transport};

/// Datagrams that are read in one go; then others get their turn.
const BURST: usize = 64;
/// Pause after a socket failed for a reason of its own.
const PAUSE: Duration = Duration::from_millis(100);

/// Sends at once or not at all. Not tokio's `try_send_to`: that fails on a socket that its reactor has not looked at yet.
pub fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr) {
    if let Err(error) = sendto(socket, bytes, SendFlags::DONTWAIT, &to) {
        // A full queue, a firewall, no route: a datagram may be lost anywhere.
        tracing::trace!(%to, %error, "a datagram could not be sent");
    }
}

/// Serves the clients of one socket until `stop`.
pub async fn serve(hub: Arc<Hub>, socket: Arc<UdpSocket>, server: SocketAddr, stop: CancellationToken) {
    // Between its arrival and this task's turn a message may wait for milliseconds, and its time is what is told of it.
    if let Err(error) = setsockopt(&socket, ReceiveTimestampns, &true) {
        tracing::debug!(%error, "the kernel gives no times of arrival: those of reading are told");
    }
    let mut control = nix::cmsg_space!(TimeSpec);
    let read = |buffer: &mut [u8]| read_stamped(&socket, buffer, &mut control);
    let each = |(client, stamp): Arrival, buffer: &mut [u8], at: Range<usize>| {
        let link = Link::Udp { socket: Arc::clone(&socket), client };
        hub.incoming(&link, FiveTuple { client, server, transport: Transport::Udp }, buffer, at, stamp);
    };
    receive(&hub, &socket, &stop, read, each).await;
}

/// Relays what peers send to one relayed address until `stop`.
pub async fn relay(hub: Arc<Hub>, socket: Arc<UdpSocket>, via: FiveTuple, stop: CancellationToken) {
    let read = |buffer: &mut [u8]| socket.try_recv_from(buffer).map(|(length, peer)| (length, (peer, None)));
    let each =
        |(peer, _): Arrival, buffer: &mut [u8], at: Range<usize>| hub.peer_sent(&via, peer, buffer, at);
    receive(&hub, &socket, &stop, read, each).await;
}

/// Where a datagram comes from, and the kernel's time of its arrival, since the Unix epoch.
type Arrival = (SocketAddr, Option<Duration>);

fn read_stamped(socket: &UdpSocket, buffer: &mut [u8], control: &mut [u8]) -> io::Result<(usize, Arrival)> {
    socket.try_io(Interest::READABLE, || {
        let mut buffers = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let got = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut buffers, Some(control), flags)?;
        let stamp = got.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        let from = got.address.as_ref().and_then(socket_address);
        Ok((got.bytes, (from.ok_or(io::ErrorKind::InvalidData)?, stamp)))
    })
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddrV4::from(*v4).into());
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into()))
}

async fn receive(
    hub: &Hub,
    socket: &UdpSocket,
    stop: &CancellationToken,
    mut read: impl FnMut(&mut [u8]) -> io::Result<(usize, Arrival)>,
    mut each: impl FnMut(Arrival, &mut [u8], Range<usize>),
) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            ready = socket.readable() => {
                if ready.is_err() {
                    return;
                }
            }
        }
        let mut buffer = hub.buffers.take();
        let failed = drain(&mut buffer, &mut read, &mut each);
        hub.buffers.give(buffer);
        match failed {
            Some(error) => {
                tracing::debug!(%error, "a socket of the relay could not be read");
                tokio::time::sleep(PAUSE).await;
            }
            None => tokio::task::yield_now().await,
        }
    }
}

/// Reads what is there, up to a burst.
fn drain(
    buffer: &mut [u8],
    read: &mut impl FnMut(&mut [u8]) -> io::Result<(usize, Arrival)>,
    each: &mut impl FnMut(Arrival, &mut [u8], Range<usize>),
) -> Option<io::Error> {
    for _ in 0..BURST {
        match read(&mut buffer[DATAGRAM]) {
            Ok((length, from)) => each(from, buffer, DATAGRAM.start..DATAGRAM.start + length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            // The answer of an ICMP message to something that was sent before: the next read goes on.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Some(error),
        }
    }
    None
}
