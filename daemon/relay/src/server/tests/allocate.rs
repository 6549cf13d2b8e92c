use crate::auth::Holder;
use crate::server::{End, What};
use crate::testing::{Bench, EXPIRES, allocate, channel, code, key, permission, refresh, via};
use crate::wire::attribute;
use crate::wire::read::Message;

const CLIENT: &str = "192.0.2.9:1000";

#[test]
fn an_allocation_is_made_after_the_challenge() {
    let mut bench = Bench::default();
    let challenge = bench.answer(via(CLIENT), &allocate(1));
    let message = Message::parse(&challenge).unwrap();
    assert_eq!((code(&challenge), message.text(attribute::REALM)), (401, Some("icescope")));
    let nonce = message.text(attribute::NONCE).unwrap().to_owned();
    let credentials = bench.credentials("aa");
    let reply = bench.reply(via(CLIENT), &allocate(2).signed(&credentials, &nonce)).unwrap();
    let answer = Message::parse(&reply.bytes).unwrap();
    assert_eq!(answer.xor_address(0x0016), Some("198.51.100.1:50001".parse().unwrap()));
    assert_eq!(answer.xor_address(0x0020), Some(CLIENT.parse().unwrap()));
    assert_eq!(answer.number(attribute::LIFETIME), Some(600));
    assert!(answer.is_signed_with(key(&credentials).as_bytes()));
    assert_eq!(reply.holder.unwrap().id(), "aa");
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_another_one_437() {
    let mut bench = Bench::default();
    let request = bench.sign(via(CLIENT), "aa", allocate(1));
    let first = bench.answer(via(CLIENT), &request);
    bench.pass(1);
    assert_eq!(bench.answer(via(CLIENT), &request), first);
    assert_eq!(bench.server.allocations(), 1);
    assert_eq!(bench.ask(via(CLIENT), "aa", allocate(2)), 437);
    let release = bench.sign(via(CLIENT), "aa", refresh(3, 0));
    let first = bench.answer(via(CLIENT), &release);
    assert_eq!((code(&first), bench.server.allocations()), (0, 0));
    assert_eq!(bench.answer(via(CLIENT), &release), first, "not 437");
}

#[test]
fn wrong_expired_and_foreign_credentials_are_told_apart() {
    let mut bench = Bench::default();
    let nonce = bench.server.authority.nonce(&via(CLIENT), bench.now.unix);
    let mut wrong = bench.credentials("aa");
    wrong.password.push('x');
    let refusal = bench.reply(via(CLIENT), &allocate(1).signed(&wrong, &nonce)).unwrap();
    assert_eq!((code(&refusal.bytes), refusal.refused), (401, true));
    assert!(!bench.reply(via(CLIENT), &allocate(1)).unwrap().refused, "a challenge is no refusal");
    let mut other = bench.credentials("aa");
    other.username = other.username.replace("aa", "bb");
    assert_eq!(code(&bench.answer(via(CLIENT), &allocate(2).signed(&other, &nonce))), 401, "another's name");
    let mut longer = bench.credentials("aa");
    longer.username = format!("{}:aa", EXPIRES + 9);
    assert_eq!(code(&bench.answer(via(CLIENT), &allocate(3).signed(&longer, &nonce))), 401, "another end");
    let credentials = bench.credentials("aa");
    let stale = bench.answer(via(CLIENT), &allocate(4).signed(&credentials, "AAAAAAAAAAAA"));
    assert_eq!(code(&stale), 438);
    assert!(Message::parse(&stale).unwrap().has(attribute::NONCE), "a fresh one comes with it");
    let incomplete = allocate(5).with(attribute::MESSAGE_INTEGRITY, &[0; 20]);
    assert_eq!(code(&bench.answer(via(CLIENT), &incomplete)), 400);
    assert_eq!(bench.server.allocations(), 0);
}

#[test]
fn an_allocation_outlives_its_credential_and_no_new_one_is_made_with_it() {
    let mut bench = Bench::default();
    bench.pass(3590);
    assert_eq!(bench.ask(via(CLIENT), "aa", allocate(1)), 0);
    bench.pass(20);
    assert!(bench.now.unix > EXPIRES);
    assert_eq!(bench.ask(via(CLIENT), "aa", refresh(2, 600)), 0);
    assert_eq!(bench.ask(via("192.0.2.9:1001"), "aa", allocate(3)), 401);
}

#[test]
fn lifetimes_are_kept_within_bounds_and_end() {
    let mut bench = Bench::default();
    for (wanted, granted) in [(1_u32, 600_u32), (900, 900), (u32::MAX, 3600)] {
        let request = allocate(wanted as u8).with(attribute::LIFETIME, &wanted.to_be_bytes());
        let via = via(&format!("192.0.2.9:{granted}"));
        let signed = bench.sign(via, "aa", request);
        let answer = bench.answer(via, &signed);
        assert_eq!(Message::parse(&answer).unwrap().number(attribute::LIFETIME), Some(granted), "{wanted}");
    }
    bench.pass(599);
    bench.server.expire(bench.now);
    assert_eq!(bench.server.allocations(), 3);
    bench.pass(1);
    bench.server.expire(bench.now);
    assert_eq!(bench.server.allocations(), 2);
    let notes = bench.server.take_notes();
    assert!(
        matches!(notes[..], [ref note] if matches!(note.what, What::Ended(End::Expired, _))),
        "{notes:?}"
    );
    assert_eq!(bench.ask(via("192.0.2.9:600"), "aa", refresh(9, 600)), 437);
}

#[test]
fn what_cannot_be_had_is_refused_by_its_own_code() {
    let mut bench = Bench::default();
    bench.ports.ipv6 = false;
    let family = |family| allocate(2).with(attribute::REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0]);
    let bare = crate::testing::Draft::new(0x0003, [1; 12]);
    for (request, expected) in [
        (bare.clone(), 400),
        (bare.with(attribute::REQUESTED_TRANSPORT, &[6, 0, 0, 0]), 442),
        (family(2), 440),
        (family(9), 440),
        (allocate(3).with(0x001a, &[]), 420),
        (allocate(4).with(attribute::RESERVATION_TOKEN, &[0; 8]), 508),
        (allocate(5).with(attribute::RESERVATION_TOKEN, &[0; 8]).with(attribute::EVEN_PORT, &[0]), 400),
        (allocate(6).with(attribute::EVEN_PORT, &[0x80]), 508),
        (allocate(7).with(0x7abc, b"?"), 420),
    ] {
        bench.pass(60);
        assert_eq!(bench.ask(via(CLIENT), "aa", request), expected);
    }
    assert_eq!(bench.server.allocations(), 0);
    bench.ports.next = 50_001;
    let even = bench.sign(via(CLIENT), "aa", allocate(8).with(attribute::EVEN_PORT, &[0]));
    let answer = bench.answer(via(CLIENT), &even);
    assert_eq!(Message::parse(&answer).unwrap().xor_address(0x0016).unwrap().port(), 50_002);
}

