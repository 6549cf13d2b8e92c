//! The relay with real sockets, on this machine's own addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use icescope_model::sink::EventSource;
use icescope_model::{EventSink, SessionId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::testing::{Draft, allocate, binding, channel, code, permission, refresh, send};
use crate::tuple::Transport;
use crate::wire::attribute;
use crate::wire::frame::{self, Next};
use crate::wire::read::Message;
use crate::{Credentials, Options, Relay, RelayError};

/// An answer on this machine takes microseconds; this only keeps a broken relay from hanging the tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// This host's IPv4 address outside of loopback; `None`, loudly, where it has none.
fn own_address() -> Option<IpAddr> {
    own_address_towards("0.0.0.0:0", "203.0.113.1:9")
}

fn own_address_towards(any: &str, far: &str) -> Option<IpAddr> {
    let found = std::net::UdpSocket::bind(any).and_then(|socket| {
        // No packet is sent: the kernel only looks for the way.
        socket.connect(far)?;
        socket.local_addr()
    });
    let address = found.ok().map(|address| address.ip()).filter(|address| !address.is_loopback());
    if address.is_none() {
        eprintln!("SKIPPED: this host has no way to {far}, and loopback is never relayed to");
    }
    address
}

fn options(listen: &[&str], addresses: Vec<IpAddr>) -> Options {
    Options {
        listen: listen.iter().map(|text| text.parse().unwrap()).collect(),
        addresses: Arc::new(move || addresses.clone()),
        ..crate::testing::options()
    }
}

fn start(options: Options) -> (Relay, EventSource) {
    let (sink, source) = EventSink::new(1000);
    (Relay::start(options, sink).unwrap(), source)
}

fn address_of(relay: &Relay, transport: Transport) -> SocketAddr {
    relay.listening().iter().find(|listening| listening.transport == transport).unwrap().address
}

/// The way of a test's client to the relay.
enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

impl Wire {
    async fn udp(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((server.ip(), 0)).await.unwrap();
        socket.connect(server).await.unwrap();
        Self::Udp(socket)
    }

    async fn tcp(server: SocketAddr) -> Self {
        Self::Tcp(TcpStream::connect(server).await.unwrap(), Vec::new())
    }

    async fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send(bytes).await.unwrap()),
            Self::Tcp(stream, _) => stream.write_all(bytes).await.unwrap(),
        }
    }

    async fn get(&mut self) -> Vec<u8> {
        timeout(PATIENCE, self.next()).await.expect("an answer in time")
    }

    async fn next(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 65_535];
        match self {
            Self::Udp(socket) => {
                let length = socket.recv(&mut buffer).await.unwrap();
                buffer[..length].to_vec()
            }
            Self::Tcp(stream, rest) => loop {
                if let Next::Message { length, taken } = frame::next(rest) {
                    let message = rest[..length].to_vec();
                    rest.drain(..taken);
                    return message;
                }
                let length = stream.read(&mut buffer).await.unwrap();
                assert!(length > 0, "the relay closed the connection");
                rest.extend(&buffer[..length]);
            },
        }
    }
}

struct Client {
    wire: Wire,
    credentials: Credentials,
    nonce: String,
}

impl Client {
    async fn new(mut wire: Wire, credentials: Credentials) -> Self {
        wire.put(&allocate(1).0).await;
        let challenge = wire.get().await;
        assert_eq!(code(&challenge), 401);
        let nonce = Message::parse(&challenge).unwrap().text(attribute::NONCE).unwrap().to_owned();
        Self { wire, credentials, nonce }
    }

    async fn ask(&mut self, draft: Draft) -> Vec<u8> {
        self.wire.put(&draft.signed(&self.credentials, &self.nonce).0).await;
        self.wire.get().await
    }

    async fn allocate(&mut self) -> SocketAddr {
        self.allocate_as(allocate(2)).await
    }

    async fn allocate_as(&mut self, draft: Draft) -> SocketAddr {
        let answer = self.ask(draft).await;
        assert_eq!(code(&answer), 0);
        Message::parse(&answer).unwrap().xor_address(0x0016).unwrap()
    }
}

