//! A probe driven through the raw table.

mod plugins;

use std::time::Duration;

use icescope_plugin_sdk::testing::{Driven, FakeHost};
use icescope_plugin_sdk::{IceServer, Outcome, abi};
use plugins::icescope_module;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(10);

fn probe(host: &FakeHost) -> Driven {
    host.create(icescope_module(), "org.example.probe", &json!({})).expect("an instance")
}

#[test]
fn events_and_reports_arrive_as_they_were_told() {
    let host = FakeHost::new();
    let outcome = probe(&host).run(&json!({ "act": "tell" }), 0, 77).unwrap();
    assert_eq!(outcome, Some(Outcome::Unknown));
    let (event, report) = host.seen(|seen| (seen.events[0].clone(), seen.reports[0].clone()));
    assert_eq!(
        (event.schema.as_str(), event.summary.as_str()),
        ("org.example.stun.binding/1", "one binding")
    );
    assert_eq!((event.parent, event.outcome), (77, abi::ICS_UNKNOWN));
    assert_ne!(event.span, 0);
    assert_eq!(event.seen, (abi::ICS_LANE_PEER, abi::ICS_LANE_STUN, abi::ICS_EVIDENCE_PACKET));
    assert!(event.time_ns > 0);
    let facts: Vec<_> =
        event.facts.iter().map(|(key, kind, value)| (key.as_str(), *kind, value.as_str())).collect();
    let expected = [
        ("rtt", abi::ICS_T_NS, "3000000"),
        ("tries", abi::ICS_T_U64, "2"),
        ("ok", abi::ICS_T_BOOL, "true"),
        ("name", abi::ICS_T_STR, "stün"),
        ("raw", abi::ICS_T_BYTES, "[1, 2]"),
        ("ratio", abi::ICS_T_F64, "0.5"),
        ("offset", abi::ICS_T_I64, "-7"),
    ];
    assert_eq!([&facts[..1], &facts[2..]].concat(), expected);
    assert_eq!((facts[1].0, facts[1].1), ("server", abi::ICS_T_ADDR));
    assert!(
        facts[1].2.contains("ip: [32, 1, 13, 184") && facts[1].2.contains("port: 3478, family: 6, proto: 17")
    );
    assert_eq!((report.schema.as_str(), report.subject.as_str()), ("org.example.nat/1", "ipv4"));
    assert_eq!((report.outcome, report.span), (abi::ICS_FAILED, 77));
    assert_eq!(report.document, json!({ "told": true }));
}

#[test]
fn a_cancelled_run_ends_at_once_and_says_so() {
    let host = FakeHost::new();
    let mut probe = probe(&host);
    let run = std::thread::spawn(move || probe.run(&json!({ "act": "wait" }), 0, 1));
    host.wait(LIMIT, |seen| seen.events.first().map(drop)).expect("it waits");
    host.cancel();
    assert_eq!(run.join().unwrap().unwrap_err().status, abi::ICS_E_CANCELLED);
}

#[test]
fn the_deadline_is_known_to_the_run() {
    let host = FakeHost::new();
    // One nanosecond after the clock's origin: long past.
    assert_eq!(probe(&host).run(&json!({ "act": "wait" }), 1, 1).unwrap_err().status, abi::ICS_E_TIMEOUT);
}

#[test]
fn servers_are_listed_only_where_they_are_granted() {
    let host = FakeHost::new();
    probe(&host).run(&json!({ "act": "servers" }), 0, 1).unwrap();
    assert_eq!(host.seen(|seen| seen.reports[0].document.clone()), json!(null));
    let server = |url: &str| IceServer {
        url: url.into(),
        username: "u".into(),
        credential: "secret".into(),
        realm: String::new(),
        expires_unix_s: None,
    };
    assert!(!format!("{:?}", server("x")).contains("secret"), "a credential does not get into a log");
    host.grant_ice_servers(vec![server("turn:192.0.2.1"), server("stun:192.0.2.2")]);
    probe(&host).run(&json!({ "act": "servers" }), 0, 1).unwrap();
    assert_eq!(
        host.seen(|seen| seen.reports[1].document.clone()),
        json!(["turn:192.0.2.1", "stun:192.0.2.2"])
    );
}

#[test]
fn wrong_arguments_too_large_reports_and_panics_are_errors() {
    let host = FakeHost::new();
    let mut probe = probe(&host);
    let mut refused = |args| probe.run(&args, 0, 1).unwrap_err();
    let unknown = refused(json!({ "act": "nonsense" }));
    assert_eq!((unknown.status, unknown.pointer.as_str()), (abi::ICS_E_CONFIG, "/act"));
    let extra = refused(json!({ "act": "tell", "more": 1 }));
    assert_eq!((extra.status, extra.pointer.as_str()), (abi::ICS_E_CONFIG, "/more"));
    let big = refused(json!({ "act": "big" }));
    assert!(big.message.contains("has 1048578 bytes; at most 1048576 are allowed"), "{big:?}");
    let panicked = refused(json!({ "act": "panic" }));
    assert_eq!(panicked.status, abi::ICS_E_PANIC);
    assert!(panicked.message.contains("on purpose in run"), "{panicked:?}");
    assert_eq!(refused(json!({ "act": "tell" })).status, abi::ICS_E_PANIC, "not used again after a panic");
}
