//! Whole runs against small servers on the loopback interface.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Ran, path, run, run_with};
use icescope_plugin_sdk::testing::FakeHost;
use icescope_plugin_sdk::{IceServer, Outcome, abi};
use icescope_probe_kit::attributes::discovery::{OtherAddress, ResponseOrigin};
use icescope_probe_kit::attributes::stun::{AlternateServer, ErrorCode, MappedAddress};
use icescope_probe_kit::message::{Class, Message, Request};
use icescope_probe_kit::testing::{self, Behaviour, DeadPort, SOFTWARE, Servers};
use serde_json::{Value, json};
use stun_rs::ErrorCode as Code;

/// Long enough for a slow machine to answer on the loopback; only what never answers takes it.
fn quick() -> Value {
    json!({ "timeout": 2 })
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|one| one.as_f64().expect("a number")).collect()
}

fn refuse(code: u16, reason: &'static str) -> Behaviour {
    Arc::new(move |request: &Message, _, _| {
        let error = ErrorCode::new(Code::new(code, reason).expect("right for a test"));
        let answer = Request::new(request.method(), Class::Error).id(request.transaction_id()).with(error);
        vec![answer.encode().expect("right for a test")]
    })
}

#[test]
fn a_server_that_answers_is_measured_over_udp_and_tcp() {
    let servers = Servers::new();
    let server = servers.udp_and_tcp(testing::plain(), testing::plain());
    let url = format!("stun:{server}");
    let ran = run(&[&url], &quick());
    assert_eq!(ran.outcome(), Outcome::Pass);
    let document = ran.document();
    assert_eq!(
        (&document["url"], &document["host"], &document["port"]),
        (&json!(url), &json!("127.0.0.1"), &json!(server.port()))
    );
    assert_eq!(document["dns"], json!({ "ms": null, "addresses": ["127.0.0.1"], "error": null }));
    for (protocol, extra) in [("udp", false), ("tcp", true)] {
        let path = path(&document, protocol);
        assert_eq!((&path["reachable"], &path["extra"]), (&json!(true), &json!(extra)), "{document:#}");
        assert_eq!(path["address"], json!(server.to_string()));
        assert_eq!(path["mapped_address"], path["local_address"], "no NAT on the loopback");
        assert_eq!(path["mapped_addresses"].as_array().map(Vec::len), Some(1));
        assert_eq!(path["software"], SOFTWARE);
        assert_eq!((&path["rfc5780"], &path["other_address"]), (&json!(false), &json!(null)));
        assert_eq!(path["loss"], json!({ "sent": 5, "lost": 0 }));
        let rtt = &path["rtt_ms"];
        assert_eq!(numbers(&rtt["samples"]).len(), 5);
        assert!(
            rtt["min"].as_f64() <= rtt["median"].as_f64() && rtt["median"].as_f64() <= rtt["max"].as_f64()
        );
        assert_eq!(path["connect_ms"].is_number(), protocol == "tcp");
        assert_eq!(
            (&path["error"], &path["network_error"], &path["tls"]),
            (&json!(null), &json!(null), &json!(null))
        );
    }
    assert!(document["summary"].as_str().unwrap().contains("by UDP answers in "), "{}", document["summary"]);
}

#[test]
fn every_packet_is_told_as_it_was_seen() {
    let servers = Servers::new();
    let server = servers.udp(testing::plain());
    let ran = run_with(&json!({ "servers": [format!("turn:{server}")] }), &json!({ "samples": 3 }));
    let packets = ran.host.seen(|seen| {
        let packets = seen.events.iter().filter(|event| event.seen.2 == common::PACKET);
        packets.map(|event| (event.seen.0, event.seen.1, event.span, event.facts.clone())).collect::<Vec<_>>()
    });
    let (peer, turn) = (abi::ICS_LANE_PEER, abi::ICS_LANE_TURN);
    assert_eq!(packets.iter().filter(|packet| (packet.0, packet.1) == (peer, turn)).count(), 3);
    assert_eq!(packets.iter().filter(|packet| (packet.0, packet.1) == (turn, peer)).count(), 3);
    assert_eq!(servers.seen(), 3, "what was told is what was on the wire");
    let fact = |at: usize, key: &str| {
        let facts = &packets[at].3;
        facts.iter().find(|fact| fact.0 == key).map(|fact| fact.2.clone()).unwrap_or_default()
    };
    assert_eq!((fact(0, "direction"), fact(0, "method")), ("outbound".into(), "Binding".into()));
    assert_eq!((fact(1, "direction"), fact(1, "class")), ("inbound".into(), "success response".into()));
    assert_eq!(fact(0, "transactionId"), fact(1, "transactionId"));
    assert_eq!(packets[0].2, packets[1].2, "one span for the two");
    assert_eq!(fact(1, "remoteAddress"), server.to_string());
    assert_eq!(fact(1, "mappedAddress"), fact(1, "localAddress"));
    assert_eq!(ran.events("icescope.stun.transaction/1").len(), 3);
}

