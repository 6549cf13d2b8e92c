//! What the table of NATs says, beside what came of it.

use icescope_model::verdict::{Side, Stage, VerdictOutcome, Weight};
use serde_json::{Value, json};

use crate::build::{Built, OURS, THEIRS, stats};

fn told(built: Built, mapping: &str) -> Built {
    built.browser("nat.mapping", json!({"mapping": mapping, "family": "ipv4", "reason": "differs-by-port"}))
}

fn measured(built: Built, mapping: &str, filtering: &str) -> Built {
    built.report(json!({"nat": true, "mapping": mapping, "filtering": filtering, "udp": "open"}))
}

/// Connected through the client's relay; the client has a server-reflexive candidate, too.
fn relayed() -> Built {
    let pair = json!({"localCandidateType": "host", "localAddress": "192.168.1.2", "localPort": 5000,
        "remoteCandidateType": "relay", "remoteAddress": "198.51.100.1", "remotePort": 50000, "protocol": "udp"});
    Built::answered()
        .own("host", OURS)
        .theirs("srflx", THEIRS)
        .theirs("relay", "198.51.100.1:50000")
        .check("198.51.100.1:50000", "outbound", 1)
        .answer("198.51.100.1:50000")
        .daemon("ice.selected_pair", pair)
        .daemon("dtls.state", json!({"state": "connected"}))
}

fn silent() -> Built {
    Built::answered()
        .own("srflx", "203.0.113.9:1")
        .theirs("srflx", THEIRS)
        .check(THEIRS, "outbound", 9)
        .browser("stats", stats(12, 0, 0))
        .at(40.0)
}

#[test]
fn a_relay_between_nats_that_could_meet_is_told() {
    let found = measured(told(relayed(), "EIM"), "EIM", "APDF").finds("D24", Weight::Degraded);
    assert_eq!(found.side, Side::Both);
    assert_eq!(
        found.summary,
        "A direct path should have worked between these NATs, and did not: the browser's NAT is EIM, filtering unknown and the daemon's NAT is EIM/APDF."
    );
    assert!(!found.evidence.is_empty());
}

#[test]
fn a_relay_between_nats_that_cannot_meet_is_needed() {
    let built = measured(told(relayed(), "APDM"), "APDM", "APDF");
    built.is_not("D24");
    built.is_not("C1");
    // By its mapping alone the browser's NAT might let everything in: that it does not is seen by the daemon's checks.
    let tried = || relayed().check(THEIRS, "outbound", 5);
    let found = measured(told(tried(), "APDM"), "EIM", "APDF").finds("C2", Weight::Harmless);
    assert_eq!(
        found.summary,
        "Between these NATs no direct path can be, so the relay is needed: the browser's NAT is APDM, filtering ADF or APDF and the daemon's NAT is EIM/APDF."
    );
    measured(told(tried(), "APDM"), "APDM", "APDF").finds("C1", Weight::Harmless);
}

#[test]
fn a_host_without_a_nat_is_called_so() {
    let built = told(relayed(), "EIM")
        .report(json!({"nat": false, "mapping": "EIM", "filtering": "APDF", "udp": "open"}));
    let found = built.finds("D24", Weight::Degraded);
    assert!(
        found.summary.contains("the daemon has no NAT (its firewall counts as EIM/APDF)"),
        "{}",
        found.summary
    );
}

#[test]
fn silence_between_nats_that_could_meet_is_not_the_nats() {
    let verdict = measured(told(silent(), "EIM"), "EIM", "APDF").fails("E1", Stage::Checks);
    assert!(
        verdict
            .summary
            .contains("Between these NATs a direct path should work, so something else drops the packets"),
        "{}",
        verdict.summary
    );
    let unknown = silent().fails("E1", Stage::Checks);
    assert!(!unknown.summary.contains("NAT"), "{}", unknown.summary);
}

#[test]
fn the_pages_own_measurement_names_c1_and_c2() {
    let both = measured(told(silent(), "APDM"), "ADM", "APDF").fails("C1", Stage::Checks);
    assert!(both.summary.contains("The browser's NAT is APDM, filtering ADF or APDF"), "{}", both.summary);
    measured(told(silent(), "ADM or APDM"), "EIM", "APDF").fails("C2", Stage::Checks);
    measured(told(silent(), "EIM"), "APDM", "unknown").fails("C2", Stage::Checks);
    // Filters that do not mind the port would have let the checks in.
    let built = measured(told(silent(), "APDM"), "EIM", "ADF");
    built.is_not("C1");
    built.is_not("C2");
}

#[test]
fn nothing_is_said_of_two_nats_where_there_is_one_or_udp_is_blocked() {
    let same = measured(told(relayed(), "EIM"), "EIM", "EIF").own("srflx", "203.0.113.7:5000");
    same.is_not("D24");
    let blocked =
        told(relayed(), "EIM").report(json!({"mapping": "EIM", "filtering": "EIF", "udp": "blocked"}));
    blocked.is_not("D24");
}

#[test]
fn a_binding_that_lives_hardly_longer_than_the_consent_checks_is_told() {
    let direct = |lifetime: u64| {
        let report: Value = json!({"mapping": "EIM", "filtering": "APDF", "lifetime_s": lifetime});
        Built::connected().report(report)
    };
    let found = direct(10).finds("E5", Weight::Degraded);
    assert!(found.summary.contains("after 10 s"), "{}", found.summary);
    assert_eq!(direct(10).verdict().outcome, VerdictOutcome::Connected);
    direct(120).is_not("E5");
}

#[test]
fn what_the_page_could_not_find_out_is_unknown() {
    let built = measured(told(silent(), "unknown"), "EIM", "APDF");
    built.is_not("C1");
    built.is_not("C2");
    let six = silent().browser("nat.mapping", json!({"mapping": "APDM", "family": "ipv6"}));
    measured(six, "APDM", "APDF").is_not("C1");
}
