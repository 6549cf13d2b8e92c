//! Ways in for a browser that goes on looking for a better path when the daemon's agent has stopped.
//!
//! Once a pair was nominated, an agent checks no other (RFC 8445 §8.1.1), and the crate keeps to that. Browsers do not: they
//! nominate what answers first, often a relay's path, go on checking better pairs, and change to one that answers. But the NAT or
//! firewall in front of the daemon lets in only whom the daemon has sent to; a candidate that came late, or whose turn had not
//! come, was never sent to. So a Binding indication, which asks for no answer (RFC 8445 §11), goes once to each of the client's
//! candidates that is no relay's. The browser's next check comes in then, and the agent answers it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Waker};

use stun_rs::attributes::stun::Fingerprint;
use stun_rs::methods::BINDING;
use stun_rs::{MessageClass, MessageEncoder, StunMessageBuilder};
use webrtc::runtime::{AsyncUdpSocket, Transmit};

use super::Tap;
use super::udp::TapUdp;

/// More than a session may have candidates (`limits.remote-candidates`).
const MOST: usize = 64;

/// A header and a fingerprint (RFC 8489 §5, §14.7).
const LENGTH: usize = 28;

/// The client's own addresses, and the daemon's sockets.
#[derive(Debug, Default)]
pub struct Ways {
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    sockets: Vec<Weak<TapUdp>>,
    clients: Vec<SocketAddr>,
    /// From now on a candidate is sent to as soon as it is known.
    open: bool,
}

impl Ways {
    /// The crate has a new socket.
    pub fn socket(&self, socket: &Arc<TapUdp>) {
        let mut known = self.known();
        known.sockets.retain(|socket| socket.strong_count() > 0);
        known.sockets.push(Arc::downgrade(socket));
    }

    /// Whether this is one of the client's own addresses.
    pub fn is_the_clients_own(&self, remote: SocketAddr) -> bool {
        self.known().clients.contains(&remote)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an address in; the sockets that are to send to it now.
    fn add(&self, client: SocketAddr) -> Vec<Arc<TapUdp>> {
        let mut known = self.known();
        if known.clients.len() == MOST || known.clients.contains(&client) {
            return Vec::new();
        }
        known.clients.push(client);
        if known.open { known.sockets_for(client) } else { Vec::new() }
    }

    /// The first time: all addresses, each with the sockets that are to send to it.
    fn open(&self) -> Vec<(SocketAddr, Vec<Arc<TapUdp>>)> {
        let mut known = self.known();
        if std::mem::replace(&mut known.open, true) {
            return Vec::new();
        }
        known.clients.iter().map(|client| (*client, known.sockets_for(*client))).collect()
    }
}

impl Known {
    fn sockets_for(&self, client: SocketAddr) -> Vec<Arc<TapUdp>> {
        let sockets = self.sockets.iter().filter_map(Weak::upgrade);
        let same =
            |socket: &Arc<TapUdp>| socket.local_addr().is_ok_and(|local| local.is_ipv4() == client.is_ipv4());
        sockets.filter(same).collect()
    }
}

impl Tap {
    /// The client has this UDP candidate of its own, no relay's.
    pub fn client_address(&self, client: SocketAddr) {
        for socket in self.ways.add(client) {
            indicate(&socket, client);
        }
    }

    /// Lets the client in at each of its own addresses, those that are still to come, too.
    pub fn open_ways(&self) {
        for (client, sockets) in self.ways.open() {
            for socket in sockets {
                indicate(&socket, client);
            }
        }
    }
}

fn indicate(socket: &TapUdp, client: SocketAddr) {
    let mut buffer = [0; LENGTH];
    let message = StunMessageBuilder::new(BINDING, MessageClass::Indication)
        .with_attribute(Fingerprint::default())
        .build();
    let Ok(length) = MessageEncoder::default().encode(&mut buffer, &message) else { return };
    let transmit = Transmit {
        destination: client,
        ecn: None,
        contents: &buffer[..length],
        segment_size: None,
        src_ip: None,
    };
    // A socket that cannot take it now has a queue of checks that do the same. What went wrong is told by the tap.
    let _ = socket.poll_send(&mut Context::from_waker(Waker::noop()), &transmit);
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use icescope_model::SessionId;
    use webrtc::runtime::Runtime;

    use super::super::TapOptions;
    use super::*;

    fn tap() -> Arc<Tap> {
        Tap::new(TapOptions {
            session: SessionId::random(),
            sink: icescope_model::sink::EventSink::new(64).0,
            stun_servers: Vec::new(),
            turn_servers: Vec::new(),
            shared: None,
            local_ufrag: String::new(),
            hold_nomination: false,
        })
    }

    fn client() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// What came so far: on loopback a datagram is there when the sending returns.
    fn came(socket: &UdpSocket) -> Vec<Vec<u8>> {
        let mut buffer = [0; 1_500];
        std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec())).collect()
    }

    #[tokio::test]
    async fn each_of_the_clients_addresses_is_sent_to_once_from_when_the_path_goes_another_way() {
        let tap = tap();
        let own = UdpSocket::bind("127.0.0.1:0").unwrap();
        own.set_nonblocking(true).unwrap();
        let socket = tap.wrap_udp_socket(own).unwrap();
        std::future::poll_fn(|cx| {
            let contents = b"ready";
            let destination = "127.0.0.1:9".parse().unwrap();
            let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
            socket.poll_send(cx, &transmit)
        })
        .await
        .unwrap();
        let ((early, at), (late, later)) = (client(), client());
        tap.client_address(at);
        assert!(came(&early).is_empty(), "the agent's own checks do as long as it checks");
        tap.open_ways();
        let sent = came(&early);
        assert_eq!(sent.len(), 1);
        assert_eq!((&sent[0][..2], sent[0].len()), (&[0x00, 0x11][..], LENGTH), "a Binding indication");
        tap.client_address(later);
        tap.client_address(later);
        tap.open_ways();
        assert_eq!((came(&early).len(), came(&late).len()), (0, 1));
    }

    #[tokio::test]
    async fn an_address_of_another_family_is_not_sent_to() {
        let tap = tap();
        let own = UdpSocket::bind("127.0.0.1:0").unwrap();
        own.set_nonblocking(true).unwrap();
        let _socket = tap.wrap_udp_socket(own).unwrap();
        let client = "[2001:db8::1]:4000".parse().unwrap();
        assert!(tap.ways.add(client).is_empty());
        assert!(tap.ways.open().iter().all(|(_, sockets)| sockets.is_empty()));
        assert!(tap.is_the_clients_own(client));
    }
}
