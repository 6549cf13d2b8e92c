//! The endpoints of WHEP and WHIP, request by request.

use std::time::Duration;

use icescope_model::api::IceServer;
use icescope_model::media::SourceError;
use icescope_model::signal::{CloseReason, Direction, SignalError};
use icescope_model::{Evidence, Lane};
use icescope_server::{Options, fixed_ice_servers};

use crate::peer::ANSWER;
use crate::support::{
    FRAGMENT, OFFER, event, evidence_options, location, options, patch, start, start_with, trickled,
};

#[tokio::test]
async fn an_offer_is_answered_with_everything_that_the_draft_wants() {
    let server = start();
    let reply = server.post_offer("/whep").send().await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.field("content-type"), Some("application/sdp"));
    assert_eq!(reply.field("etag"), Some("\"1\""));
    assert_eq!(reply.field("accept-patch"), Some(FRAGMENT));
    assert_eq!(reply.text(), ANSWER);
    let session = server.newest();
    let location = location(&reply);
    let (id, secret) = location.strip_prefix("/whep/sessions/").unwrap().split_once('.').unwrap();
    assert_eq!(id, session.id().to_string());
    assert_eq!(secret.len(), 32);
    assert_ne!(secret, session.token().reveal(), "the URL does not open the record");
    let offers = server.peer.lock().offers.clone();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].sdp, OFFER);
    assert_eq!(offers[0].direction, Direction::Play { source: None });
    assert_eq!(offers[0].gather_for, Duration::from_millis(300), "nobody can be told of later candidates");
}

#[tokio::test]
async fn the_path_names_the_source_and_whip_is_for_ingest() {
    let server = start();
    let watched = server.post_offer("/whep/bars").send().await;
    assert_eq!(watched.status, 201);
    let sent = server.post_offer("/whip").send().await;
    assert!(location(&sent).starts_with("/whip/sessions/"));
    let directions: Vec<_> = server.peer.lock().offers.iter().map(|offer| offer.direction.clone()).collect();
    assert_eq!(directions, [Direction::Play { source: Some("bars".into()) }, Direction::Ingest]);
    let error = server.post_offer("/whep/nope").send().await.refused(404, "unknown-source");
    assert!(error.message.contains("bars"), "{}", error.message);
    let gone = server.ask("DELETE", &location(&sent)).send().await;
    assert_eq!(gone.status, 200);
}

#[tokio::test]
async fn misuse_of_the_endpoint_has_its_status() {
    let server = start();
    for base in ["/whep", "/whep/bars", "/whip"] {
        for kind in ["", "text/plain", "application/json", "application/sdpx"] {
            let error = server
                .post_offer(base)
                .with("content-type", kind)
                .send()
                .await
                .refused(415, "wrong-media-type");
            assert!(error.message.contains("application/sdp"), "{}", error.message);
        }
        for body in [&b""[..], b"hello", b"v=1\r\n", b"\xff\xfe", b"a=v=0\r\n"] {
            server.post_offer(base).body(body).send().await.refused(400, "bad-offer");
        }
        for method in ["PUT", "DELETE", "PATCH"] {
            let reply = server.ask(method, base).send().await;
            reply.refused(405, "method-not-allowed");
            let allowed = reply.field("allow").unwrap();
            assert!(allowed.contains("POST") && !allowed.contains("PUT"), "{allowed}");
        }
    }
    assert!(server.evidence.sessions().is_empty(), "none of these opened a session");
    let parameters =
        server.post_offer("/whep").with("content-type", "Application/SDP; charset=utf-8").send().await;
    assert_eq!(parameters.status, 201);
}

#[tokio::test]
async fn what_the_peer_refuses_has_its_status_and_ends_the_session() {
    let server = start();
    let starting = SourceError::Starting { name: "bars".into(), retry_after_s: 2 };
    let failed = SourceError::Failed { name: "bars".into(), reason: "no vp8enc".into() };
    let no_format = SignalError::NoCommonFormat { offered: "AV1".into(), available: "VP8".into() };
    for (error, status, code, retry) in [
        (SignalError::BadOffer("no fingerprint".into()), 400, "bad-offer", None),
        (no_format, 422, "no-common-format", None),
        (SignalError::Source(starting), 503, "source-starting", Some("2")),
        (SignalError::Source(failed), 503, "source-failed", None),
        (SignalError::TooManySessions { limit: 1, retry_after_s: 7 }, 503, "too-many-sessions", Some("7")),
        (SignalError::Internal("no socket".into()), 500, "internal", None),
    ] {
        server.peer.lock().refuse_offer = Some(error);
        let reply = server.post_offer("/whep").send().await;
        reply.refused(status, code);
        assert_eq!(reply.field("retry-after"), retry, "{code}");
        let session = server.newest();
        assert!(session.is_closed(), "{code}");
        let refused = event(&session, |event| event.kind == "signalling.refused").await;
        assert_eq!(refused.attributes["status"], status);
        assert_eq!(refused.attributes["code"], code);
    }
}

