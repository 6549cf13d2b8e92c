//! Whole sessions through a real TURN server (coturn) over UDP, TCP and TLS, with nothing but the relay allowed.
#![allow(clippy::unwrap_used, clippy::large_futures, missing_docs)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::authority::Authority;
use common::client::{Client, mark};
use common::coturn::{SECRET, Turn, USER, Users, coturn, coturn_at};
use common::sources::{Scripted, vp8, vp8_unit};
use common::{PATIENCE, Rig, options, rig};
use icescope_model::signal::{Answer, CloseReason, LocalCandidates, PeerState, Trickle, Trickled};
use icescope_model::{Lane, Level, Observation, SessionId};
use icescope_peer::{IceServer, Options, Policy};
use tokio::sync::watch;

fn bars() -> Arc<Scripted> {
    Scripted::new(&[("bars", vec![vp8()])])
}

fn server(url: String, password: &str) -> IceServer {
    IceServer { urls: vec![url], username: USER.into(), credential: password.into() }
}

fn fact<'a>(observation: &'a Observation, key: &str) -> &'a str {
    observation.attributes.get(key).and_then(|value| value.as_str()).unwrap_or_default()
}

/// A coturn that speaks TLS as `localhost`, and who vouches for it.
async fn with_tls() -> Option<(Turn, Authority)> {
    let authority = Authority::new();
    let turn = coturn(Users::Fixed, Some(&authority.issue("localhost", (2020, 2090)))).await?;
    Some((turn, authority))
}

/// Gives the client the daemon's candidates as they come, for ever.
async fn trickle(client: &Client, told: &mut watch::Receiver<LocalCandidates>, given: &mut Vec<String>) {
    loop {
        let candidates = told.borrow_and_update().candidates.clone();
        for candidate in candidates {
            if !given.contains(&candidate) {
                client.add_candidate(&candidate).await;
                given.push(candidate);
            }
        }
        if told.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Gives the client the daemon's candidates as they come, until it is connected.
async fn connect(client: &mut Client, answer: &Answer) -> Vec<String> {
    client.accept(answer).await;
    let mut told = answer.link.candidates.clone();
    let mut given = Vec::new();
    let mut state = client.state.clone();
    let trickling = trickle(client, &mut told, &mut given);
    let connected = state.wait_for(|state| state.to_string() == "connected");
    tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            () = trickling => {}
            connected = connected => { connected.unwrap(); }
        }
    })
    .await
    .expect("the client connects");
    given
}

struct Watched {
    client: Client,
    id: SessionId,
    answer: Answer,
    candidates: Vec<String>,
    millis: u128,
    frames: i64,
}

/// A viewer that has got its first frame, and how long that took from its offer.
async fn watch(rig: &Rig, sources: &Scripted) -> Watched {
    let mut client = Client::viewer().await;
    let (id, offer) = (SessionId::random(), client.offer().await);
    let began = Instant::now();
    let answer = rig.play(id, offer).await;
    let candidates = connect(&mut client, &answer).await;
    let millis = began.elapsed().as_millis();
    // This client drops a frame that arrives with the end of the handshake: it gets another then.
    let mut frames = 0;
    let mut first = None;
    while first.is_none() {
        sources.last().unit(vp8_unit(frames, true, 100, frames as u8));
        frames += 1;
        first = client.packet_within(Duration::from_millis(200)).await;
    }
    Watched { client, id, answer, candidates, millis, frames }
}

/// The same without a relay, for comparison.
async fn direct_millis() -> u128 {
    let sources = bars();
    let rig = rig(options(), sources.clone());
    let watched = watch(&rig, &sources).await;
    rig.peer.shut_down().await;
    watched.millis
}

/// The first observation of a kind, and it must be of this server.
fn of<'a>(seen: &'a [Observation], kind: &str, protocol: &str, url: &str, remote: &str) -> &'a Observation {
    let found = seen.iter().find(|event| event.kind == kind).unwrap_or_else(|| panic!("no {kind}"));
    assert_eq!((fact(found, "protocol"), fact(found, "url")), (protocol, url), "{found:?}");
    assert_eq!(fact(found, "remoteAddress"), remote, "{found:?}");
    found
}

