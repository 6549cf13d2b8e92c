//! One UDP port for several sessions.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

#[path = "common/stray.rs"]
mod stray;
mod tap_common;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use icescope_peer::tap::candidate::{AddressMap, rewrite_sdp};
use icescope_peer::tap::shared_port::{SharedPort, SharedPortError};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::transport::RTCIceServer;
use stray::stray_check;
use tap_common::check::binding_success;
use tap_common::{End, Plan, connect_rewritten, count, fact, soon};
use tokio::net::UdpSocket;
use webrtc::data_channel::DataChannelEvent;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_sessions_connect_and_talk_on_one_port() {
    let shared = SharedPort::bind(&[LOOPBACK], 0).unwrap();
    let map = AddressMap::new(Some(&shared), Vec::new());
    let local = SocketAddr::new(LOOPBACK, shared.port()).to_string();
    let mut sessions = Vec::new();
    for (ours, theirs) in [("daemon1", "browser1"), ("daemon2", "browser2"), ("daemon3", "browser3")] {
        let mut browser = End::new(Plan::new(theirs)).await;
        let mut plan = Plan::new(ours);
        plan.shared = Some(shared.clone());
        let mut daemon = End::new(plan).await;
        let rewrite = |sdp: String| {
            let rewritten = rewrite_sdp(&sdp, &map);
            assert!(rewritten.contains(&format!("127.0.0.1 {} typ host", map.udp_ports[0].1)), "{rewritten}");
            rewritten
        };
        let channel = connect_rewritten(&mut browser, &mut daemon, &rewrite).await;
        sessions.push((browser, daemon, channel, ours));
    }
    for (browser, daemon, channel, ours) in &mut sessions {
        soon("the data channel", async {
            while !matches!(channel.poll().await, Some(DataChannelEvent::OnOpen)) {}
        })
        .await;
        daemon.recorded("checks", |events| count(events, "stun.binding.success") > 1).await;
        for event in daemon.events().iter().filter(|event| event.attributes.contains_key("localAddress")) {
            assert_eq!(fact(event, "localAddress"), local, "{}", event.summary);
            let username = fact(event, "username");
            assert!(username.is_empty() || username.contains(*ours), "another session's: {username}");
        }
        let remotes: HashSet<String> =
            browser.events().iter().map(|event| fact(event, "remoteAddress")).collect();
        assert_eq!(remotes, HashSet::from([local.clone()]), "the browser talks to the shared port alone");
    }
    assert_eq!(shared.unclaimed(), 0);
    assert_eq!(shared.overflowed(), 0);

    // One closes: the others go on, and what still comes for the closed one is nobody's.
    let (browser, daemon, ..) = sessions.remove(0);
    daemon.connection.close().await.unwrap();
    drop(daemon);
    let stray = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    stray.send_to(&stray_check("daemon1:browser1"), (LOOPBACK, shared.port())).await.unwrap();
    soon("the stray check", async {
        while shared.unclaimed() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(browser);
    for (_, daemon, _, ours) in &mut sessions {
        let before = daemon.tap.last_inbound().check;
        soon(ours, async {
            while daemon.tap.last_inbound().check == before {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

/// Starts gathering with one STUN server.
async fn gathering(ufrag: &'static str, shared: &Arc<SharedPort>, server: SocketAddr) -> End {
    let mut plan = Plan::new(ufrag);
    plan.shared = Some(Arc::clone(shared));
    plan.configuration = RTCConfigurationBuilder::new()
        .with_ice_servers(vec![RTCIceServer {
            urls: vec![format!("stun:{server}")],
            ..RTCIceServer::default()
        }])
        .build();
    let daemon = End::new(plan).await;
    daemon.connection.create_data_channel("test", None).await.unwrap();
    let offer = daemon.connection.create_offer(None).await.unwrap();
    daemon.connection.set_local_description(offer).await.unwrap();
    daemon
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflexive_candidates_of_two_sessions_are_gathered_from_the_shared_port() {
    let shared = SharedPort::bind(&[LOOPBACK], 0).unwrap();
    let server = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    let address = server.local_addr().unwrap();
    let mut ids: Vec<[u8; 12]> = Vec::new();
    let mut daemons = Vec::new();
    let mut buffer = [0; 2000];
    for ufrag in ["daemon1", "daemon2"] {
        daemons.push(gathering(ufrag, &shared, address).await);
        // Each sends again what is not answered: a new id is the other session.
        loop {
            let (_, from) = soon("the Binding request", server.recv_from(&mut buffer)).await.unwrap();
            assert_eq!(from, SocketAddr::new(LOOPBACK, shared.port()));
            let id = buffer[8..20].try_into().unwrap();
            if !ids.contains(&id) {
                ids.push(id);
                break;
            }
        }
    }
    // From one address to one address: only the ids tell the answers apart.
    for (mapped, id) in [(4002, ids[1]), (4001, ids[0])] {
        let mapped = SocketAddr::from(([192, 0, 2, 7], mapped));
        server.send_to(&binding_success(id, mapped), (LOOPBACK, shared.port())).await.unwrap();
    }
    for (daemon, port) in daemons.iter_mut().zip([4001, 4002]) {
        let sdp = daemon.described().await.sdp;
        assert!(sdp.contains(&format!(" 192.0.2.7 {port} typ srflx")), "{sdp}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_its_remedy() {
    let taken = std::net::UdpSocket::bind((LOOPBACK, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = SharedPort::bind(&[LOOPBACK], port).unwrap_err();
    assert!(matches!(error, SharedPortError::Bind { .. }));
    let text = error.to_string();
    assert!(
        text.contains(&port.to_string()) && text.contains("127.0.0.1") && text.contains("ice.udp-port"),
        "{text}"
    );
    assert!(matches!(SharedPort::bind(&[], 0), Err(SharedPortError::NoAddress { .. })));
}

#[tokio::test]
async fn the_port_is_free_again_when_nobody_holds_it() {
    let shared = SharedPort::bind(&[LOOPBACK], 0).unwrap();
    let port = shared.port();
    drop(shared);
    soon("the port", async {
        while std::net::UdpSocket::bind((LOOPBACK, port)).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
