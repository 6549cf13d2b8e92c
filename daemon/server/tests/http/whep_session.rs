//! The session URLs of WHEP and WHIP.

use std::time::{Duration, Instant};

use icescope_model::Lane;
use icescope_model::signal::{CloseReason, PeerState, SignalError};
use icescope_server::Options;

use crate::peer::candidate;
use crate::support::{
    FRAGMENT, event, evidence_options, kinds, location, options, patch, start, start_with, trickled,
};

const RESTART: &str = "a=ice-options:trickle\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:new1\r\na=ice-pwd:newnewnewnewnewnewnewn\r\n";

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
