//! Server-reflexive gathering through the wiretap: real transaction ids on the wire.
#![allow(clippy::unwrap_used, reason = "tests and nothing else")]

mod tap_common;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use icescope_model::Lane;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::transport::RTCIceServer;
use tap_common::check::binding_success;
use tap_common::{End, Plan, count, fact};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// A STUN server that notes the transaction ids, leaves the first request unanswered and then says «your address is
/// `mapped`».
async fn stun_server(
    local: IpAddr,
    mapped: SocketAddr,
    tasks: &mut JoinSet<()>,
) -> (SocketAddr, Arc<Mutex<Vec<[u8; 12]>>>) {
    let socket = UdpSocket::bind((local, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let ids = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&ids);
    tasks.spawn(async move {
        let mut buffer = [0; 2000];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..2], [0, 1], "a Binding request");
            assert!(length >= 20);
            let id: [u8; 12] = buffer[8..20].try_into().unwrap();
            let first = {
                let mut noted = noted.lock().unwrap();
                noted.push(id);
                noted.len() == 1
            };
            if !first {
                socket.send_to(&binding_success(id, mapped), from).await.unwrap();
            }
        }
    });
    (address, ids)
}

async fn gathers(local: &str, mapped: &str) {
    let mut tasks = JoinSet::new();
    let (server, ids) = stun_server(local.parse().unwrap(), mapped.parse().unwrap(), &mut tasks).await;
    let mut plan = Plan::new("daemon");
    plan.udp = vec![SocketAddr::new(local.parse().unwrap(), 0).to_string()];
    plan.configuration = RTCConfigurationBuilder::new()
        .with_ice_servers(vec![RTCIceServer {
            urls: vec![format!("stun:{server}")],
            ..RTCIceServer::default()
        }])
        .build();
    let mut daemon = End::new(plan).await;
    daemon.connection.create_data_channel("test", None).await.unwrap();
    let offer = daemon.connection.create_offer(None).await.unwrap();
    daemon.connection.set_local_description(offer).await.unwrap();
    let sdp = daemon.described().await.sdp;

    let mapped: SocketAddr = mapped.parse().unwrap();
    let candidate = sdp.lines().find(|line| line.contains("typ srflx")).expect("a reflexive candidate");
    assert!(candidate.contains(&format!(" {} {} typ srflx", mapped.ip(), mapped.port())), "{candidate}");
    let ids = ids.lock().unwrap().clone();
    // The first one was not answered, so it was sent again; the crate's timer may just do so once more.
    assert!(ids.len() >= 2, "the unanswered request is sent again");
    assert!(ids.iter().all(|id| *id == ids[0] && *id != [0; 12]), "one random id for all of them: {ids:?}");

    let mut id = [0; 16];
    id[4..].copy_from_slice(&ids[0]);
    let id = format!("{:024x}", u128::from_be_bytes(id));
    daemon.recorded("the answer", |events| count(events, "stun.binding.success") >= 1).await;
    let events = daemon.events();
    assert!(count(events, "stun.binding.request") >= ids.len());
    for event in events {
        assert_eq!(fact(event, "transactionId"), id);
        let ends = if fact(event, "direction") == "outbound" {
            (Lane::Peer, Lane::Stun)
        } else {
            (Lane::Stun, Lane::Peer)
        };
        assert_eq!((event.from, event.to), ends, "the crate resolved the name: the tap knows the server");
    }
    let answer = events.iter().find(|event| event.kind == "stun.binding.success").unwrap();
    assert_eq!(fact(answer, "mappedAddress"), mapped.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reflexive_candidate_is_gathered_under_a_random_id() {
    gathers("127.0.0.1", "192.0.2.7:4007").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ipv6_address_survives_the_change_of_ids() {
    gathers("::1", "[2001:db8::7]:4007").await;
}
