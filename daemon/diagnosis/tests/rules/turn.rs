//! TURN: what a server refuses.

use icescope_model::verdict::{Certainty, Stage, Weight};
use icescope_model::{Lane, SeenBy};
use serde_json::json;

use crate::build::{Built, OURS, SERVER};

#[test]
fn d1_the_first_401_is_harmless() {
    let built = Built::answered().refused(401, false);
    built.finds("D1", Weight::Harmless);
    built.is_not("D2");
}

#[test]
fn d2_a_refused_credential_is_named_at_once() {
    let built = Built::answered().refused(401, false).refused(401, true);
    let verdict = built.verdict();
    assert_eq!((verdict.cause.as_deref(), verdict.certainty), (Some("D2"), Certainty::Proven));
    built.at(40.0).fails("D2", Stage::Servers);
}

#[test]
fn d2_by_the_browsers_word() {
    let error = json!({"url": "turn:198.51.100.1:3478", "errorCode": 401, "errorText": "Unauthorized"});
    let built = Built::answered().own("host", OURS).browser("ice.candidate_error", error).at(40.0);
    assert!(built.fails("D2", Stage::Servers).advice.contains("browser"));
}

#[test]
fn d2_does_not_decide_where_the_other_end_has_a_relay() {
    let built = Built::with_candidates().theirs("relay", "198.51.100.9:50000").refused(401, true);
    built.finds("D2", Weight::Degraded);
}

#[test]
fn d3_a_credential_that_was_good_before() {
    let built = Built::answered()
        .ask("turn.allocate", SERVER, Some(("success", json!({"relayedAddress": "198.51.100.1:50000"}))))
        .at(40.0)
        .ask(
            "turn.refresh",
            SERVER,
            Some(("error", json!({"errorCode": 401, "realm": "r", "credentialRefused": true}))),
        );
    built.fails("D3", Stage::Servers);
    let ends = json!({"remoteAddress": SERVER, "expires": 1_700_000_300_u64, "lifetime": 600});
    Built::connected().daemon("turn.credential.ends", ends).finds("D3", Weight::Degraded);
}

#[test]
fn d3_a_credential_whose_time_was_over_before() {
    let refused = |expires: u64| {
        let error = json!({"errorCode": 401, "realm": "r", "credentialRefused": true, "expires": expires});
        Built::answered().ask("turn.allocate", SERVER, Some(("error", error))).at(40.0)
    };
    let over = refused(1_699_990_000).fails("D3", Stage::Servers);
    assert!(over.summary.contains("over 2 h before"), "{}", over.summary);
    refused(1_700_003_600).fails("D2", Stage::Servers);
}

#[test]
fn d6_no_realm() {
    let built =
        Built::answered().ask("turn.allocate", SERVER, Some(("error", json!({"errorCode": 401})))).at(40.0);
    built.fails("D6", Stage::Servers);
}

#[test]
fn d7_a_forbidden_peer_is_fatal_only_if_all_are() {
    let forbidden = json!({"errorCode": 403, "errorText": "Forbidden IP"});
    let built = Built::answered().ask("turn.create_permission", SERVER, Some(("error", forbidden)));
    assert!(built.verdict().summary.contains("10.9.9.9:9"));
    let one_of_two = built.ask("turn.create_permission", SERVER, Some(("success", json!({}))));
    one_of_two.finds("D7", Weight::Degraded);
    let ours = Built::answered()
        .theirs("relay", "198.51.100.1:50000")
        .event(
            SeenBy::Relay,
            Lane::Web,
            Lane::Turn,
            "relay.peer_refused",
            json!({"peerAddress": "10.0.0.5:9"}),
        )
        .at(40.0);
    assert!(ours.fails("D7", Stage::Servers).advice.contains("relay.allow-peers"));
}

#[test]
fn d8_a_private_relay_address() {
    let built = Built::answered()
        .ask("turn.allocate", SERVER, Some(("success", json!({"relayedAddress": "10.0.0.4:50000"}))))
        .at(40.0);
    built.fails("D8", Stage::Servers);
    Built::answered()
        .ask("turn.allocate", SERVER, Some(("success", json!({"relayedAddress": "198.51.100.1:50000"}))))
        .is_not("D8");
}

#[test]
fn each_code_has_its_cause() {
    for (code, cause) in [
        (437, "D9"),
        (441, "D11"),
        (442, "D12"),
        (440, "D13"),
        (443, "D13"),
        (446, "D13"),
        (486, "D14"),
        (508, "D15"),
        (300, "D16"),
        (400, "D25"),
        (403, "D7"),
    ] {
        let verdict = Built::answered().refused(code, true).at(40.0).fails(cause, Stage::Servers);
        assert!(verdict.summary.contains(&code.to_string()), "{}", verdict.summary);
        let shown = icescope_diagnosis::causes::SHOWN.contains(&cause);
        assert_eq!(verdict.certainty == Certainty::Proven, shown, "{code}: only what was provoked is proven");
    }
}

#[test]
fn d10_a_stale_nonce_that_was_not_taken_up() {
    let stale = || Built::answered().refused(438, true);
    stale().is_not("D10");
    stale().at(0.5).refused(401, false).at(40.0).is_not("D10");
    stale().at(40.0).fails("D10", Stage::Servers);
}

#[test]
fn d25_stun_answers_and_turn_does_not() {
    let built = Built::answered()
        .ask("stun.binding", SERVER, Some(("success", json!({"mappedAddress": OURS}))))
        .ask("turn.allocate", SERVER, None)
        .at(40.0);
    built.fails("D25", Stage::Servers);
}
