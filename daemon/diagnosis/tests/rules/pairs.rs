//! Pairs that a NAT stands between.

use icescope_model::pair::{JoinedPair, PairLoss, PairState};
use serde_json::{Value, json};

use crate::build::{Built, OURS, THEIRS, candidate};

/// The daemon's outside, where a NAT is in front of it.
const OURS_OUTSIDE: &str = "203.0.113.9:5000";

/// What the browser has of one end.
fn end(id: &str, kind: &str, place: &str, priority: u64) -> Value {
    let (address, port) = place.rsplit_once(':').unwrap();
    let port: u64 = port.parse().unwrap();
    json!({"id": id, "candidateType": kind, "address": address, "port": port, "protocol": "udp", "priority": priority})
}

/// Statistics of one base with the daemon's candidates, each with: checks sent, answers got, checks got.
fn stats(local: &Value, remotes: &[(Value, [u64; 3])]) -> Value {
    let pairs: Vec<Value> = remotes
        .iter()
        .map(|(remote, [sent, answers, got])| {
            json!({"localCandidateId": local["id"], "remoteCandidateId": remote["id"], "state": "in-progress",
            "requestsSent": sent, "responsesReceived": answers, "requestsReceived": got, "responsesSent": got})
        })
        .collect();
    let remotes: Vec<Value> = remotes.iter().map(|(remote, _)| remote.clone()).collect();
    json!({"local-candidate": [local], "remote-candidate": remotes, "candidate-pair": pairs})
}

/// A message of a check with more facts than the builder's own.
fn message(class: &str, remote: &str, direction: &str, more: &Value) -> (String, Value) {
    let mut facts =
        json!({"direction": direction, "localAddress": OURS, "remoteAddress": remote, "protocol": "udp"});
    facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (format!("stun.binding.{class}"), facts)
}

/// PRIORITY of a host candidate, and of checks from it (RFC 8445 §5.1.2.1, §7.1.1).
const fn priority(kind: u64, preference: u64) -> u64 {
    (kind << 24) | (preference << 8) | 255
}

#[track_caller]
fn only(pairs: &[JoinedPair], keep: impl Fn(&JoinedPair) -> bool) -> &JoinedPair {
    let found: Vec<&JoinedPair> = pairs.iter().filter(|pair| keep(pair)).collect();
    assert_eq!(found.len(), 1, "{pairs:#?}");
    found[0]
}

#[test]
fn checks_through_a_nat_that_maps_per_destination_are_joined_by_their_priority() {
    let host = |preference| {
        let mut facts = candidate("host", "ab.local:40000");
        facts["priority"] = priority(126, preference).into();
        facts
    };
    let (kind, facts) =
        message("request", "203.0.113.7:41022", "inbound", &json!({"priority": priority(110, 7)}));
    let mut other = host(9);
    other["address"] = "cd.local".into();
    other["port"] = 40001.into();
    let pairs = Built::answered()
        .own("host", OURS)
        .browser("ice.candidate", host(7))
        .browser("ice.candidate", other)
        .browser(
            "stats",
            stats(&end("L", "host", ":40000", priority(126, 7)), &[(end("R", "host", OURS, 1), [4, 0, 0])]),
        )
        .daemon(&kind, facts)
        .pairs();
    let pair = only(&pairs, |pair| pair.browser.is_some());
    assert_eq!((pair.remote.address.as_str(), pair.remote.port), ("ab.local", 40000));
    assert_eq!(pair.remote.seen_as.as_deref(), Some("203.0.113.7:41022"));
    assert_eq!(pair.daemon.as_ref().unwrap().requests_received, 1);
}

#[test]
fn an_answer_tells_which_of_the_daemons_candidates_the_browser_means() {
    let mut outside = candidate("srflx", OURS_OUTSIDE);
    outside["relatedAddress"] = "192.168.1.2".into();
    outside["relatedPort"] = 5000.into();
    let (kind, facts) = message("success", THEIRS, "inbound", &json!({"mappedAddress": OURS_OUTSIDE}));
    let remotes = [(end("H", "host", OURS, 1), [3, 0, 0]), (end("S", "srflx", OURS_OUTSIDE, 1), [3, 1, 1])];
    let pairs = Built::answered()
        .own("host", OURS)
        .daemon("ice.candidate", outside)
        .theirs("host", THEIRS)
        .check(THEIRS, "outbound", 1)
        .check(THEIRS, "inbound", 3)
        .daemon(&kind, facts)
        .browser("stats", stats(&end("L", "host", THEIRS, 1), &remotes))
        .pairs();
    let works = only(&pairs, |pair| pair.state == PairState::Succeeded);
    assert_eq!((works.local.candidate_type.as_str(), works.local.address.as_str()), ("srflx", "203.0.113.9"));
    assert_eq!(works.daemon.as_ref().unwrap().requests_received, 3);
    let inner = only(&pairs, |pair| pair.local.address == "192.168.1.2");
    assert_eq!((inner.loss, inner.state), (PairLoss::ToDaemon, PairState::InProgress));
    assert_eq!(
        inner.summary,
        "The browser sent 3 checks to 192.168.1.2:5000, the daemon received none; the daemon sent none."
    );
}

