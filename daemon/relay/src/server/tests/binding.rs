use std::net::SocketAddr;

use proptest::prelude::*;

use crate::server::binding::room;
use crate::server::{Discovery, Outcome};
use crate::testing::{Bench, Draft, allocate, binding, code, via};
use crate::tuple::Transport;
use crate::wire::attribute;
use crate::wire::read::{Message, xor_address};

fn plain(bytes: &[u8], kind: u16) -> Option<SocketAddr> {
    let value = Message::parse(bytes).unwrap().get(kind)?;
    let port = u16::from_be_bytes([value[2], value[3]]);
    let address = match value[1] {
        1 => <[u8; 4]>::try_from(&value[4..]).unwrap().into(),
        _ => <[u8; 16]>::try_from(&value[4..]).unwrap().into(),
    };
    Some(SocketAddr::new(address, port))
}

const OTHER_ADDRESS: u16 = 0x802c;
const RESPONSE_ORIGIN: u16 = 0x802b;

fn with_discovery() -> Bench {
    let mut bench = Bench::default();
    let pair = |one: &str, two: &str| Discovery {
        addresses: [one.parse().unwrap(), two.parse().unwrap()],
        ports: [3478, 3479],
    };
    bench.server.set_discovery(vec![pair("192.0.2.1", "192.0.2.2"), pair("2001:db8::1", "2001:db8::2")]);
    bench
}

fn change(flags: u8) -> Draft {
    binding(1).with(attribute::CHANGE_REQUEST, &[0, 0, 0, flags])
}

#[test]
fn a_binding_says_where_the_client_is_seen() {
    for client in ["192.0.2.9:1234", "[2001:db8::9]:1234"] {
        let mut bench = Bench::default();
        let reply = bench.reply(via(client), &binding(7)).unwrap();
        let message = Message::parse(&reply.bytes).unwrap();
        let mapped = xor_address(message.get(0x0020).unwrap(), &message.transaction);
        assert_eq!(mapped, Some(client.parse().unwrap()));
        assert_eq!((reply.from, reply.to), (via(client).server, client.parse().unwrap()));
        assert_eq!(message.attributes().count(), 1, "nothing that makes it larger");
    }
}

#[test]
fn change_request_is_refused_where_there_is_one_address() {
    let mut bench = Bench::default();
    for flags in [0, 2, 4, 6] {
        let answer = bench.answer(via("192.0.2.9:1234"), &change(flags));
        assert_eq!(code(&answer), 420);
        assert_eq!(Message::parse(&answer).unwrap().get(0x000a), Some(&[0, 3][..]));
        assert_eq!(plain(&answer, OTHER_ADDRESS), None);
    }
}

#[test]
fn with_two_addresses_answers_come_from_where_they_are_asked_from() {
    let mut bench = with_discovery();
    for (flags, from) in
        [(0, "192.0.2.1:3478"), (2, "192.0.2.1:3479"), (4, "192.0.2.2:3478"), (6, "192.0.2.2:3479")]
    {
        let reply = bench.reply(via("192.0.2.9:1234"), &change(flags)).unwrap();
        assert_eq!(reply.from, from.parse().unwrap(), "flags {flags}");
        assert_eq!(plain(&reply.bytes, OTHER_ADDRESS), Some("192.0.2.2:3479".parse().unwrap()));
        assert_eq!(plain(&reply.bytes, RESPONSE_ORIGIN), Some(reply.from));
    }
    let elsewhere =
        crate::tuple::FiveTuple { server: "192.0.2.2:3479".parse().unwrap(), ..via("192.0.2.9:1234") };
    let reply = bench.reply(elsewhere, &change(2)).unwrap();
    assert_eq!(reply.from, "192.0.2.2:3478".parse().unwrap());
    assert_eq!(plain(&reply.bytes, OTHER_ADDRESS), Some("192.0.2.1:3478".parse().unwrap()));
}

#[test]
fn the_other_address_is_told_as_soon_as_there_is_room() {
    let mut bench = with_discovery();
    let answer = bench.answer(via("192.0.2.9:1234"), &binding(1));
    assert!(plain(&answer, OTHER_ADDRESS).is_some() && plain(&answer, RESPONSE_ORIGIN).is_none());
    let padded = |length| binding(1).with(attribute::PADDING, &vec![b' '; length]);
    let ipv6 = via("[2001:db8::9]:1234");
    let answer = bench.answer(ipv6, &binding(1));
    assert_eq!(plain(&answer, OTHER_ADDRESS), None, "a request of 20 bytes");
    let answer = bench.answer(ipv6, &padded(24));
    assert_eq!(plain(&answer, OTHER_ADDRESS), Some("[2001:db8::2]:3479".parse().unwrap()));
    assert_eq!(plain(&answer, RESPONSE_ORIGIN), Some(ipv6.server));
}

