//! TURN servers over TCP and TLS that cannot be reached: the record says precisely why, and nobody waits for them.
#![allow(clippy::unwrap_used, clippy::large_futures, missing_docs)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::authority::Authority;
use common::client::Client;
use common::coturn::Identity;
use common::sources::{Scripted, vp8};
use common::{Rig, options, rig};
use icescope_model::{Level, Observation, SessionId};
use icescope_peer::{IceServer, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn with_servers(urls: Vec<String>, extra_roots: Vec<Vec<u8>>) -> Rig {
    let servers = IceServer { urls, username: "u".into(), credential: "c".into() };
    let options = Options { ice_servers: vec![servers], extra_roots, ..options() };
    rig(options, Scripted::new(&[("bars", vec![vp8()])]))
}

fn fact<'a>(observation: &'a Observation, key: &str) -> &'a str {
    observation.attributes.get(key).and_then(|value| value.as_str()).unwrap_or_default()
}

/// A listener that does something with each stream; its tasks end with the set.
async fn listening<F: Future<Output = ()> + Send + 'static>(
    tasks: &mut JoinSet<()>,
    serve: impl Fn(tokio::net::TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream).await;
        }
    });
    address
}

/// Speaks TLS with an identity, and nothing more.
async fn tls(tasks: &mut JoinSet<()>, identity: &Identity) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_slice(identity.chain.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    listening(tasks, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let _ = acceptor.accept(stream).await;
        }
    })
    .await
}

/// Answers whatever comes with these bytes.
async fn answering(tasks: &mut JoinSet<()>, answer: &'static [u8]) -> SocketAddr {
    listening(tasks, move |mut stream| async move {
        let mut buffer = [0; 1000];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(answer).await;
        // Until the other side has seen it.
        let _ = stream.read(&mut buffer).await;
    })
    .await
}

/// What a session tells of one server.
async fn failure(rig: &mut Rig, kind: &str) -> Observation {
    rig.play(SessionId::random(), Client::viewer().await.offer().await).await;
    let failed = rig.event(kind).await;
    assert_eq!(failed.level, Level::Warn);
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_certificate_is_told() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let good = (2020, 2090);
    for (identity, cause) in [
        (stranger.issue("localhost", good), "certificate-unknown-issuer"),
        (authority.issue("other.example", good), "certificate-wrong-name"),
        (authority.issue("localhost", (2001, 2002)), "certificate-expired"),
        (authority.issue("localhost", (2080, 2090)), "certificate-not-yet-valid"),
    ] {
        let mut tasks = JoinSet::new();
        let address = tls(&mut tasks, &identity).await;
        let url = format!("turns:localhost:{}", address.port());
        let mut rig = with_servers(vec![url.clone()], vec![authority.der.clone()]);
        let failed = failure(&mut rig, "turn.tls.failed").await;
        assert_eq!((fact(&failed, "cause"), fact(&failed, "protocol")), (cause, "tls"), "{failed:?}");
        assert_eq!(
            (fact(&failed, "url"), fact(&failed, "remoteAddress")),
            (url.as_str(), &*address.to_string())
        );
        rig.peer.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_and_what_ends_it_is_told() {
    let alert: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    for (answer, cause) in
        [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "not-tls"), (alert, "alert"), (b"", "timeout")]
    {
        let mut tasks = JoinSet::new();
        let address = answering(&mut tasks, answer).await;
        let mut rig = with_servers(vec![format!("turns:{address}")], vec![]);
        let failed = failure(&mut rig, "turn.tls.failed").await;
        assert_eq!(fact(&failed, "cause"), cause, "{failed:?}");
        rig.peer.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_turn_is_told() {
    let mut tasks = JoinSet::new();
    let address = answering(&mut tasks, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let mut rig = with_servers(vec![format!("turn:{address}?transport=tcp")], vec![]);
    let failed = failure(&mut rig, "turn.tcp.closed").await;
    assert_eq!(fact(&failed, "cause"), "not-turn", "{failed:?}");
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_and_an_unknown_name_are_told_apart() {
    let refusing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, cause) in [
        (format!("turn:{refusing}?transport=tcp"), "refused"),
        ("turn:there-is-no-such-name.invalid?transport=tcp".to_owned(), "name-not-resolved"),
    ] {
        let mut rig = with_servers(vec![url.clone()], vec![]);
        let failed = failure(&mut rig, "turn.tcp.failed").await;
        assert_eq!((fact(&failed, "cause"), fact(&failed, "url")), (cause, url.as_str()), "{failed:?}");
        // The crate hears of it and is done: no wait for the whole of the gathering time.
        let done = rig
            .until("the end of gathering", |event| {
                event.kind == "ice.gathering_state" && fact(event, "state") == "complete"
            })
            .await;
        assert!(done.iter().all(|event| event.kind != "session.closed"));
        rig.peer.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_wait_for_servers_that_are_dead() {
    let mut tasks = JoinSet::new();
    let silent = answering(&mut tasks, b"").await;
    let unheard = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let urls = vec![
        format!("turns:{silent}"),
        format!("turn:{}?transport=udp", unheard.local_addr().unwrap()),
        "turn:there-is-no-such-name.invalid?transport=tcp".to_owned(),
        "turn:nor-is-there-this-one.invalid".to_owned(),
    ];
    let mut rig = with_servers(urls, vec![]);
    let mut client = Client::viewer().await;
    let offer = client.offer().await;
    let began = std::time::Instant::now();
    let answer = rig.play(SessionId::random(), offer).await;
    client.accept(&answer).await;
    client.connected().await;
    println!("connected beside dead servers in {} ms", began.elapsed().as_millis());
    // It is up before the dead ones have been given up.
    let seen = rig.until("TLS that fails", |event| event.kind == "turn.tls.failed").await;
    assert_eq!(fact(seen.last().unwrap(), "cause"), "timeout");
    assert!(seen.iter().any(|event| event.kind == "ice.selected_pair"), "{seen:?}");
    let unresolved =
        seen.iter().find(|event| event.kind == "ice.server_unresolved").expect("the name that is none");
    assert_eq!(fact(unresolved, "host"), "nor-is-there-this-one.invalid:3478");
    rig.peer.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_nobody_speaks_to_are_named_with_the_reason() {
    let skipped = [("stuns:s.example", Level::Info), ("turns:t.example?transport=udp", Level::Warn)];
    let mut rig = with_servers(skipped.map(|(url, _)| url.to_owned()).to_vec(), vec![]);
    rig.play(SessionId::random(), Client::viewer().await.offer().await).await;
    for (url, level) in skipped {
        let told = rig.event("ice.server_skipped").await;
        assert_eq!((fact(&told, "url"), told.level), (url, level));
        assert!(told.summary.contains("not supported"), "{}", told.summary);
    }
    rig.peer.shut_down().await;
}
