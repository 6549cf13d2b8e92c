//! What NATs are for: two sites that send to each other's public endpoint meet, or do not, by their behaviours.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use icescope_natlab::{Filtering, Lab, Nat, Plan, Site, with_lab};

const PATIENCE: Duration = Duration::from_secs(10);

/// A site, one socket on it, and that socket as a server saw it.
struct End {
    socket: UdpSocket,
    public: SocketAddr,
    _site: Site,
}

fn end(lab: &Arc<Lab>, plan: Plan, server: &UdpSocket) -> End {
    end_at(lab.site(plan).expect("a site"), 5_000, server)
}

fn end_at(site: Site, port: u16, server: &UdpSocket) -> End {
    let socket = site.host().udp((site.local_address(), port)).expect("the host has this address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    socket.send_to(b"who am I", server.local_addr().expect("it has an address")).expect("it leaves");
    let (_, public) = server.recv_from(&mut [0; 16]).expect("it arrives");
    End { socket, public, _site: site }
}

/// Where something came from that was there before the server's fence.
fn before_fence(end: &End, server: &UdpSocket) -> Option<SocketAddr> {
    server.send_to(b"fence", end.public).expect("it leaves");
    let mut buffer = [0; 16];
    let mut met = None;
    loop {
        let (length, from) = end.socket.recv_from(&mut buffer).expect("the fence arrives");
        match &buffer[..length] {
            b"fence" => return met,
            _ => met = Some(from),
        }
    }
}

/// Whether packets pass both ways: both ends send to each other twice, and what arrives is answered, as ICE does.
fn meet(lab: &Arc<Lab>, one: impl Into<Plan>, other: impl Into<Plan>) -> bool {
    let host = lab.server().expect("a server");
    let server = host.host().udp((host.public_address(), 3_478)).expect("it has this address");
    server.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    pass(&server, &end(lab, one.into(), &server), &end(lab, other.into(), &server))
}

fn pass(server: &UdpSocket, one: &End, other: &End) -> bool {
    for _ in 0..2 {
        one.socket.send_to(b"check", other.public).expect("it leaves");
        other.socket.send_to(b"check", one.public).expect("it leaves");
    }
    if let Some(from) = before_fence(other, server) {
        other.socket.send_to(b"answer", from).expect("it leaves");
        assert!(before_fence(one, server).is_some(), "an answer goes the way that a check came");
        return true;
    }
    assert_eq!(before_fence(one, server), None, "nothing passes one way only");
    false
}

#[test]
fn two_homes_meet_and_two_companies_do_not() {
    with_lab(|lab| {
        assert!(meet(lab, Nat::eim(), Nat::eim()));
        assert!(meet(lab, Nat::eim(), Plan::firewall(Filtering::Apdf)));
        assert!(meet(lab, Plan::double_nat(Nat::eim(), Nat::eim()), Nat::eim()));
        assert!(!meet(lab, Nat::apdm(), Nat::apdm()));
    });
}

/// A packet that comes before the hole is there must not cost the later hole its port.
#[test]
fn a_check_that_comes_too_early_does_no_harm() {
    with_lab(|lab| {
        let host = lab.server().expect("a server");
        let server = host.host().udp((host.public_address(), 3_478)).expect("it has this address");
        server.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        let (one, other) = (end(lab, Nat::eim().into(), &server), end(lab, Nat::eim().into(), &server));
        for _ in 0..3 {
            one.socket.send_to(b"early", other.public).expect("it leaves");
        }
        assert_eq!(before_fence(&other, &server), None, "nobody was asked for yet");
        other.socket.send_to(b"check", one.public).expect("it leaves");
        assert_eq!(
            before_fence(&one, &server),
            Some(other.public),
            "the same public port is used for the hole"
        );
    });
}

#[test]
fn an_address_dependent_filter_lets_a_company_in() {
    with_lab(|lab| {
        assert!(meet(lab, Nat::apdm(), Nat::eim().filtering(Filtering::Adf)));
        assert!(meet(lab, Nat::apdm(), Nat::eim().filtering(Filtering::Eif)));
    });
}

/// Neighbours are kept apart: only a router that hairpins leads what is for its public address back in.
#[test]
fn neighbours_meet_at_a_router_that_hairpins_and_at_no_other() {
    with_lab(|lab| {
        for hairpin in [true, false] {
            let host = lab.server().expect("a server");
            let server = host.host().udp((host.public_address(), 3_478)).expect("it has this address");
            server.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
            let site = lab.site(Nat::eim().hairpin(hairpin)).expect("a site");
            let neighbour = site.neighbour().expect("a neighbour");
            let inside = neighbour.local_address();
            let (one, other) = (end_at(site, 5_000, &server), end_at(neighbour, 5_001, &server));
            assert_eq!(one.public.ip(), other.public.ip(), "one NAT is in front of both");
            // The neighbour does not answer for its address there: the kernel may say so at once.
            let _ = one.socket.send_to(b"direct", (inside, 5_001));
            assert_eq!(before_fence(&other, &server), None, "they are kept apart");
            assert_eq!(pass(&server, &one, &other), hairpin);
        }
    });
}
