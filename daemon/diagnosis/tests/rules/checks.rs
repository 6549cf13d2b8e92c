//! Checks, NATs, nomination and consent.

use icescope_model::api::SessionState;
use icescope_model::verdict::{Certainty, Side, Stage, VerdictOutcome, Weight};
use serde_json::{Value, json};

use crate::build::{Built, OURS, SERVER, THEIRS, stats};

#[test]
fn e1_says_which_way_checks_are_lost() {
    let built = Built::with_candidates().check(THEIRS, "outbound", 9).at(40.0);
    let both = built.browser("stats", stats(12, 0, 0)).fails("E1", Stage::Checks);
    assert!(
        both.summary.contains("the browser sent 12 checks to 192.168.1.2:5000, the daemon received none"),
        "{}",
        both.summary
    );
    assert!(
        both.summary.contains("the daemon sent 9 checks to 203.0.113.7:4000, the browser received none"),
        "{}",
        both.summary
    );
    assert_eq!((both.certainty, both.side), (Certainty::Proven, Side::Unknown));
    let to_daemon =
        Built::with_candidates().check(THEIRS, "outbound", 9).at(40.0).browser("stats", stats(12, 0, 9));
    assert_eq!(to_daemon.fails("E1", Stage::Checks).side, Side::Daemon);
    let to_browser = Built::with_candidates()
        .check(THEIRS, "outbound", 9)
        .check(THEIRS, "inbound", 12)
        .at(40.0)
        .browser("stats", stats(12, 0, 0));
    assert_eq!(to_browser.fails("E1", Stage::Checks).side, Side::Client);
}

#[test]
fn figures_of_a_pair_that_the_browser_forgot_still_count() {
    let built = Built::with_candidates()
        .check(THEIRS, "outbound", 9)
        .at(15.0)
        .browser("stats", stats(12, 0, 0))
        .at(40.0)
        .browser("stats", json!({"transport": [{"dtlsState": "new"}]}));
    assert!(built.fails("E1", Stage::Checks).summary.contains("sent 12 checks"));
}

fn mapped(address: &str) -> (&'static str, Value) {
    ("success", json!({"mappedAddress": address}))
}

/// The browser's socket, as two servers saw it.
fn srflx(built: Built, ports: [u16; 2]) -> Built {
    ports.into_iter().enumerate().fold(built, |built, (index, port)| {
        let mut facts = crate::build::candidate("srflx", &format!("203.0.113.7:{port}"));
        facts["url"] = format!("stun:s{index}").into();
        facts["relatedAddress"] = "10.0.0.7".into();
        facts["relatedPort"] = 4000.into();
        built.browser("ice.candidate", facts.clone()).daemon("ice.remote_candidate", facts)
    })
}

#[test]
fn c1_both_nats_map_per_destination() {
    let built = Built::answered()
        .ask("stun.binding", SERVER, Some(mapped("203.0.113.9:1")))
        .ask("stun.binding", "198.51.100.2:3478", Some(mapped("203.0.113.9:2")))
        .own("srflx", "203.0.113.9:1");
    let built = srflx(built, [4001, 4002]).check("203.0.113.7:4001", "outbound", 5).at(40.0);
    built.fails("C1", Stage::Checks);
}

#[test]
fn c2_the_nats_do_not_fit_together() {
    let report = json!({"mapping": "EIM", "filtering": "APDF"});
    let built = srflx(Built::answered().own("srflx", "203.0.113.9:1"), [4001, 4002])
        .check("203.0.113.7:4001", "outbound", 5)
        .at(40.0);
    built.is_not("C2");
    built.report(report).fails("C2", Stage::Checks);
    let other = srflx(Built::answered().own("srflx", "203.0.113.9:1"), [4001, 4001])
        .check("203.0.113.7:4001", "outbound", 5)
        .at(40.0)
        .report(json!({"mapping": "APDM", "filtering": "APDF"}));
    other.fails("C2", Stage::Checks);
}

#[test]
fn c5_a_carriers_nat() {
    let built = Built::with_candidates()
        .own("srflx", "203.0.113.9:1")
        .check(THEIRS, "outbound", 5)
        .at(40.0)
        .report(json!({"mapping": "EIM", "filtering": "unknown", "cgnat": true}));
    built.finds("C5", Weight::Degraded);
}

#[test]
fn d21_a_relay_that_does_not_reach_itself() {
    let facts = json!({"direction": "outbound", "localAddress": "198.51.100.1:50000",
        "remoteAddress": "198.51.100.1:50001", "relay": SERVER, "protocol": "udp"});
    let mut built =
        Built::answered().own("relay", "198.51.100.1:50000").theirs("relay", "198.51.100.1:50001");
    for _ in 0..4 {
        built = built.daemon("stun.binding.request", facts.clone());
    }
    built.at(40.0).fails("D21", Stage::Checks);
}

