//! Causes by made-up attempts. Those that coturn can be made to show are provoked in tests/coturn.

use std::net::SocketAddr;

use icescope_plugin_sdk::IceServer;
use icescope_probe_kit::url::Protocol;

use super::*;
use crate::attempt::{Data, Rtt, Way};
use crate::credential::Credential;
use crate::step::Action;

const NOW: i64 = 1_800_000_000;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn credential(username: &str) -> Credential {
    let credential = "x".to_owned();
    let (url, username, realm) = ("turn:x".to_owned(), username.to_owned(), String::new());
    Credential::of(&IceServer { url, username, credential, realm, expires_unix_s: None }).unwrap()
}

/// Nothing but the steps, on a public server.
fn tried(steps: Vec<Step>) -> Attempt {
    let mut attempt = Attempt::new(Protocol::Udp, "turn.example.net", Some(address("203.0.113.1:3478")));
    attempt.credential = Some(credential("alice").told());
    attempt.realm = Some("example.net".to_owned());
    attempt.steps = steps;
    attempt
}

/// An allocation on a public address.
fn allocated(steps: Vec<Step>) -> Attempt {
    let mut all = vec![Step::passed(Action::Challenge, 1.0), Step::passed(Action::Allocate, 1.0)];
    all.extend(steps);
    let mut attempt = tried(all);
    attempt.relayed_address = Some(address("203.0.113.1:50000"));
    attempt.lifetime_s = Some(600);
    attempt
}

fn data(way: Way, received: u32) -> Data {
    let rtt_ms = (received > 0).then_some(Rtt { min: 1.0, median: 2.0, max: 3.0 });
    Data { way, rtt_ms, sent: 20, received, loss: f64::from(20 - received) / 20.0 }
}

/// An allocation through which all data came back.
fn working() -> Attempt {
    let steps = [Action::Permission, Action::ChannelBind, Action::Data, Action::Refresh];
    let mut attempt = allocated(steps.map(|action| Step::passed(action, 1.0)).to_vec());
    attempt.data = Some(data(Way::PeerSocket, 20));
    attempt.released = Some(true);
    attempt
}

fn judged(attempt: &Attempt) -> (Option<&'static str>, Severity) {
    let finding = judge(attempt, NOW);
    assert!(!finding.summary.is_empty());
    assert_eq!(finding.advice.is_empty(), finding.severity == Severity::None, "{finding:?}");
    (finding.cause, finding.severity)
}

fn refused(code: u16) -> Attempt {
    tried(vec![Step::passed(Action::Challenge, 1.0), Step::refused(Action::Allocate, 1.0, code, "")])
}

#[test]
fn a_server_that_does_all_it_should_has_no_cause() {
    let finding = judge(&working(), NOW);
    assert_eq!((finding.cause, finding.severity), (None, Severity::None));
    assert_eq!(
        finding.summary,
        "203.0.113.1:3478 over udp relays to this host and back, round trip 2.0 ms, 0 of 20 datagrams lost."
    );
}

#[test]
fn d1_the_challenge_is_no_error() {
    let mut attempt = working();
    attempt.steps[0].code = Some(401);
    assert_eq!(judged(&attempt), (None, Severity::None));
}

#[test]
fn each_code_of_an_allocate_has_its_cause() {
    let table = [
        (400, Some("D25")),
        (401, Some("D2")),
        (403, None),
        (404, Some("D25")),
        (437, Some("D9")),
        (438, Some("D10")),
        (440, Some("D13")),
        (441, Some("D11")),
        (442, Some("D12")),
        (443, Some("D13")),
        (486, Some("D14")),
        (500, None),
        (508, Some("D15")),
    ];
    for (code, cause) in table {
        assert_eq!(judged(&refused(code)), (cause, Severity::Fatal), "{code}");
    }
}