#[test]
fn a_daemon_behind_a_1_to_1_nat_is_joined_by_its_port() {
    let pairs = Built::answered()
        .own("host", "203.0.113.9:5000")
        .theirs("host", THEIRS)
        .check(THEIRS, "inbound", 4)
        .browser(
            "stats",
            stats(&end("L", "host", THEIRS, 1), &[(end("R", "host", "203.0.113.9:5000", 1), [4, 0, 0])]),
        )
        .pairs();
    let pair = only(&pairs, |_| true);
    assert_eq!((pair.local.address.as_str(), pair.local.port), ("203.0.113.9", 5000));
    assert_eq!(pair.daemon.as_ref().unwrap().requests_received, 4);
}

#[test]
fn one_or_two_packets_that_are_missing_say_nothing_of_the_path() {
    let told = |sent| {
        let figures = stats(&end("L", "host", THEIRS, 1), &[(end("R", "host", OURS, 1), [sent, 0, 0])]);
        let pairs = Built::with_candidates().browser("stats", figures).pairs();
        only(&pairs, |_| true).loss
    };
    assert_eq!(told(2), PairLoss::Unknown);
    assert_eq!(told(3), PairLoss::ToDaemon);
}

#[test]
fn answers_that_the_browser_does_not_get_are_lost_to_the_browser() {
    let (kind, facts) = message("success", THEIRS, "outbound", &json!({}));
    let mut built = Built::with_candidates().check(THEIRS, "inbound", 3);
    for _ in 0..3 {
        built = built.daemon(&kind, facts.clone());
    }
    let figures = stats(&end("L", "host", THEIRS, 1), &[(end("R", "host", OURS, 1), [3, 0, 0])]);
    let pairs = built.browser("stats", figures).pairs();
    let pair = only(&pairs, |_| true);
    assert_eq!(pair.loss, PairLoss::ToBrowser);
    assert_eq!(pair.daemon.as_ref().unwrap().responses_sent, 3);
}

#[test]
fn an_address_without_a_candidate_is_peer_reflexive_and_the_browsers_count_is_unknown() {
    let pairs = Built::answered().own("host", OURS).check("198.51.100.77:9", "inbound", 3).pairs();
    let pair = only(&pairs, |_| true);
    assert_eq!(
        (pair.remote.candidate_type.as_str(), pair.remote.address.as_str()),
        ("prflx", "198.51.100.77")
    );
    assert_eq!((pair.browser.is_none(), pair.loss), (true, PairLoss::Unknown));
}

#[test]
fn a_check_sent_again_and_errors_are_counted_by_themselves() {
    let (request, facts) = message("request", THEIRS, "outbound", &json!({"transactionId": "aa"}));
    let (error, conflict) = message("error", THEIRS, "inbound", &json!({"errorCode": 487}));
    let (_, bad) = message("error", THEIRS, "outbound", &json!({"errorCode": 401}));
    let pairs = Built::with_candidates()
        .daemon(&request, facts.clone())
        .daemon(&request, facts)
        .daemon(&error, conflict.clone())
        .daemon(&error, conflict)
        .daemon(&error, bad)
        .pairs();
    let counted = only(&pairs, |_| true).daemon.clone().unwrap();
    assert_eq!((counted.requests_sent, counted.retransmissions_sent), (2, 1));
    assert_eq!(counted.role_conflicts, 2);
    let errors: Vec<(u16, bool, u32)> =
        counted.errors.iter().map(|error| (error.code, error.inbound, error.count)).collect();
    assert_eq!(errors, [(487, true, 2), (401, false, 1)]);
}

#[test]
fn pairs_are_bounded_and_those_that_work_stay() {
    let mut built = Built::with_candidates();
    for port in 1..=100 {
        built = built.check(&format!("198.51.100.77:{port}"), "outbound", 1);
    }
    let pairs = built.check(THEIRS, "outbound", 1).answer(THEIRS).pairs();
    assert_eq!(pairs.len(), 64);
    assert_eq!(pairs[0].state, PairState::Succeeded);
}
