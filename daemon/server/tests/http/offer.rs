//! `POST /offer`.

use std::time::Duration;

use icescope_model::api::OfferAnswer;
use icescope_model::signal::SignalError;
use serde_json::{Value, json};

use crate::peer::ANSWER;
use crate::support::{Ask, OFFER, Running, start};

fn offer(server: &Running, body: &Value) -> Ask {
    server.ask("POST", "/offer").with("content-type", "application/json").body(body.to_string())
}

#[tokio::test]
async fn an_offer_in_json_is_answered_in_json() {
    let server = start();
    // The demos' pages send more than is needed.
    let reply =
        offer(&server, &json!({ "sdp": OFFER, "type": "offer", "video_transform": "none" })).send().await;
    assert_eq!(reply.status, 200);
    let answer: OfferAnswer = reply.json();
    assert_eq!((answer.sdp.as_str(), answer.kind.as_str()), (ANSWER, "answer"));
    let raw: Value = reply.json();
    assert_eq!(
        raw["nat_info"],
        json!({ "local_ip": null, "public_ip": null, "nat_type": null, "nat_category": null, "has_srflx": false })
    );
    assert_eq!(server.peer.lock().offers[0].gather_for, Duration::from_millis(300));
    assert!(server.newest().is_answered());
}

#[tokio::test]
async fn misuse_has_its_status() {
    let server = start();
    let good = json!({ "sdp": OFFER, "type": "offer" });
    offer(&server, &good).with("content-type", "text/plain").send().await.refused(415, "wrong-media-type");
    offer(&server, &good).with("content-type", "").send().await.refused(415, "wrong-media-type");
    for body in [
        json!({ "sdp": OFFER }),
        json!({ "type": "offer" }),
        json!({ "sdp": OFFER, "type": "answer" }),
        json!({ "sdp": "hello", "type": "offer" }),
        json!([]),
    ] {
        offer(&server, &body).send().await.refused(400, "bad-offer");
    }
    offer(&server, &good).body("{").send().await.refused(400, "bad-offer");
    server.peer.lock().refuse_offer =
        Some(SignalError::NoCommonFormat { offered: "AV1".into(), available: "VP8".into() });
    let error = offer(&server, &good).send().await.refused(422, "no-common-format");
    assert!(error.message.contains("AV1") && error.message.contains("VP8"), "{}", error.message);
}
