//! Serving what is listened on, and following the host's addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::listen::{Bound, Listening, Socket, bind_one, expand};
use super::places::Places;
use super::{Hub, stream, udp};
use crate::tuple::{FiveTuple, Transport};

/// How often this host's addresses are looked at: as quickly as one waits for a network to come up.
const LOOK: Duration = Duration::from_secs(5);
/// Pause after the system had no descriptor for a connection.
const PAUSE: Duration = Duration::from_millis(200);
/// A TLS handshake is a few round trips.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The sockets that are served, each with what ends its task.
struct Served {
    hub: Arc<Hub>,
    tls: Option<TlsAcceptor>,
    places: Arc<Places>,
    running: HashMap<Listening, DropGuard>,
}

/// Serves what was bound, follows the host's addresses, and lets things run out, until the hub stops.
pub async fn serve(hub: Arc<Hub>, bound: Bound) {
    let Bound { sockets, wanted, tls, .. } = bound;
    let places = Arc::new(Places::default());
    let mut served = Served { hub: Arc::clone(&hub), tls, places, running: HashMap::new() };
    for (listening, socket) in sockets {
        served.start(listening, socket);
    }
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.tick().await;
    loop {
        tokio::select! {
            () = hub.stop.cancelled() => return,
            _ = second.tick() => hub.tick(),
            _ = look.tick() => {
                hub.look_again();
                served.follow(&wanted);
            }
        }
    }
}

impl Served {
    fn start(&mut self, listening: Listening, socket: Socket) {
        let stop = self.hub.stop.child_token();
        let hub = Arc::clone(&self.hub);
        match socket {
            Socket::Udp(socket) => {
                let socket = Arc::new(socket);
                let mut sockets = hub.udp.write().unwrap_or_else(PoisonError::into_inner);
                sockets.insert(listening.address, Arc::clone(&socket));
                drop(sockets);
                let task = udp::serve(hub, socket, listening.address, stop.clone());
                self.hub.tasks.spawn(task);
            }
            Socket::Stream(listener) => {
                let tls = self.tls.clone().filter(|_| listening.transport == Transport::Tls);
                let task = accept(hub, listener, tls, Arc::clone(&self.places), stop.clone());
                self.hub.tasks.spawn(task);
            }
        }
        self.running.insert(listening, stop.drop_guard());
    }

    /// Where all addresses are wanted, new ones are listened on and lost ones let go.
    fn follow(&mut self, wanted: &[SocketAddr]) {
        let own = self.hub.addresses.read().unwrap_or_else(PoisonError::into_inner).clone();
        let any = |list: &[SocketAddr]| {
            list.iter().copied().filter(|address| address.ip().is_unspecified()).collect::<Vec<_>>()
        };
        let (plain, secure) = (any(wanted), any(&self.hub.options.tls_listen));
        let (all, all_secure) = (expand(&plain, &own), expand(&secure, &own));
        let udp = all.iter().map(|address| Listening { address: *address, transport: Transport::Udp });
        let tcp = all.iter().map(|address| Listening { address: *address, transport: Transport::Tcp });
        let secure_now = all_secure.iter().filter(|_| self.tls.is_some());
        let tls = secure_now.map(|address| Listening { address: *address, transport: Transport::Tls });
        let now: Vec<Listening> = udp.chain(tcp).chain(tls).collect();
        // Only what an unspecified address stands for comes and goes.
        let follows = |listening: &Listening| {
            let list = if listening.transport == Transport::Tls { &secure } else { &plain };
            let address = listening.address;
            list.iter().any(|any| any.is_ipv4() == address.is_ipv4() && any.port() == address.port())
                && !wanted.contains(&address)
                && !self.hub.options.tls_listen.contains(&address)
        };
        let sockets = &self.hub.udp;
        self.running.retain(|listening, _| {
            let stays = now.contains(listening) || !follows(listening);
            if !stays && listening.transport == Transport::Udp {
                sockets.write().unwrap_or_else(PoisonError::into_inner).remove(&listening.address);
            }
            stays
        });
        for listening in now {
            if self.running.contains_key(&listening) {
                continue;
            }
            match bind_one(listening.address, listening.transport) {
                Ok((listening, socket)) => {
                    tracing::info!(
                        "the relay also listens on {} ({})",
                        listening.address,
                        listening.transport.word()
                    );
                    self.start(listening, socket);
                }
                Err(error) => tracing::debug!("{error}"),
            }
        }
    }
}

async fn accept(
    hub: Arc<Hub>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Places>,
    stop: CancellationToken,
) {
    loop {
        let Some(free) = places.free().await else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                let Some(place) = places.take(free, client.ip()) else {
                    tracing::debug!(%client, "too many connections of one client to the relay");
                    continue;
                };
                let (hub_of_client, tls) = (Arc::clone(&hub), tls.clone());
                hub.tasks.spawn(async move {
                    connection(hub_of_client, stream, client, tls).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "the relay cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(hub: Arc<Hub>, stream: TcpStream, client: SocketAddr, tls: Option<TlsAcceptor>) {
    // Each message is written as soon as it is there; without this, some would wait for the last one's acknowledgement.
    let _ = stream.set_nodelay(true);
    let Ok(server) = stream.local_addr() else { return };
    let Some(tls) = tls else {
        return stream::serve(hub, stream, FiveTuple { client, server, transport: Transport::Tcp }).await;
    };
    let shaken = tokio::select! {
        () = hub.stop.cancelled() => return,
        shaken = timeout(HANDSHAKE, tls.accept(stream)) => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => {
            stream::serve(hub, stream, FiveTuple { client, server, transport: Transport::Tls }).await;
        }
        Ok(Err(error)) => tracing::debug!(%client, %error, "no TLS handshake with the relay"),
        Err(_) => tracing::debug!(%client, "no TLS handshake with the relay in time"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Mutex;

    use icescope_model::EventSink;
    use tokio::net::UdpSocket;

    use super::*;
    use crate::options::Options;
    use crate::testing::{binding, options};
    use crate::{Listening, Relay};

    #[tokio::test]
    async fn new_addresses_are_listened_on_and_lost_ones_let_go() {
        let found: Arc<Mutex<Vec<IpAddr>>> = Arc::default();
        let seen = Arc::clone(&found);
        let listen = vec!["0.0.0.0:0".parse().unwrap()];
        let addresses = Arc::new(move || seen.lock().unwrap().clone());
        let (sink, _source) = EventSink::new(1);
        let relay = Relay::start(Options { listen, addresses, ..options() }, sink).unwrap();
        let port = relay.listening()[0].address.port();
        let hub = Arc::clone(relay.hub());
        let places = Arc::new(Places::default());
        let mut served = Served { hub: Arc::clone(&hub), tls: None, places, running: HashMap::new() };
        let wanted = [SocketAddr::from(([0, 0, 0, 0], port))];
        let new = SocketAddr::from(([127, 0, 0, 2], port));

        found.lock().unwrap().push(new.ip());
        hub.look_again();
        served.follow(&wanted);
        assert!(served.running.contains_key(&Listening { address: new, transport: Transport::Tcp }));
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(&binding(1).0, new).await.unwrap();
        let mut buffer = [0; 100];
        let answer = timeout(Duration::from_secs(20), client.recv_from(&mut buffer)).await;
        assert_eq!(answer.expect("an answer").unwrap().1, new);

        found.lock().unwrap().clear();
        hub.look_again();
        served.follow(&wanted);
        assert!(served.running.keys().all(|listening| listening.address != new));
        let free = async {
            while UdpSocket::bind(new).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), free).await.expect("the socket is closed");
        relay.shut_down().await;
    }
}
