//! Listening, stopping.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use icescope_server::{Error, Options, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{PATIENCE, options, start};

#[tokio::test]
async fn the_port_answers_before_serving_begins() {
    let running = start();
    let server = Server::bind(options(), running.evidence.clone()).unwrap();
    // The kernel takes the connection and keeps it until it is served.
    let mut early = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    early
        .write_all(b"GET /api/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let stop = running.shutdown.clone();
    tokio::spawn(server.serve(stop));
    let mut answer = String::new();
    timeout(PATIENCE, early.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let running = start();
    let options = Options { listen: vec![running.address], ..options() };
    let Err(error) = Server::bind(options, running.evidence.clone()) else { panic!("it listens twice") };
    let words = error.to_string();
    assert!(words.contains(&running.address.to_string()) && words.contains("listen of [server]"), "{words}");
    let none = Options { listen: vec![], ..crate::support::options() };
    assert!(matches!(Server::bind(none, running.evidence.clone()), Err(Error::NoAddress)));
}

#[tokio::test]
async fn both_families_can_listen_on_one_port() {
    let running = start();
    let free = std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let any4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, free));
    let any6 = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, free));
    let both = Options { listen: vec![any6, any4], ..options() };
    match Server::bind(both, running.evidence.clone()) {
        Ok(server) => assert_eq!(server.local_addrs(), [any6, any4]),
        Err(error) if error.to_string().contains("Address family not supported") => {
            eprintln!("SKIPPED: no IPv6 on this machine");
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_stop_ends_requests_under_way_and_then_serving() {
    let running = start();
    running.peer.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let asking = tokio::spawn(running.post_offer("/whep").send());
    while running.evidence.sessions().is_empty() {
        tokio::task::yield_now().await;
    }
    let idle = TcpStream::connect(running.address).await.unwrap();
    running.shutdown.cancel();
    running.peer.gate.add_permits(1);
    assert_eq!(asking.await.unwrap().status, 201, "what was under way is answered");
    timeout(PATIENCE, running.served).await.unwrap().unwrap();
    drop(idle);
    assert!(TcpStream::connect(running.address).await.is_err(), "the port is free");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_request_that_hangs() {
    let running = start();
    running.peer.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let ask = running.post_offer("/whep");
    let mut hanging = TcpStream::connect(running.address).await.unwrap();
    hanging.write_all((ask.head() + crate::support::OFFER).as_bytes()).await.unwrap();
    while running.evidence.sessions().is_empty() {
        tokio::task::yield_now().await;
    }
    let asked = Instant::now();
    running.shutdown.cancel();
    timeout(PATIENCE, running.served).await.unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    let mut rest = Vec::new();
    let _ = hanging.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "it was cut");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let running = start();
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = "GET /api/health HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(3);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while seen.matches("\"status\":\"ok\"").count() < 3 {
        let count = timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert_ne!(count, 0, "{seen}");
        seen += std::str::from_utf8(&buffer[..count]).unwrap();
    }
    assert_eq!(seen.matches("HTTP/1.1 200").count(), 3);
}
