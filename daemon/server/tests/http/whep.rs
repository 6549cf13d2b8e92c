//! WHEP and WHIP, request by request.

use std::time::{Duration, Instant};

use icescope_model::api::IceServer;
use icescope_model::media::SourceError;
use icescope_model::signal::{CloseReason, Direction, PeerState, SignalError};
use icescope_model::{Evidence, Lane};
use icescope_server::{Options, fixed_ice_servers};

use crate::peer::{ANSWER, candidate};
use crate::support::{
    Ask, OFFER, Reply, Running, event, evidence_options, kinds, options, start, start_with,
};

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

fn trickled(port: u16) -> String {
    format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:clnt\r\na=ice-pwd:clientclientclientclient\r\na={}\r\n",
        candidate(port)
    )
}

const RESTART: &str = "a=ice-options:trickle\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:new1\r\na=ice-pwd:newnewnewnewnewnewnewn\r\n";

fn patch(server: &Running, location: &str, tag: &str, fragment: &str) -> Ask {
    server.ask("PATCH", location).with("content-type", FRAGMENT).with("if-match", tag).body(fragment)
}

fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.field("location").unwrap().to_owned()
}

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
        ice_servers: std::sync::Arc::new(|host| {
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
async fn candidates_trickle() {
    let server = start();
    let url = location(&server.post_offer("/whep").send().await);
    let reply = patch(&server, &url, "\"1\"", &trickled(7001)).send().await;
    assert_eq!((reply.status, reply.body.len()), (204, 0), "{reply:?}");
    assert_eq!(reply.field("etag"), None, "the draft forbids it here");
    let star = patch(&server, &url, "*", &(trickled(7002) + "a=end-of-candidates\r\n")).send().await;
    assert_eq!(star.status, 204);
    let trickles = server.peer.lock().trickles.clone();
    let session = server.newest();
    assert!(trickles.iter().all(|(id, _)| *id == session.id()));
    assert_eq!(trickles[0].1.candidates, [candidate(7001)]);
    assert_eq!(trickles[0].1.mid.as_deref(), Some("0"));
    assert!(!trickles[0].1.end_of_candidates);
    assert_eq!(trickles[1].1.candidates, [candidate(7002)]);
    assert!(trickles[1].1.end_of_candidates);
    let seen = event(&session, |event| event.kind == "signalling.candidate" && event.from == Lane::Web).await;
    assert_eq!(seen.attributes["candidates"][0], candidate(7001));
}

#[tokio::test]
async fn misuse_of_a_session_url_has_its_status() {
    let server = start();
    let url = location(&server.post_offer("/whep").send().await);
    let good = trickled(7001);
    patch(&server, &url, "", &good).send().await.refused(428, "if-match-required");
    for stale in ["\"0\"", "\"2\"", "W/\"1\"", "1"] {
        let reply = patch(&server, &url, stale, &good).send().await;
        reply.refused(412, "stale-generation");
        assert_eq!(reply.field("etag"), Some("\"1\""));
    }
    for kind in ["", "application/sdp", "text/plain"] {
        let reply = patch(&server, &url, "*", &good).with("content-type", kind).send().await;
        reply.refused(415, "wrong-media-type");
        assert_eq!(reply.field("accept-patch"), Some(FRAGMENT));
    }
    for bad in ["", "nonsense", "a=candidate:1\r\n", "a=mid:0\r\n", "a=ice-ufrag:x\r\n"] {
        patch(&server, &url, "*", bad).send().await.refused(400, "bad-fragment");
    }
    patch(&server, &url, "*", "").body(b"\xff").send().await.refused(400, "bad-fragment");
    let large = "a=unknown\r\n".repeat(10_000);
    patch(&server, &url, "*", &large).send().await.refused(413, "body-too-large");
    server.peer.lock().refuse_trickle = Some(SignalError::TooManyCandidates { limit: 50 });
    patch(&server, &url, "*", &good).send().await.refused(422, "too-many-candidates");
    server.peer.lock().refuse_trickle = Some(SignalError::BadCandidate("no port".into()));
    patch(&server, &url, "*", &good).send().await.refused(400, "bad-candidate");
    for method in ["POST", "PUT"] {
        let reply = server.ask(method, &url).send().await;
        reply.refused(405, "method-not-allowed");
        assert!(reply.field("allow").unwrap().contains("PATCH"), "{reply:?}");
        assert!(
            !String::from_utf8_lossy(&reply.body).contains(url.split('.').nth(1).unwrap()),
            "the secret is not echoed"
        );
    }
    for (method, status) in [("GET", 204), ("HEAD", 204), ("OPTIONS", 200)] {
        let reply = server.ask(method, &url).send().await;
        assert_eq!((reply.status, reply.field("accept-patch")), (status, Some(FRAGMENT)), "{method}");
    }
    let session = server.newest();
    assert!(!session.is_closed(), "none of these ended the session");
    assert_eq!(server.peer.lock().trickles.len(), 2, "only those that the peer itself refused came to it");
    let refusals =
        session.events_since(0, usize::MAX).iter().filter(|event| event.kind == "signalling.refused").count();
    assert_eq!(refusals, 17, "{:#?}", kinds(&session));
}

#[tokio::test]
async fn a_session_url_opens_only_with_its_own_secret() {
    let server = start();
    let url = location(&server.post_offer("/whep").send().await);
    let session = server.newest();
    let other = location(&server.post_offer("/whep").send().await);
    let (base, secret) = url.split_once('.').unwrap();
    let foreign = other.split_once('.').unwrap().1;
    for wrong in [
        base.to_owned(),
        format!("{base}."),
        format!("{base}.{}", session.token().reveal()),
        format!("{base}.{foreign}"),
        format!("{base}.{}", &secret[1..]),
        format!("/whep/sessions/{:032x}.{secret}", 1),
        "/whep/sessions/.".to_owned(),
    ] {
        for method in ["DELETE", "GET", "OPTIONS"] {
            server.ask(method, &wrong).send().await.refused(404, "unknown-session");
        }
        patch(&server, &wrong, "*", &trickled(1)).send().await.refused(404, "unknown-session");
    }
    assert!(!session.is_closed());
    assert!(server.peer.lock().trickles.is_empty());
}

#[tokio::test]
async fn ice_restarts_with_any_or_the_current_tag() {
    let server = start();
    for (first, second) in [("*", "\"1\""), ("\"1\"", "*")] {
        let url = location(&server.post_offer("/whep").send().await);
        let session = server.newest();
        let peer = server.peer.clone();
        let id = session.id();
        let asked = Instant::now();
        let restarting = tokio::spawn(patch(&server, &url, first, RESTART).send());
        event(&session, |event| event.kind == "signalling.candidate" && event.to == Lane::Peer).await;
        // The answer waits for the rest of the candidates, as this client can hear of them in no other way.
        loop {
            if session.candidates().ufrag == "dmn2" {
                break;
            }
            tokio::task::yield_now().await;
        }
        peer.gather(id, "dmn2", &[6000, 6001], true);
        let reply = restarting.await.unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.field("etag"), Some("\"2\""));
        assert_eq!(reply.field("content-type"), Some(FRAGMENT));
        let lines: Vec<String> = reply.text().split("\r\n").map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "a=ice-options:trickle",
                "a=group:BUNDLE 0",
                "m=video 9 UDP/TLS/RTP/SAVPF 96",
                "a=mid:0",
                "a=ice-ufrag:dmn2",
                "a=ice-pwd:daemondaemondaemondaem2",
                &format!("a={}", candidate(6000)),
                &format!("a={}", candidate(6001)),
                "a=end-of-candidates",
                ""
            ]
        );
        assert!(asked.elapsed() < Duration::from_secs(5));
        let late = patch(&server, &url, second, &RESTART.replace("new1", "new2")).send().await;
        if second == "*" {
            assert_eq!((late.status, late.field("etag")), (200, Some("\"3\"")));
        } else {
            late.refused(412, "stale-generation");
        }
    }
}

