//! RTP and frames.

use icescope_model::verdict::{Stage, VerdictOutcome, Weight};
use serde_json::{Value, json};

use crate::build::{Built, OURS, THEIRS};

fn video(figures: Value) -> Value {
    let mut entry = json!({"id": "V", "kind": "video", "packetsReceived": 0, "packetsLost": 0, "framesReceived": 0,
        "framesDecoded": 0, "keyFramesDecoded": 0, "pliCount": 0});
    if let (Value::Object(into), Value::Object(from)) = (&mut entry, figures) {
        into.extend(from);
    }
    json!({"inbound-rtp": [entry]})
}

fn sending() -> Built {
    Built::up()
        .daemon("rtp.first", json!({"direction": "outbound", "localAddress": OURS, "remoteAddress": THEIRS}))
        .at(9.0)
}

#[test]
fn a7_a_source_that_gives_nothing() {
    Built::up().at(9.0).fails("A7", Stage::Rtp);
}

#[test]
fn g4_rtp_that_does_not_arrive() {
    sending().browser("stats", video(json!({}))).fails("G4", Stage::Rtp);
    sending().browser("stats", json!({"transport": []})).fails("G4", Stage::Rtp);
}

#[test]
fn g2_frames_that_cannot_be_decoded() {
    sending()
        .browser("stats", video(json!({"packetsReceived": 90, "framesReceived": 30})))
        .fails("G2", Stage::Frames);
}

#[test]
fn g3_no_key_frame() {
    sending()
        .browser("stats", video(json!({"packetsReceived": 90, "pliCount": 4})))
        .fails("G3", Stage::Frames);
}

#[test]
fn g3_requests_for_a_key_frame_that_get_lost() {
    let figures = || video(json!({"packetsReceived": 90, "framesReceived": 30, "pliCount": 4}));
    let lost = sending().browser("stats", figures()).fails("G3", Stage::Frames);
    assert!(lost.summary.contains("none of these requests reached the daemon"), "{}", lost.summary);
    let served = sending().daemon("media.key_frame_requested", json!({})).browser("stats", figures());
    served.fails("G2", Stage::Frames);
}

#[test]
fn g7_a_decoder_that_decodes_nothing() {
    let figures =
        json!({"packetsReceived": 90, "framesReceived": 30, "decoderImplementation": "NullVideoDecoder"});
    sending().browser("stats", video(figures)).fails("G7", Stage::Frames);
}

#[test]
fn frames_that_come_are_no_fault() {
    let built = sending()
        .browser("stats", video(json!({"packetsReceived": 90, "framesReceived": 30, "framesDecoded": 30})));
    assert_eq!(built.verdict().outcome, VerdictOutcome::Connected);
    let soon = Built::up().at(2.0);
    assert_eq!(soon.concluded().1, Some(5_000_000), "media is looked for again");
    assert_eq!(soon.verdict().outcome, VerdictOutcome::Connected);
}

#[test]
fn g6_a_picture_that_may_not_play_by_itself() {
    let refused = Built::connected().browser("media.play", json!({"outcome": "not-allowed"}));
    refused.finds("G6", Weight::Harmless);
    refused.browser("media.play", json!({"outcome": "playing"})).is_not("G6");
}