/// Data to a peer of the daemon's candidates and back, by an indication and by a channel.
async fn both_ways(relay: &Relay, wire: Wire, own: IpAddr) {
    let session = SessionId::random();
    let peer = UdpSocket::bind((own, 0)).await.unwrap();
    let peer_address = peer.local_addr().unwrap();
    relay.set_candidates(session, vec![peer_address]);
    let mut client = Client::new(wire, relay.credentials(Some(session))).await;
    let family = if own.is_ipv4() { 1 } else { 2 };
    let wanted = allocate(2).with(attribute::REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0]);
    let relayed = client.allocate_as(wanted).await;
    assert_eq!(relayed.ip(), own);
    let shown = peer_address.to_string();
    assert_eq!(code(&client.ask(permission(3, &shown)).await), 0);
    let mut buffer = [0; 2000];
    for size in [0, 1, 2, 3, 1200] {
        client.wire.put(&send(&shown, &vec![7; size]).0).await;
        let (length, from) = timeout(PATIENCE, peer.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!((length, from), (size, relayed));
        peer.send_to(&vec![8; size], relayed).await.unwrap();
        let back = client.wire.get().await;
        let message = Message::parse(&back).unwrap();
        assert_eq!(message.get(attribute::DATA), Some(&vec![8; size][..]));
        assert_eq!(message.xor_address(attribute::XOR_PEER_ADDRESS), Some(peer_address));
    }
    assert_eq!(code(&client.ask(channel(4, 0x4001, &shown)).await), 0);
    client.wire.put(&[0x40, 1, 0, 3, 1, 2, 3, 0]).await;
    let (length, _) = timeout(PATIENCE, peer.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(&buffer[..length], [1, 2, 3]);
    peer.send_to(b"back!", relayed).await.unwrap();
    let back = client.wire.get().await;
    assert_eq!(back, b"\x40\x01\x00\x05back!");
    assert_eq!(code(&client.ask(refresh(5, 0)).await), 0);
    assert_eq!(relay.allocations(), 0);
}

#[tokio::test]
async fn data_is_relayed_over_udp_and_tcp() {
    let Some(own) = own_address() else { return };
    let (relay, _source) = start(options(&["127.0.0.1:0"], vec![own]));
    both_ways(&relay, Wire::udp(address_of(&relay, Transport::Udp)).await, own).await;
    both_ways(&relay, Wire::tcp(address_of(&relay, Transport::Tcp)).await, own).await;
    relay.shut_down().await;
}

#[tokio::test]
async fn data_is_relayed_by_ipv6() {
    let Some(own) = own_address_towards("[::]:0", "[2001:db8::1]:9") else { return };
    let (relay, _source) = start(options(&["[::1]:0"], vec![own]));
    both_ways(&relay, Wire::udp(address_of(&relay, Transport::Udp)).await, own).await;
    both_ways(&relay, Wire::tcp(address_of(&relay, Transport::Tcp)).await, own).await;
    relay.shut_down().await;
}

#[tokio::test]
async fn an_allocation_ends_with_its_connection_and_its_session() {
    let Some(own) = own_address() else { return };
    let (relay, _source) = start(options(&["127.0.0.1:0"], vec![own]));
    let session = SessionId::random();
    let mut over_udp =
        Client::new(Wire::udp(address_of(&relay, Transport::Udp)).await, relay.credentials(Some(session)))
            .await;
    let relayed = over_udp.allocate().await;
    assert!(UdpSocket::bind(relayed).await.is_err(), "the port is taken");
    let mut over_tcp =
        Client::new(Wire::tcp(address_of(&relay, Transport::Tcp)).await, relay.credentials(None)).await;
    over_tcp.allocate().await;
    assert_eq!(relay.allocations(), 2);
    drop(over_tcp);
    timeout(PATIENCE, async {
        while relay.allocations() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the closed connection's allocation ends");
    relay.forget(session);
    assert_eq!(relay.allocations(), 0);
    timeout(PATIENCE, async {
        while UdpSocket::bind(relayed).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the port is free again");
    relay.shut_down().await;
    assert!(relay.hub().tasks.is_empty(), "no task is left");
}

#[tokio::test]
async fn a_hundred_clients_are_served_at_once() {
    let Some(own) = own_address() else { return };
    let (relay, _source) = start(options(&["127.0.0.1:0"], vec![own]));
    let echo = Arc::new(UdpSocket::bind((own, 0)).await.unwrap());
    let peer = echo.local_addr().unwrap();
    relay.set_candidates(SessionId::random(), vec![peer]);
    let echoing = tokio::spawn(async move {
        let mut buffer = [0; 2000];
        while let Ok((length, from)) = echo.recv_from(&mut buffer).await {
            let _ = echo.send_to(&buffer[..length], from).await;
        }
    });
    let mut clients = tokio::task::JoinSet::new();
    for index in 0..100_u8 {
        let relay = relay.clone();
        clients.spawn(async move {
            let wire = match index % 2 {
                0 => Wire::udp(address_of(&relay, Transport::Udp)).await,
                _ => Wire::tcp(address_of(&relay, Transport::Tcp)).await,
            };
            let session = SessionId::random();
            let mut client = Client::new(wire, relay.credentials(Some(session))).await;
            client.allocate().await;
            assert_eq!(code(&client.ask(channel(3, 0x4000, &peer.to_string())).await), 0);
            for round in 0..50_u8 {
                client.wire.put(&[0x40, 0, 0, 4, index, round, 1, 2]).await;
                assert_eq!(client.wire.get().await, [0x40, 0, 0, 4, index, round, 1, 2]);
            }
            client
        });
    }
    let served = clients.join_all().await;
    assert_eq!((served.len(), relay.allocations()), (100, 100));
    echoing.abort();
    relay.shut_down().await;
}

#[tokio::test]
async fn two_clients_of_one_relay_reach_each_other() {
    let Some(own) = own_address() else { return };
    let (relay, _source) = start(options(&["127.0.0.1:0"], vec![own]));
    let udp = Wire::udp(address_of(&relay, Transport::Udp)).await;
    let tcp = Wire::tcp(address_of(&relay, Transport::Tcp)).await;
    let mut one = Client::new(udp, relay.credentials(None)).await;
    let mut two = Client::new(tcp, relay.credentials(None)).await;
    let (first, second) = (one.allocate().await, two.allocate().await);
    assert_eq!(code(&one.ask(channel(3, 0x4000, &second.to_string())).await), 0);
    assert_eq!(code(&two.ask(channel(3, 0x4001, &first.to_string())).await), 0);
    for size in [0_u8, 1, 2, 3, 4, 200] {
        let payload = vec![size; size.into()];
        one.wire.put(&[&[0x40, 0, 0, size][..], &payload].concat()).await;
        let got = two.wire.get().await;
        assert_eq!(got, [&[0x40, 1, 0, size][..], &payload].concat());
        let padded = vec![size; usize::from(size).next_multiple_of(4)];
        two.wire.put(&[&[0x40, 1, 0, size][..], &padded].concat()).await;
        assert_eq!(one.wire.get().await, [&[0x40, 0, 0, size][..], &payload].concat());
    }
    relay.shut_down().await;
}

/// Two neighbouring ports that are free on both addresses over both transports, below those that the system hands out.
fn free_pair() -> u16 {
    let free = |port: u16| {
        ["127.0.0.1", "127.0.0.2"].iter().all(|address| {
            [port, port + 1].iter().all(|port| {
                std::net::UdpSocket::bind((*address, *port)).is_ok()
                    && std::net::TcpListener::bind((*address, *port)).is_ok()
            })
        })
    };
    let start = 10_000 + (std::process::id() % 4_000) as u16 * 2;
    (0..500).map(|step| start + 2 * step).find(|port| free(*port)).expect("two free ports")
}

#[tokio::test]
async fn with_two_addresses_the_answer_comes_from_the_other() {
    let port = free_pair();
    let [one, two] = ["127.0.0.1", "127.0.0.2"].map(|address| format!("{address}:{port}"));
    let (relay, _source) = start(options(&[&one, &two], vec![]));
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (flags, address, port) in [
        (0, "127.0.0.1", port),
        (2, "127.0.0.1", port + 1),
        (4, "127.0.0.2", port),
        (6, "127.0.0.2", port + 1),
    ] {
        let request = binding(flags).with(attribute::CHANGE_REQUEST, &[0, 0, 0, flags]);
        client.send_to(&request.0, &one).await.unwrap();
        let mut buffer = [0; 200];
        let (_, source) = timeout(PATIENCE, client.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(source, SocketAddr::new(address.parse().unwrap(), port));
    }
    relay.shut_down().await;
}

#[tokio::test]
async fn a_taken_port_is_an_error_unless_any_will_do() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (sink, _source) = EventSink::new(1);
    let refused = Relay::start(options(&[&address], vec![]), sink).err().unwrap();
    assert!(
        matches!(refused, RelayError::Listen { transport: "udp", .. }) && refused.is_in_use(),
        "{refused}"
    );
    assert!(refused.to_string().contains(&address), "{refused}");
    let (relay, _source) = start(Options { any_port: true, ..options(&[&address], vec![]) });
    let udp = address_of(&relay, Transport::Udp);
    assert_ne!(udp, taken.local_addr().unwrap());
    assert_eq!(udp, address_of(&relay, Transport::Tcp), "one port for both");
    let mut wire = Wire::udp(udp).await;
    wire.put(&binding(1).0).await;
    assert_eq!(code(&wire.get().await), 0);
    relay.shut_down().await;
}

#[tokio::test]
async fn an_unspecified_address_stands_for_the_hosts_own() {
    let Some(own) = own_address() else { return };
    let (relay, _source) = start(options(&["0.0.0.0:0"], vec![own]));
    let addresses: Vec<IpAddr> = relay.listening().iter().map(|listening| listening.address.ip()).collect();
    assert_eq!(addresses, [own, own, [127, 0, 0, 1].into(), [127, 0, 0, 1].into()]);
    // From this host's own address to loopback, as browsers on this machine send.
    let client = UdpSocket::bind((own, 0)).await.unwrap();
    let port = address_of(&relay, Transport::Udp).port();
    for server in [IpAddr::from([127, 0, 0, 1]), own] {
        client.send_to(&binding(1).0, (server, port)).await.unwrap();
        let mut buffer = [0; 200];
        let (length, from) = timeout(PATIENCE, client.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(from, SocketAddr::new(server, port), "the answer leaves from where it was asked");
        let mapped = Message::parse(&buffer[..length]).unwrap().xor_address(0x0020);
        assert_eq!(mapped, Some(client.local_addr().unwrap()));
    }
    relay.shut_down().await;
}

#[tokio::test]
async fn without_an_address_outside_of_loopback_there_is_stun_but_no_relay() {
    let (relay, _source) = start(options(&["127.0.0.1:0"], vec![[127, 0, 0, 1].into()]));
    let wire = Wire::udp(address_of(&relay, Transport::Udp)).await;
    let mut client = Client::new(wire, relay.credentials(None)).await;
    assert_eq!(code(&client.ask(allocate(2)).await), 440);
    relay.shut_down().await;
}

#[tokio::test]
async fn garbage_ends_a_stream_and_nothing_else() {
    let (relay, _source) = start(options(&["127.0.0.1:0"], vec![]));
    let mut stream = TcpStream::connect(address_of(&relay, Transport::Tcp)).await.unwrap();
    stream.write_all(&[0x16, 3, 1, 0, 0x80, 1, 2, 3]).await.unwrap();
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("closed").ok();
    assert!(rest.is_empty());
    let mut other = Wire::tcp(address_of(&relay, Transport::Tcp)).await;
    other.put(&binding(1).0[..7]).await;
    other.put(&binding(1).0[7..]).await;
    assert_eq!(code(&other.get().await), 0);
    relay.shut_down().await;
}

#[tokio::test]
async fn a_long_message_of_a_stranger_is_not_waited_for() {
    let (relay, _source) = start(options(&["127.0.0.1:0"], Vec::new()));
    let mut stream = TcpStream::connect(address_of(&relay, Transport::Tcp)).await.unwrap();
    let mut long = binding(1).0;
    long[2..4].copy_from_slice(&60_000_u16.to_be_bytes());
    long.resize(5000, 0);
    stream.write_all(&long).await.unwrap();
    let ended = timeout(PATIENCE, stream.read(&mut [0; 100])).await.expect("the relay closes the connection");
    // What it has not read makes it a reset.
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    relay.shut_down().await;
}
