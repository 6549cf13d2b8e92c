//! The messages of RFC 5769, and what is built and read back.

use icescope_probe_kit::attributes::discovery::{OtherAddress, ResponseOrigin};
use icescope_probe_kit::attributes::stun::{ErrorCode, MappedAddress, Software, XorMappedAddress};
use icescope_probe_kit::attributes::turn::{LifeTime, XorRelayedAddress};
use icescope_probe_kit::message::{
    Checked, Class, Credentials, DecodeError, Hash, Key, Message, Method, Request, ResponsePortWidth,
};
use proptest::prelude::*;
use stun_rs::ErrorCode as Code;

const REQUEST: &[u8] = include_bytes!("corpus/rfc5769-request.bin");
const IPV4_RESPONSE: &[u8] = include_bytes!("corpus/rfc5769-ipv4-response.bin");
const IPV6_RESPONSE: &[u8] = include_bytes!("corpus/rfc5769-ipv6-response.bin");
const LONG_TERM_REQUEST: &[u8] = include_bytes!("corpus/rfc5769-long-term-request.bin");

fn read(bytes: &[u8]) -> Message {
    Message::decode(bytes).expect("a message")
}

fn address(text: &str) -> std::net::SocketAddr {
    text.parse().expect(text)
}

fn answer() -> Request {
    Request::new(Method::Binding, Class::Success)
}

#[test]
fn the_request_of_rfc_5769_is_read_and_its_integrity_holds() {
    let message = read(REQUEST);
    assert_eq!((message.method(), message.class()), (Method::Binding, Class::Request));
    assert_eq!(message.software().as_deref(), Some("STUN test client"));
    assert!(message.malformed().is_empty());
    assert_eq!(message.check_fingerprint(), Checked::Good);
    let key = Key::short_term("VOkJxbRl1RmTxUk/WvJxBt").unwrap();
    assert_eq!(message.check_integrity(&key), Checked::Good);
    assert_eq!(message.check_integrity(&Key::short_term("wrong").unwrap()), Checked::Wrong);
}