#[tokio::test]
async fn more_sessions_than_allowed_are_put_off() {
    let bounds = icescope_evidence::Options { max_sessions: 2, retry_after_s: 9, ..evidence_options() };
    let server = start_with(options(), bounds);
    let first = server.post_offer("/whep").send().await;
    server.open().await;
    for path in ["/whep", "/whip"] {
        let reply = server.post_offer(path).send().await;
        reply.refused(503, "too-many-sessions");
        assert_eq!(reply.field("retry-after"), Some("9"));
    }
    server.ask("POST", "/api/sessions").send().await.refused(503, "too-many-sessions");
    assert_eq!(server.ask("DELETE", &location(&first)).send().await.status, 200);
    assert_eq!(server.post_offer("/whep").send().await.status, 201, "a place is free again");
}

#[tokio::test]
async fn endpoints_can_be_discovered() {
    let server = start();
    for path in ["/whep", "/whep/bars", "/whip"] {
        for (method, status) in [("OPTIONS", 200), ("HEAD", 204), ("GET", 204)] {
            let reply = server.ask(method, path).send().await;
            assert_eq!(reply.status, status, "{method} {path}");
            assert_eq!(reply.field("accept-post"), Some("application/sdp"));
            assert!(reply.body.is_empty());
            assert!(reply.field("allow").unwrap().contains("POST"));
        }
    }
}