#[test]
fn steps_are_a_tree_from_the_run_over_the_server_and_the_path_to_the_packets() {
    let servers = Servers::new();
    let server = servers.udp(testing::plain());
    let ran = run(&[&format!("turn:{server}")], &quick());
    let events = ran.host.seen(|seen| seen.events.clone());
    let of = |schema: &str| events.iter().filter(|event| event.schema == schema).cloned().collect::<Vec<_>>();
    let (steps, paths) = (of("icescope.stun.server/1"), of("icescope.stun.path/1"));
    assert_eq!((steps.len(), paths.len()), (2, 1), "a server's step begins and ends");
    assert_eq!((steps[0].span, steps[0].outcome, steps[1].outcome), (steps[1].span, 0, abi::ICS_PASS));
    assert_eq!((steps[0].parent, paths[0].parent, paths[0].outcome), (77, steps[0].span, abi::ICS_PASS));
    assert!(of("icescope.stun.message/1").iter().all(|packet| packet.parent == paths[0].span));
}

#[test]
fn a_closed_port_is_not_reachable_and_icmp_says_so() {
    let dead = DeadPort::new();
    let ran = run(&[&format!("stun:{}", dead.address())], &quick());
    assert_eq!(ran.outcome(), Outcome::Failed);
    let document = ran.document();
    for protocol in ["udp", "tcp"] {
        let path = path(&document, protocol);
        assert_eq!(path["reachable"], false);
        assert_eq!(path["network_error"]["code"], "port-unreachable");
        assert_eq!(
            (&path["rtt_ms"], &path["mapped_address"], &path["rfc5780"]),
            (&json!(null), &json!(null), &json!(null))
        );
    }
    assert!(document["summary"].as_str().unwrap().contains("nothing listens"), "{}", document["summary"]);
}

#[test]
fn a_black_hole_is_not_reachable_after_all_its_time_and_tcp_can_tell_that_the_server_lives() {
    let servers = Servers::new();
    let server = servers.udp_and_tcp(testing::silent(), testing::plain());
    let ran = run(&[&format!("stun:{server}")], &json!({ "timeout": 3 }));
    assert_eq!(ran.outcome(), Outcome::Failed, "the URL names UDP");
    let document = ran.document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["reachable"], &udp["network_error"]), (&json!(false), &json!(null)));
    assert_eq!(udp["loss"], json!({ "sent": 3, "lost": 3 }), "at 0, 0.5 and 1.5 s of 3");
    assert_eq!(path(&document, "tcp")["reachable"], true);
    let summary = document["summary"].as_str().unwrap();
    assert!(
        summary.contains("does not answer 3 requests") && summary.contains("By TCP it does answer"),
        "{summary}"
    );
}

#[test]
fn an_answer_from_another_address_is_seen_and_is_of_no_use() {
    let servers = Servers::new();
    let (server, from) = servers.udp_from_elsewhere(testing::plain());
    let document = run(&[&format!("turn:{server}")], &json!({ "timeout": 3 })).document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["reachable"], &udp["answered_from"]), (&json!(false), &json!(from.to_string())));
    assert_eq!(document["outcome"], "failed");
    assert!(document["summary"].as_str().unwrap().contains(&format!("is answered for by {from}")));
}

