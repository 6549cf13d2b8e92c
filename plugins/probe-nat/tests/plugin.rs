//! The whole plugin, driven as the host drives it, against servers on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use icescope_plugin_sdk::testing::FakeHost;
use icescope_plugin_sdk::{IceServer, Outcome, abi};
use icescope_probe_nat::icescope_module;
use serde_json::{Value, json};

const ID: &str = "org.icescope.probe.nat";
const LIMIT: Duration = Duration::from_secs(20);

/// Answers Binding requests with the address that they came from.
struct Stun {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stun {
    fn start(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a socket on loopback");
        let address = socket.local_addr().expect("it is bound");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                socket.send_to(&answer(&buffer[..length], from), from).expect("loopback takes it");
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("stun:{}", self.address)
    }
}

impl Drop for Stun {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let waker = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        waker.send_to(&[0], self.address).expect("loopback takes it");
        self.thread.take().expect("started once").join().expect("it did not panic");
    }
}

/// RFC 8489 §14.1: MAPPED-ADDRESS, IPv4.
fn answer(request: &[u8], from: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(from) = from else { panic!("loopback of IPv4") };
    let mut answer = vec![0x01, 0x01, 0x00, 0x0c];
    answer.extend(&request[4..20]);
    answer.extend([0x00, 0x01, 0x00, 0x08, 0x00, 0x01]);
    answer.extend(from.port().to_be_bytes());
    answer.extend(from.ip().octets());
    answer
}

fn run(host: &FakeHost, args: &Value) -> Option<Outcome> {
    host.create(icescope_module(), ID, &json!({})).expect("an instance").run(args, 0, 7).expect("it runs")
}

fn documents(host: &FakeHost) -> Vec<Value> {
    host.seen(|seen| seen.reports.iter().map(|report| report.document.clone()).collect())
}

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../abi/schemas/icescope.nat-1.json");
    jsonschema::validator_for(&serde_json::from_str(text).expect("JSON")).expect("a schema")
}

