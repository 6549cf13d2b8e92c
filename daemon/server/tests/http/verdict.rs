//! The verdict and the candidate pairs in the API.

use icescope_model::api::{SessionRecord, SessionSummary};
use icescope_model::verdict::VerdictOutcome;
use icescope_model::{Evidence, Lane, Observation, Scope, SessionId};
use serde_json::{Value, json};

use crate::support::{Running, start};

/// The daemon observes something in a session.
fn observe(server: &Running, id: SessionId, kind: &'static str, attributes: Value) {
    let Value::Object(attributes) = attributes else { panic!("attributes are an object") };
    let mut observation =
        Observation::new(Scope::Session(id), Evidence::Packet, Lane::Peer, Lane::Peer, kind);
    observation.attributes = attributes;
    server.session(id).observe(observation);
}

/// The session's line in the list and its record, once the verdict is this one.
async fn concluded(server: &Running, id: SessionId, outcome: VerdictOutcome) -> (Value, Value) {
    let session = server.session(id);
    let mut revision = session.revision();
    while session.summary().verdict.is_none_or(|verdict| verdict.outcome != outcome) {
        revision.changed().await.unwrap();
    }
    let list: Vec<Value> = server.ask("GET", "/api/sessions").send().await.json();
    let line = list.into_iter().find(|line| line["id"] == id.to_string()).unwrap();
    let record = server.ask("GET", &format!("/api/sessions/{id}")).send().await;
    let checked: SessionRecord = record.json();
    let head: SessionSummary = checked.session;
    assert_eq!(head.verdict.map(|verdict| verdict.outcome), Some(outcome));
    (line, record.json())
}

#[tokio::test]
async fn a_failed_session_says_what_broke_in_the_list_and_in_its_record() {
    let server = start();
    let id = server.open().await.id;
    observe(&server, id, "signalling.offer", json!({}));
    let refusal = json!({"status": 415, "code": "bad-type", "method": "POST", "message": "no SDP"});
    observe(&server, id, "signalling.refused", refusal);
    let (line, record) = concluded(&server, id, VerdictOutcome::Failed).await;
    let verdict = &line["verdict"];
    assert_eq!(verdict, &record["session"]["verdict"], "the list and the record say the same");
    assert_eq!(verdict["outcome"], "failed");
    assert_eq!(verdict["path"], Value::Null);
    assert_eq!(verdict["cause"], "A7");
    assert_eq!(verdict["stage"], "signalling");
    assert_eq!(verdict["side"], "client");
    assert!(["likely", "proven"].contains(&verdict["certainty"].as_str().unwrap()), "{verdict}");
    assert_eq!(verdict["summary"], "The daemon refused the offer with 415 (bad-type): no SDP.");
    assert!(verdict["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{verdict}");
    let shown = verdict["evidence"].as_array().unwrap();
    let events = record["events"].as_array().unwrap();
    assert!(!shown.is_empty());
    for number in shown {
        assert!(events.iter().any(|event| event["sequence"] == *number), "{number} is in the record");
    }
    let stages = verdict["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 10);
    assert!(stages.contains(&json!({"stage": "signalling", "state": "broken"})), "{stages:?}");
    assert!(stages.contains(&json!({"stage": "frames", "state": "not-reached"})), "{stages:?}");
    assert!(verdict["findings"].is_array());
}

#[tokio::test]
async fn a_connected_session_says_its_path_and_has_its_pairs() {
    let server = start();
    let id = server.open().await.id;
    let check = |direction: &str| {
        json!({"direction": direction, "localAddress": "192.0.2.1:5000", "remoteAddress": "192.0.2.2:4000",
            "protocol": "udp"})
    };
    observe(&server, id, "signalling.answer", json!({}));
    observe(&server, id, "stun.binding.request", check("outbound"));
    observe(&server, id, "stun.binding.success", check("inbound"));
    let pair = json!({"localCandidateType": "host", "localAddress": "192.0.2.1", "localPort": 5000,
        "remoteCandidateType": "host", "remoteAddress": "192.0.2.2", "remotePort": 4000, "protocol": "udp"});
    observe(&server, id, "ice.selected_pair", pair);
    observe(&server, id, "dtls.state", json!({"state": "connected"}));
    let (line, record) = concluded(&server, id, VerdictOutcome::Connected).await;
    let verdict = &line["verdict"];
    assert_eq!((&verdict["outcome"], &verdict["cause"]), (&json!("connected"), &Value::Null));
    assert_eq!(
        verdict["path"],
        json!({"kind": "direct", "localCandidateType": "host", "remoteCandidateType": "host", "protocol": "udp",
            "family": "ipv4", "relayProtocol": null})
    );
    let pairs = record["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    let pair = &pairs[0];
    assert_eq!((&pair["state"], &pair["loss"]), (&json!("succeeded"), &json!("none")));
    assert_eq!(pair["selectedBy"], json!({"daemon": true, "browser": false}));
    assert_eq!((&pair["local"]["port"], &pair["remote"]["address"]), (&json!(5000), &json!("192.0.2.2")));
    assert_eq!(
        (&pair["daemon"]["requestsSent"], &pair["daemon"]["responsesReceived"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(pair["browser"], Value::Null, "nobody told what the client counted");
    assert_eq!(
        pair["summary"],
        "The daemon received none of the client's checks from 192.0.2.2:4000; the daemon sent 1 check to 192.0.2.2:4000, 1 was answered."
    );
}