#[test]
fn a_dead_server_delays_nobody_and_each_is_reported_when_it_is_done() {
    let servers = Servers::new();
    let (good, dead) = (servers.udp(testing::plain()), servers.udp(testing::silent()));
    // The dead one has as long as it wants; the run is cancelled once the good one is reported.
    let (good, dead) = (format!("turn:{good}"), format!("turn:{dead}"));
    let host = FakeHost::new();
    let mut probe = common::instance(&host, &json!({ "timeout": 40 }));
    let args = json!({ "servers": [dead, good] });
    let running = std::thread::spawn(move || probe.run(&args, 0, 77));
    let first = host.wait(Duration::from_secs(30), |seen| seen.reports.first().cloned()).expect("a report");
    assert_eq!((first.subject.as_str(), first.outcome), (good.as_str(), abi::ICS_PASS));
    host.cancel();
    assert_eq!(running.join().unwrap().unwrap_err().status, abi::ICS_E_CANCELLED);
}

#[test]
fn the_runs_deadline_is_kept_and_what_is_known_by_then_is_reported() {
    let servers = Servers::new();
    let dead = servers.udp(testing::silent());
    let host = FakeHost::new();
    let mut probe = common::instance(&host, &json!({ "timeout": 40 }));
    let args = json!({ "servers": [format!("turn:{dead}")] });
    let outcome = probe.run(&args, common::deadline(Duration::from_millis(1200)), 77);
    let ran = Ran { host, outcome };
    assert_eq!(ran.outcome(), Outcome::Failed);
    let document = ran.document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["reachable"], &udp["loss"]["sent"]), (&json!(false), &udp["loss"]["lost"]));
    // At 0 and 0.5 s of the 0.9 s that are measured; a stalled machine may miss the second.
    assert!(matches!(udp["loss"]["sent"].as_u64(), Some(1 | 2)), "{udp}");
}

#[test]
fn a_lost_packet_is_counted_and_changes_nothing_else() {
    let servers = Servers::new();
    let server = servers.udp(Arc::new(|request, from, count| match count {
        1 | 4 => Vec::new(),
        _ => testing::plain()(request, from, count),
    }));
    let document = run(&[&format!("turn:{server}")], &json!({ "timeout": 5, "samples": 6 })).document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["reachable"], &document["outcome"]), (&json!(true), &json!("pass")));
    assert_eq!(udp["loss"], json!({ "sent": 6, "lost": 2 }));
    assert_eq!(numbers(&udp["rtt_ms"]["samples"]).len(), 4);
    assert!(document["summary"].as_str().unwrap().contains("2 of 6 requests got no answer"));
}

#[test]
fn a_server_that_speaks_rfc_5780_is_known_by_another_ip_address() {
    let say = |other: &'static str| -> Behaviour {
        Arc::new(move |request, from, _| {
            let answer = testing::success(request, from)
                .with(OtherAddress::from(other.parse::<std::net::SocketAddr>().unwrap()))
                .with(ResponseOrigin::from("127.0.0.1:3478".parse::<std::net::SocketAddr>().unwrap()));
            vec![answer.encode().unwrap()]
        })
    };
    let servers = Servers::new();
    let (full, half) = (servers.udp(say("192.0.2.2:3479")), servers.udp(say("127.0.0.1:3479")));
    let ran = run(&[&format!("turn:{full}"), &format!("turn:{half}")], &quick());
    for report in ran.reports() {
        let udp = path(&report.document, "udp");
        let is_full = report.subject.ends_with(&full.to_string());
        assert_eq!(udp["rfc5780"], is_full);
        assert_eq!(udp["other_address"], if is_full { "192.0.2.2:3479" } else { "127.0.0.1:3479" });
        assert_eq!(udp["response_origin"], "127.0.0.1:3478");
    }
}