#[tokio::test]
async fn ice_servers_are_linked_and_made_afresh_for_each_request() {
    let servers = vec![
        IceServer { urls: vec!["stun:s.example".into()], username: None, credential: None },
        IceServer {
            urls: vec!["turn:t.example?transport=udp".into(), "turns:t.example".into()],
            username: Some("u".into()),
            credential: Some("p\"w".into()),
        },
    ];
    let server =
        start_with(Options { ice_servers: fixed_ice_servers(servers), ..options() }, evidence_options());
    let turn = |url: &str| {
        format!(r#"<{url}>; rel="ice-server"; username="u"; credential="p\"w"; credential-type="password""#)
    };
    let expected = [
        r#"<stun:s.example>; rel="ice-server""#.to_owned(),
        turn("turn:t.example?transport=udp"),
        turn("turns:t.example"),
    ];
    assert_eq!(server.post_offer("/whep").send().await.all("link"), expected);
    assert_eq!(server.ask("OPTIONS", "/whep").send().await.all("link"), expected);
    let named = Options {
        ice_servers: std::sync::Arc::new(|host, _| {
            vec![IceServer { urls: vec![format!("stun:{host}")], username: None, credential: None }]
        }),
        ..options()
    };
    server.handle.reconfigure(named);
    let reply = server.post_offer("/whep").with("host", "LOCALHOST:1").send().await;
    assert_eq!(reply.all("link"), [r#"<stun:localhost>; rel="ice-server""#]);
    let bracketed = server.post_offer("/whep").with("host", "[::1]:1").send().await;
    assert_eq!(bracketed.all("link"), [r#"<stun:::1>; rel="ice-server""#]);
}

#[tokio::test]
async fn credentials_are_made_for_the_session_that_asks() {
    let named = Options {
        ice_servers: std::sync::Arc::new(|_, session| {
            let username = Some(session.map_or_else(|| "nobody".to_owned(), |session| session.to_string()));
            vec![IceServer { urls: vec!["turn:t.example".into()], username, credential: Some("p".into()) }]
        }),
        ..options()
    };
    let server = start_with(named, evidence_options());
    let opened = server.open().await;
    assert_eq!(opened.ice_servers[0].username, Some(opened.id.to_string()));
    let joined = format!("{}.{}", opened.id, opened.token);
    let reply = server.post_offer("/whep").with("icescope-session", &joined).send().await;
    let names = |link: &[&str], name: &str| link[0].contains(&format!("username=\"{name}\""));
    assert!(names(&reply.all("link"), &opened.id.to_string()), "{:?}", reply.all("link"));
    assert!(names(&server.ask("OPTIONS", "/whep").send().await.all("link"), "nobody"));
}

#[tokio::test]
async fn the_page_joins_its_session_and_does_not_wait_for_candidates() {
    let server = start();
    let opened = server.open().await;
    let joined = format!("{}.{}", opened.id, opened.token);
    let reply = server.post_offer("/whep").with("icescope-session", &joined).send().await;
    assert!(location(&reply).contains(&opened.id.to_string()));
    assert_eq!(server.peer.lock().offers[0].gather_for, Duration::ZERO);
    assert_eq!(server.evidence.sessions().len(), 1);
    let again = server.post_offer("/whep").with("icescope-session", &joined).send().await;
    again.refused(409, "already-answered");
    assert!(!server.session(opened.id).is_closed(), "a refused offer does not end the page's session");
    // One that cannot trickle waits, page or not.
    let opened = server.open().await;
    let joined = format!("{}.{}", opened.id, opened.token);
    let plain = OFFER.replace("a=ice-options:trickle\r\n", "");
    server.post_offer("/whep").with("icescope-session", &joined).body(plain).send().await;
    assert_eq!(server.peer.lock().offers.last().unwrap().gather_for, Duration::from_millis(300));
}

#[tokio::test]
async fn joining_takes_the_right_token() {
    let server = start();
    let opened = server.open().await;
    let other = server.open().await;
    let table = [
        (format!("{}.{}", opened.id, other.token), 401, "unauthorized"),
        (format!("{}.", opened.id), 401, "unauthorized"),
        (format!("{:032x}.{}", 7, opened.token), 404, "unknown-session"),
        (format!("x.{}", opened.token), 404, "unknown-session"),
        (opened.id.to_string(), 400, "bad-session-header"),
    ];
    for (value, status, code) in table {
        for path in ["/whep", "/whip", "/offer"] {
            let reply = server.post_offer(path).with("icescope-session", &value).send().await;
            let error = reply.refused(status, code);
            assert!(!error.message.contains(&opened.token));
        }
    }
    assert!(server.peer.lock().offers.is_empty());
    server.session(opened.id).close(CloseReason::Deleted).await;
    let late = format!("{}.{}", opened.id, opened.token);
    server.post_offer("/whep").with("icescope-session", &late).send().await.refused(404, "unknown-session");
}

#[tokio::test]
async fn signalling_is_recorded_with_its_facts_and_without_secrets() {
    let server = start();
    let opened = server.open().await;
    let joined = format!("{}.{}", opened.id, opened.token);
    let ask = server.post_offer("/whep/bars").with("icescope-session", &joined).with("user-agent", "Test/1");
    let url = location(&ask.send().await);
    patch(&server, &url, "\"1\"", &trickled(7001)).send().await;
    server.ask("DELETE", &url).send().await;
    let session = server.session(opened.id);
    event(&session, |event| event.kind == "signalling.delete" && event.to == Lane::Web).await;
    let events: Vec<_> = session
        .events_since(0, usize::MAX)
        .into_iter()
        .filter(|event| event.kind.starts_with("signalling."))
        .collect();
    let seen: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.from, event.to)).collect();
    assert_eq!(
        seen,
        [
            ("signalling.session", Lane::Web, Lane::Signalling),
            ("signalling.offer", Lane::Web, Lane::Signalling),
            ("signalling.offer", Lane::Signalling, Lane::Peer),
            ("signalling.answer", Lane::Peer, Lane::Signalling),
            ("signalling.answer", Lane::Signalling, Lane::Web),
            ("signalling.candidate", Lane::Web, Lane::Signalling),
            ("signalling.candidate", Lane::Signalling, Lane::Peer),
            ("signalling.candidate.accepted", Lane::Signalling, Lane::Web),
            ("signalling.delete", Lane::Web, Lane::Signalling),
            ("signalling.delete", Lane::Signalling, Lane::Peer),
            ("signalling.delete", Lane::Signalling, Lane::Web),
        ]
    );
    assert!(events.iter().all(|event| event.evidence == Evidence::Api));
    assert!(events.is_sorted_by_key(|event| event.time), "times go forward");
    let offer = &events[1].attributes;
    assert_eq!(offer["method"], "POST");
    assert_eq!(offer["path"], "/whep/bars");
    assert_eq!(offer["userAgent"], "Test/1");
    assert_eq!(offer["bytes"], OFFER.len());
    assert_eq!(offer["codecs"][0], "VP8");
    assert!(offer["remoteAddress"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(events[4].attributes["status"], 201);
    assert!(events[4].attributes["durationUs"].as_i64().unwrap() >= 0);
    let everything = serde_json::to_string(&session.record()).unwrap();
    let secret = url.rsplit('.').next().unwrap();
    assert!(!everything.contains(&opened.token) && !everything.contains(secret));
    assert!(!everything.contains("clientclientclientclient"), "no ICE password either");
}

#[tokio::test]
async fn an_offer_whose_client_hangs_up_is_answered_to_its_end() {
    let server = start();
    server.peer.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let ask = server.post_offer("/whep");
    let asking = tokio::spawn(ask.send_on(stream));
    let opened = async {
        while server.evidence.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    opened.await;
    let session = server.newest();
    event(&session, |event| event.kind == "signalling.offer" && event.to == Lane::Peer).await;
    asking.abort();
    assert!(asking.await.is_err());
    server.peer.gate.add_permits(1);
    event(&session, |event| event.kind == "signalling.answer" && event.from == Lane::Peer).await;
    assert!(session.is_answered(), "the peer's work was not cut in the middle");
}

#[tokio::test]
async fn many_clients_at_once_get_each_their_own() {
    let server = start();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..40 {
        asking.spawn(server.post_offer("/whep").send());
    }
    let urls: std::collections::HashSet<String> = asking.join_all().await.iter().map(location).collect();
    assert_eq!(urls.len(), 40);
    let mut ending = tokio::task::JoinSet::new();
    for url in &urls {
        // Twice each: only one of the two may win.
        ending.spawn(server.ask("DELETE", url).send());
        ending.spawn(server.ask("DELETE", url).send());
    }
    let statuses: Vec<u16> = ending.join_all().await.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 40, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 40);
    assert_eq!(server.peer.lock().closed.len(), 40);
}
