//! Datagrams: of clients to the server's own sockets, and of peers to relayed addresses.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{SendFlags, sendto};
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
    let each = |client: SocketAddr, buffer: &mut [u8], at: Range<usize>| {
        let link = Link::Udp { socket: Arc::clone(&socket), client };
        hub.incoming(&link, FiveTuple { client, server, transport: Transport::Udp }, buffer, at);
    };
    receive(&hub, &socket, &stop, each).await;
}

/// Relays what peers send to one relayed address until `stop`.
pub async fn relay(hub: Arc<Hub>, socket: Arc<UdpSocket>, via: FiveTuple, stop: CancellationToken) {
    let each = |peer: SocketAddr, buffer: &mut [u8], at: Range<usize>| hub.peer_sent(&via, peer, buffer, at);
    receive(&hub, &socket, &stop, each).await;
}

async fn receive(
    hub: &Hub,
    socket: &UdpSocket,
    stop: &CancellationToken,
    mut each: impl FnMut(SocketAddr, &mut [u8], Range<usize>),
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
        let failed = drain(socket, &mut buffer, &mut each);
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
    socket: &UdpSocket,
    buffer: &mut [u8],
    each: &mut impl FnMut(SocketAddr, &mut [u8], Range<usize>),
) -> Option<io::Error> {
    for _ in 0..BURST {
        match socket.try_recv_from(&mut buffer[DATAGRAM]) {
            Ok((length, from)) => each(from, buffer, DATAGRAM.start..DATAGRAM.start + length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            // The answer of an ICMP message to something that was sent before: the next read goes on.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Some(error),
        }
    }
    None
}
