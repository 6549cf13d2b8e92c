//! `/api/sessions`, `/api/plugins`, `/api/health`.

use icescope_model::api::{BrowserEvent, FromPage, Plugins, SessionRecord, SessionSummary, ToPage};
use icescope_model::plugin::{Isolation, PluginState, PluginStatus};
use icescope_model::{Evidence, Lane, Level, SeenBy};
use icescope_server::Options;
use serde_json::Value;

use crate::peer::candidate;
use crate::support::{Ask, Running, evidence_options, options, start, start_with};

pub fn browser_event(number: u64) -> BrowserEvent {
    BrowserEvent {
        number,
        time: 1_000 * i64::try_from(number).unwrap(),
        from: Lane::Web,
        to: Lane::Web,
        kind: "ice.gathering".into(),
        evidence: Evidence::Api,
        level: Level::Info,
        summary: format!("event {number}"),
        attributes: serde_json::Map::default(),
    }
}

pub fn plugin(state: PluginState) -> PluginStatus {
    PluginStatus {
        name: "bars".into(),
        id: None,
        kind: None,
        version: None,
        path: "libbars.so".into(),
        isolation: Isolation::Process,
        state,
        message: None,
        restarts: 0,
        frames_dropped: 0,
        events_dropped: 0,
    }
}

#[tokio::test]
async fn a_session_is_opened_for_a_page() {
    let server = start();
    let opened = server.open().await;
    assert_eq!(opened.live, format!("/api/sessions/{}/live", opened.id));
    assert!(server.session(opened.id).opens_with(&opened.token));
    let reply = server.ask("POST", "/api/sessions").send().await;
    assert_eq!(reply.field("cache-control"), Some("no-store"), "it has a secret");
}

#[tokio::test]
async fn a_record_opens_with_its_own_token_or_an_admins() {
    let options = Options { admin_tokens: vec!["an-admin-token-of-some-length".into()], ..options() };
    let server = start_with(options, evidence_options());
    let (mine, other) = (server.open().await, server.open().await);
    let path = format!("/api/sessions/{}", mine.id);
    let with = |token: &str| server.ask("GET", &path).with("authorization", &format!("Bearer {token}"));
    for token in [mine.token.as_str(), "an-admin-token-of-some-length"] {
        let reply = with(token).send().await;
        assert_eq!(reply.status, 200);
        let record: SessionRecord = reply.json();
        assert_eq!(record.session.id, mine.id);
        assert_eq!(record.events[0].kind, "signalling.session");
    }
    for token in [other.token.as_str(), "", "an-admin-token-of-some-lengt"] {
        let reply = with(token).send().await;
        reply.refused(401, "unauthorized");
        assert_eq!(reply.field("www-authenticate"), Some("Bearer"));
    }
    // Who may see the list may read what is in it: someone on this very machine, and not through a proxy.
    assert_eq!(server.ask("GET", &path).send().await.status, 200);
    let elsewhere = server.ask("GET", &path).with("via", "1.1 proxy");
    elsewhere.send().await.refused(401, "unauthorized");
    let query = server.ask("GET", &format!("{path}?token={}", mine.token)).with("via", "1.1 proxy");
    query.send().await.refused(401, "unauthorized");
    for id in ["0".repeat(32), "x".into(), "..".into()] {
        let unknown = server
            .ask("GET", &format!("/api/sessions/{id}"))
            .with("authorization", &format!("Bearer {}", mine.token));
        unknown.send().await.refused(404, "unknown-session");
    }
}

