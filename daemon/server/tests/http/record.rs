//! `GET /api/sessions/{id}`: the record as a document, as it is and redacted.

use icescope_model::api::{BrowserEvent, RecordFormat, SessionRecord};
use icescope_model::schema::SESSION_RECORD;
use serde_json::{Value, json};

use crate::sessions::browser_event;
use crate::support::{Reply, Running, start};

async fn read(server: &Running, path: &str, token: &str) -> Reply {
    server.ask("GET", path).with("authorization", &format!("Bearer {token}")).send().await
}

fn candidate(number: u64, address: &str) -> BrowserEvent {
    let facts =
        json!({"address": address, "port": 40000, "candidateType": "srflx", "usernameFragment": "LayQ"});
    BrowserEvent {
        kind: "ice.candidate".to_owned(),
        summary: format!("Candidate srflx {address}:40000"),
        attributes: facts.as_object().unwrap().clone(),
        ..browser_event(number)
    }
}

#[tokio::test]
async fn a_record_says_its_format_and_is_as_its_schema_says() {
    let server = start();
    let mine = server.open().await;
    let session = server.session(mine.id);
    session.set_clock(1_000, 40);
    session.browser_events(vec![candidate(1, "203.0.113.9")]);
    let document: Value = read(&server, &format!("/api/sessions/{}", mine.id), &mine.token).await.json();
    let schema = jsonschema::validator_for(&serde_json::from_str(SESSION_RECORD).unwrap()).unwrap();
    let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(document["format"], RecordFormat::Session1.word());
    assert_eq!(document["clock"]["offset"], 1_000);
    assert_eq!(document["redacted"], false);
}

#[tokio::test]
async fn a_redacted_record_has_pseudonyms_and_the_same_events() {
    let server = start();
    let mine = server.open().await;
    let session = server.session(mine.id);
    session.set_clock(1_000, 40);
    session.browser_events(vec![candidate(1, "203.0.113.9"), candidate(2, "203.0.113.10")]);
    let path = format!("/api/sessions/{}", mine.id);
    let reply = read(&server, &format!("{path}?redact=true"), &mine.token).await;
    for name in ["203.0.113.9", "203.0.113.10", "LayQ"] {
        assert!(!reply.text().contains(name), "{name} is left: {}", reply.text());
    }
    let (shown, whole): (SessionRecord, SessionRecord) =
        (reply.json(), read(&server, &format!("{path}?redact=false"), &mine.token).await.json());
    assert!(shown.redacted && !whole.redacted);
    let kinds = |record: &SessionRecord| -> Vec<(String, i64)> {
        record.events.iter().map(|event| (event.kind.clone(), event.time)).collect()
    };
    assert_eq!(kinds(&shown), kinds(&whole));
    let last = &shown.events.last().unwrap();
    assert_eq!(last.summary, "Candidate srflx 240.0.0.2:40000");
    assert_eq!((&last.attributes["address"], &last.attributes["port"]), (&json!("240.0.0.2"), &json!(40000)));
}

#[tokio::test]
async fn redaction_opens_no_door_and_takes_true_or_false() {
    let server = start();
    let mine = server.open().await;
    let path = format!("/api/sessions/{}?redact=true", mine.id);
    server.ask("GET", &path).with("via", "1.1 proxy").send().await.refused(401, "unauthorized");
    let odd = format!("/api/sessions/{}?redact=please", mine.id);
    read(&server, &odd, &mine.token).await.refused(400, "bad-query");
}