#[test]
fn errors_are_said_in_words_and_such_a_server_is_of_no_use() {
    let servers = Servers::new();
    let server = servers.udp(refuse(403, "Forbidden"));
    let document = run(&[&format!("turn:{server}")], &quick()).document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["reachable"], &document["outcome"]), (&json!(true), &json!("failed")));
    assert_eq!((&udp["error"]["code"], &udp["error"]["reason"]), (&json!(403), &json!("Forbidden")));
    assert!(udp["error"]["words"].as_str().unwrap().contains("access rules"));
    assert!(document["summary"].as_str().unwrap().contains("the error 403 (Forbidden)"));
}

#[test]
fn a_server_that_sends_us_elsewhere_is_reported_with_where() {
    let servers = Servers::new();
    let server = servers.udp(Arc::new(|request, _, _| {
        let answer = Request::new(request.method(), Class::Error)
            .id(request.transaction_id())
            .with(ErrorCode::new(Code::new(300, "Try Alternate").unwrap()))
            .with(AlternateServer::from("192.0.2.7:3478".parse::<std::net::SocketAddr>().unwrap()));
        vec![answer.encode().unwrap()]
    }));
    let document = run(&[&format!("turn:{server}")], &quick()).document();
    assert_eq!(path(&document, "udp")["alternate_server"], "192.0.2.7:3478");
}

#[test]
fn mapped_addresses_that_disagree_are_said() {
    let servers = Servers::new();
    let server = servers.udp(Arc::new(|request, mut from, count| {
        from.set_port(1000 + u16::try_from(count % 2).unwrap());
        vec![testing::success(request, from).encode().unwrap()]
    }));
    let document = run(&[&format!("turn:{server}")], &quick()).document();
    let udp = path(&document, "udp");
    assert_eq!(udp["mapped_addresses"].as_array().map(Vec::len), Some(2));
    assert!(
        document["summary"].as_str().unwrap().contains("does not keep its mapping"),
        "{}",
        document["summary"]
    );
}

#[test]
fn an_old_server_without_xor_is_told_from_others_and_broken_attributes_are_named() {
    let servers = Servers::new();
    let server = servers.udp(Arc::new(|request, from, _| {
        let answer = Request::new(request.method(), Class::Success)
            .id(request.transaction_id())
            .with(MappedAddress::from(from));
        let mut bytes = answer.encode().unwrap();
        // OTHER-ADDRESS of an unknown family.
        bytes.extend([0x80, 0x2c, 0, 8, 0, 9, 0, 0, 1, 2, 3, 4]);
        bytes[3] += 12;
        vec![bytes]
    }));
    let document = run(&[&format!("turn:{server}")], &quick()).document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["reachable"], &udp["mapped_without_xor"]), (&json!(true), &json!(true)));
    assert!(udp["malformed"][0].as_str().unwrap().starts_with("OTHER-ADDRESS: "), "{udp:#}");
}

#[test]
fn a_name_is_looked_up_with_its_time_and_one_that_does_not_exist_fails() {
    let servers = Servers::new();
    let server = servers.udp(testing::plain());
    let good = format!("turn:localhost:{}", server.port());
    // A label of more than 63 characters (RFC 1035 §2.3.4): the resolver asks nobody for it.
    let name = format!("{}.invalid", "a".repeat(64));
    let bad = format!("stun:{name}");
    let ran = run_with(&json!({ "servers": [good, bad], "families": ["ipv4"] }), &json!({ "timeout": 10 }));
    assert_eq!(ran.outcome(), Outcome::Failed);
    for report in ran.reports() {
        let dns = &report.document["dns"];
        assert!(dns["ms"].is_number(), "{dns}");
        if report.subject == bad {
            assert!(dns["error"].as_str().unwrap().contains(&name));
            assert_eq!((report.outcome, &report.document["paths"]), (abi::ICS_FAILED, &json!([])));
            assert_eq!(report.document["summary"], dns["error"]);
        } else {
            assert!(dns["addresses"].as_array().unwrap().contains(&json!("127.0.0.1")));
            assert_eq!(report.outcome, abi::ICS_PASS, "{:#}", report.document);
        }
    }
    assert_eq!(ran.events("icescope.stun.dns/1").len(), 2);
}

