//! What works: data through the relay and back, over each transport.

use std::net::{Ipv6Addr, UdpSocket};

use icescope_plugin_sdk::abi;
use serde_json::{Value, json};

use crate::probe::{ice_server, run, run_with, steps};
use crate::server::{Coturn, PASSWORD, USER};

const STEPS: &[&str] =
    &["challenge 401", "allocate", "permission", "channel_bind", "data", "refresh", "release"];

fn passes(document: &Value) {
    assert_eq!(
        (document["cause"].as_str(), document["outcome"].as_str()),
        (None, Some("pass")),
        "{document:#}"
    );
    assert_eq!(document["severity"], "none");
    let data = &document["data"];
    assert_eq!(
        (&data["way"], &data["sent"], &data["received"]),
        (&json!("peer_socket"), &json!(25), &json!(25))
    );
    assert_eq!(data["loss"], 0.0);
    let (min, median, max) = (&data["rtt_ms"]["min"], &data["rtt_ms"]["median"], &data["rtt_ms"]["max"]);
    assert!(min.as_f64() > Some(0.0) && min.as_f64() <= median.as_f64() && median.as_f64() <= max.as_f64());
    assert!(document["relayed_address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(document["mapped_address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(document["software"].as_str().unwrap().contains("Coturn"));
    assert_eq!((&document["lifetime_s"], &document["released"]), (&json!(600), &json!(true)));
}

#[test]
fn data_goes_through_the_relay_and_back_over_udp() {
    let Some(server) = Coturn::start(&[]) else { return };
    let document = run(&server.url("udp")).only();
    passes(&document);
    assert_eq!(steps(&document), STEPS);
    println!("UDP: {}", document["summary"]);
}

#[test]
fn data_goes_through_the_relay_and_back_over_tcp() {
    let Some(server) = Coturn::start(&[]) else { return };
    let document = run(&server.url("tcp")).only();
    passes(&document);
    assert_eq!(steps(&document), [&["connect"], STEPS].concat());
    println!("TCP: {}", document["summary"]);
}

#[test]
fn a_url_without_transport_is_tried_over_udp_and_beside_it_over_tcp() {
    let Some(server) = Coturn::start(&[]) else { return };
    let document = run(&format!("turn:127.0.0.1:{}", server.port)).only();
    passes(&document);
    assert_eq!((&document["transport"], &document["also"][0]["transport"]), (&json!("udp"), &json!("tcp")));
    assert_eq!(document["also"][0]["outcome"], "pass");
    // Not beside a URL that names TCP itself.
    let urls = [format!("turn:127.0.0.1:{}", server.port), server.url("tcp")];
    let servers = urls.iter().map(|url| ice_server(url, USER, PASSWORD)).collect();
    let document = run_with(servers, &json!({}), &json!({})).document(&urls[0]);
    assert_eq!((&document["outcome"], &document["also"]), (&json!("pass"), &json!([])));
}

#[test]
fn throughput_is_measured_in_both_directions_when_it_is_asked_for() {
    let Some(server) = Coturn::start(&[]) else { return };
    let servers = vec![ice_server(&server.url("udp"), USER, PASSWORD)];
    let config = json!({ "throughput-time": 0.5 });
    let document = run_with(servers, &config, &json!({ "throughput": true })).only();
    passes(&document);
    let bits = |key: &str| document["throughput"][key].as_f64().unwrap();
    println!("throughput: {:.0} Mbit/s out, {:.0} back", bits("sent_bps") / 1e6, bits("received_bps") / 1e6);
    // One window in each direction is the least that shows that data flowed.
    assert!(bits("sent_bps") > 192_000.0 && bits("received_bps") > 192_000.0, "{document:#}");
}

#[test]
fn where_the_hosts_own_address_is_refused_two_allocations_show_that_others_pass() {
    // The relay stands on another address than the host's socket; the rules refuse the latter alone.
    let Some(server) = Coturn::start(&["--relay-ip", "127.0.0.2", "--denied-peer-ip", "127.0.0.1"]) else {
        return;
    };
    let document = run(&server.url("udp")).only();
    assert_eq!((&document["cause"], &document["outcome"]), (&json!("D7"), &json!("pass")), "{document:#}");
    assert_eq!(document["severity"], "degrades");
    assert_eq!(document["data"]["way"], "relay_to_relay");
    assert_eq!(document["data"]["received"], 25);
    assert!(document["summary"].as_str().unwrap().contains("refuses 127.0.0.1"), "{document:#}");
    assert_eq!(document["released"], true);
}

#[test]
fn data_goes_through_the_relay_and_back_over_ipv6() {
    let options = ["--allocation-default-address-family=keep"];
    let Some(server) = Coturn::start_at(Ipv6Addr::LOCALHOST.into(), &options) else { return };
    let document = run(&server.url("udp")).only();
    assert_eq!(
        (&document["outcome"], &document["data"]["received"]),
        (&json!("pass"), &json!(25)),
        "{document:#}"
    );
    assert!(document["relayed_address"].as_str().unwrap().starts_with("[::1]:"));
}

#[test]
fn d10_a_nonce_that_runs_out_is_renewed_and_no_fault() {
    let Some(server) = Coturn::start(&["--stale-nonce=1"]) else { return };
    let servers = vec![ice_server(&server.url("udp"), USER, PASSWORD)];
    let config = json!({ "throughput-time": 1.5 });
    let document = run_with(servers, &config, &json!({ "throughput": true })).only();
    passes(&document);
    let details: Vec<_> = document["steps"].as_array().unwrap().iter().map(|step| &step["detail"]).collect();
    assert!(
        details.iter().any(|detail| detail.as_str().is_some_and(|text| text.contains("438 Stale Nonce"))),
        "{document:#}"
    );
}

#[test]
fn a_server_that_never_answers_delays_nobody() {
    let Some(server) = Coturn::start(&[]) else { return };
    let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let dead = format!("turn:{}?transport=udp", silent.local_addr().unwrap());
    let alive = server.url("udp");
    let servers = vec![ice_server(&dead, USER, PASSWORD), ice_server(&alive, USER, PASSWORD)];
    let ran = run_with(servers, &json!({ "timeout": 8 }), &json!({}));
    let order: Vec<_> = ran.reports.iter().map(|report| report.subject.as_str()).collect();
    assert_eq!(order, [alive.as_str(), dead.as_str()]);
    assert_eq!(ran.document(&alive)["outcome"], "pass");
}

#[test]
fn every_packet_is_told_with_its_direction() {
    let Some(server) = Coturn::start(&[]) else { return };
    let ran = run(&server.url("udp"));
    let told = |schema: &str| {
        ran.host.seen(|seen| {
            seen.events.iter().filter(|event| event.schema == schema).cloned().collect::<Vec<_>>()
        })
    };
    let attempt = &told("icescope.turn.attempt/1")[0];
    let messages = told("icescope.stun.message/1");
    assert!(messages.iter().all(|event| event.parent == attempt.span && attempt.parent == 7));
    let (peer, turn) = (abi::ICS_LANE_PEER, abi::ICS_LANE_TURN);
    let seen =
        |from, to| messages.iter().filter(|event| event.seen == (from, to, abi::ICS_EVIDENCE_PACKET)).count();
    // Two Allocates, CreatePermission, ChannelBind, two Refreshes, each with its answer.
    assert!(seen(peer, turn) >= 6 && seen(turn, peer) >= 6, "{messages:#?}");
    assert_eq!(told("icescope.turn.data/1").len(), 3, "to the relay, at the peer, back");
    assert_eq!(told("icescope.turn.step/1").len(), STEPS.len());
    assert_eq!(told("icescope.turn.result/1")[0].outcome, abi::ICS_PASS);
}