#[test]
fn a_refused_credential_is_told_by_its_time_and_realm() {
    let cause = |username: &str, realm: Option<&str>, expected: Option<&str>| {
        let mut attempt = refused(401);
        attempt.credential = Some(credential(username).told());
        attempt.realm = realm.map(str::to_owned);
        attempt.expected_realm = expected.map(str::to_owned);
        judged(&attempt).0
    };
    let realm = Some("example.net");
    assert_eq!(cause("1799999999:alice", realm, None), Some("D3"));
    assert_eq!(cause("1800000000:alice", realm, None), Some("D3"));
    assert_eq!(cause("1800000001:alice", realm, None), Some("D2"));
    assert_eq!(cause("alice", realm, realm), Some("D2"));
    assert_eq!(cause("alice", realm, Some("other.example")), Some("D6"));
    assert_eq!(cause("alice", None, None), Some("D6"));
}

#[test]
fn d8_a_private_relay_address_is_a_fault_of_a_public_server_only() {
    let mut attempt = working();
    attempt.relayed_address = Some(address("10.0.0.5:50000"));
    let finding = judge(&attempt, NOW);
    assert_eq!((finding.cause, finding.severity), (Some("D8"), Severity::Fatal));
    assert!(finding.summary.contains("10.0.0.5") && finding.summary.contains("203.0.113.1"));
    attempt.server_address = Some(address("10.0.0.5:3478"));
    assert_eq!(judged(&attempt), (None, Severity::None));
}

#[test]
fn d22_data_from_another_address_than_the_relays_is_named() {
    let mut attempt = working();
    attempt.strange_source = Some(address("203.0.113.2:50000"));
    let finding = judge(&attempt, NOW);
    assert_eq!(finding.cause, Some("D22"));
    assert!(finding.summary.contains("203.0.113.2"));
}

#[test]
fn d23_no_data_by_any_way_is_a_closed_port_range() {
    let timeout = || Step::failed(Action::Data, 2000.0, Failure::Timeout, "nothing came");
    let mut attempt = allocated(vec![Step::passed(Action::Permission, 1.0), timeout(), timeout()]);
    attempt.data = Some(data(Way::RelayToRelay, 0));
    let finding = judge(&attempt, NOW);
    assert_eq!((finding.cause, finding.severity), (Some("D23"), Severity::Fatal));
    assert!(finding.summary.contains("(D21)"), "hairpin is named beside it: {}", finding.summary);
}

#[test]
fn d23_data_between_relays_only_degrades() {
    let timeout = Step::failed(Action::Data, 2000.0, Failure::Timeout, "nothing came");
    let mut attempt = allocated(vec![timeout, Step::passed(Action::Data, 1.0)]);
    attempt.data = Some(data(Way::RelayToRelay, 20));
    assert_eq!(judged(&attempt), (Some("D23"), Severity::Degrades));
}

#[test]
fn data_that_passes_one_way_only_is_no_closed_port_range() {
    let timeout = || Step::failed(Action::Data, 2000.0, Failure::Timeout, "nothing came");
    let mut attempt = allocated(vec![timeout(), Step::passed(Action::Data, 1.0)]);
    attempt.heard_socket = true;
    attempt.data = Some(data(Way::RelayToRelay, 20));
    assert_eq!(judged(&attempt), (None, Severity::Degrades));
    let mut attempt = allocated(vec![timeout(), timeout()]);
    attempt.heard_socket = true;
    attempt.data = Some(data(Way::RelayToRelay, 0));
    assert_eq!(judged(&attempt), (None, Severity::Fatal));
    assert!(judge(&attempt, NOW).summary.contains("nothing comes from there"));
}

#[test]
fn a_host_without_the_relays_address_family_is_no_fault_of_the_server() {
    let none = Step::failed(Action::Data, 0.1, Failure::Unreachable, "no route");
    let mut attempt = allocated(vec![none, Step::passed(Action::Data, 1.0)]);
    attempt.data = Some(data(Way::RelayToRelay, 20));
    assert_eq!(judged(&attempt), (None, Severity::None));
}

