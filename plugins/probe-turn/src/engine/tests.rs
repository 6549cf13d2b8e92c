//! The client against a server that is made of messages alone.

use std::net::SocketAddr;

use icescope_plugin_sdk::IceServer;
use icescope_probe_kit::attributes::stun::{AlternateServer, ErrorCode, Nonce, Realm, XorMappedAddress};
use icescope_probe_kit::attributes::turn::{LifeTime, XorRelayedAddress};
use icescope_probe_kit::message::{Checked, Class, Credentials, Hash, Key, Message, Request};
use proptest::prelude::*;

use super::client::{Ask, Client, Grant, Next, Sent};
use crate::credential::Credential;

const REALM: &str = "example.net";

fn client() -> Client {
    let (url, username, credential) = ("turn:x".to_owned(), "alice".to_owned(), "secret".to_owned());
    let server = IceServer { url, username, credential, realm: String::new(), expires_unix_s: None };
    Client::new(Credential::of(&server).unwrap())
}

fn key(password: &str) -> Key {
    Key::long_term("alice", REALM, password, Hash::Classic).unwrap()
}

/// A response to `sent`, not yet encoded.
fn response(ask: Ask, sent: &Sent, class: Class) -> Request {
    Request::new(ask.method(), class).id(Message::decode(&sent.bytes).unwrap().transaction_id())
}

fn error(ask: Ask, sent: &Sent, code: u16) -> Request {
    response(ask, sent, Class::Error).with(ErrorCode::new(stun_rs::ErrorCode::new(code, "reason").unwrap()))
}

fn with_nonce(response: Request, nonce: &str) -> Request {
    response.with(Realm::new(REALM).unwrap()).with(Nonce::new(nonce).unwrap())
}

fn decoded(response: &Request) -> Message {
    Message::decode(&response.encode().unwrap()).unwrap()
}

fn signed(response: Request, password: &str) -> Request {
    let (username, realm, nonce) = ("alice".to_owned(), REALM.to_owned(), "n".to_owned());
    response.credentials(&Credentials { username, realm, nonce, key: key(password), hash: Hash::Classic })
}

fn ask(client: &mut Client, ask: Ask, answer: impl FnOnce(&Sent) -> Request) -> Next {
    let sent = client.request(ask).unwrap();
    let answer = decoded(&answer(&sent));
    client.receive(ask, &sent, &answer)
}

fn challenged() -> Client {
    let mut client = client();
    let next = ask(&mut client, Ask::Allocate, |sent| with_nonce(error(Ask::Allocate, sent, 401), "first"));
    assert_eq!(next, Next::Challenged { reason: "reason".to_owned() });
    client
}

#[test]
fn after_the_challenge_requests_carry_the_servers_realm_and_nonce_and_their_integrity_holds() {
    let bare = client().request(Ask::Allocate).unwrap();
    assert!(!bare.authenticated);
    let client = challenged();
    let sent = client.request(Ask::Allocate).unwrap();
    let request = Message::decode(&sent.bytes).unwrap();
    assert!(sent.authenticated);
    assert_eq!((request.realm(), request.nonce()), (Some(REALM), Some("first")));
    assert_eq!(request.check_integrity(&key("secret")), Checked::Good);
    assert_eq!(client.realm(), Some(REALM));
    let binding = client.request(Ask::Binding).unwrap();
    assert!(!binding.authenticated, "Binding needs no credentials");
}

#[test]
fn a_grant_is_read_and_its_integrity_is_asked_for() {
    let grant = |sent: &Sent| {
        response(Ask::Allocate, sent, Class::Success)
            .with(XorRelayedAddress::from("192.0.2.1:50000".parse::<SocketAddr>().unwrap()))
            .with(XorMappedAddress::from("198.51.100.7:4000".parse::<SocketAddr>().unwrap()))
            .with(LifeTime::from(600))
    };
    let expected = Grant {
        relayed: Some("192.0.2.1:50000".parse().unwrap()),
        mapped: Some("198.51.100.7:4000".parse().unwrap()),
        lifetime: Some(600),
    };
    let next = ask(&mut challenged(), Ask::Allocate, |sent| signed(grant(sent), "secret"));
    assert_eq!(next, Next::Granted(expected));
    let wrong = ask(&mut challenged(), Ask::Allocate, |sent| signed(grant(sent), "another"));
    assert!(matches!(&wrong, Next::Invalid(why) if why.contains("does not hold")), "{wrong:?}");
    let absent = ask(&mut challenged(), Ask::Allocate, grant);
    assert!(matches!(&absent, Next::Invalid(why) if why.contains("no MESSAGE-INTEGRITY")), "{absent:?}");
    let open = ask(&mut client(), Ask::Allocate, grant);
    assert_eq!(open, Next::Granted(expected), "a server that asks for no credentials");
}

