//! The embedded relay in the daemon: what pages are told of it, and what it tells of them.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::{SocketAddr, UdpSocket};

use common::service::{GOOD, PATIENCE, Service, address, ask, rewrite};
use serde_json::Value;
use stun_rs::attributes::stun::{MessageIntegrity, Nonce, Realm, UserName};
use stun_rs::attributes::turn::RequestedTrasport;
use stun_rs::methods::ALLOCATE;
use stun_rs::protocols::UDP;
use stun_rs::{
    Algorithm, AlgorithmId, HMACKey, MessageClass, MessageDecoder, MessageEncoder, StunMessage,
    StunMessageBuilder,
};

fn body(answer: &str) -> Value {
    let text = answer.split_once("\r\n\r\n").expect("a body").1;
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn open(daemon: &str) -> Value {
    body(&ask(daemon, "POST", "/api/sessions", ""))
}

/// The first URL of a session's ICE servers that begins so, as an address, with user name and password.
fn server(session: &Value, scheme: &str) -> Option<(SocketAddr, String, String)> {
    let servers = session["ice_servers"].as_array().unwrap();
    servers.iter().find_map(|server| {
        let urls = server["urls"].as_array().unwrap();
        let url = urls.iter().filter_map(Value::as_str).find_map(|url| url.strip_prefix(scheme))?;
        let text = |key: &str| server[key].as_str().unwrap_or_default().to_owned();
        Some((url.split('?').next()?.parse().unwrap(), text("username"), text("credential")))
    })
}

/// Sends an Allocate request and gives its answer.
fn allocate(socket: &UdpSocket, signed: Option<(&str, &str, &StunMessage)>) -> StunMessage {
    let mut request =
        StunMessageBuilder::new(ALLOCATE, MessageClass::Request).with_attribute(RequestedTrasport::from(UDP));
    if let Some((username, password, challenge)) = signed {
        let realm = challenge.get::<Realm>().unwrap().as_realm().unwrap().clone();
        let nonce = challenge.get::<Nonce>().unwrap().as_nonce().unwrap().clone();
        let md5 = Algorithm::from(AlgorithmId::MD5);
        let key = HMACKey::new_long_term(username, realm.as_str(), password, md5).unwrap();
        let name = UserName::new(username).unwrap();
        let named = request.with_attribute(name).with_attribute(realm).with_attribute(nonce);
        request = named.with_attribute(MessageIntegrity::new(key));
    }
    let mut buffer = [0; 1_500];
    let length = MessageEncoder::default().encode(&mut buffer, &request.build()).unwrap();
    socket.send(&buffer[..length]).unwrap();
    let length = socket.recv(&mut buffer).unwrap();
    MessageDecoder::default().decode(&buffer[..length]).unwrap().0
}

#[test]
fn a_session_gets_credentials_of_its_own_and_what_the_relay_sees_of_them() {
    let service = Service::start(&format!("{GOOD}[relay]\nlisten = \"127.0.0.1:0\"\n"));
    let daemon = address(&service.told("READY=1"));
    let [session, other] = [open(&daemon), open(&daemon)];
    let (relay, username, password) = server(&session, "turn:").expect("a TURN server");
    assert_eq!(server(&session, "stun:").map(|(address, ..)| address), Some(relay));
    assert_ne!(server(&other, "turn:").unwrap().1, username, "another session's");

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(relay).unwrap();
    let challenge = allocate(&socket, None);
    assert_eq!(challenge.class(), MessageClass::ErrorResponse);
    // Granted, or refused (440) on a host that has no address but loopback: signed in either case.
    let answer = allocate(&socket, Some((&username, &password, &challenge)));
    assert!(answer.get::<MessageIntegrity>().is_some(), "{answer:?}");

    let read = |session: &Value| {
        let headers = format!("Authorization: Bearer {}\r\n", session["token"].as_str().unwrap());
        let path = format!("/api/sessions/{}", session["id"].as_str().unwrap());
        let record = body(&ask(&daemon, "GET", &path, &headers));
        let events = record["events"].as_array().unwrap().clone();
        events.into_iter().filter(|event| event["seenBy"] == "relay").collect::<Vec<_>>()
    };
    // The record is written behind the answer: what was answered is there after another answer.
    let began = std::time::Instant::now();
    while read(&session).len() < 4 {
        assert!(began.elapsed() < PATIENCE, "{:#?}", read(&session));
        std::thread::yield_now();
    }
    let kinds: Vec<String> =
        read(&session).iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        kinds[..3],
        ["turn.allocate.request", "turn.allocate.error", "turn.allocate.request"],
        "{kinds:?}"
    );
    assert_eq!(read(&session)[1]["attributes"]["errorCode"], 401);
    assert_eq!(read(&other).len(), 0, "nothing of it is another session's");
    let told = format!("{:?}", read(&session));
    assert!(!told.contains(&password) && !told.contains(&username), "no secret and no user name: {told}");
    assert!(!service.stop().contains(&password));
}

#[test]
fn where_others_are_configured_pages_hear_nothing_of_it_also_after_a_reload() {
    let others = format!("{GOOD}[ice]\nservers = [{{ urls = \"stun:stun.example.net\" }}]\n");
    let service = Service::start(&others);
    let daemon = address(&service.told("READY=1"));
    assert!(server(&open(&daemon), "turn:").is_none());
    rewrite(&service.config, GOOD);
    service.signal("HUP");
    service.told("READY=1");
    assert!(server(&open(&daemon), "turn:").is_none());
    let log = service.stop();
    assert!(log.contains("the embedded relay starts with the next restart"), "{log}");
}

#[test]
fn a_taken_port_stops_the_daemon_only_where_it_was_asked_for() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address_taken = taken.local_addr().unwrap();
    let mut asked = Service::start(&format!("{GOOD}[relay]\nlisten = \"{address_taken}\"\n"));
    assert_eq!(asked.child.wait().unwrap().code(), Some(1));
    let log = asked.log();
    assert!(log.contains(&address_taken.to_string()) && log.contains("relay.listen"), "{log}");

    // Whoever has the port of the default, this test or another: the daemon takes a free one.
    let _default = UdpSocket::bind("127.0.0.1:3478");
    let service = Service::start(GOOD);
    let daemon = address(&service.told("READY=1"));
    let (relay, ..) = server(&open(&daemon), "turn:").expect("a TURN server all the same");
    assert_ne!(relay.port(), 3478);
    assert!(service.stop().contains("takes port"));
}