#[test]
fn an_ipv6_address_is_relayed_for_those_who_ask() {
    let mut bench = Bench::default();
    let wanted = allocate(1).with(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let request = bench.sign(via(CLIENT), "aa", wanted);
    let answer = bench.answer(via(CLIENT), &request);
    assert_eq!(
        Message::parse(&answer).unwrap().xor_address(0x0016),
        Some("[2001:db8:1::1]:50001".parse().unwrap())
    );
    bench.server.rules.set_allowed(vec![
        crate::peers::Network { address: "2001:db8::".parse().unwrap(), prefix: 32 },
        crate::peers::Network { address: "192.0.2.0".parse().unwrap(), prefix: 24 },
    ]);
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, "[2001:db8::7]:9")), 0);
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(3, "192.0.2.7:9")), 443);
    assert_eq!(bench.ask(via(CLIENT), "aa", channel(4, 0x4000, "192.0.2.7:9")), 443);
    let refresh = refresh(5, 600).with(attribute::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]);
    assert_eq!(bench.ask(via(CLIENT), "aa", refresh), 443);
}

#[test]
fn quota_and_room_are_two_things() {
    let mut bench = Bench::default();
    let port = |number: u16| via(&format!("192.0.2.9:{number}"));
    for number in 1..=3 {
        assert_eq!(bench.ask(port(number), "aa", allocate(1)), 0);
    }
    assert_eq!(bench.ask(port(4), "aa", allocate(1)), 486, "three each");
    assert_eq!(
        bench.ask(port(5), "bb", allocate(1)),
        486,
        "half of all from one address, whatever the names"
    );
    for number in 5..=7 {
        assert_eq!(bench.ask(via(&format!("192.0.2.10:{number}")), "bb", allocate(1)), 0);
    }
    assert_eq!(bench.ask(via("192.0.2.11:8"), "cc", allocate(1)), 508, "six in all");
    assert_eq!(bench.ask(port(1), "aa", refresh(2, 0)), 0);
    bench.ports.last = bench.ports.next - 1;
    assert_eq!(bench.ask(port(9), "cc", allocate(1)), 508, "no port is free");
    bench.ports.last = u16::MAX;
    assert_eq!(bench.ask(port(9), "cc", allocate(2)), 0);
}