#[test]
fn what_fails_late_has_its_cause() {
    for (code, cause) in [(437, "D9"), (438, "D10"), (441, "D11")] {
        let mut attempt = working();
        attempt.steps.push(Step::refused(Action::Refresh, 1.0, code, ""));
        assert_eq!(judged(&attempt), (Some(cause), Severity::Fatal), "{code}");
    }
    let permission = Step::refused(Action::Permission, 1.0, 486, "");
    assert_eq!(judged(&allocated(vec![permission])), (Some("D14"), Severity::Fatal));
}

#[test]
fn much_loss_degrades_and_a_little_does_not() {
    let mut attempt = working();
    attempt.data = Some(data(Way::PeerSocket, 19));
    assert_eq!(judged(&attempt), (None, Severity::None));
    attempt.data = Some(data(Way::PeerSocket, 15));
    assert_eq!(judged(&attempt), (None, Severity::Degrades));
    assert!(judge(&attempt, NOW).summary.contains("25 %"));
}

#[test]
fn an_unconfirmed_release_is_told() {
    let mut attempt = working();
    attempt.released = Some(false);
    assert_eq!(judged(&attempt), (None, Severity::Degrades));
    assert!(judge(&attempt, NOW).summary.contains("600 s"));
}

#[test]
fn what_was_stopped_is_unknown_and_never_failed() {
    for action in [Action::Dns, Action::Connect, Action::Tls, Action::Challenge, Action::Allocate] {
        let attempt = tried(vec![Step::failed(action, 1.0, Failure::Stopped, "cancelled")]);
        assert_eq!(judged(&attempt), (None, Severity::Unknown), "{action:?}");
    }
    for action in [Action::Permission, Action::ChannelBind, Action::Data, Action::Refresh, Action::Connect] {
        let attempt = allocated(vec![Step::failed(action, 1.0, Failure::Stopped, "cancelled")]);
        assert_eq!(judged(&attempt), (None, Severity::Unknown), "{action:?}");
    }
    let forbidden = Step::refused(Action::Permission, 1.0, 403, "Forbidden IP");
    let cut_short = Step::failed(Action::Allocate, 1.0, Failure::Stopped, "cancelled");
    assert_eq!(judged(&allocated(vec![forbidden, cut_short.clone()])), (Some("D7"), Severity::Unknown));
    let timeout = Step::failed(Action::Data, 2000.0, Failure::Timeout, "nothing came");
    assert_eq!(judged(&allocated(vec![timeout, cut_short])), (None, Severity::Unknown));
    let mut attempt = working();
    attempt.steps.push(Step::failed(Action::Throughput, 1.0, Failure::Stopped, "cancelled"));
    assert_eq!(judged(&attempt), (None, Severity::Unknown));
}

#[test]
fn silence_is_told_from_refusal_and_from_a_server_without_turn() {
    let silent = |failure| tried(vec![Step::failed(Action::Challenge, 1.0, failure, "x")]);
    assert_eq!(judged(&silent(Failure::Timeout)), (Some("B2"), Severity::Fatal));
    assert_eq!(judged(&silent(Failure::Refused)), (Some("B2"), Severity::Fatal));
    assert_eq!(judged(&silent(Failure::Invalid)), (None, Severity::Fatal));
    assert_eq!(judged(&silent(Failure::Credential)), (Some("D5"), Severity::Fatal));
    let mut stun = silent(Failure::Timeout);
    stun.steps.push(Step::passed(Action::Binding, 1.0));
    assert_eq!(judged(&stun), (Some("D25"), Severity::Fatal));
    let mut stream = silent(Failure::Closed);
    stream.transport = Protocol::Tcp;
    assert_eq!(judged(&stream), (Some("D25"), Severity::Fatal));
}

#[test]
fn a_name_without_address_is_named() {
    let attempt = tried(vec![Step::failed(Action::Dns, 1.0, Failure::Name, "no such host")]);
    let finding = judge(&attempt, NOW);
    assert_eq!(finding.cause, Some("B2"));
    assert!(finding.summary.contains("turn.example.net"));
}
