//! Each cause of the catalogue that a server can be made to show.

use std::net::{Ipv6Addr, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use hmac::{Hmac, Mac};
use icescope_plugin_sdk::{IceServer, Outcome};
use icescope_probe_kit::testing::DeadPort;
use serde_json::{Value, json};

use crate::probe::{assert_cause, failed, ice_server, run, run_with, steps};
use crate::server::{Coturn, PASSWORD, REALM, USER, free_port};

#[test]
fn d2_a_wrong_password_is_told_from_the_usual_challenge() {
    let Some(server) = Coturn::start(&[]) else { return };
    let url = server.url("udp");
    let ran = run_with(vec![ice_server(&url, USER, "wrong")], &json!({}), &json!({}));
    let document = ran.only();
    assert_cause(&document, "D2", "failed");
    assert_eq!(steps(&document), ["challenge 401", "!allocate 401"]);
    assert_eq!(document["realm"], REALM);
    assert_eq!(document["credential"], json!({ "kind": "static", "expires_unix_s": null }));
    assert_eq!(ran.outcome, failed());
}

#[test]
fn d3_an_expired_credential_is_told_from_a_wrong_one() {
    const SECRET: &str = "shared-secret-of-the-test";
    let Some(server) = Coturn::start_bare(
        &["--use-auth-secret", "--static-auth-secret", SECRET, "--allow-loopback-peers"],
        None,
    ) else {
        return;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let url = server.url("udp");
    let mint = |expires: i64, secret: &str| {
        let username = format!("{expires}:robot");
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(username.as_bytes());
        let password = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        vec![ice_server(&url, &username, &password)]
    };
    let expired = run_with(mint(now - 60, SECRET), &json!({}), &json!({})).only();
    assert_cause(&expired, "D3", "failed");
    assert_eq!(expired["credential"], json!({ "kind": "time_limited", "expires_unix_s": now - 60 }));
    let fresh = run_with(mint(now + 600, SECRET), &json!({}), &json!({})).only();
    assert_eq!((fresh["cause"].as_str(), fresh["outcome"].as_str()), (None, Some("pass")), "{fresh:#}");
    let other = run_with(mint(now + 600, "another secret"), &json!({}), &json!({})).only();
    assert_cause(&other, "D2", "failed");
    assert!(other["summary"].as_str().unwrap().contains("shared secret"), "{other:#}");
}

#[test]
fn d5_a_credential_that_cannot_be_sent_is_named() {
    let Some(server) = Coturn::start(&[]) else { return };
    let servers = vec![ice_server(&server.url("udp"), "al\u{7}ce", PASSWORD)];
    let document = run_with(servers, &json!({}), &json!({})).only();
    assert_cause(&document, "D5", "failed");
}

#[test]
fn d6_a_credential_for_another_realm_is_named() {
    let Some(server) = Coturn::start(&[]) else { return };
    let one = IceServer { realm: "elsewhere.test".into(), ..ice_server(&server.url("udp"), USER, "wrong") };
    let document = run_with(vec![one], &json!({}), &json!({})).only();
    assert_cause(&document, "D6", "failed");
    let summary = document["summary"].as_str().unwrap();
    assert!(summary.contains("«elsewhere.test»") && summary.contains(REALM), "{summary}");
}

#[test]
fn d7_a_forbidden_peer_is_named_with_its_address() {
    let Some(server) = Coturn::start(&["--denied-peer-ip", "127.0.0.0-127.255.255.255"]) else { return };
    let document = run(&server.url("udp")).only();
    assert_cause(&document, "D7", "failed");
    assert!(document["summary"].as_str().unwrap().contains("refuses 127.0.0.1 as a peer"), "{document:#}");
    let refused = find(&document, "permission");
    assert_eq!(
        (&refused["code"], refused["peer"].as_str().unwrap().starts_with("127.0.0.1:")),
        (&json!(403), true)
    );
    assert_eq!(document["released"], true);
}

#[test]
fn d12_a_server_without_udp_relaying_is_named() {
    let Some(server) = Coturn::start(&["--no-udp-relay"]) else { return };
    let document = run(&server.url("udp")).only();
    assert_cause(&document, "D12", "failed");
    assert_eq!(steps(&document).last().unwrap(), "!allocate 442");
}

#[test]
fn d13_a_server_without_relay_addresses_of_the_usual_family_is_named() {
    // RFC 8656 §7.2: without REQUESTED-ADDRESS-FAMILY it is IPv4; this server has IPv6 alone.
    let Some(server) = Coturn::start_at(Ipv6Addr::LOCALHOST.into(), &[]) else { return };
    let document = run(&server.url("udp")).only();
    assert_cause(&document, "D13", "failed");
    assert_eq!(steps(&document).last().unwrap(), "!allocate 440");
}

#[test]
fn d14_a_used_up_quota_is_named() {
    let Some(server) = Coturn::start(&["--user-quota", "1"]) else { return };
    let url = server.url("udp");
    // Somebody else holds this user's one allocation while the probe runs.
    let held = crate::release::Held::take(&server);
    let document = run(&url).only();
    assert_cause(&document, "D14", "failed");
    assert_eq!(steps(&document).last().unwrap(), "!allocate 486");
    drop(held);
}

#[test]
fn d15_a_server_without_free_relay_ports_is_named() {
    let port = free_port();
    let (least, most) = (port.to_string(), port.to_string());
    let Some(server) = Coturn::start(&["--min-port", &least, "--max-port", &most]) else { return };
    let taken = UdpSocket::bind(("127.0.0.1", port)).expect("the one relay port");
    let document = run(&server.url("udp")).only();
    assert_cause(&document, "D15", "failed");
    assert_eq!(steps(&document).last().unwrap(), "!allocate 508");
    drop(taken);
}

#[test]
fn d16_a_redirection_is_followed_once_and_a_dead_end_is_named() {
    let Some(goal) = Coturn::start(&[]) else { return };
    let there = format!("127.0.0.1:{}", goal.port);
    let Some(server) = Coturn::start(&["--alternate-server", &there]) else { return };
    let document = run(&server.url("udp")).only();
    assert_eq!(
        (document["cause"].as_str(), document["outcome"].as_str()),
        (None, Some("pass")),
        "{document:#}"
    );
    assert_eq!(document["alternate_server"], there);
    assert!(steps(&document).contains(&"redirect 300".to_owned()), "{:?}", steps(&document));

    let port = DeadPort::new();
    let dead = port.address().to_string();
    let Some(server) = Coturn::start(&["--alternate-server", &dead]) else { return };
    let document = run(&server.url("udp")).only();
    assert_cause(&document, "D16", "failed");
    assert!(document["summary"].as_str().unwrap().contains(&dead), "{document:#}");
}

#[test]
fn d25_a_server_that_is_stun_only_is_told_from_a_dead_one() {
    let Some(server) = Coturn::start(&["--stun-only"]) else { return };
    let document = run_with(
        vec![ice_server(&server.url("udp"), USER, PASSWORD)],
        &json!({ "timeout": 1.0 }),
        &json!({}),
    )
    .only();
    assert_cause(&document, "D25", "failed");
    assert_eq!(find(&document, "binding")["ok"], true);
}

#[test]
fn b2_a_closed_port_and_a_silent_one_are_told_apart() {
    let port = DeadPort::new();
    let closed = format!("turn:{}", port.address());
    let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let silent_url = format!("turn:127.0.0.1:{}?transport=udp", silent.local_addr().unwrap().port());
    let servers = vec![ice_server(&closed, USER, PASSWORD), ice_server(&silent_url, USER, PASSWORD)];
    let ran = run_with(servers, &json!({ "timeout": 0.7 }), &json!({}));
    let (closed, silent) = (ran.document(&closed), ran.document(&silent_url));
    assert_cause(&closed, "B2", "failed");
    assert!(closed["summary"].as_str().unwrap().contains("closed"), "{closed:#}");
    assert_eq!(closed["also"][0]["transport"], "tcp", "TCP is tried beside it");
    assert!(closed["also"][0]["summary"].as_str().unwrap().contains("refused"), "{closed:#}");
    assert_cause(&silent, "B2", "failed");
    assert!(silent["summary"].as_str().unwrap().contains("no answer"), "{silent:#}");
}

#[test]
fn without_a_credential_or_a_turn_server_nothing_is_tried() {
    let args = json!({ "servers": ["turn:127.0.0.1:9?transport=udp"] });
    let ran = run_with(vec![], &json!({}), &args);
    assert_eq!(ran.outcome, Some(Outcome::Skipped));
    let document = ran.only();
    assert_eq!((&document["outcome"], &document["steps"]), (&json!("skipped"), &json!([])));
    assert!(document["summary"].as_str().unwrap().contains("no credential is configured"));
    let ran = run_with(vec![ice_server("stun:127.0.0.1:9", "", "")], &json!({}), &json!({}));
    assert_eq!((ran.outcome, ran.reports.len()), (Some(Outcome::Skipped), 0));
}

#[test]
fn b2_a_name_without_address_is_named_and_an_unwanted_family_is_no_fault() {
    // RFC 6761 §6.4: `invalid` never exists.
    let url = "turn:no-such-host.invalid?transport=udp";
    let document = run(url).only();
    assert_cause(&document, "B2", "failed");
    assert_eq!(steps(&document), ["!dns"]);
    let servers = vec![ice_server("turn:127.0.0.1:9", USER, PASSWORD)];
    let document = run_with(servers, &json!({}), &json!({ "families": ["ipv6"] })).only();
    assert_eq!((&document["outcome"], &document["cause"]), (&json!("skipped"), &json!(null)), "{document:#}");
}

fn find(document: &Value, name: &str) -> Value {
    let steps = document["steps"].as_array().unwrap();
    steps
        .iter()
        .find(|step| step["step"] == name)
        .unwrap_or_else(|| panic!("no {name}: {document:#}"))
        .clone()
}