#[test]
fn the_daemons_own_peer_has_no_quota_but_the_sum() {
    let mut bench = Bench::default();
    let credentials = bench.server.authority.mint(&Holder::Daemon, EXPIRES);
    for (number, expected) in (1..=7).zip([0, 0, 0, 0, 0, 0, 508]) {
        let client = via(&format!("192.0.2.9:{number}"));
        let nonce = bench.server.authority.nonce(&client, bench.now.unix);
        let answer = bench.answer(client, &allocate(1).signed(&credentials, &nonce));
        assert_eq!(code(&answer), expected, "{number}");
    }
}

#[test]
fn a_relayed_address_is_given_out_once() {
    let mut bench = Bench::default();
    assert_eq!(bench.ask(via(CLIENT), "aa", allocate(1)), 0);
    // The same port on another own address that is seen as the same from outside.
    bench.ports.next = 50_001;
    assert_eq!(bench.ask(via("192.0.2.9:1001"), "bb", allocate(1)), 508);
    assert_eq!(bench.ask(via(CLIENT), "aa", refresh(2, 0)), 0);
    bench.ports.next = 50_001;
    assert_eq!(bench.ask(via("192.0.2.9:1001"), "bb", allocate(2)), 0);
}

#[test]
fn credentials_end_with_their_session() {
    let mut bench = Bench::default();
    bench.server.evict(&Holder::Client("aa".into()), EXPIRES);
    let request = bench.sign(via(CLIENT), "aa", allocate(1));
    let reply = bench.reply(via(CLIENT), &request).unwrap();
    assert_eq!((code(&reply.bytes), reply.refused, reply.holder), (401, true, None));
    assert_eq!(bench.ask(via(CLIENT), "bb", allocate(2)), 0, "others go on");
    bench.pass(3600);
    bench.server.expire(bench.now);
    assert!(bench.server.revoked.is_empty(), "nothing is remembered for longer than it matters");
    for id in 0..5000_u64 {
        bench.server.evict(&Holder::Client(format!("{id:x}").into()), EXPIRES + 10_000 + id);
    }
    assert_eq!(bench.server.revoked.len(), 4096);
}

#[test]
fn an_allocation_belongs_to_who_made_it() {
    let mut bench = Bench::default();
    assert_eq!(bench.ask(via(CLIENT), "aa", allocate(1)), 0);
    for (id, request) in [refresh(2, 0), permission(3, "192.0.2.7:9"), channel(4, 0x4000, "192.0.2.7:9")]
        .into_iter()
        .enumerate()
    {
        assert_eq!(bench.ask(via(CLIENT), "bb", request), 441, "{id}");
    }
    assert_eq!(bench.ask(via("192.0.2.9:1001"), "aa", refresh(5, 600)), 437, "another 5-tuple");
}

#[test]
fn a_session_that_is_over_leaves_nothing_behind() {
    let mut bench = Bench::default();
    assert_eq!(bench.ask(via(CLIENT), "aa", allocate(1)), 0);
    assert_eq!(bench.ask(via("192.0.2.9:1001"), "bb", allocate(1)), 0);
    bench.server.evict(&crate::auth::Holder::Client("aa".into()), EXPIRES);
    assert_eq!(bench.server.allocations(), 1);
    bench.server.disconnected(&via("192.0.2.9:1001"));
    assert_eq!(bench.server.allocations(), 0);
    let why: Vec<_> = bench.server.take_notes().into_iter().map(|note| note.what).collect();
    assert!(
        matches!(why[..], [What::Ended(End::SessionOver, _), What::Ended(End::Disconnected, _)]),
        "{why:?}"
    );
}