#[test]
fn ipv6_is_measured_as_ipv4_is() {
    let loopback = std::net::Ipv6Addr::LOCALHOST;
    if std::net::UdpSocket::bind((loopback, 0)).is_err() {
        eprintln!("SKIPPED: ipv6_is_measured_as_ipv4_is: this machine has no [::1]");
        return;
    }
    let servers = Servers::new();
    let server = servers.udp_on(loopback.into(), testing::plain());
    let document = run(&[&format!("turn:{server}")], &quick()).document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["family"], &udp["reachable"]), (&json!("ipv6"), &json!(true)));
    assert_eq!(udp["mapped_address"], udp["local_address"]);
    assert!(udp["mapped_address"].as_str().unwrap().starts_with("[::1]:"));
}

#[test]
fn what_this_machine_itself_refuses_is_unknown_and_not_unreachable() {
    // The system lets nobody send to the broadcast address who has not asked for it: no packet leaves.
    let ran = run(&["turn:255.255.255.255:9"], &quick());
    let document = ran.document();
    let udp = path(&document, "udp");
    assert_eq!((&udp["reachable"], &udp["loss"]["sent"]), (&json!(null), &json!(0)), "{document:#}");
    assert_eq!((&udp["network_error"]["code"], ran.outcome()), (&json!("prohibited"), Outcome::Unknown));
    assert!(document["summary"].as_str().unwrap().contains("could not be tried"));
}

#[test]
fn servers_that_the_host_grants_are_measured_where_none_are_named_and_their_secrets_stay() {
    let servers = Servers::new();
    let server = format!("turn:{}", servers.udp(testing::plain()));
    let host = FakeHost::new();
    host.grant_ice_servers(vec![IceServer {
        url: server.clone(),
        username: "alice".into(),
        credential: "secret".into(),
        realm: String::new(),
        expires_unix_s: None,
    }]);
    let outcome = common::instance(&host, &quick()).run(&json!({}), 0, 77);
    let ran = Ran { host, outcome };
    assert_eq!(ran.outcome(), Outcome::Pass);
    assert_eq!(ran.document()["url"], server);
    let told = ran.host.seen(|seen| format!("{seen:?}"));
    assert!(!told.contains("secret") && !told.contains("alice"));
}

#[test]
fn without_servers_the_run_is_skipped_and_says_why() {
    let ran = run(&[], &quick());
    assert_eq!(ran.outcome(), Outcome::Skipped);
    assert!(ran.reports().is_empty());
    let why = ran.events("icescope.stun.skipped/1");
    assert!(why[0].contains("there is no server to measure"), "{why:?}");
}

#[test]
fn a_family_that_nobody_asked_for_and_dtls_are_skipped() {
    let ran = run_with(&json!({ "servers": ["stun:127.0.0.1:9"], "families": ["ipv6"] }), &quick());
    assert_eq!((ran.outcome(), &ran.document()["paths"]), (Outcome::Skipped, &json!([])));
    let dtls = run(&["turns:127.0.0.1:9?transport=udp"], &quick());
    assert_eq!(dtls.outcome(), Outcome::Skipped);
    assert_eq!(path(&dtls.document(), "dtls")["reachable"], json!(null));
}

#[test]
fn what_is_wrong_in_arguments_and_configuration_is_named_by_its_place() {
    let refused = |args: Value| run_with(&args, &json!({})).outcome.unwrap_err();
    let url = refused(json!({ "servers": ["stun:127.0.0.1", "http://x"] }));
    assert_eq!((url.status, url.pointer.as_str()), (abi::ICS_E_CONFIG, "/servers/1"));
    assert!(url.message.contains("write stun:"), "{}", url.message);
    assert_eq!(refused(json!({ "server": [] })).pointer, "/server");
    let host = FakeHost::new();
    let create =
        |config: Value| host.create(icescope_probe_stun::icescope_module(), common::ID, &config).unwrap_err();
    assert_eq!(create(json!({ "samples": 0 })).pointer, "/samples");
    let file = create(json!({ "ca-file": "/nonexistent/ca.pem" }));
    assert_eq!((file.status, file.pointer.as_str()), (abi::ICS_E_CONFIG, "/ca-file"));
    assert!(file.message.contains("/nonexistent/ca.pem"), "{}", file.message);
}