#[test]
fn d22_a_relay_that_sends_from_elsewhere() {
    let built = Built::answered()
        .own("host", OURS)
        .theirs("relay", "198.51.100.1:50001")
        .check("198.51.100.200:50001", "inbound", 4)
        .at(40.0);
    built.fails("D22", Stage::Checks);
}

#[test]
fn e2_roles_that_collide() {
    let conflict =
        json!({"direction": "inbound", "localAddress": OURS, "remoteAddress": THEIRS, "errorCode": 487});
    let once = Built::with_path().daemon("stun.binding.error", conflict.clone());
    once.finds("E2", Weight::Harmless);
    let mut built = Built::with_candidates().check(THEIRS, "outbound", 3);
    for _ in 0..3 {
        built = built.daemon("stun.binding.error", conflict.clone());
    }
    // The role conflict is told although its stage comes after the checks that never got a good answer.
    let verdict = built.at(40.0).verdict();
    let named = verdict.cause.as_deref() == Some("E2")
        || verdict.findings.iter().any(|finding| finding.cause == "E2");
    assert!(named, "{verdict:#?}");
}

#[test]
fn e2_e4_pairs_that_work_and_are_not_used() {
    let valid = || Built::with_candidates().check(THEIRS, "outbound", 1).answer(THEIRS);
    valid().at(40.0).fails("E2", Stage::Nomination);
    let nominating =
        json!({"direction": "inbound", "localAddress": OURS, "remoteAddress": THEIRS, "useCandidate": true});
    valid().daemon("stun.binding.request", nominating).at(40.0).fails("E4", Stage::Nomination);
}

#[test]
fn e3_given_up_too_early() {
    let late = Built::with_candidates()
        .check(THEIRS, "outbound", 3)
        .at(12.0)
        .daemon("ice.connection_state", json!({"state": "failed"}))
        .at(14.0)
        .check(THEIRS, "inbound", 1)
        .closed("failed");
    late.fails("E3", Stage::Checks);
    let early = Built::with_candidates().check(THEIRS, "outbound", 3).at(30.0).closed("never-connected");
    early.finds("E3", Weight::Degraded);
}

#[test]
fn e5_consent_ends() {
    let lost = Built::connected().at(60.0).check(THEIRS, "outbound", 6).at(90.0);
    assert_eq!(lost.verdict().outcome, VerdictOutcome::Connected, "nothing was said to be lost");
    let lost = lost.state(SessionState::Disconnected);
    assert_eq!(lost.verdict().outcome, VerdictOutcome::Connected, "it may come back");
    let verdict = lost.closed("vanished").fails("E5", Stage::Checks);
    assert_eq!(verdict.certainty, Certainty::Proven);
    assert!(verdict.path.is_some(), "the path that there was");
}

#[test]
fn e7_the_browsers_network_went_away() {
    let offline = || {
        Built::connected()
            .at(60.0)
            .check(THEIRS, "outbound", 6)
            .browser("page.online", json!({"onLine": false}))
    };
    let verdict = offline().at(90.0).closed("vanished").fails("E7", Stage::Checks);
    assert!(verdict.summary.contains("offline"), "{}", verdict.summary);
    let restarted = offline().daemon("signalling.restart", json!({})).at(90.0).closed("vanished");
    restarted.fails("E5", Stage::Checks);
    let network = |built: Built, kind: &str| built.browser("page.network", json!({"type": kind, "rtt": 50}));
    let roamed =
        network(network(Built::connected(), "wifi").at(60.0).check(THEIRS, "outbound", 6), "cellular");
    roamed.at(90.0).closed("vanished").fails("E7", Stage::Checks);
    let same = network(network(Built::connected(), "wifi").at(60.0).check(THEIRS, "outbound", 6), "wifi");
    same.at(90.0).closed("vanished").fails("E5", Stage::Checks);
}

#[test]
fn f8_a_relay_that_stopped_answering() {
    let through = |direction: &str| {
        json!({"direction": direction, "localAddress": "198.51.100.1:50000",
        "remoteAddress": THEIRS, "relay": SERVER, "protocol": "udp"})
    };
    let built = Built::with_candidates()
        .ask("turn.allocate", SERVER, Some(("success", json!({"relayedAddress": "198.51.100.1:50000"}))))
        .daemon("stun.binding.request", through("outbound"))
        .daemon("stun.binding.success", through("inbound"))
        .daemon("dtls.state", json!({"state": "connected"}))
        .at(300.0)
        .ask("turn.refresh", SERVER, None)
        .at(330.0)
        .closed("vanished");
    built.fails("F8", Stage::Servers);
}

#[test]
fn c13_a_transport_that_sends_nothing() {
    let mut figures = stats(5, 5, 5);
    figures["candidate-pair"][0]["state"] = "succeeded".into();
    let built = Built::with_path().at(40.0).browser("stats", figures);
    built.fails("C13", Stage::Dtls);
    // Who waits for the other end's first flight has sent nothing for a good reason.
    built.browser("signalling.answer.received", json!({"sdp": "a=setup:active\r\n"})).is_not("C13");
}
