//! The handshake.

use icescope_model::verdict::{Certainty, Side, Stage, VerdictOutcome};
use serde_json::{Value, json};

use crate::build::{Built, OURS, THEIRS};

fn part(direction: &str, length: u64, offset: u64, size: u64) -> Value {
    json!({"direction": direction, "localAddress": OURS, "remoteAddress": THEIRS, "handshakeType": 1,
        "length": length, "fragmentOffset": offset, "fragmentLength": size})
}

fn whole(direction: &str, length: u64) -> Value {
    part(direction, length, 0, length)
}

fn repeated(mut built: Built, kind: &str, facts: &Value, times: u32, every: f64) -> Built {
    for time in 0..times {
        built = built.at(1.0 + f64::from(time) * every).daemon(kind, facts.clone());
    }
    built
}

fn passive_answer(built: Built) -> Built {
    built.browser("signalling.answer.received", json!({"sdp": "a=setup:passive\r\n"}))
}

#[test]
fn f1_a_large_flight_is_lost() {
    let built = Built::with_path().daemon("dtls.client_hello", whole("inbound", 200));
    let built = built.daemon("dtls.server_hello", whole("outbound", 90));
    let built = repeated(built, "dtls.certificate", &whole("outbound", 900), 4, 2.0).at(40.0);
    built.fails("F1", Stage::Dtls);
    let torn =
        repeated(Built::with_path(), "dtls.client_hello", &part("inbound", 1400, 1180, 220), 4, 2.0).at(40.0);
    torn.fails("F1", Stage::Dtls);
}

#[test]
fn f2_tiny_fragments() {
    let mut built = Built::with_path().daemon("dtls.server_hello", whole("inbound", 90));
    for offset in 0..5 {
        built = built.at(1.0).daemon("dtls.certificate", part("outbound", 1000, offset * 200, 200));
    }
    built.at(40.0).fails("F2", Stage::Dtls);
}

#[test]
fn f3_a_hello_in_parts_without_an_answer() {
    let built = Built::with_path()
        .daemon("dtls.client_hello", part("inbound", 1400, 0, 1180))
        .daemon("dtls.client_hello", part("inbound", 1400, 1180, 220))
        .at(40.0);
    built.fails("F3", Stage::Dtls);
    let alert = json!({"direction": "inbound", "alertLevel": "fatal", "alert": "handshake_failure"});
    Built::with_path().daemon("dtls.alert", alert).at(40.0).fails("F3", Stage::Dtls);
}

#[test]
fn f4_repeats_closer_than_the_round_trip() {
    let slow =
        json!({"direction": "inbound", "localAddress": OURS, "remoteAddress": THEIRS, "roundTripTime": 0.6});
    let built = Built::with_path().daemon("stun.binding.success", slow);
    let built = built.daemon("dtls.server_hello", whole("inbound", 90));
    let built = repeated(built, "dtls.certificate", &whole("inbound", 900), 5, 0.1).at(40.0);
    assert_eq!(built.fails("F4", Stage::Dtls).side, Side::Client);
}

#[test]
fn f5_both_begin() {
    let built = Built::with_path()
        .daemon("dtls.client_hello", whole("inbound", 200))
        .daemon("dtls.client_hello", whole("outbound", 200))
        .at(40.0);
    built.fails("F5", Stage::Dtls);
    let written = Built::with_path()
        .browser("signalling.offer.sent", json!({"sdp": "a=setup:active\r\n"}))
        .browser("signalling.answer.received", json!({"sdp": "a=setup:active\r\n"}))
        .at(40.0);
    written.fails("F5", Stage::Dtls);
}

#[test]
fn f6_another_certificate() {
    let alert = json!({"direction": "outbound", "alertLevel": "fatal", "alert": "bad_certificate"});
    let verdict = Built::with_path().daemon("dtls.alert", alert).at(40.0).fails("F6", Stage::Dtls);
    assert_eq!((verdict.side, verdict.certainty), (Side::Daemon, Certainty::Proven));
    let vague = json!({"direction": "outbound", "alertLevel": "fatal", "alert": "decrypt_error"});
    let verdict = Built::with_path().daemon("dtls.alert", vague).at(40.0).fails("F6", Stage::Dtls);
    assert_eq!(verdict.certainty, Certainty::Likely, "a broken signature has other causes, too");
    let word = json!({"message": "Fingerprint does not match"});
    Built::with_path().browser("dtls.error", word).at(40.0).fails("F6", Stage::Dtls);
}

#[test]
fn f7_dtls_is_dropped_on_the_way() {
    let ours = repeated(Built::with_path(), "dtls.client_hello", &whole("outbound", 200), 4, 2.0).at(40.0);
    ours.fails("F7", Stage::Dtls);
    let theirs =
        passive_answer(Built::with_path()).browser("dtls.state", json!({"dtlsState": "connecting"})).at(40.0);
    theirs.fails("F7", Stage::Dtls);
}

#[test]
fn a_handshake_that_goes_on_is_not_judged() {
    let built =
        passive_answer(Built::with_path()).browser("dtls.state", json!({"dtlsState": "connecting"})).at(2.0);
    let verdict = built.verdict();
    assert_eq!((verdict.outcome, verdict.cause), (VerdictOutcome::Pending, None));
}

#[test]
fn f5_f6_an_answer_that_was_changed_on_its_way() {
    let given = |built: Built| {
        built.daemon("signalling.answer", json!({"setup": "passive", "fingerprint": "sha-256 AA:BB"}))
    };
    let received = |sdp: &str| {
        given(Built::with_path()).browser("signalling.answer.received", json!({"sdp": sdp})).at(40.0)
    };
    received("a=fingerprint:sha-256 AA:BB\r\na=setup:active\r\n").fails("F5", Stage::Dtls);
    received("a=fingerprint:sha-256 00:BB\r\na=setup:passive\r\n").fails("F6", Stage::Dtls);
    let same = received("a=fingerprint:sha-256 AA:BB\r\na=setup:passive\r\n");
    same.is_not("F5");
    same.is_not("F6");
}

#[test]
fn after_an_alert_no_flight_is_called_lost() {
    let alert = json!({"direction": "inbound", "alertLevel": "fatal", "alert": "certificate_unknown"});
    let built = Built::with_path().daemon("dtls.server_hello", whole("outbound", 90));
    let built = repeated(built, "dtls.certificate", &whole("outbound", 900), 4, 2.0);
    let built = built.daemon("dtls.alert", alert).at(40.0);
    built.fails("F6", Stage::Dtls);
    built.is_not("F1");
}
