//! Candidates, families, and addresses that cannot be reached.

use icescope_model::verdict::{Side, Stage, VerdictOutcome, Weight};
use serde_json::{Value, json};

use crate::build::{Built, OURS, THEIRS, candidate, stats};

fn complete() -> Value {
    json!({"iceGatheringState": "complete"})
}

#[test]
fn b6_only_mdns_names() {
    let mut facts = candidate("host", "1.1.1.1:4000");
    facts["address"] = "0f3c.local".into();
    let built = Built::answered()
        .own("host", OURS)
        .browser("ice.candidate", facts.clone())
        .daemon("ice.remote_candidate", facts);
    assert_eq!(built.verdict().cause, None, "a name may still be resolved");
    assert_eq!(built.at(40.0).fails("B6", Stage::Candidates).side, Side::Client);
}

#[test]
fn b7_a_browser_that_hides_its_candidates() {
    let none = Built::answered().own("host", OURS).browser("ice.gathering_state", complete()).at(40.0);
    none.fails("B7", Stage::Candidates);
    let only_srflx = Built::answered().theirs("srflx", THEIRS).browser("ice.gathering_state", complete());
    only_srflx.finds("B7", Weight::Degraded);
    let pair = json!({"localCandidateType": "host", "remoteCandidateType": "srflx", "protocol": "udp"});
    let direct =
        only_srflx.daemon("ice.selected_pair", pair).daemon("dtls.state", json!({"state": "connected"}));
    direct.finds("B7", Weight::Harmless);
    let gone = Built::new().browser("page.error", json!({"summary": "RTCPeerConnection is not defined"}));
    gone.closed("never-connected").fails("B7", Stage::Page);
}

fn unreached(own: &str, origin: &str) -> Built {
    Built::answered()
        .page(origin, json!({"isSecureContext": true, "mediaDevices": true}))
        .own("host", own)
        .theirs("host", "10.77.0.7:4000")
        .check("10.77.0.7:4000", "outbound", 1)
        .at(40.0)
        .browser("stats", stats(12, 0, 0))
}

#[test]
fn a2_a_tunnel_for_http_only() {
    let verdict = unreached("192.168.1.2:5000", "http://localhost:8085").fails("A2", Stage::Checks);
    assert_eq!(verdict.side, Side::Daemon);
    unreached("192.168.1.2:5000", "http://192.168.1.2:8085").is_not("A2");
}

#[test]
fn b15_the_address_of_the_page_is_not_offered() {
    unreached("192.168.1.2:5000", "http://100.64.0.5:8085").fails("B15", Stage::Checks);
}

#[test]
fn b10_a_containers_address() {
    unreached("172.17.0.2:5000", "http://172.17.0.2:8085").fails("B10", Stage::Checks);
    unreached("10.5.0.2:5000", "http://10.5.0.2:8085").is_not("B10");
}

#[test]
fn b8_local_network_access() {
    let agent = json!({"userAgent": "Mozilla/5.0 Chrome/141.0"});
    let built = Built::answered()
        .page("http://192.168.1.2", json!({"isSecureContext": true}))
        .browser("page.user_agent", agent)
        .own("host", OURS)
        .theirs("srflx", THEIRS)
        .check(THEIRS, "outbound", 1)
        .at(40.0)
        .browser("stats", json!({"transport": [{"dtlsState": "new", "bytesSent": 0}]}));
    built.fails("B8", Stage::Checks);
}

#[test]
fn b9_local_network_on_ios() {
    let agent = json!({"userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"});
    let built = unreached(OURS, "http://192.168.1.2:8085").browser("page.user_agent", agent);
    built.fails("B9", Stage::Checks);
}

#[test]
fn b13_families_that_do_not_meet() {
    let built = Built::answered()
        .own("host", OURS)
        .theirs("host", "[2001:db8::7]:4000")
        .daemon("ice.gathering_state", json!({"state": "complete"}));
    built.is_not("B13");
    let verdict = built.browser("ice.gathering_state", complete()).at(40.0).fails("B13", Stage::Families);
    assert!(verdict.summary.contains("IPv6") && verdict.summary.contains("IPv4"), "{}", verdict.summary);
}

#[test]
fn b14_firefox_and_loopback() {
    let agent = json!({"userAgent": "Mozilla/5.0 Firefox/140.0"});
    let built = Built::answered()
        .page("http://localhost:8085", json!({"isSecureContext": true}))
        .browser("page.user_agent", agent)
        .own("host", "127.0.0.1:5000")
        .theirs("host", "10.0.0.7:4000")
        .at(40.0);
    built.fails("B14", Stage::Families);
}

#[test]
fn c3_c6_a_shut_port() {
    let silent = |own: Built| {
        own.theirs("host", "10.77.0.7:4000")
            .check("10.77.0.7:4000", "outbound", 1)
            .at(40.0)
            .browser("stats", stats(12, 0, 0))
    };
    let forwarded = Built::answered().own("host", OURS).own("srflx", "203.0.113.9:5000");
    let verdict = silent(forwarded).fails("C3", Stage::Checks);
    assert!(verdict.advice.contains("UDP port 5000"), "{}", verdict.advice);
    let cloud = silent(Built::answered().own("host", "203.0.113.9:5000"));
    cloud.fails("C6", Stage::Checks);
}

#[test]
fn c6_the_host_itself_refuses_to_send() {
    let unsent = json!({"remoteAddress": THEIRS, "error": "Operation not permitted"});
    let built = Built::with_candidates()
        .daemon("stun.not_sent", unsent.clone())
        .daemon("stun.not_sent", unsent)
        .at(40.0);
    built.fails("C6", Stage::Checks);
    built.check(THEIRS, "inbound", 5).fails("C6", Stage::Checks);
}

#[test]
fn c7_no_hairpin() {
    let mut hidden = candidate("host", "1.1.1.1:4000");
    hidden["address"] = "0f3c.local".into();
    let built = Built::answered()
        .own("host", OURS)
        .own("srflx", "203.0.113.9:5000")
        .browser("ice.candidate", hidden)
        .theirs("srflx", "203.0.113.9:4000")
        .check("203.0.113.9:4000", "outbound", 5)
        .at(40.0)
        .browser("stats", stats(12, 0, 0));
    built.fails("C7", Stage::Checks);
}

#[test]
fn c15_kept_apart_in_one_network() {
    let built = Built::answered()
        .own("host", OURS)
        .theirs("host", "192.168.1.77:4000")
        .check("192.168.1.77:4000", "outbound", 5)
        .at(40.0)
        .browser("stats", stats(12, 0, 0));
    let built = built.page("http://192.168.1.2:8085", json!({"isSecureContext": true}));
    built.fails("C15", Stage::Checks);
    // That both are in one network says more than how the page came.
    built.page("http://127.0.0.1:41000", json!({"isSecureContext": true})).fails("C15", Stage::Checks);
}

#[test]
fn nothing_of_this_is_said_of_a_healthy_session() {
    let built = Built::connected().at(60.0).browser("media.first_decoded", json!({}));
    let verdict = built.verdict();
    assert_eq!((verdict.outcome, verdict.findings), (VerdictOutcome::Connected, Vec::new()));
}
