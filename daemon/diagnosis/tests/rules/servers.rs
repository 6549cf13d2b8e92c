//! STUN servers and gathering.

use icescope_model::verdict::{Side, Stage, VerdictOutcome, Weight};
use serde_json::{Value, json};

use crate::build::{Built, OURS, SERVER};

const URL: &str = "stun:198.51.100.1";

fn unreachable(url: &str) -> Value {
    json!({"url": url, "errorCode": 701, "errorText": "timed out", "address": "10.0.0.7"})
}

fn candidate(kind: &str, endpoint: &str, url: &str) -> Value {
    let mut facts = crate::build::candidate(kind, endpoint);
    facts["url"] = url.into();
    facts
}

#[test]
fn b1_one_family_is_harmless() {
    let built = Built::answered()
        .browser("ice.candidate_error", unreachable(URL))
        .browser("ice.candidate", candidate("srflx", "203.0.113.7:4000", URL));
    built.finds("B1", Weight::Harmless);
    built.is_not("B2");
}

#[test]
fn b1_a_server_that_told_nothing_new_of_the_other_address() {
    let mut error = unreachable(URL);
    error["address"] = "10.99.0.x".into();
    let built = Built::answered()
        .theirs("host", "192.168.1.7:4000")
        .theirs("host", "10.99.0.2:4001")
        .browser("ice.gathering_state", json!({"iceGatheringState": "complete"}))
        .browser("ice.candidate_error", error);
    built.finds("B1", Weight::Harmless);
    built.is_not("B2");
    let mut other = unreachable(URL);
    other["address"] = "192.168.1.x".into();
    let silent = built.browser("ice.candidate_error", other).verdict();
    assert_eq!(silent.cause.as_deref(), Some("B2"), "{silent:#?}");
}

#[test]
fn b2_a_server_that_does_not_answer_the_browser() {
    let hosts = || Built::answered().own("host", OURS).theirs("host", "10.0.0.7:4000");
    let silent = hosts().browser("ice.candidate_error", unreachable(URL)).at(40.0);
    assert_eq!(silent.fails("B2", Stage::Servers).side, Side::Unknown, "down or blocked");
    let answers_us = hosts()
        .daemon("ice.candidate", candidate("srflx", "10.5.0.1:5000", URL))
        .browser("ice.candidate_error", unreachable(URL))
        .at(40.0);
    assert_eq!(answers_us.fails("B2", Stage::Servers).side, Side::Client, "it answers the daemon");
}

#[test]
fn b2_a_server_that_does_not_answer_the_daemon() {
    let hosts =
        Built::answered().own("host", OURS).theirs("host", "10.0.0.7:4000").ask("stun.binding", SERVER, None);
    hosts.is_not("B2");
    let verdict = hosts.at(40.0).fails("B2", Stage::Servers);
    assert!(verdict.advice.contains(SERVER), "{}", verdict.advice);
}

#[test]
fn b2_does_not_decide_where_a_path_was_found() {
    let built = Built::connected().ask("stun.binding", SERVER, None).at(9.0);
    assert_eq!(built.verdict().outcome, VerdictOutcome::Connected);
    built.finds("B2", Weight::Degraded);
}

#[test]
fn b3_no_nat() {
    let built = Built::answered().own("host", OURS).ask(
        "stun.binding",
        SERVER,
        Some(("success", json!({"mappedAddress": OURS}))),
    );
    built.finds("B3", Weight::Harmless);
    let again = built.own("srflx", OURS);
    again.finds("B3", Weight::Harmless);
    again.own("srflx", "203.0.113.9:5000").is_not("B3");
}

#[test]
fn b4_gathering_stalls() {
    let built = Built::with_candidates()
        .at(9.0)
        .browser("ice.gathering_state", json!({"iceGatheringState": "complete"}));
    assert!(built.finds("B4", Weight::Degraded).summary.contains("9.0 s"));
}

