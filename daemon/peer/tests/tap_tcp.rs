//! ICE over TCP (RFC 6544): the browser connects to the daemon's passive candidate.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

mod tap_common;

use icescope_model::Observation;
use tap_common::check::{Heard, daemon_with, hear, nomination, port_of};
use tap_common::{Plan, count, fact, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_over_tcp_are_recorded_frame_by_frame() {
    let mut plan = Plan::new("daemon");
    plan.tcp = vec!["127.0.0.1:0".to_owned()];
    let candidate = "a=candidate:1 1 tcp 2128609279 127.0.0.1 9 typ host tcptype active";
    let (mut daemon, sdp, _browser) = daemon_with(candidate, plan).await;
    let mut stream = TcpStream::connect(("127.0.0.1", port_of(&sdp, "tcptype passive"))).await.unwrap();
    let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());

    // A frame cut in two on the way is one message.
    let first = nomination(1);
    let mut frame = (first.len() as u16).to_be_bytes().to_vec();
    frame.extend(&first);
    stream.write_all(&frame[..25]).await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(&frame[25..]).await.unwrap();
    let mut next = 2;
    loop {
        let heard = soon("the daemon", read_frame(&mut stream)).await;
        match hear(&heard, remote) {
            Heard::Answer(_) => break,
            Heard::Check(answer) => {
                write_frame(&mut stream, &answer).await;
                write_frame(&mut stream, &nomination(next)).await;
                next += 1;
            }
            Heard::Nothing => {}
        }
    }
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
