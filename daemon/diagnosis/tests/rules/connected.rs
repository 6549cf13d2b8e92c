//! A connection that is up: its path, why it won, and what makes it fragile.

use icescope_model::verdict::{PathKind, VerdictOutcome, Weight};
use serde_json::{Value, json};

use crate::build::{Built, OURS, THEIRS};

fn selected(local: &str, remote: &str) -> Value {
    json!({"localCandidateType": local, "localAddress": "192.168.1.2", "localPort": 5000,
        "remoteCandidateType": remote, "remoteAddress": "203.0.113.7", "remotePort": 4000, "protocol": "udp"})
}

#[test]
fn the_path_is_told_with_its_candidates_protocol_and_family() {
    let verdict = Built::connected().verdict();
    let path = verdict.path.unwrap();
    assert_eq!((verdict.outcome, path.kind), (VerdictOutcome::Connected, PathKind::Direct));
    assert_eq!((path.local_candidate_type.as_str(), path.remote_candidate_type.as_str()), ("host", "host"));
    assert_eq!((path.protocol.as_str(), path.family.as_deref()), ("udp", Some("ipv4")));
    assert!(
        verdict.summary.contains("Connected directly, host to host, UDP over IPv4"),
        "{}",
        verdict.summary
    );
    assert_eq!(verdict.cause, None);
}

#[test]
fn what_the_daemon_learned_from_checks_has_the_browsers_name() {
    let browser = json!({"localCandidate": {"candidateType": "relay", "address": "198.51.100.1", "port": 50000, "protocol": "udp", "relayProtocol": "tls"},
        "remoteCandidate": {"candidateType": "host", "address": "192.168.1.2", "port": 5000, "protocol": "udp"}});
    let path = Built::connected()
        .daemon("ice.selected_pair", selected("host", "prflx"))
        .browser("ice.selected_pair", browser)
        .verdict()
        .path
        .unwrap();
    assert_eq!((path.kind, path.remote_candidate_type.as_str()), (PathKind::Relayed, "relay"));
    assert_eq!(path.relay_protocol.as_deref(), Some("tls"));
}

#[test]
fn what_was_tried_and_lost_is_told() {
    let summary = Built::connected().check("10.0.0.7:4000", "outbound", 5).verdict().summary;
    assert!(summary.contains("the only path that the daemon's checks found, 1 stayed silent"), "{summary}");
}

#[test]
fn c8_a_detour_although_both_are_in_one_network() {
    let built = Built::connected()
        .own("srflx", "203.0.113.9:5000")
        .theirs("srflx", "203.0.113.9:4000")
        .daemon("ice.selected_pair", selected("srflx", "srflx"));
    built.finds("C8", Weight::Degraded);
    Built::connected().own("srflx", "203.0.113.9:5000").theirs("srflx", "203.0.113.7:4000").is_not("C8");
}

#[test]
fn d24_only_relays_were_offered() {
    let built = Built::answered()
        .own("host", OURS)
        .theirs("relay", THEIRS)
        .daemon("ice.selected_pair", selected("host", "relay"))
        .daemon("dtls.state", json!({"state": "connected"}));
    built.finds("D24", Weight::Harmless);
}

#[test]
fn why_this_path_won_is_told() {
    let relay = "198.51.100.1:50000";
    let both = || Built::connected().theirs("relay", relay).check(relay, "outbound", 1).answer(relay);
    let summary = both().verdict().summary;
    assert!(
        summary.contains(
            "2 paths answered the daemon's checks; the controlling end nominated this one: a direct path goes before a relayed one."
        ),
        "{summary}"
    );
    let mut pair = selected("host", "relay");
    pair["remoteAddress"] = "198.51.100.1".into();
    pair["remotePort"] = 50000.into();
    let summary = both().daemon("ice.selected_pair", pair).verdict().summary;
    assert!(summary.contains("nominated this one, although a direct one answered, too."), "{summary}");
}

#[test]
fn how_good_it_is_is_told() {
    let figures = |lost: u64| {
        json!({"inbound-rtp": [{"id": "V", "kind": "video", "packetsReceived": 990, "packetsLost": lost,
            "framesDecoded": 300, "framesPerSecond": 29}]})
    };
    let summary = |lost: u64| Built::connected().browser("stats", figures(lost)).verdict().summary;
    assert!(summary(0).contains("round trip 10.0 ms"), "{}", summary(0));
    assert!(
        summary(0).ends_with("About 30 frames a second are decoded, no packet was lost."),
        "{}",
        summary(0)
    );
    assert!(summary(10).contains("1.0 % of the packets were lost."), "{}", summary(10));
    assert!(!Built::connected().verdict().summary.contains("lost."), "nothing is known of it");
}

#[test]
fn d3_a_credential_that_ends_makes_a_path_fragile() {
    let built = Built::connected().daemon(
        "turn.credential.ends",
        json!({"remoteAddress": "198.51.100.1:3478", "expires": 1_800_000_000}),
    );
    let found = built.finds("D3", Weight::Degraded);
    assert!(found.summary.contains("198.51.100.1:3478 ends (Unix time 1800000000)"), "{}", found.summary);
}

#[test]
fn c8_hairpinning_makes_a_path_fragile() {
    let built = Built::connected()
        .own("srflx", "203.0.113.9:5000")
        .theirs("srflx", "203.0.113.9:4000")
        .daemon("ice.selected_pair", selected("srflx", "srflx"));
    let found = built.finds("C8", Weight::Degraded);
    assert!(found.summary.contains("hairpinning, which many routers cannot"), "{}", found.summary);
}