#[test]
fn a_response_goes_to_another_port_of_the_same_client() {
    let mut bench = Bench::default();
    for value in [&[0x30, 0x39][..], &[0x30, 0x39, 0, 0]] {
        let reply =
            bench.reply(via("192.0.2.9:1234"), &binding(1).with(attribute::RESPONSE_PORT, value)).unwrap();
        assert_eq!(reply.to, "192.0.2.9:12345".parse().unwrap());
    }
    let both = binding(1).with(attribute::RESPONSE_PORT, &[1, 2]).with(attribute::PADDING, b"    ");
    assert_eq!(code(&bench.answer(via("192.0.2.9:1234"), &both)), 400);
    let stream = crate::tuple::FiveTuple { transport: Transport::Tcp, ..via("192.0.2.9:1234") };
    assert_eq!(code(&bench.answer(stream, &binding(1).with(attribute::RESPONSE_PORT, &[1, 2]))), 400);
}

#[test]
fn padding_comes_back_and_never_more_than_came() {
    let mut bench = Bench::default();
    let answer = bench.answer(via("192.0.2.9:1234"), &binding(1).with(attribute::PADDING, &[b' '; 1000]));
    assert_eq!(Message::parse(&answer).unwrap().get(attribute::PADDING).map(<[u8]>::len), Some(1000));
}

#[test]
fn what_must_be_understood_and_is_not_is_named() {
    let mut bench = Bench::default();
    let request = binding(1).with(0x0031, &[]).with(0x8099, &[]).with(0x7fff, &[1, 2, 3]);
    let answer = bench.answer(via("192.0.2.9:1234"), &request);
    assert_eq!(code(&answer), 420);
    assert_eq!(Message::parse(&answer).unwrap().get(0x000a), Some(&[0x00, 0x31, 0x7f, 0xff][..]));
}

#[test]
fn a_source_that_asks_too_much_is_not_answered() {
    let mut bench = Bench::default();
    let answered = (0..2000).filter(|_| bench.reply(via("192.0.2.9:1234"), &binding(1)).is_some()).count();
    assert_eq!(answered, 400);
    assert!(bench.reply(via("198.51.100.9:1234"), &binding(1)).is_some(), "others are");
    bench.pass(1);
    assert!(bench.reply(via("192.0.2.9:1234"), &binding(1)).is_some(), "and so it is later");
}

#[test]
fn a_foreign_message_gets_no_answer() {
    let mut bench = Bench::default();
    let printed = binding(1).with(attribute::FINGERPRINT, &[1, 2, 3, 4]);
    assert!(matches!(bench.handle(via("192.0.2.9:1"), &printed.0), Outcome::Nothing), "a wrong FINGERPRINT");
    for kind in [0x0011, 0x0101, 0x0111, 0x0002, 0x0017] {
        let draft = Draft::new(kind, [1; 12]);
        assert!(matches!(bench.handle(via("192.0.2.9:1"), &draft.0), Outcome::Nothing), "{kind:#06x}");
    }
}

/// Any message with a valid header.
fn any_message() -> impl Strategy<Value = Draft> {
    let kind = prop_oneof![
        Just(0x0001_u16),
        Just(0x0003),
        Just(0x0004),
        Just(0x0008),
        Just(0x0009),
        Just(0x0016),
        any::<u16>()
    ];
    let attribute = (
        prop_oneof![0_u16..0x30, 0x8020_u16..0x8030, any::<u16>()],
        proptest::collection::vec(any::<u8>(), 0..40),
    );
    (kind, proptest::collection::vec(attribute, 0..6)).prop_map(|(kind, attributes)| {
        let draft = Draft::new(kind & 0x3fff, [5; 12]);
        attributes.iter().fold(draft, |draft, (kind, value)| draft.with(*kind, value))
    })
}

proptest! {
    #[test]
    fn no_answer_to_strangers_is_much_larger_than_its_request(draft in any_message(), ipv6: bool, discovery: bool) {
        let mut bench = if discovery { with_discovery() } else { Bench::default() };
        let via = via(if ipv6 { "[2001:db8::9]:1" } else { "192.0.2.9:1" });
        if let Some(reply) = bench.reply(via, &draft) {
            let overhead = if ipv6 { 48 } else { 28 };
            prop_assert!(2 * (reply.bytes.len() + overhead) <= 3 * (draft.0.len() + overhead));
            prop_assert!(reply.holder.is_none());
        }
        prop_assert_eq!(bench.server.allocations(), 0);
    }

    #[test]
    fn garbage_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut bench = with_discovery();
        bench.handle(via("192.0.2.9:1"), &bytes);
        prop_assert_eq!(bench.server.allocations(), 0);
    }
}

#[test]
fn the_smallest_allocate_request_still_gets_its_challenge() {
    let mut bench = Bench::default();
    for client in ["192.0.2.9:1", "[2001:db8::9]:1"] {
        let request = allocate(1);
        let answer = bench.answer(via(client), &request);
        assert_eq!((request.0.len(), answer.len(), code(&answer)), (28, 56, 401));
        assert!(answer.len() <= room(&via(client), &Message::parse(&request.0).unwrap()));
    }
}

#[test]
fn thousands_of_unknown_attributes_get_a_short_answer() {
    let mut bench = Bench::default();
    let draft = (0x2000..0x6000_u16).fold(binding(1), |draft, kind| draft.with(kind, &[]));
    let reply = bench.reply(via("192.0.2.9:1"), &Draft(draft.0[..65_500].to_vec()).with(0x6001, &[]));
    let answer = reply.expect("an answer").bytes;
    assert_eq!((code(&answer), answer.len()), (420, 20 + 8 + 4 + 2 * 32));
}
