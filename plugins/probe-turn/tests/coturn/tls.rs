//! TLS: what passes, and D17 with which of its kinds.

use std::io::{Read, Write};
use std::net::TcpListener;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use crate::probe::{assert_cause, ice_server, run_with, steps};
use crate::server::{Coturn, PASSWORD, Tls, USER};

/// A root and an intermediate authority.
struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

fn parameters(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}

impl Authority {
    fn new() -> Self {
        let authority = |name| {
            let mut parameters = parameters(name, &[]);
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            parameters
        };
        let root =
            CertifiedIssuer::self_signed(authority("icescope test root"), KeyPair::generate().unwrap())
                .unwrap();
        let intermediate = CertifiedIssuer::signed_by(
            authority("icescope test intermediate"),
            KeyPair::generate().unwrap(),
            &root,
        )
        .unwrap();
        Self { root, intermediate }
    }

    /// Certificate and key, PEM, signed by the intermediate authority.
    fn leaf(&self, parameters: &CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let leaf = parameters.signed_by(&key, &self.intermediate).unwrap();
        (leaf.pem(), key.serialize_pem())
    }

    /// Runs the probe against a server with this chain and key, trusting the root or not.
    fn probe(&self, chain: &str, key: &str, host: &str, trusted: bool) -> Option<Value> {
        let server = Coturn::start_tls(&Tls { chain, key })?;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("root.pem");
        std::fs::write(&file, self.root.pem()).unwrap();
        let config = if trusted { json!({ "ca-file": file }) } else { json!({}) };
        let url = format!("turns:{host}:{}?transport=tcp", server.tls_port);
        let servers = vec![ice_server(&url, USER, PASSWORD)];
        Some(run_with(servers, &config, &json!({ "families": ["ipv4"] })).only())
    }
}

#[test]
fn data_goes_through_the_relay_and_back_over_tls() {
    let authority = Authority::new();
    let (leaf, key) = authority.leaf(&parameters("relay", &["localhost"]));
    let chain = leaf + &authority.intermediate.pem();
    let Some(document) = authority.probe(&chain, &key, "localhost", true) else { return };
    assert_eq!(
        (document["cause"].as_str(), document["outcome"].as_str()),
        (None, Some("pass")),
        "{document:#}"
    );
    assert_eq!(document["data"]["received"], 25);
    let expected = [
        "dns",
        "tls",
        "challenge 401",
        "allocate",
        "permission",
        "channel_bind",
        "data",
        "refresh",
        "release",
    ];
    assert_eq!(steps(&document), expected);
    assert_eq!(document["tls"]["verified"], true);
    assert_eq!(document["tls"]["chain"].as_array().unwrap().len(), 2);
    println!("TLS: {}", document["summary"]);
}

#[test]
fn d17_a_certificate_for_another_name_is_named_with_its_names() {
    let authority = Authority::new();
    let (leaf, key) = authority.leaf(&parameters("relay", &["turn.example.net"]));
    let chain = leaf + &authority.intermediate.pem();
    let Some(document) = authority.probe(&chain, &key, "127.0.0.1", true) else { return };
    assert_cause(&document, "D17", "failed");
    let summary = document["summary"].as_str().unwrap();
    assert!(summary.contains("is for turn.example.net, not for 127.0.0.1"), "{summary}");
    assert_eq!(steps(&document), ["!tls"]);
    assert_eq!(document["tls"]["verified"], false);
}

#[test]
fn d17_a_chain_without_its_intermediate_certificate_is_named() {
    let authority = Authority::new();
    let (leaf, key) = authority.leaf(&parameters("relay", &["localhost"]));
    let Some(document) = authority.probe(&leaf, &key, "localhost", true) else { return };
    assert_cause(&document, "D17", "failed");
    let summary = document["summary"].as_str().unwrap();
    assert!(summary.contains("incomplete") && summary.contains("icescope test intermediate"), "{summary}");
}

#[test]
fn d17_an_unknown_authority_is_named() {
    let authority = Authority::new();
    let (leaf, key) = authority.leaf(&parameters("relay", &["localhost"]));
    let chain = leaf + &authority.intermediate.pem();
    let Some(document) = authority.probe(&chain, &key, "localhost", false) else { return };
    assert_cause(&document, "D17", "failed");
    let summary = document["summary"].as_str().unwrap();
    assert!(summary.contains("icescope test root) is not among the trusted ones"), "{summary}");
}

#[test]
fn d17_a_self_signed_certificate_is_named() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let own = parameters("relay", &["localhost"]).self_signed(&key).unwrap();
    let Some(document) = authority.probe(&own.pem(), &key.serialize_pem(), "localhost", true) else { return };
    assert_cause(&document, "D17", "failed");
    assert!(document["summary"].as_str().unwrap().contains("self-signed"), "{document:#}");
}

#[test]
fn d17_an_expired_certificate_is_named() {
    let authority = Authority::new();
    let mut parameters = parameters("relay", &["localhost"]);
    (parameters.not_before, parameters.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let (leaf, key) = authority.leaf(&parameters);
    let chain = leaf + &authority.intermediate.pem();
    let Some(document) = authority.probe(&chain, &key, "localhost", true) else { return };
    assert_cause(&document, "D17", "failed");
    assert!(document["summary"].as_str().unwrap().contains("expired"), "{document:#}");
}

#[test]
fn d18_a_refused_handshake_is_told_from_a_bad_certificate() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        assert!(client.read(&mut [0; 4096]).unwrap() > 0, "a ClientHello");
        // A fatal protocol_version alert (RFC 8446 §6).
        client.write_all(&[21, 3, 3, 0, 2, 2, 70]).unwrap();
    });
    let url = format!("turns:127.0.0.1:{port}");
    let document = run_with(vec![ice_server(&url, USER, PASSWORD)], &json!({}), &json!({})).only();
    server.join().unwrap();
    assert_cause(&document, "D18", "failed");
}

#[test]
fn d25_a_port_for_plain_tcp_is_told_from_one_for_tls() {
    let Some(server) = Coturn::start(&[]) else { return };
    let url = format!("turns:127.0.0.1:{}", server.port);
    let document =
        run_with(vec![ice_server(&url, USER, PASSWORD)], &json!({ "timeout": 2.0 }), &json!({})).only();
    assert_cause(&document, "D25", "failed");
}
