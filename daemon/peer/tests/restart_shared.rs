//! ICE restarts (RFC 8445 §9) on ports that sessions share.
#![allow(clippy::unwrap_used, clippy::large_futures, missing_docs)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::client::{Client, mark};
use common::sources::{Scripted, vp8, vp8_unit};
use common::stray::stray_check;
use common::{PATIENCE, Rig, options, rig};
use icescope_model::signal::{Answer, LocalCandidates, Trickle, Trickled};
use icescope_model::{Observation, SessionId};
use icescope_peer::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

fn credentials(sdp: &str) -> (String, String) {
    let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    (value("a=ice-ufrag:"), value("a=ice-pwd:"))
}

/// The first candidate with these words, and its address.
fn candidate<'a>(lines: impl Iterator<Item = &'a str>, words: &str) -> (String, SocketAddr) {
    let mut lines = lines.map(|line| line.trim_start_matches("a="));
    let text = lines.find(|line| line.starts_with("candidate:") && line.contains(words)).unwrap();
    let fields: Vec<&str> = text.split(' ').collect();
    (text.to_owned(), SocketAddr::new(fields[4].parse().unwrap(), fields[5].parse().unwrap()))
}

fn fact<'a>(observation: &'a Observation, key: &str) -> &'a str {
    observation.attributes.get(key).and_then(|value| value.as_str()).unwrap_or_default()
}

/// A client that watches, over UDP or over TCP alone.
async fn watching(rig: &Rig, tcp: bool) -> (Client, SessionId, Answer) {
    let mut client = if tcp { Client::over_tcp().await } else { Client::viewer().await };
    let id = SessionId::random();
    let answer = rig.play(id, client.offer().await).await;
    client.accept(&answer).await;
    if tcp {
        // The crate connects to candidates that are trickled, and to no others.
        client.add_candidate(&candidate(answer.sdp.lines(), "tcptype passive").0).await;
    }
    client.connected().await;
    (client, id, answer)
}

/// Renews ICE; returns the daemon's new credentials once they are in use at both ends.
async fn renewed(
    rig: &mut Rig,
    client: &mut Client,
    id: SessionId,
    answer: &Answer,
    tcp: bool,
) -> LocalCandidates {
    let (ufrag, pwd, candidates) = client.restart().await;
    let fragment = Trickle { ufrag: Some(ufrag), pwd: Some(pwd), candidates, ..Trickle::default() };
    let Trickled::Restarted(local) = rig.peer.trickle(id, fragment).await.unwrap() else {
        panic!("no restart");
    };
    let (old_ufrag, old_pwd) = credentials(&answer.sdp);
    assert_ne!(local.ufrag, old_ufrag);
    assert_ne!(local.pwd, old_pwd);
    client.accept_restart(&answer.sdp, &local).await;
    if tcp {
        client
            .add_candidate(&candidate(local.candidates.iter().map(String::as_str), "tcptype passive").0)
            .await;
    }
    client.checked_again().await;
    // The daemon's end is through, too.
    rig.until("the restart", |event| event.kind == "ice.restart").await;
    rig.until("the new pair", |event| {
        event.kind == "ice.connection_state" && event.attributes["state"] == "connected"
    })
    .await;
    local
}

fn bars() -> Arc<Scripted> {
    Scripted::new(&[("bars", vec![vp8()])])
}

/// A restart of one of two sessions; returns the fragment before it, the one after it, and where the port is.
async fn one_of_two_restarts(
    rig: &mut Rig,
    sources: &Scripted,
    tcp: bool,
) -> (Client, Client, String, String, SocketAddr) {
    let (mut one, id, answer) = watching(rig, tcp).await;
    let (mut other, _, others) = watching(rig, tcp).await;
    let words = if tcp { "tcptype passive" } else { " udp " };
    let address = candidate(answer.sdp.lines(), words).1;
    assert_eq!(candidate(others.sdp.lines(), words).1, address, "they share the port");
    sources.last().unit(vp8_unit(0, true, 100, 1));
    let (before, others_before) = (one.frame().await.pop().unwrap(), other.frame().await.pop().unwrap());

    let local = renewed(rig, &mut one, id, &answer, tcp).await;
    assert_eq!(candidate(local.candidates.iter().map(String::as_str), words).1, address);

    sources.last().unit(vp8_unit(1, false, 100, 2));
    for (client, before) in [(&mut one, before), (&mut other, others_before)] {
        let frame = client.frame().await;
        assert_eq!(mark(&frame), 2, "the next frame, and none between");
        let after = &frame.last().unwrap().header;
        assert_eq!(after.sequence_number, before.header.sequence_number.wrapping_add(1));
        assert_eq!(after.ssrc, before.header.ssrc);
    }
    (one, other, credentials(&answer.sdp).0, local.ufrag, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_a_shared_udp_port_has_new_credentials_and_the_old_ones_are_nobodys() {
    let sources = bars();
    let mut rig = rig(Options { udp_port: Some(0), ..options() }, sources.clone());
    let (_one, _other, old, new, address) = one_of_two_restarts(&mut rig, &sources, false).await;
    let stray = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let from = stray.local_addr().unwrap().to_string();
    // In this order through one socket: when the second has been seen, the first has been looked at.
    for ufrag in [&old, &new] {
        stray.send_to(&stray_check(&format!("{ufrag}:stray")), address).await.unwrap();
    }
    let of_stray = |event: &Observation| fact(event, "remoteAddress") == from;
    let seen = rig.until("the check under the new fragment", of_stray).await;
    assert_eq!(fact(seen.last().unwrap(), "username"), format!("{new}:stray"));
    assert_eq!(fact(seen.last().unwrap(), "localAddress"), address.to_string());
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_a_shared_tcp_port_has_new_credentials_and_the_old_ones_are_nobodys() {
    let sources = bars();
    let mut rig = rig(Options { tcp_port: Some(0), ..options() }, sources.clone());
    let (_one, _other, old, new, address) = one_of_two_restarts(&mut rig, &sources, true).await;
    let stray = async |ufrag: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let check = stray_check(&format!("{ufrag}:stray"));
        stream.write_u16(check.len() as u16).await.unwrap();
        stream.write_all(&check).await.unwrap();
        stream
    };
    let mut refused = stray(&old).await;
    let ended = tokio::time::timeout(PATIENCE, refused.read(&mut [0; 8])).await.expect("an answer or an end");
    assert!(!matches!(ended, Ok(1..)), "it was taken: {ended:?}");
    let taken = stray(&new).await;
    let from = taken.local_addr().unwrap().to_string();
    let seen =
        rig.until("the check under the new fragment", |event| fact(event, "remoteAddress") == from).await;
    assert_eq!(fact(seen.last().unwrap(), "username"), format!("{new}:stray"));
    rig.peer.shut_down().await;
}