#[test]
fn documents_are_as_their_schema_says() {
    let (first, second) = (Stun::start("127.0.0.1"), Stun::start("127.0.0.2"));
    let host = FakeHost::new();
    run(
        &host,
        &json!({ "servers": [first.url(), second.url(), "stun:no-such-host.invalid", "stun:127.0.0.1:9"] }),
    );
    let documents = documents(&host);
    assert_eq!(documents.len(), 2);
    for document in &documents {
        let errors: Vec<String> = schema().iter_errors(document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{document:#}");
    }
    let of =
        |family: &str| documents.iter().find(|document| document["family"] == family).expect("a document");
    let v4 = of("ipv4");
    assert_eq!(v4["nat"], false);
    assert_eq!(v4["local_address"], "127.0.0.1");
    assert_eq!(v4["public_address"], "127.0.0.1");
    assert_eq!(v4["filtering"], "unknown", "no server can tell it");
    assert_eq!(v4["hairpin"], Value::Null);
    assert_eq!(v4["lifetime_s"], Value::Null);
    let servers = v4["servers"].as_array().expect("servers");
    assert_eq!(servers.len(), 4);
    assert_eq!((&servers[0]["answered"], &servers[0]["rfc5780"]), (&json!(true), &json!(false)));
    assert!(servers[2]["error"].as_str().is_some_and(|error| error.contains("no-such-host.invalid")));
    assert_eq!(of("ipv6")["udp"], "unknown");
}

#[test]
fn a_granted_server_on_this_very_host_tells_nothing_of_a_nat() {
    let server = Stun::start("127.0.0.1");
    let host = FakeHost::new();
    let url = server.url();
    let nothing = String::new;
    host.grant_ice_servers(vec![IceServer {
        url,
        username: nothing(),
        credential: nothing(),
        realm: nothing(),
        expires_unix_s: None,
    }]);
    run(&host, &json!({ "families": ["ipv4"] }));
    let document = &documents(&host)[0];
    assert_eq!((&document["nat"], &document["public_address"]), (&Value::Null, &Value::Null));
    let error = document["servers"][0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("127.0.0.1 is this very host"), "{document:#}");
}

#[test]
fn every_field_names_observations_that_are_there() {
    let server = Stun::start("127.0.0.1");
    let host = FakeHost::new();
    run(&host, &json!({ "servers": [server.url()], "families": ["ipv4"] }));
    let document = &documents(&host)[0];
    let there: Vec<&Value> =
        document["observations"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
    let evidence = document["evidence"].as_object().expect("an object");
    assert!(!evidence["nat"]["observations"].as_array().expect("a list").is_empty());
    for (field, because) in evidence {
        for id in because["observations"].as_array().expect("a list") {
            assert!(there.contains(&id), "{field} rests on {id}, which is not there");
        }
        assert!(!because["because"].as_str().expect("text").is_empty(), "{field} says no reason");
    }
}

#[test]
fn each_packet_and_each_test_is_an_event_of_the_run() {
    let server = Stun::start("127.0.0.1");
    let host = FakeHost::new();
    run(&host, &json!({ "servers": [server.url()], "families": ["ipv4"] }));
    host.seen(|seen| {
        let of = |schema: &str| seen.events.iter().filter(|event| event.schema == schema).collect::<Vec<_>>();
        let packets = of("icescope.stun.message/1");
        let sent = packets.iter().filter(|event| event.seen.0 == abi::ICS_LANE_PEER).count();
        assert!(sent > 0 && packets.len() > sent, "{sent} of {} packets were sent", packets.len());
        assert!(packets.iter().all(|event| event.seen.2 == abi::ICS_EVIDENCE_PACKET && event.parent == 7));
        assert!(!of("icescope.nat.test/1").is_empty());
        assert_eq!(of("icescope.nat.report/1").len(), 1);
    });
}

#[test]
fn without_servers_a_run_is_skipped_and_granted_ones_are_taken() {
    let host = FakeHost::new();
    assert_eq!(run(&host, &json!({})), Some(Outcome::Skipped));
    assert!(documents(&host).is_empty());
    let server = Stun::start("127.0.0.1");
    host.grant_ice_servers(vec![IceServer {
        url: server.url(),
        username: String::new(),
        credential: String::new(),
        realm: String::new(),
        expires_unix_s: None,
    }]);
    run(&host, &json!({ "families": ["ipv4"] }));
    assert_eq!(documents(&host)[0]["servers"][0]["url"], server.url());
}

#[test]
fn a_cancelled_run_ends_at_once() {
    // A socket that never answers.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let url = format!("stun:{}", silent.local_addr().expect("it is bound"));
    let host = FakeHost::new();
    let mut probe = host.create(icescope_module(), ID, &json!({})).expect("an instance");
    let running = std::thread::spawn(move || probe.run(&json!({ "servers": [url] }), 0, 1));
    host.wait(LIMIT, |seen| seen.events.first().map(drop)).expect("it sends");
    host.cancel();
    let refusal = running.join().expect("no panic").expect_err("it was cancelled");
    assert_eq!(refusal.status, abi::ICS_E_CANCELLED);
}

#[test]
fn what_is_wrong_is_named_by_its_pointer() {
    let host = FakeHost::new();
    let refused = |config: &Value| host.create(icescope_module(), ID, config).expect_err("refused").pointer;
    assert_eq!(refused(&json!({ "timeout": 0.1 })), "/timeout");
    assert_eq!(refused(&json!({ "ca-file": "relative.pem" })), "/ca-file");
    assert_eq!(refused(&json!({ "time-out": 1 })), "/time-out");
    let mut probe = host.create(icescope_module(), ID, &json!({})).expect("an instance");
    let wrong = probe.run(&json!({ "servers": ["http://192.0.2.1"] }), 0, 1).expect_err("refused");
    assert_eq!(wrong.pointer, "/servers/0");
}