#[tokio::test]
async fn the_list_is_for_this_machine_and_for_admins() {
    let options = Options {
        admin_tokens: vec!["an-admin-token-of-some-length".into()],
        allowed_hosts: vec!["robot.example".into()],
        ..options()
    };
    let server = start_with(options, evidence_options());
    let opened = server.open().await;
    let reply = server.ask("GET", "/api/sessions").send().await;
    let list: Vec<SessionSummary> = reply.json();
    assert_eq!(list.iter().map(|session| session.id).collect::<Vec<_>>(), [opened.id]);
    assert!(!reply.text().contains(&opened.token));
    // A proxy on this machine connects from loopback, too, and gives itself away by what it calls or adds.
    for (name, value) in [
        ("host", "robot.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("via", "1.1 proxy"),
    ] {
        let ask = server.ask("GET", "/api/sessions").with(name, value);
        ask.clone().send().await.refused(401, "unauthorized");
        let own = ask.clone().with("authorization", &format!("Bearer {}", opened.token));
        own.send().await.refused(401, "unauthorized");
        let admin = ask.with("authorization", "Bearer an-admin-token-of-some-length");
        assert_eq!(admin.send().await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn health_and_plugins() {
    let server = start();
    let health: Value = server.ask("GET", "/api/health").send().await.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    server.evidence.set_plugins(vec![plugin(PluginState::Ready)]);
    let plugins: Plugins = server.ask("GET", "/api/plugins").send().await.json();
    assert_eq!(plugins.plugins, [plugin(PluginState::Ready)]);
}

fn batch(
    server: &Running,
    id: icescope_model::SessionId,
    token: &str,
    next: &str,
    messages: &[FromPage],
) -> Ask {
    server
        .ask("POST", &format!("/api/sessions/{id}/events{next}"))
        .with("authorization", &format!("Bearer {token}"))
        .with("content-type", "application/json")
        .body(serde_json::to_string(messages).unwrap())
}

#[tokio::test]
async fn events_go_by_batches_where_websockets_are_blocked() {
    let server = start();
    let opened = server.open().await;
    let joined = format!("{}.{}", opened.id, opened.token);
    assert_eq!(server.post_offer("/whep").with("icescope-session", &joined).send().await.status, 201);
    let messages = [
        FromPage::Ping { sent: 5 },
        FromPage::Clock { offset: 100, uncertainty: 10 },
        FromPage::Events { events: vec![browser_event(1), browser_event(2)] },
    ];
    let reply = batch(&server, opened.id, &opened.token, "?next=0", &messages).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answers: Vec<ToPage> = reply.json();
    assert!(matches!(answers[0], ToPage::Pong { sent: 5, received, answered } if received <= answered));
    assert_eq!(answers[1], ToPage::Ack { number: 2 });
    assert_eq!(
        answers[2],
        ToPage::Candidate { candidate: candidate(5000), username_fragment: "dmn1".into() }
    );
    assert!(matches!(&answers[3], ToPage::Session { session } if session.id == opened.id));
    let ToPage::Events { events } = &answers[4] else { panic!("{answers:?}") };
    let browser: Vec<_> = events.iter().filter(|event| event.seen_by == SeenBy::Browser).collect();
    assert_eq!(browser.len(), 2);
    assert_eq!((browser[0].time, browser[0].uncertainty), (1_100, 10), "on the session's axis");
    let next = events.last().unwrap().sequence + 1;
    // Sent again, the same events are kept once; and what was told is not told again.
    let again =
        batch(&server, opened.id, &opened.token, &format!("?next={next}"), &messages[2..]).send().await;
    let answers: Vec<ToPage> = again.json();
    assert_eq!(answers[0], ToPage::Ack { number: 2 });
    assert!(!answers.iter().any(|answer| matches!(answer, ToPage::Events { .. })), "{answers:?}");
}

#[tokio::test]
async fn misuse_of_the_batches_has_its_status() {
    let server = start();
    let opened = server.open().await;
    batch(&server, opened.id, "wrong", "", &[]).send().await.refused(401, "unauthorized");
    let good = batch(&server, opened.id, &opened.token, "", &[]);
    assert_eq!(good.clone().send().await.status, 200);
    good.clone().with("content-type", "text/plain").send().await.refused(415, "wrong-media-type");
    good.clone().body("{}").send().await.refused(400, "bad-messages");
    good.clone().body(r#"[{"type":"dance"}]"#).send().await.refused(400, "bad-messages");
    batch(&server, opened.id, &opened.token, "?next=-1", &[]).send().await.refused(400, "bad-query");
    let hello = [FromPage::Hello { token: opened.token.clone(), next: 0 }];
    let answers: Vec<ToPage> = batch(&server, opened.id, &opened.token, "", &hello).send().await.json();
    assert!(matches!(answers[0], ToPage::Error { .. }));
}
