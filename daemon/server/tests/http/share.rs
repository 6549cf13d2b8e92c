//! `/api/sessions/{id}/share`: what a link lets its holder do.

use icescope_model::api::{FromPage, SessionRecord, ToPage};
use icescope_model::share::SharedSession;

use crate::live_page::Page;
use crate::sessions::browser_event;
use crate::support::{Ask, Running, start};

fn ask(server: &Running, method: &str, path: &str, token: &str) -> Ask {
    server.ask(method, path).with("authorization", &format!("Bearer {token}"))
}

async fn shared(server: &Running, path: &str, token: &str) -> SharedSession {
    let reply = ask(server, "POST", &format!("{path}/share"), token).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.field("cache-control"), Some("no-store"), "it has a secret");
    reply.json()
}

#[tokio::test]
async fn the_key_of_a_link_reads_its_session_and_no_other() {
    let server = start();
    let (mine, other) = (server.open().await, server.open().await);
    let path = format!("/api/sessions/{}", mine.id);
    let link = shared(&server, &path, &mine.token).await;
    assert_eq!(link.id, mine.id);
    assert_ne!(link.key, mine.token);
    assert_eq!(shared(&server, &path, &mine.token).await, link, "asked for again it is the same");
    let record: SessionRecord = ask(&server, "GET", &path, &link.key).send().await.json();
    assert_eq!(record.session.id, mine.id);
    let text = serde_json::to_string(&record).unwrap();
    assert!(!text.contains(&link.key) && !text.contains(&mine.token), "the record has no secret");
    let elsewhere = ask(&server, "GET", &format!("/api/sessions/{}", other.id), &link.key);
    elsewhere.send().await.refused(401, "unauthorized");
    ask(&server, "GET", "/api/sessions", &link.key)
        .with("via", "1.1 proxy")
        .send()
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn the_key_of_a_link_follows_a_session_and_changes_nothing_in_it() {
    let server = start();
    let mine = server.open().await;
    let path = format!("/api/sessions/{}", mine.id);
    let key = shared(&server, &path, &mine.token).await.key;
    let batch = |messages: &[FromPage]| {
        ask(&server, "POST", &format!("{path}/events?next=0"), &key)
            .with("content-type", "application/json")
            .body(serde_json::to_string(messages).unwrap())
    };
    let answers: Vec<ToPage> = batch(&[]).send().await.json();
    assert!(answers.iter().any(|answer| matches!(answer, ToPage::Events { events } if !events.is_empty())));
    let events = [FromPage::Events { events: vec![browser_event(1)] }];
    batch(&events).send().await.refused(401, "unauthorized");
    ask(&server, "POST", &format!("{path}/share"), &key).send().await.refused(401, "unauthorized");
    let signalled = server.post_offer("/whep").with("icescope-session", &format!("{}.{key}", mine.id));
    signalled.send().await.refused(401, "unauthorized");
    let mut page = Page::connect(server.address, &mine.live).await;
    page.say(&FromPage::Hello { token: key, next: 0 }).await;
    assert_eq!(page.closed().await, 4401);
    let record: SessionRecord = ask(&server, "GET", &path, &mine.token).send().await.json();
    assert_eq!(
        record.events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(),
        ["signalling.session"]
    );
}

#[tokio::test]
async fn a_link_is_made_by_those_who_oversee_the_session() {
    let server = start();
    let (mine, other) = (server.open().await, server.open().await);
    let path = format!("/api/sessions/{}/share", mine.id);
    assert_eq!(server.ask("POST", &path).send().await.status, 200, "on this machine");
    server.ask("POST", &path).with("via", "1.1 proxy").send().await.refused(401, "unauthorized");
    ask(&server, "POST", &path, &other.token).send().await.refused(401, "unauthorized");
    let unknown = format!("/api/sessions/{}/share", "0".repeat(32));
    ask(&server, "POST", &unknown, &mine.token).send().await.refused(404, "unknown-session");
    ask(&server, "GET", &path, &mine.token).send().await.refused(405, "method-not-allowed");
}
