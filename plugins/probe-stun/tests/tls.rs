//! Whole runs over TLS, with good and with bad certificates.

mod common;

use std::io::Write;

use common::{path, run};
use icescope_plugin_sdk::Outcome;
use icescope_probe_kit::testing::{self, Authority, DeadPort, Servers, Validity};
use serde_json::{Value, json};

/// Trusts this authority.
fn trusting(authority: &Authority) -> (tempfile::NamedTempFile, Value) {
    let mut file = tempfile::NamedTempFile::new().expect("right for a test");
    file.write_all(authority.pem.as_bytes()).expect("right for a test");
    let config = json!({ "timeout": 10, "samples": 2, "ca-file": file.path() });
    (file, config)
}

#[test]
fn a_good_certificate_is_verified_and_the_server_measured() {
    let authority = Authority::new("Test authority");
    let (_file, config) = trusting(&authority);
    let servers = Servers::new();
    let server = servers.tls(&authority.issue(&["127.0.0.1"], Validity::Now), testing::plain());
    let ran = run(&[&format!("stuns:{server}"), &format!("turns:{server}?transport=tcp")], &config);
    assert_eq!(ran.outcome(), Outcome::Pass);
    let reports = ran.reports();
    assert_eq!(reports.len(), 2);
    for report in reports {
        let tls = path(&report.document, "tls");
        assert_eq!((&tls["reachable"], &tls["extra"]), (&json!(true), &json!(false)), "{tls:#}");
        assert_eq!((&tls["tls"]["verified"], &tls["tls"]["error"]), (&json!(true), &json!(null)));
        assert_eq!(tls["tls"]["version"], "TLSv1_3");
        let chain = tls["tls"]["chain"].as_array().unwrap();
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[0]["names"], json!(["127.0.0.1"]));
        assert_eq!(chain[0]["issuer"], chain[1]["subject"]);
        assert_eq!(tls["loss"], json!({ "sent": 2, "lost": 0 }));
        assert_eq!(tls["mapped_address"], tls["local_address"]);
        assert!(tls["connect_ms"].is_number());
    }
    let steps = ran.events("icescope.stun.connect/1");
    assert!(
        steps.iter().all(|step| step.contains("by TLS: connected in") && step.ends_with("TLSv1_3")),
        "{steps:?}"
    );
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_apart_with_its_chain() {
    let (authority, stranger) = (Authority::new("Test authority"), Authority::new("Somebody"));
    let (_file, config) = trusting(&authority);
    let servers = Servers::new();
    let table = [
        (authority.issue(&["127.0.0.1"], Validity::Expired), "expired", "has expired"),
        (authority.issue(&["stun.example.org"], Validity::Now), "wrong-name", "not for «127.0.0.1»"),
        (stranger.issue(&["127.0.0.1"], Validity::Now), "untrusted-issuer", "does not trust"),
        (authority.issue(&["127.0.0.1"], Validity::NotYet), "not-yet-valid", "not valid yet"),
    ];
    let servers_of: Vec<_> = table
        .iter()
        .map(|(identity, code, words)| {
            (format!("stuns:{}", servers.tls(identity, testing::plain())), *code, *words)
        })
        .collect();
    let urls: Vec<&str> = servers_of.iter().map(|one| one.0.as_str()).collect();
    let ran = run(&urls, &config);
    assert_eq!(ran.outcome(), Outcome::Failed);
    for report in ran.reports() {
        let (_, code, words) =
            servers_of.iter().find(|one| one.0 == report.subject).expect("a server of ours");
        let path = path(&report.document, "tls");
        assert_eq!(
            (&path["reachable"], &path["loss"]["sent"]),
            (&json!(false), &json!(0)),
            "no request was sent"
        );
        assert_eq!((&path["tls"]["verified"], &path["tls"]["error"]["code"]), (&json!(false), &json!(code)));
        assert_eq!(path["tls"]["chain"].as_array().map(Vec::len), Some(2));
        assert_eq!(path["tls"]["chain"][0]["days_left"].as_i64().unwrap() < 0, *code == "expired");
        let summary = report.document["summary"].as_str().unwrap();
        assert!(summary.contains("fails in TLS: ") && summary.contains(words), "{summary}");
    }
}

#[test]
fn a_closed_tls_port_is_refused_and_plain_udp_is_not_tried() {
    let dead = DeadPort::new();
    let document = run(&[&format!("stuns:{}", dead.address())], &json!({})).document();
    let paths = document["paths"].as_array().unwrap();
    assert_eq!(paths.len(), 1);
    assert_eq!((&paths[0]["reachable"], &paths[0]["tls"]), (&json!(false), &json!(null)));
    assert_eq!(paths[0]["network_error"]["code"], "port-unreachable");
}