#[test]
fn b5_many_servers() {
    let urls: Vec<String> = (0..5).map(|n| format!("stun:s{n}")).collect();
    Built::new().browser("pc.created", json!({"iceServers": urls})).finds("B5", Weight::Harmless);
    Built::answered().is_not("B5");
}

#[test]
fn b12_two_ways_out_and_a_wrong_address() {
    let built = Built::answered()
        .ask("stun.binding", SERVER, Some(("success", json!({"mappedAddress": "203.0.113.9:1"}))))
        .ask(
            "stun.binding",
            "198.51.100.2:3478",
            Some(("success", json!({"mappedAddress": "203.0.113.10:1"}))),
        );
    built.finds("B12", Weight::Degraded);
    let wrong = Built::answered().own("host", "203.0.113.99:5000").ask(
        "stun.binding",
        SERVER,
        Some(("success", json!({"mappedAddress": "203.0.113.9:1"}))),
    );
    assert!(wrong.finds("B12", Weight::Degraded).advice.contains("203.0.113.9"));
    let in_vain = wrong.theirs("host", "10.0.0.7:4000").check("10.0.0.7:4000", "outbound", 3);
    in_vain.at(40.0).browser("stats", crate::build::stats(12, 0, 0)).fails("B12", Stage::Checks);
    let right = Built::answered().own("host", "203.0.113.9:5000").ask(
        "stun.binding",
        SERVER,
        Some(("success", json!({"mappedAddress": "203.0.113.9:1"}))),
    );
    right.is_not("B12");
}

#[test]
fn c9_a_server_inside_a_translated_network() {
    let built = Built::answered().ask(
        "stun.binding",
        SERVER,
        Some(("success", json!({"mappedAddress": "10.244.0.1:7"}))),
    );
    built.finds("C9", Weight::Degraded);
}

#[test]
fn c12_no_server_over_udp() {
    let browser = Built::answered()
        .own("host", OURS)
        .theirs("host", "10.0.0.7:4000")
        .browser("ice.candidate_error", unreachable(URL))
        .browser("ice.candidate_error", unreachable("turn:198.51.100.2:3478"))
        .at(40.0);
    assert_eq!(browser.fails("C12", Stage::Servers).side, Side::Client);
    let daemon = Built::answered()
        .ask("stun.binding", SERVER, None)
        .ask("turn.allocate", "198.51.100.2:3478", None)
        .at(40.0);
    assert_eq!(daemon.fails("C12", Stage::Servers).side, Side::Daemon);
}

#[test]
fn c18_rewritten_addresses() {
    let answer = json!({"mappedAddress": "203.0.113.9:1", "plainMappedAddress": "192.168.1.2:1"});
    Built::answered().ask("stun.binding", SERVER, Some(("success", answer))).finds("C18", Weight::Degraded);
    let same = json!({"mappedAddress": "203.0.113.9:1", "plainMappedAddress": "203.0.113.9:1"});
    Built::answered().ask("stun.binding", SERVER, Some(("success", same))).is_not("C18");
}

#[test]
fn d17_d18_b2_streams_that_do_not_come_up() {
    let failed = |kind: &str, cause: &str| {
        let facts = json!({"url": "turns:t.example:5349", "cause": cause, "error": "so it was"});
        Built::answered().daemon(kind, facts).at(40.0)
    };
    failed("turn.tls.failed", "certificate-wrong-name").fails("D17", Stage::Servers);
    failed("turn.tls.failed", "incompatible").fails("D18", Stage::Servers);
    assert_eq!(failed("turn.tcp.failed", "refused").fails("B2", Stage::Servers).side, Side::Server);
    assert_eq!(failed("turn.tcp.failed", "timeout").fails("B2", Stage::Servers).side, Side::Unknown);
}

#[test]
fn d19_a_server_that_the_daemon_does_not_use() {
    let facts = json!({"url": "turn:t.example?transport=sctp", "error": "no such transport"});
    let built = Built::answered().daemon("ice.server_skipped", facts);
    assert!(built.finds("D19", Weight::Degraded).summary.contains("sctp"));
}