#[tokio::test]
async fn a_restart_answers_with_what_is_there_when_gathering_takes_too_long() {
    let server =
        start_with(Options { gather_wait: Duration::from_millis(50), ..options() }, evidence_options());
    let url = location(&server.post_offer("/whep").send().await);
    let reply = patch(&server, &url, "*", RESTART).send().await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains(&candidate(6000)));
    assert!(!reply.text().contains("end-of-candidates"));
}

#[tokio::test]
async fn a_refused_restart_leaves_the_session_as_it_was() {
    let server = start();
    let url = location(&server.post_offer("/whep").send().await);
    server.peer.lock().refuse_trickle = Some(SignalError::Internal("no socket".into()));
    patch(&server, &url, "*", RESTART).send().await.refused(500, "internal");
    server.peer.lock().refuse_trickle = None;
    assert_eq!(patch(&server, &url, "\"1\"", &trickled(1)).send().await.status, 204);
}

#[tokio::test]
async fn delete_ends_the_session_once() {
    let server = start();
    let url = location(&server.post_offer("/whep").send().await);
    let session = server.newest();
    let reply = server.ask("DELETE", &url).with("if-match", "\"stale\"").send().await;
    assert_eq!((reply.status, reply.body.len()), (200, 0), "an entity-tag does not matter here");
    assert!(session.is_closed());
    assert_eq!(server.peer.lock().closed, [(session.id(), CloseReason::Deleted)]);
    for method in ["DELETE", "GET"] {
        server.ask(method, &url).send().await.refused(404, "unknown-session");
    }
    patch(&server, &url, "*", &trickled(1)).send().await.refused(404, "unknown-session");
    event(&session, |event| event.kind == "signalling.delete" && event.from == Lane::Web).await;
}

#[tokio::test]
async fn the_url_of_a_session_that_ended_by_itself_is_gone() {
    let server = start();
    let url = location(&server.post_offer("/whep").send().await);
    let session = server.newest();
    server.peer.set_state(session.id(), PeerState::Closed(CloseReason::Vanished));
    event(&session, |event| event.kind == "session.closed").await;
    patch(&server, &url, "*", &trickled(1)).send().await.refused(404, "unknown-session");
    server.ask("DELETE", &url).send().await.refused(404, "unknown-session");
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
    use Lane::{Peer, Signalling, Web};
    assert_eq!(
        seen,
        [
            ("signalling.session", Web, Signalling),
            ("signalling.offer", Web, Signalling),
            ("signalling.offer", Signalling, Peer),
            ("signalling.answer", Peer, Signalling),
            ("signalling.answer", Signalling, Web),
            ("signalling.candidate", Web, Signalling),
            ("signalling.candidate", Signalling, Peer),
            ("signalling.candidate.accepted", Signalling, Web),
            ("signalling.delete", Web, Signalling),
            ("signalling.delete", Signalling, Peer),
            ("signalling.delete", Signalling, Web),
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
