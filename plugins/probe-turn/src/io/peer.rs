//! The far end of the relay: a socket of this host, or a second allocation.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_probe_kit::demux::Datagram;
use icescope_probe_kit::exchange::NetworkError;
use icescope_probe_kit::udp::Socket;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::allocation::Allocation;
use crate::address::same_family;
use crate::engine::tally::{self, Token};

/// Between two announcements. The first may be lost, or be there before the permission.
const HELLO_EVERY: Duration = Duration::from_millis(100);

/// What stands for a browser's peer.
#[derive(Debug)]
pub enum Peer<'a> {
    /// A UDP socket of this host, and the relayed address that it sends to.
    Socket(Socket, Mutex<mpsc::Receiver<Datagram>>, SocketAddr),
    /// A second allocation, and the first one's relayed address.
    Relay(&'a Allocation<'a>, SocketAddr),
}

impl Peer<'_> {
    /// A socket on the address from which this machine sends to `relayed`.
    ///
    /// # Errors
    /// There is no route, or no address of the family.
    pub async fn socket(relayed: SocketAddr) -> Result<Self, NetworkError> {
        let socket = Socket::bind_towards(relayed).await?;
        // A fresh socket's datagrams are there to be taken.
        let datagrams = socket.take_unclaimed().unwrap_or_else(|| mpsc::channel(1).1);
        Ok(Self::Socket(socket, Mutex::new(datagrams), relayed))
    }

    /// A socket's own address.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Socket(socket, ..) => Some(socket.local_address()),
            Self::Relay(..) => None,
        }
    }

    /// Sends to the relayed address. False if that cannot be.
    pub async fn send(&self, data: &[u8]) -> bool {
        match self {
            Self::Socket(socket, _, relayed) => socket.send(data, *relayed).await.is_ok(),
            Self::Relay(allocation, relayed) => allocation.send(*relayed, data).await,
        }
    }

    /// The next datagram and where it came from; `None` if there will be none.
    pub async fn receive(&self) -> Option<(SocketAddr, Vec<u8>)> {
        match self {
            Self::Socket(_, datagrams, _) => {
                datagrams.lock().await.recv().await.map(|datagram| (datagram.from, datagram.bytes))
            }
            Self::Relay(allocation, _) => allocation.receive().await,
        }
    }

    /// The relayed address of the allocation under test.
    pub fn relayed(&self) -> SocketAddr {
        match self {
            Self::Socket(_, _, relayed) | Self::Relay(_, relayed) => *relayed,
        }
    }
}

/// The address from which a relay will probably see a socket's datagrams: permissions need it beforehand. `client` is the
/// client's own address on its way to the server, `mapped` the one that the server sees. Where the two are the same
/// there is no NAT between, and the socket's address stays too; else the NAT most likely uses the same address for it.
pub fn expected_peer(socket: SocketAddr, client: SocketAddr, mapped: Option<SocketAddr>) -> SocketAddr {
    match mapped {
        Some(mapped) if mapped.ip() != client.ip() && same_family(mapped.ip(), socket.ip()) => {
            SocketAddr::new(mapped.ip(), socket.port())
        }
        _ => socket,
    }
}

/// The peer announces itself to the relayed address until the client hears it. Says from which address the relay sees
/// it, or `None` when `limit` has passed.
pub async fn announce(
    allocation: &Allocation<'_>,
    peer: &Peer<'_>,
    token: Token,
    limit: Duration,
) -> Option<SocketAddr> {
    let end = Instant::now() + limit;
    let mut due = interval(HELLO_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            found = allocation.receive() => match found {
                Some((from, data)) if tally::is_hello(token, &data) => return Some(from),
                Some(_) => {}
                None => return None,
            },
            _ = due.tick() => drop(peer.send(&tally::hello(token)).await),
            () = sleep_until(end) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_nat_the_peer_is_expected_at_the_nats_address_and_else_at_its_own() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (socket, client) = (address("192.168.1.5:7000"), address("192.168.1.5:6000"));
        let expected = |mapped: Option<&str>| expected_peer(socket, client, mapped.map(address)).to_string();
        assert_eq!(expected(Some("203.0.113.9:40000")), "203.0.113.9:7000");
        assert_eq!(expected(Some("192.168.1.5:6000")), "192.168.1.5:7000");
        assert_eq!(expected(Some("[2001:db8::9]:40000")), "192.168.1.5:7000");
        assert_eq!(expected(None), "192.168.1.5:7000");
    }
}
