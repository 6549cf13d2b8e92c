//! Both ends' views of the candidate pairs, joined, over recorded evidence.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use icescope_diagnosis::Diagnosis;
use icescope_model::api::SessionRecord;
use icescope_model::pair::{JoinedPair, PairLoss, PairState};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/evidence")
}

fn pairs(name: &str) -> Vec<JoinedPair> {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let record: SessionRecord = serde_json::from_str(&text).unwrap();
    let mut diagnosis = Diagnosis::default();
    record.events.iter().for_each(|event| diagnosis.see(event));
    diagnosis.pairs()
}

/// The one pair whose client's end has this port.
#[track_caller]
fn of_port(pairs: &[JoinedPair], local: u16, remote: u16) -> &JoinedPair {
    let fits = |pair: &&JoinedPair| pair.local.port == local && pair.remote.port == remote;
    let found: Vec<&JoinedPair> = pairs.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0]
}

#[test]
fn an_mdns_name_is_joined_with_the_address_that_its_checks_came_from() {
    let pairs = pairs("direct");
    let pair = &pairs[0];
    assert_eq!(pair.state, PairState::Succeeded);
    assert!(pair.nominated && pair.selected_by.browser);
    assert_eq!((pair.local.candidate_type.as_str(), pair.local.address.as_str()), ("host", "2001:db8::1"));
    assert!(pair.remote.address.strip_suffix(".local").is_some(), "{:?}", pair.remote);
    assert_eq!(pair.remote.seen_as.as_deref(), Some("[2001:db8::2]:56094"));
    let (daemon, browser) = (pair.daemon.as_ref().unwrap(), pair.browser.as_ref().unwrap());
    assert_eq!((daemon.requests_sent, daemon.responses_received), (12, 12));
    assert_eq!((daemon.requests_received, daemon.responses_sent), (11, 11));
    assert_eq!((browser.requests_sent, browser.responses_received), (Some(11), Some(11)));
    assert_eq!((daemon.retransmissions_sent, daemon.retransmissions_received), (0, 0));
    assert!(daemon.min_round_trip_time <= daemon.current_round_trip_time, "{daemon:?}");
    assert!(daemon.current_round_trip_time <= daemon.max_round_trip_time, "{daemon:?}");
    assert!(daemon.first_time < daemon.last_time, "{daemon:?}");
    assert_eq!(pair.loss, PairLoss::None);
}

#[test]
fn a_pair_that_nobody_has_tried_waits() {
    let pairs = pairs("direct");
    let pair = of_port(&pairs, 58629, 37954);
    assert_eq!((pair.state, pair.loss), (PairState::Waiting, PairLoss::Unknown));
    assert_eq!(pair.summary, "Neither end has sent a check over this pair.");
}

#[test]
fn what_is_dropped_on_its_way_to_the_daemon_is_lost_that_way_and_no_other() {
    let pairs = pairs("udp-to-daemon-dropped");
    let pair = of_port(&pairs, 59341, 52388);
    assert_eq!((pair.state, pair.loss), (PairState::Failed, PairLoss::ToDaemon));
    assert_eq!(
        pair.summary,
        "The browser sent 173 checks to 192.0.2.1:59341, the daemon received none; the daemon sent 201 checks to 192.0.2.2:52388, the browser received 201."
    );
    assert!(!pair.evidence.is_empty());
    for pair in &pairs {
        assert!(matches!(pair.loss, PairLoss::ToDaemon | PairLoss::Both), "{pair:#?}");
    }
}

#[test]
fn what_is_dropped_both_ways_is_lost_both_ways() {
    let pairs = pairs("udp-dropped-inbound");
    let pair = of_port(&pairs, 33252, 63137);
    assert_eq!(pair.loss, PairLoss::Both);
    // To a name that it cannot resolve the daemon sends nothing: of that way nothing is known.
    let hidden = of_port(&pairs, 33252, 60819);
    assert_eq!(hidden.loss, PairLoss::ToDaemon);
    assert_eq!(
        hidden.summary,
        "The browser sent 80 checks to 192.0.2.1:33252, the daemon received none; the daemon sent none."
    );
}

#[test]
fn relayed_candidates_are_joined_at_either_end_and_name_their_server() {
    let at_browser = pairs("relayed-browser-udp");
    assert_eq!(at_browser.len(), 1);
    let relay = &at_browser[0].remote;
    assert_eq!(relay.candidate_type, "relay");
    assert_eq!(relay.relay_server.as_deref(), Some("turn:192.0.2.1:3478?transport=udp"));
    assert_eq!(relay.relay_protocol.as_deref(), Some("udp"));
    assert_eq!(at_browser[0].daemon.as_ref().unwrap().requests_received, 11);

    let at_daemon = pairs("relayed-daemon-tcp");
    let pair = of_port(&at_daemon, 58853, 58940);
    assert_eq!((pair.selected_by.daemon, pair.selected_by.browser), (true, true));
    assert_eq!(pair.local.candidate_type, "relay");
    assert_eq!(pair.local.relay_protocol.as_deref(), Some("tcp"));
    assert_eq!(pair.remote.seen_as.as_deref(), Some("192.0.2.2:58940"));
    assert_eq!(pair.daemon.as_ref().unwrap().requests_received, 11);
    assert_eq!(pair.browser.as_ref().unwrap().requests_sent, Some(12));
}

#[test]
fn what_firefox_does_not_count_is_unknown() {
    let pairs = pairs("firefox");
    assert!(pairs.iter().any(|pair| pair.daemon.is_some() && pair.browser.is_some()), "{pairs:#?}");
    for pair in &pairs {
        let browser = pair.browser.as_ref().unwrap();
        assert_eq!((browser.requests_sent, browser.requests_received), (None, None));
        assert_eq!(pair.loss, PairLoss::None, "answers went round");
    }
    let again: u32 =
        pairs.iter().filter_map(|pair| Some(pair.daemon.as_ref()?.retransmissions_received)).sum();
    assert_eq!(again, 5, "Firefox sends a check again under its transaction id");
}

#[test]
fn every_check_of_a_record_is_in_one_pair() {
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let record: SessionRecord = serde_json::from_str(&text).unwrap();
        let with_server = |lane| matches!(lane, icescope_model::Lane::Stun | icescope_model::Lane::Turn);
        let checks = record.events.iter().filter(|event| {
            event.kind == "stun.binding.request" && !with_server(event.from) && !with_server(event.to)
        });
        let joined = pairs(&name);
        let counted = joined.iter().filter_map(|pair| pair.daemon.as_ref());
        let sum: u32 = counted.map(|counted| counted.requests_sent + counted.requests_received).sum();
        assert_eq!(sum as usize, checks.count(), "{name}");
    }
}