#[test]
fn an_allocation_without_an_address_is_none() {
    let next = ask(&mut challenged(), Ask::Allocate, |sent| {
        signed(response(Ask::Allocate, sent, Class::Success), "secret")
    });
    assert!(matches!(&next, Next::Invalid(why) if why.contains("XOR-RELAYED-ADDRESS")), "{next:?}");
}

#[test]
fn a_stale_nonce_is_renewed_once_for_each_question() {
    let mut client = challenged();
    let stale = |sent: &Sent| with_nonce(error(Ask::Refresh(600), sent, 438), "second");
    assert_eq!(ask(&mut client, Ask::Refresh(600), stale), Next::NewNonce);
    let again = client.request(Ask::Refresh(600)).unwrap();
    assert_eq!(Message::decode(&again.bytes).unwrap().nonce(), Some("second"));
    let granted = ask(&mut client, Ask::Refresh(600), |sent| {
        signed(response(Ask::Refresh(600), sent, Class::Success), "secret")
    });
    assert!(matches!(granted, Next::Granted(_)));
    assert_eq!(ask(&mut client, Ask::Refresh(600), stale), Next::NewNonce, "another question");
    let circles = ask(&mut client, Ask::Refresh(600), stale);
    assert!(matches!(circles, Next::Refused { code: 438, .. }), "{circles:?}");
}

#[test]
fn a_second_401_is_a_refusal_and_one_without_realm_says_so() {
    let next =
        ask(&mut challenged(), Ask::Allocate, |sent| with_nonce(error(Ask::Allocate, sent, 401), "again"));
    assert!(matches!(next, Next::Refused { code: 401, detail: None, .. }), "{next:?}");
    let next = ask(&mut client(), Ask::Allocate, |sent| error(Ask::Allocate, sent, 401));
    assert!(
        matches!(&next, Next::Refused { code: 401, detail: Some(why), .. } if why.contains("REALM")),
        "{next:?}"
    );
}

#[test]
fn credentials_that_cannot_be_used_are_named_without_being_told() {
    for (username, credential) in [("xq\u{7}zw", "jxkv"), ("xqzw", "jx\u{7}kv")] {
        let (url, username, credential) = ("turn:x".to_owned(), username.to_owned(), credential.to_owned());
        let server = IceServer { url, username, credential, realm: String::new(), expires_unix_s: None };
        let mut client = Client::new(Credential::of(&server).unwrap());
        let next = ask(&mut client, Ask::Allocate, |sent| with_nonce(error(Ask::Allocate, sent, 401), "n"));
        let refused = matches!(&next, Next::Unusable(_));
        // Either the key cannot be made, or the request.
        let sent = client.request(Ask::Allocate);
        let why = sent.as_ref().map_or_else(ToString::to_string, |_| String::new());
        let told = format!("{next:?} {client:?} {why}");
        assert!(refused || !why.is_empty(), "{told}");
        assert!(["xq", "zw", "jx", "kv"].iter().all(|part| !told.contains(part)), "{told}");
    }
    let told = format!("{:?}", challenged());
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn a_redirection_names_its_goal_or_is_none() {
    let goal: SocketAddr = "192.0.2.9:3478".parse().unwrap();
    let next = ask(&mut client(), Ask::Allocate, |sent| {
        error(Ask::Allocate, sent, 300).with(AlternateServer::from(goal))
    });
    assert_eq!(next, Next::Elsewhere(goal));
    let next = ask(&mut client(), Ask::Allocate, |sent| error(Ask::Allocate, sent, 300));
    assert!(matches!(next, Next::Refused { code: 300, .. }), "{next:?}");
}

#[test]
fn an_answer_to_another_question_is_none() {
    let next = ask(&mut challenged(), Ask::Refresh(0), |sent| response(Ask::Allocate, sent, Class::Success));
    assert!(matches!(next, Next::Invalid(_)), "{next:?}");
}

proptest! {
    #[test]
    fn whatever_attributes_come_the_client_stays_calm(
        class in prop_oneof![Just(0x0103_u16), Just(0x0113)],
        attributes in proptest::collection::vec(
            (0_u16..0x40, proptest::collection::vec(any::<u8>(), 0..12)), 0..6),
        authenticated: bool,
    ) {
        let mut client = if authenticated { challenged() } else { client() };
        let sent = client.request(Ask::Allocate).unwrap();
        let mut bytes = [&class.to_be_bytes()[..], &[0, 0], &sent.bytes[4..20]].concat();
        for (number, value) in attributes {
            bytes.extend(number.to_be_bytes());
            bytes.extend((value.len() as u16).to_be_bytes());
            bytes.extend(&value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let length = (bytes.len() - 20) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let answer = Message::decode(&bytes).unwrap();
        let next = client.receive(Ask::Allocate, &sent, &answer);
        let granted = matches!(next, Next::Granted(_));
        prop_assert!(!granted || !authenticated, "nothing is granted without integrity");
    }
}