/// A session through the relay alone; the record has every step with the real server and transport.
async fn through_the_relay(options: Options, url: &str, protocol: &str, remote: &str) {
    let options = Options { policy: Policy::Relay, ice_servers: vec![server(url.into(), SECRET)], ..options };
    let sources = bars();
    let mut rig = rig(options, sources.clone());
    let mut watched = watch(&rig, &sources).await;
    println!(
        "relay only over {protocol}: connected in {} ms; direct: {} ms",
        watched.millis,
        direct_millis().await
    );
    for candidate in &watched.candidates {
        assert!(candidate.contains(" typ relay "), "{candidate}");
    }
    assert!(!watched.candidates.is_empty());

    // It goes on, in both directions: the daemon hears the client's wish for a key frame.
    for number in watched.frames..watched.frames + 20 {
        sources.last().unit(vp8_unit(number, false, 3_000, number as u8));
        while mark(&watched.client.frame().await) != number as u8 {}
    }
    let asked = sources.last().key_frames_asked();
    let ssrc = watched.client.packet_ssrc();
    watched.client.pli(ssrc).await;
    common::eventually("the wish for a key frame arrives", || sources.last().key_frames_asked() > asked)
        .await;

    rig.peer.close(watched.id, CloseReason::Deleted);
    let mut state = watched.answer.link.state.clone();
    tokio::time::timeout(PATIENCE, state.wait_for(|state| matches!(state, PeerState::Closed(_))))
        .await
        .unwrap()
        .unwrap();
    let seen = rig.until("the end", |event| event.kind == "session.closed").await;
    let alert = seen.iter().find(|event| event.kind == "dtls.alert").expect("a close_notify");
    assert_eq!((fact(alert, "direction"), fact(alert, "relay")), ("outbound", remote));
    let heard = watched.client.alert.wait_for(|heard| *heard);
    tokio::time::timeout(PATIENCE, heard).await.expect("the client hears the close_notify").unwrap();
    let of = |kind: &str| of(&seen, kind, protocol, url, remote);
    let request = of("turn.allocate.request");
    assert_eq!((request.from, request.to), (Lane::Peer, Lane::Turn));
    assert_eq!(of("turn.allocate.error").attributes["errorCode"], 401);
    let granted = of("turn.allocate.success");
    let relayed = fact(granted, "relayedAddress").to_owned();
    of("turn.create_permission.success");
    of("turn.channel_bind.success");
    let release = seen.iter().rfind(|event| event.kind == "turn.refresh.request").expect("a release");
    assert_eq!(release.attributes["lifetime"], 0);
    let candidate = seen.iter().find(|event| event.kind == "ice.candidate").unwrap();
    assert_eq!((fact(candidate, "url"), fact(candidate, "relayProtocol")), (url, protocol));
    let pair = seen.iter().find(|event| event.kind == "ice.selected_pair").unwrap();
    assert_eq!(fact(pair, "localCandidateType"), "relay");
    for event in
        seen.iter().filter(|event| event.kind.starts_with("stun.") || event.kind.starts_with("dtls."))
    {
        if event.attributes.contains_key("direction") && fact(event, "direction") == "outbound" {
            assert_eq!(
                (fact(event, "relay"), fact(event, "localAddress")),
                (remote, relayed.as_str()),
                "{event:?}"
            );
        }
    }
    let told = format!("{seen:?}");
    assert!(!told.contains(SECRET) && !told.contains(USER), "a secret was recorded");
    assert!(!told.contains(".invalid") && !told.contains("192.0.0.8"), "the record has real servers only");
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_through_turn_over_udp() {
    let Some(turn) = coturn(Users::Fixed, None).await else { return };
    let url = format!("turn:{}?transport=udp", turn.address);
    through_the_relay(options(), &url, "udp", &turn.address.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_through_turn_over_tcp_beside_a_shared_port() {
    let Some(turn) = coturn(Users::Fixed, None).await else { return };
    let url = format!("turn:{}?transport=tcp", turn.address);
    let options = Options { udp_port: Some(0), tcp_port: Some(0), ..options() };
    through_the_relay(options, &url, "tcp", &turn.address.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_through_turn_over_tls() {
    let Some((turn, authority)) = with_tls().await else { return };
    let url = format!("turns:localhost:{}", turn.tls.port());
    let options = Options { extra_roots: vec![authority.der.clone()], ..options() };
    through_the_relay(options, &url, "tls", &turn.tls.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_shows_as_a_refusal_over_tls_too() {
    let Some((turn, authority)) = with_tls().await else { return };
    let url = format!("turns:localhost:{}", turn.tls.port());
    let options = Options {
        policy: Policy::Relay,
        ice_servers: vec![server(url.clone(), "wrong")],
        extra_roots: vec![authority.der.clone()],
        ..options()
    };
    let mut rig = rig(options, bars());
    rig.play(SessionId::random(), Client::viewer().await.offer().await).await;
    // Debian's coturn speaks no newer one.
    let secured = rig.event("turn.tls.connected").await;
    assert_eq!((fact(&secured, "url"), fact(&secured, "tlsVersion")), (url.as_str(), "TLS 1.2"));
    let challenge = rig.event("turn.allocate.error").await;
    assert_eq!((&challenge.attributes["errorCode"], challenge.level), (&401.into(), Level::Info));
    let refusal = rig.event("turn.allocate.error").await;
    assert_eq!((&refusal.attributes["errorCode"], refusal.level), (&401.into(), Level::Warn));
    assert_eq!(refusal.attributes["credentialRefused"], true);
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_ends_before_the_next_refresh_is_told_with_its_end() {
    use base64::Engine;
    use hmac::Mac;
    let Some(turn) = coturn(Users::TimeLimited, None).await else { return };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // The server grants ten minutes, which are renewed after five.
    let ends = now + 100;
    let username = format!("{ends}:alice");
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(username.as_bytes());
    let credential = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let urls = vec![format!("turn:{}?transport=tcp", turn.address)];
    let options = Options { ice_servers: vec![IceServer { urls, username, credential }], ..options() };
    let mut rig = rig(options, bars());
    rig.play(SessionId::random(), Client::viewer().await.offer().await).await;
    let granted = rig.event("turn.allocate.success").await;
    assert_eq!(granted.attributes["expires"], ends);
    let warning = rig.event("turn.credential.ends").await;
    assert_eq!((&warning.attributes["expires"], warning.level), (&ends.into(), Level::Warn));
    assert!(!format!("{granted:?}{warning:?}").contains("alice"));
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ice_restart_brings_a_lost_relay_back() {
    let Some(turn) = coturn(Users::Fixed, None).await else { return };
    let (address, url) = (turn.address, format!("turn:{}?transport=tcp", turn.address));
    let options = Options { policy: Policy::Relay, ice_servers: vec![server(url, SECRET)], ..options() };
    let sources = bars();
    let mut rig = rig(options, sources.clone());
    let mut watched = watch(&rig, &sources).await;
    turn.kill().await;
    let seen = rig.until("the loss", |event| event.kind == "turn.tcp.closed").await;
    let granted = seen.iter().find(|event| event.kind == "turn.allocate.success").unwrap().clone();
    // The crate hears of it when it sends.
    sources.last().unit(vp8_unit(watched.frames, true, 100, 200));
    let Some(_turn) = coturn_at(address.port(), Users::Fixed, None).await else { return };

    let (ufrag, pwd, candidates) = watched.client.restart().await;
    let fragment = Trickle { ufrag: Some(ufrag), pwd: Some(pwd), candidates, ..Trickle::default() };
    let renewed = rig.peer.trickle(watched.id, fragment).await.unwrap();
    let Trickled::Restarted(local) = renewed else { panic!("{renewed:?}") };
    watched.client.accept_restart(&watched.answer.sdp, &local).await;
    let mut told = watched.answer.link.candidates.clone();
    let mut given = local.candidates.clone();
    tokio::select! {
        () = trickle(&watched.client, &mut told, &mut given) => {}
        () = watched.client.checked_again() => {}
    }
    let again = rig.until("another allocation", |event| event.kind == "turn.allocate.success").await;
    let again = again.last().unwrap();
    assert_eq!(fact(again, "remoteAddress"), address.to_string());
    assert_ne!(fact(again, "localAddress"), fact(&granted, "localAddress"), "another stream");
    sources.last().unit(vp8_unit(watched.frames + 1, true, 100, 201));
    while mark(&watched.client.frame().await) != 201 {}
    rig.peer.shut_down().await;
}
