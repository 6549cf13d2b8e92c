//! ICE over TCP (RFC 6544): the browser connects to the daemon's passive candidate.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

mod tap_common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use icescope_model::Observation;
use icescope_peer::tap::candidate::{AddressMap, rewrite_sdp};
use icescope_peer::tap::shared_tcp::SharedTcpPort;
use tap_common::check::{Heard, daemon_with, hear, nomination, port_of};
use tap_common::{Plan, count, fact, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// What a browser offers for TCP: it connects, and from where is not known yet.
const ACTIVE: &str = "a=candidate:1 1 tcp 2128609279 127.0.0.1 9 typ host tcptype active";

async fn write_frame(stream: &mut TcpStream, packet: &[u8]) {
    let mut frame = (packet.len() as u16).to_be_bytes().to_vec();
    frame.extend(packet);
    stream.write_all(&frame).await.unwrap();
}

async fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u16().await.unwrap();
    let mut frame = vec![0; usize::from(length)];
    stream.read_exact(&mut frame).await.unwrap();
    frame
}

/// Answers the daemon's checks and nominates anew, until a nomination is answered.
async fn until_answered(stream: &mut TcpStream, ufrag: &str) {
    let remote = stream.peer_addr().unwrap();
    let mut next = 2;
    loop {
        let heard = soon("the daemon", read_frame(stream)).await;
        match hear(&heard, remote) {
            Heard::Answer(_) => break,
            Heard::Check(answer) => {
                write_frame(stream, &answer).await;
                write_frame(stream, &nomination(ufrag, next)).await;
                next += 1;
            }
            Heard::Nothing => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_over_tcp_are_recorded_frame_by_frame() {
    let mut plan = Plan::new("daemon");
    plan.tcp = vec!["127.0.0.1:0".to_owned()];
    let (mut daemon, sdp, _browser) = daemon_with(ACTIVE, plan).await;
    let mut stream = TcpStream::connect(("127.0.0.1", port_of(&sdp, "tcptype passive"))).await.unwrap();
    let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());

    let first = nomination("daemon", 1);
    // A frame cut in two on the way is one message.
    let mut frame = (first.len() as u16).to_be_bytes().to_vec();
    frame.extend(&first);
    stream.write_all(&frame[..25]).await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(&frame[25..]).await.unwrap();
    until_answered(&mut stream, "daemon").await;
    let over_tcp = |event: &&Observation| fact(event, "protocol") == "tcp";
    daemon
        .recorded("the answer", |events| {
            events.iter().filter(over_tcp).any(|event| event.kind == "stun.binding.success")
        })
        .await;
    let events: Vec<Observation> = daemon.events().iter().filter(over_tcp).cloned().collect();
    assert!(count(&events, "stun.binding.request") >= 2, "one of each side at least");
    for event in &events {
        assert_eq!(fact(event, "remoteAddress"), local.to_string());
        assert_eq!(fact(event, "localAddress"), remote.to_string());
    }
    let first = events.iter().find(|event| fact(event, "transactionId") == "01".repeat(12)).unwrap();
    assert_eq!(
        (fact(first, "useCandidate"), fact(first, "direction")),
        ("true".to_owned(), "inbound".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sessions_are_told_apart_on_one_tcp_port() {
    let shared = SharedTcpPort::bind(&[LOOPBACK], 0).unwrap();
    let address = SocketAddr::new(LOOPBACK, shared.port());
    let map = AddressMap::new(None, Vec::new()).with_tcp(Some(&shared));
    let mut sessions = Vec::new();
    for ufrag in ["daemon1", "daemon2"] {
        let mut plan = Plan::new(ufrag);
        plan.tcp = vec!["127.0.0.1:0".to_owned()];
        plan.shared_tcp = Some(shared.clone());
        let (daemon, sdp, browser) = daemon_with(ACTIVE, plan).await;
        assert_eq!(port_of(&rewrite_sdp(&sdp, &map), "tcptype passive"), shared.port());
        sessions.push((ufrag, daemon, browser));
    }
    for (ufrag, daemon, _browser) in &mut sessions {
        let mut stream = TcpStream::connect(address).await.unwrap();
        write_frame(&mut stream, &nomination(ufrag, 1)).await;
        until_answered(&mut stream, ufrag).await;
        let local = stream.local_addr().unwrap().to_string();
        let over_tcp = |event: &Observation| fact(event, "protocol") == "tcp";
        daemon
            .recorded("the answer", |events| {
                events.iter().any(|event| over_tcp(event) && event.kind == "stun.binding.success")
            })
            .await;
        for event in daemon.events().iter().filter(|event| over_tcp(event)) {
            assert_eq!(fact(event, "localAddress"), address.to_string());
            assert_eq!(fact(event, "remoteAddress"), local, "the other session's stream");
        }
    }
    assert_eq!(shared.unclaimed(), 0);

    // Nobody's, nonsense, and of a session that is over.
    let (_, daemon, _browser) = sessions.remove(0);
    daemon.connection.close().await.unwrap();
    drop(daemon);
    let mut strangers = Vec::new();
    for first in [nomination("nobody", 1), vec![1, 2, 3], nomination("daemon1", 1)] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        write_frame(&mut stream, &first).await;
        strangers.push(stream);
    }
    for mut stream in strangers {
        let mut byte = [0];
        assert!(
            !matches!(soon("the end of the stream", stream.read(&mut byte)).await, Ok(1..)),
            "it was taken"
        );
    }
    assert_eq!(shared.unclaimed(), 3);
}
