//! What the wiretap records of two ends on loopback, and what it counts.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

mod tap_common;

use std::collections::HashSet;
use std::future::poll_fn;
use std::net::UdpSocket;

use icescope_model::{EventSink, Evidence, Lane, SessionId};
use icescope_peer::tap::{Tap, TapOptions};
use tap_common::{End, Plan, connect, count, fact, soon, transactions};
use webrtc::runtime::{Runtime, Transmit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_stun_message_of_one_end_is_recorded_once_at_the_other() {
    let mut browser = End::new(Plan::new("browser")).await;
    let mut daemon = End::new(Plan::new("daemon")).await;
    connect(&mut browser, &mut daemon).await;
    // Checks go on for as long as the ends live: wait for a moment when none is under way. Sorted lists of transaction,
    // class and method are the same at both ends then: none missing, none twice, none invented.
    soon("a moment when all that was sent has been received", async {
        loop {
            let (ours, theirs) = (browser.events(), daemon.events());
            if transactions(ours, "outbound") == transactions(theirs, "inbound")
                && transactions(theirs, "outbound") == transactions(ours, "inbound")
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    let (browser_events, daemon_events) = (browser.events().to_vec(), daemon.events().to_vec());
    for (events, name) in [(&browser_events, "browser"), (&daemon_events, "daemon")] {
        let sent = transactions(events, "outbound");
        assert!(sent.len() >= 3, "{name} sent {sent:?}");
        let unique: HashSet<_> = sent.iter().collect();
        assert_eq!(unique.len(), sent.len(), "nothing twice");
    }
    let check = daemon_events
        .iter()
        .find(|event| event.kind == "stun.binding.request" && event.to == Lane::Peer)
        .unwrap();
    assert_eq!((check.from, check.evidence), (Lane::Web, Evidence::Packet));
    assert_eq!(fact(check, "username"), "daemon:browser");
    assert!(check.attributes.contains_key("priority") && check.attributes.contains_key("iceControlling"));
    let nominations = daemon_events.iter().filter(|event| fact(event, "useCandidate") == "true").count();
    assert!(nominations >= 1);
    let answer = daemon_events
        .iter()
        .find(|event| event.kind == "stun.binding.success" && event.to == Lane::Peer)
        .unwrap();
    assert!(answer.attributes["roundTripTime"].as_f64().unwrap() < 1.0);
    assert!(fact(answer, "mappedAddress").starts_with("127.0.0.1:"));
    let told = format!("{daemon_events:?}{browser_events:?}");
    assert!(!told.contains(tap_common::PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dtls_handshake_is_recorded_in_order_at_both_ends() {
    let mut browser = End::new(Plan::new("browser")).await;
    let mut daemon = End::new(Plan::new("daemon")).await;
    connect(&mut browser, &mut daemon).await;
    for (end, name) in [(&mut browser, "browser"), (&mut daemon, "daemon")] {
        end.recorded("the server's Finished", |events| count(events, "dtls.encrypted_handshake") >= 2).await;
        let counters = end.tap.counters();
        let first = |kind: &str| {
            let at = end.seen.iter().position(|event| event.kind == kind);
            at.unwrap_or_else(|| panic!("the {name} has no {kind}"))
        };
        let order = [
            "dtls.client_hello",
            "dtls.server_hello",
            "dtls.certificate",
            "dtls.server_key_exchange",
            "dtls.server_hello_done",
            "dtls.client_key_exchange",
            "dtls.change_cipher_spec",
            "dtls.encrypted_handshake",
        ]
        .map(first);
        assert!(order.is_sorted(), "{name}: {order:?}");
        assert!(counters.dtls_in >= 2 && counters.dtls_out >= 2, "{counters:?}");
        let hello = &end.seen[order[0]];
        assert_eq!(fact(hello, "encrypted"), "false");
        assert!(hello.attributes["length"].as_u64().unwrap() > 50);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_ends_close_is_noticed_and_ones_own_is_not() {
    let mut browser = End::new(Plan::new("browser")).await;
    let mut daemon = End::new(Plan::new("daemon")).await;
    connect(&mut browser, &mut daemon).await;
    let (mut at_daemon, at_browser) = (daemon.tap.remote_close(), browser.tap.remote_close());
    assert!(!*at_daemon.borrow());
    browser.tap.shut_down();
    browser.connection.close().await.unwrap();
    soon("the browser's close", at_daemon.wait_for(|closed| *closed)).await.unwrap();
    assert!(!*at_browser.borrow(), "it closed by itself");
    daemon.recorded("both alerts", |events| count(events, "dtls.alert") >= 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_answer_to_a_check_is_the_sign_of_life() {
    let mut browser = End::new(Plan::new("browser")).await;
    let mut daemon = End::new(Plan::new("daemon")).await;
    assert_eq!(daemon.tap.last_inbound().any(), None);
    let before = icescope_model::Monotonic::now();
    connect(&mut browser, &mut daemon).await;
    let heard = daemon.tap.last_inbound();
    assert!(heard.check.unwrap() >= before && heard.check.unwrap() <= icescope_model::Monotonic::now());
    assert_eq!(heard.media, None, "no media was sent");
}

fn lone_tap() -> (std::sync::Arc<Tap>, icescope_model::sink::EventSource) {
    let (sink, source) = EventSink::new(1_000);
    let tap = Tap::new(TapOptions {
        session: SessionId::random(),
        sink,
        stun_servers: Vec::new(),
        turn_servers: Vec::new(),
        shared: None,
        local_ufrag: "own".to_owned(),
        hold_nomination: true,
    });
    (tap, source)
}

#[tokio::test]
async fn a_gso_batch_is_counted_packet_by_packet() {
    let (tap, mut source) = lone_tap();
    let socket = tap.wrap_udp_socket(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    let receiver = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut batch = Vec::new();
    for sequence in 0..10_u8 {
        let mut packet = vec![0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0x12, 0x34];
        packet.resize(if sequence == 9 { 60 } else { 100 }, 7);
        batch.extend(packet);
    }
    let gso = socket.max_gso_segments() > 1;
    let transmit = Transmit {
        destination: receiver.local_addr().unwrap(),
        ecn: None,
        contents: &batch,
        segment_size: gso.then_some(100),
        src_ip: None,
    };
    assert!(gso, "this kernel sends no batches: the test shows nothing");
    poll_fn(|cx| socket.poll_send(cx, &transmit)).await.unwrap();
    let mut buffer = [0; 2000];
    for sequence in 0..10 {
        let (length, _) = soon("a packet", receiver.recv_from(&mut buffer)).await.unwrap();
        assert_eq!((buffer[3], length), (sequence, if sequence == 9 { 60 } else { 100 }));
    }
    let counters = tap.counters();
    assert_eq!((counters.rtp_out, counters.bytes_out, counters.stun_out), (10, 960, 0));
    let first = source.try_next().unwrap();
    assert_eq!(
        (&*first.kind, fact(&first, "ssrc"), fact(&first, "payloadType")),
        ("rtp.first", "4660".into(), "96".into())
    );
    assert!(source.try_next().is_none(), "the others are only counted");
}

#[tokio::test]
async fn a_received_packet_has_the_kernels_time() {
    let (tap, mut source) = lone_tap();
    let socket = tap.wrap_udp_socket(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([9; 12]);
    let before = icescope_model::Monotonic::now();
    sender.send_to(&request, socket.local_addr().unwrap()).unwrap();
    let after = icescope_model::Monotonic::now();
    // The packet lies in the kernel until the clock has gone on by more than what is let pass below: that must not show.
    let slack = 5_000_000;
    while icescope_model::Monotonic::now().since(after) <= 2 * slack {
        tokio::task::yield_now().await;
    }
    let mut buffer = [0; 2000];
    let (length, _) = soon("the request", socket.recv_from(&mut buffer)).await.unwrap();
    assert_eq!(&buffer[..length], request);
    let event = source.try_next().unwrap();
    assert!(
        event.at.0 > before.0 - slack && event.at.0 < after.0 + slack,
        "{} ns late",
        event.at.since(after)
    );
}

#[tokio::test]
async fn garbage_is_counted_and_harms_nobody() {
    let (tap, mut source) = lone_tap();
    let socket = tap.wrap_udp_socket(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let garbage: [&[u8]; 5] =
        [&[0xff; 40], &[0, 1], &[22, 0xfe, 0xfd, 0], &[0x40, 0, 0xff, 0xff, 1], &[0x80]];
    let mut buffer = [0; 2000];
    for datagram in garbage {
        sender.send_to(datagram, socket.local_addr().unwrap()).unwrap();
        let (length, _) = soon("the garbage", socket.recv_from(&mut buffer)).await.unwrap();
        assert_eq!(&buffer[..length], datagram, "the crate gets it as it came");
    }
    let counters = tap.counters();
    assert_eq!((counters.other_in, counters.dtls_in, counters.channel_data_in), (3, 1, 1));
    assert!(source.try_next().is_none());
}

#[tokio::test]
async fn what_the_kernel_does_not_take_is_told() {
    let (tap, mut source) = lone_tap();
    let socket = tap.wrap_udp_socket(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([9; 12]);
    // A socket bound to loopback cannot reach anybody else.
    let error = socket.send_to(&request, "192.0.2.1:3478".parse().unwrap()).await.unwrap_err();
    let event = source.try_next().unwrap();
    assert_eq!((&*event.kind, event.from, event.to), ("stun.not_sent", Lane::Peer, Lane::Web));
    assert!(event.summary.contains("192.0.2.1:3478") && event.summary.contains(&error.to_string()));
    assert_eq!(tap.counters().stun_out, 0, "it never was on the wire");
}
