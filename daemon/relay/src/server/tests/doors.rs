use icescope_model::SessionId;

use crate::auth::Holder;
use crate::server::{Outcome, What};
use crate::testing::{Bench, EXPIRES, allocate, channel, permission, send, via};
use crate::wire::read::Message;

const CLIENT: &str = "192.0.2.9:1000";
const OWN: &str = "198.51.100.1:5000";

fn allocated() -> Bench {
    let mut bench = Bench::default();
    assert_eq!(bench.ask(via(CLIENT), "aa", allocate(1)), 0);
    bench.server.rules.set_candidates(SessionId::random(), vec![OWN.parse().unwrap()]);
    bench
}

#[test]
fn a_peer_that_the_rules_refuse_is_403_and_told_once() {
    let mut bench = allocated();
    for (id, peer) in
        ["192.0.2.77:9", "127.0.0.1:8085", "0.0.0.0:1", "169.254.169.254:80", "224.0.0.251:5353"]
            .iter()
            .enumerate()
    {
        assert_eq!(bench.ask(via(CLIENT), "aa", permission(id as u8 + 2, peer)), 403, "{peer}");
        assert_eq!(bench.ask(via(CLIENT), "aa", channel(id as u8 + 12, 0x4000, peer)), 403, "{peer}");
    }
    let notes = bench.server.take_notes();
    assert_eq!(notes.len(), 5, "{notes:?}");
    assert_eq!(notes[0].what, What::PeerRefused("192.0.2.77:9".parse().unwrap()));
    assert_eq!((notes[0].holder.id(), notes[0].via), ("aa", via(CLIENT)));
}

#[test]
fn one_bad_peer_spoils_the_whole_request() {
    let mut bench = allocated();
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, OWN).peer("127.0.0.1:1")), 403);
    assert!(
        matches!(bench.handle(via(CLIENT), &send(OWN, b"x").0), Outcome::Nothing),
        "no permission came of it"
    );
}

#[test]
fn a_permission_for_this_machine_opens_only_the_candidates_ports() {
    let mut bench = allocated();
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, OWN)), 0);
    assert!(matches!(bench.handle(via(CLIENT), &send(OWN, b"x").0), Outcome::ToPeer { .. }));
    for (index, port) in [53_u16, 22, 5001].into_iter().enumerate() {
        let peer = format!("198.51.100.1:{port}");
        let bind = channel(index as u8 + 10, 0x4001 + index as u16, &peer);
        assert!(matches!(bench.handle(via(CLIENT), &send(&peer, b"x").0), Outcome::Nothing), "{peer}");
        assert_eq!(bench.ask(via(CLIENT), "aa", bind), 0);
    }
    // Even a bound channel is checked packet by packet.
    assert!(matches!(bench.handle(via(CLIENT), &[0x40, 2, 0, 1, b'x', 0, 0, 0]), Outcome::Nothing));
}

#[test]
fn a_candidate_that_is_gone_is_closed_at_once() {
    let mut bench = allocated();
    let session = SessionId::random();
    bench.server.rules.set_candidates(session, vec!["198.51.100.1:6000".parse().unwrap()]);
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, "198.51.100.1:6000")), 0);
    let packet = send("198.51.100.1:6000", b"x");
    assert!(matches!(bench.handle(via(CLIENT), &packet.0), Outcome::ToPeer { .. }));
    bench.server.rules.set_candidates(session, Vec::new());
    assert!(matches!(bench.handle(via(CLIENT), &packet.0), Outcome::Nothing));
}

#[test]
fn a_network_that_is_closed_is_not_heard_any_more() {
    let mut bench = allocated();
    let network = crate::peers::Network { address: "203.0.113.0".parse().unwrap(), prefix: 24 };
    bench.server.rules.set_allowed(vec![network]);
    let peer = "203.0.113.5:9";
    assert_eq!(bench.ask(via(CLIENT), "aa", permission(2, peer)), 0);
    let heard = |bench: &mut Bench, length| {
        let now = bench.now.monotonic;
        bench.server.peer_sent(now, &via(CLIENT), peer.parse().unwrap(), length).is_some()
    };
    assert!(heard(&mut bench, 1400));
    assert!(!heard(&mut bench, 65_527), "its indication would have no length");
    bench.server.rules.set_allowed(Vec::new());
    assert!(!heard(&mut bench, 1400));
}

#[test]
fn the_daemons_own_peer_reaches_the_browser() {
    let mut bench = Bench::default();
    let credentials = bench.server.authority.mint(&Holder::Daemon, EXPIRES);
    let nonce = bench.server.authority.nonce(&via(CLIENT), bench.now.unix);
    for draft in [allocate(1), permission(2, "203.0.113.5:9")] {
        let answer = bench.answer(via(CLIENT), &draft.signed(&credentials, &nonce));
        assert_eq!(crate::testing::code(&answer), 0);
    }
    let refused = permission(3, "127.0.0.1:9").signed(&credentials, &nonce);
    assert_eq!(crate::testing::code(&bench.answer(via(CLIENT), &refused)), 403);
}

#[test]
fn numbers_out_of_range_are_no_channels() {
    let mut bench = allocated();
    for (id, number) in [0x3fff_u16, 0x8000, 0xffff, 0].into_iter().enumerate() {
        assert_eq!(bench.ask(via(CLIENT), "aa", channel(id as u8 + 2, number, OWN)), 400, "{number:#x}");
    }
    assert_eq!(bench.ask(via(CLIENT), "aa", channel(10, 0x4000, OWN)), 0);
    assert_eq!(bench.ask(via(CLIENT), "aa", channel(11, 0x4001, OWN)), 400, "the peer has a channel");
    let empty = crate::testing::Draft::new(0x0008, [12; 12]);
    assert_eq!(bench.ask(via(CLIENT), "aa", empty), 400, "no peer");
}

/// Resident memory of this process, in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default().to_owned();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[test]
fn spoofed_requests_leave_nothing_behind() {
    let mut bench = Bench::default();
    let mut answered = 0_u32;
    // A million takes a release build: ICESCOPE_SPOOFED=1000000.
    let many =
        std::env::var("ICESCOPE_SPOOFED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000_u32);
    let before = resident();
    for index in 0..many {
        let client = std::net::SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0b00_0000 + index), 1000));
        let via = crate::tuple::FiveTuple { client, ..via(CLIENT) };
        let request = if index % 2 == 0 { allocate(1) } else { crate::testing::binding(1) };
        answered += u32::from(bench.reply(via, &request).is_some());
    }
    println!(
        "{many} spoofed requests, {answered} answered; resident memory {before} kB before, {} kB after",
        resident()
    );
    assert!(answered > 0);
    assert_eq!(bench.server.allocations(), 0);
    assert!(
        bench.server.replay.is_empty() && bench.server.notes.is_empty() && bench.server.relayed.is_empty()
    );
}

#[test]
fn an_integrity_of_nobody_is_not_kept_either() {
    let mut bench = Bench::default();
    let mut wrong = bench.credentials("aa");
    wrong.password.push('x');
    let nonce = bench.server.authority.nonce(&via(CLIENT), bench.now.unix);
    let reply = bench.reply(via(CLIENT), &allocate(1).signed(&wrong, &nonce)).unwrap();
    assert_eq!(reply.holder, None);
    assert!(!Message::parse(&reply.bytes).unwrap().has(crate::wire::attribute::MESSAGE_INTEGRITY));
    assert!(bench.server.replay.is_empty());
}
