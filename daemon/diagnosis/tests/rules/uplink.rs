//! An uplink: the client sends, the daemon counts what comes.

use icescope_model::verdict::{Side, Stage, VerdictOutcome};
use icescope_model::{Lane, SeenBy};
use serde_json::{Value, json};

use crate::build::{Built, OURS, THEIRS};

/// An uplink whose connection is up since the beginning.
fn up() -> Built {
    let offer = json!({"direction": "ingest", "candidates": 1});
    Built::new()
        .event(SeenBy::Daemon, Lane::Web, Lane::Signalling, "signalling.offer", offer)
        .daemon("signalling.answer", json!({}))
        .check(THEIRS, "outbound", 1)
        .answer(THEIRS)
        .daemon("dtls.state", json!({"state": "connected"}))
}

fn outgoing(packets: u64, frames: u64) -> Value {
    json!({"outbound-rtp": [{"id": "O", "kind": "video", "packetsSent": packets, "framesEncoded": frames}]})
}

fn rtp(built: Built) -> Built {
    built.daemon("rtp.first", json!({"direction": "inbound", "localAddress": OURS, "remoteAddress": THEIRS}))
}

#[test]
fn g9_a_client_that_sends_nothing_is_judged_without_a_page_too() {
    assert_eq!(up().at(4.9).verdict().outcome, VerdictOutcome::Connected, "it may still begin");
    let verdict = up().at(5.0).fails("G9", Stage::Rtp);
    assert_eq!(verdict.side, Side::Client);
    let told = up().at(9.0).browser("stats", outgoing(0, 0)).fails("G9", Stage::Rtp);
    assert!(told.summary.contains("its encoder made 0 frames"), "{}", told.summary);
}

#[test]
fn g4_what_the_client_sends_does_not_arrive() {
    let verdict = up().at(9.0).browser("stats", outgoing(120, 40)).fails("G4", Stage::Rtp);
    assert!(verdict.summary.contains("sent 120 RTP packets, and not one came in"), "{}", verdict.summary);
}

#[test]
fn g3_rtp_without_a_key_frame() {
    rtp(up()).at(9.0).fails("G3", Stage::Frames);
}

#[test]
fn an_uplink_whose_picture_comes_is_connected() {
    let built = rtp(up()).daemon("media.first_frame_received", json!({"frameWidth": 640})).at(60.0);
    let verdict = built.verdict();
    assert_eq!((verdict.outcome, verdict.stage), (VerdictOutcome::Connected, Stage::Frames));
}