#[test]
fn the_responses_of_rfc_5769_are_read_with_their_addresses() {
    let key = Key::short_term("VOkJxbRl1RmTxUk/WvJxBt").unwrap();
    let table =
        [(IPV4_RESPONSE, "192.0.2.1:32853"), (IPV6_RESPONSE, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")];
    for (bytes, expected) in table {
        let message = read(bytes);
        assert_eq!(message.class(), Class::Success);
        assert_eq!(message.xor_mapped_address(), Some(address(expected)));
        assert!(message.mapped().is_some_and(|mapped| mapped.xor));
        assert_eq!(message.software().as_deref(), Some("test vector"));
        assert_eq!(message.check_integrity(&key), Checked::Good);
        assert_eq!(message.check_fingerprint(), Checked::Good);
        let mut changed = bytes.to_vec();
        changed[25] ^= 1;
        assert_eq!(read(&changed).check_fingerprint(), Checked::Wrong);
        assert_eq!(read(&changed).check_integrity(&key), Checked::Wrong);
    }
}

#[test]
fn the_long_term_request_of_rfc_5769_is_read_and_its_integrity_holds() {
    let message = read(LONG_TERM_REQUEST);
    assert_eq!(
        (message.realm(), message.nonce()),
        (Some("example.org"), Some("f//499k954d6OL34oL9FSTvy64sA"))
    );
    let key = Key::long_term("マトリックス", "example.org", "TheMatrIX", Hash::Classic).unwrap();
    assert_eq!(message.check_integrity(&key), Checked::Good);
    let other = Key::long_term("マトリックス", "example.org", "TheMatrIX", Hash::Sha256).unwrap();
    assert_eq!(message.check_integrity(&other), Checked::Wrong);
    assert_eq!(message.check_fingerprint(), Checked::Absent);
}

#[test]
fn requests_are_built_with_credentials_that_check() {
    for hash in [Hash::Classic, Hash::Sha256] {
        let key = Key::long_term("user", "example.org", "secret", hash).unwrap();
        let credentials = Credentials {
            username: "user".into(),
            realm: "example.org".into(),
            nonce: "abc".into(),
            key: key.clone(),
            hash,
        };
        assert!(
            !format!("{credentials:?}").contains("secret") && format!("{credentials:?}").contains("hidden")
        );
        let request = Request::new(Method::Allocate, Class::Request).credentials(&credentials).fingerprint();
        let message = read(&request.encode().unwrap());
        assert_eq!((message.method(), message.class()), (Method::Allocate, Class::Request));
        assert_eq!(message.check_integrity(&key), Checked::Good);
        assert_eq!(message.check_fingerprint(), Checked::Good);
        assert_eq!((message.realm(), message.nonce()), (Some("example.org"), Some("abc")));
        let which = if hash == Hash::Classic { 0x0008 } else { 0x001c };
        assert!(message.value(which).is_some(), "{hash:?}");
    }
}

#[test]
fn change_request_is_written_as_rfc_5780_has_it() {
    for (ip, port, bits) in [(false, false, 0), (false, true, 2), (true, false, 4), (true, true, 6)] {
        let message = read(&Request::binding().change_request(ip, port).encode().unwrap());
        assert_eq!(message.value(0x0003), Some(&[0, 0, 0, bits][..]));
    }
}

#[test]
fn response_port_is_written_in_both_widths() {
    let encode = |width| Request::binding().padding(5).response_port(4660, width).encode().unwrap();
    let two = encode(ResponsePortWidth::Two);
    assert_eq!(two[two.len() - 8..], [0, 0x27, 0, 2, 0x12, 0x34, 0, 0]);
    let four = encode(ResponsePortWidth::Four);
    assert_eq!(four[four.len() - 8..], [0, 0x27, 0, 4, 0x12, 0x34, 0, 0]);
    assert_eq!(two.len(), four.len());
    assert_eq!(read(&four).value(0x0026), Some(&b"00000"[..]));
    let refused = Request::binding().response_port(1, ResponsePortWidth::Four).fingerprint().encode();
    assert!(refused.unwrap_err().to_string().contains("RESPONSE-PORT of length 4"));
}

#[test]
fn padding_makes_messages_larger_than_one_packet() {
    let bytes = Request::binding().padding(3000).encode().unwrap();
    assert_eq!(bytes.len(), 20 + 4 + 3000);
    assert_eq!(read(&bytes).value(0x0026).map(<[u8]>::len), Some(3000));
}

#[test]
fn what_rfc_5780_and_turn_servers_say_is_read() {
    let bytes = answer()
        .with(MappedAddress::from(address("192.0.2.9:1")))
        .with(OtherAddress::from(address("192.0.2.2:3479")))
        .with(ResponseOrigin::from(address("192.0.2.1:3478")))
        .with(XorRelayedAddress::from(address("[2001:db8::1]:50000")))
        .with(LifeTime::from(600))
        .with(Software::new("it\u{7}self").unwrap())
        .encode()
        .unwrap();
    let message = read(&bytes);
    let mapped = message.mapped().unwrap();
    assert_eq!((mapped.address, mapped.xor), (address("192.0.2.9:1"), false));
    assert_eq!(message.other_address(), Some(address("192.0.2.2:3479")));
    assert_eq!(message.response_origin(), Some(address("192.0.2.1:3478")));
    assert_eq!(message.relayed_addresses().collect::<Vec<_>>(), [address("[2001:db8::1]:50000")]);
    assert_eq!(message.lifetime(), Some(600));
    assert_eq!(message.software().as_deref(), Some("it\u{fffd}self"), "no control characters");
}

#[test]
fn an_error_has_the_servers_words_and_ours() {
    let error = |code, reason| {
        let code = ErrorCode::new(Code::new(code, reason).unwrap());
        let bytes = Request::new(Method::Allocate, Class::Error).with(code).encode().unwrap();
        read(&bytes).error().unwrap()
    };
    let quota = error(486, "Allocation Quota Reached");
    assert_eq!((quota.code, quota.reason.as_str()), (486, "Allocation Quota Reached"));
    assert!(quota.words.contains("quota"));
    assert!(error(401, "x").words.contains("credentials"));
    assert!(error(699, "x").words.contains("no RFC"));
    assert!(error(451, "x").words.contains("refuses the request"));
}

#[test]
fn a_broken_attribute_is_named_and_does_not_hide_the_others() {
    // XOR-MAPPED-ADDRESS of an unknown family, then a good MAPPED-ADDRESS.
    let mut bytes = answer().with(MappedAddress::from(address("192.0.2.9:1"))).encode().unwrap();
    let broken = [0, 0x20, 0, 8, 0, 9, 0, 0, 1, 2, 3, 4];
    bytes.splice(20..20, broken);
    bytes[3] += 12;
    let message = read(&bytes);
    assert_eq!(message.mapped_address(), Some(address("192.0.2.9:1")));
    assert_eq!(message.malformed().len(), 1);
    assert!(
        message.malformed()[0].to_string().starts_with("XOR-MAPPED-ADDRESS: "),
        "{:?}",
        message.malformed()
    );
}

#[test]
fn what_stands_after_the_integrity_is_not_believed() {
    // RFC 8489 §14.5: otherwise somebody on the way could add an address.
    let added = [0, 1, 0, 8, 0, 1, 0, 1, 6, 6, 6, 6];
    // With FINGERPRINT at its end, and without it: then with MESSAGE-INTEGRITY.
    for end in [IPV4_RESPONSE.len(), IPV4_RESPONSE.len() - 8] {
        let mut bytes = [&IPV4_RESPONSE[..end], &added[..]].concat();
        bytes[3] = u8::try_from(bytes.len() - 20).unwrap();
        assert_eq!(read(&bytes).mapped_address(), None, "{end}");
    }
}

#[test]
fn what_is_no_stun_message_is_said() {
    assert_eq!(Message::decode(&REQUEST[..19]).unwrap_err(), DecodeError::Short(19));
    let changed = |at: usize, to: u8| {
        let mut bytes = REQUEST.to_vec();
        bytes[at] = to;
        Message::decode(&bytes).unwrap_err()
    };
    assert_eq!(changed(0, 0x40), DecodeError::NotStun);
    assert_eq!(changed(4, 0), DecodeError::Cookie);
    assert_eq!(changed(3, 0x5c), DecodeError::Length { said: 0x5c, there: 0x58 });
    assert_eq!(changed(3, 0x57), DecodeError::Length { said: 0x57, there: 0x58 });
}

#[test]
fn texts_that_stun_does_not_allow_are_refused_before_they_are_sent() {
    let key = Key::long_term("u", "r", "p", Hash::Classic).unwrap();
    let credentials = Credentials {
        username: "u\u{0}".into(),
        realm: "r".into(),
        nonce: "n".into(),
        key,
        hash: Hash::Classic,
    };
    let error = Request::new(Method::Refresh, Class::Request).credentials(&credentials).encode().unwrap_err();
    assert!(error.to_string().starts_with("the Refresh request cannot be built: USERNAME"), "{error}");
    assert!(Key::long_term("u", "r", "", Hash::Classic).unwrap_err().to_string().contains("empty"));
}

proptest! {
    #[test]
    fn mapped_addresses_come_back_as_they_were_sent(ip: std::net::IpAddr, port: u16, id: [u8; 12]) {
        let sent = std::net::SocketAddr::new(ip, port);
        let bytes = answer().id(id).with(XorMappedAddress::from(sent)).fingerprint().encode().unwrap();
        let message = read(&bytes);
        prop_assert_eq!(message.xor_mapped_address(), Some(sent));
        prop_assert_eq!(message.transaction_id(), id);
        prop_assert_eq!(message.check_fingerprint(), Checked::Good);
    }

    #[test]
    fn methods_and_classes_come_back_as_they_were_sent(number in 0_u16..0x1000, class in 0_usize..4) {
        let class = [Class::Request, Class::Indication, Class::Success, Class::Error][class];
        let message = read(&Request::new(Method::from_number(number), class).encode().unwrap());
        prop_assert_eq!(message.method().number(), number);
        prop_assert_eq!(message.class(), class);
    }
}
