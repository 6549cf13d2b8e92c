//! What the lab has for servers, asked by messages written out by hand.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use icescope_natlab::{CoturnOptions, Lab, Nat, Plan, Site, with_lab};

const PATIENCE: Duration = Duration::from_secs(10);
/// RFC 8489 §18.3, RFC 5780 §9.
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const REALM: u16 = 0x0014;
const OTHER_ADDRESS: u16 = 0x802c;

fn socket(site: &Site) -> UdpSocket {
    let socket = site.host().udp((site.local_address(), 0)).expect("the host has this address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    socket
}

/// Type and value of each attribute.
type Attributes = Vec<(u16, Vec<u8>)>;

/// A request with attributes, and the answer: where it came from, its type, its attributes.
fn ask(socket: &UdpSocket, to: SocketAddr, method: u16, attributes: &[u8]) -> (SocketAddr, u16, Attributes) {
    let mut request = Vec::new();
    request.extend(method.to_be_bytes());
    request.extend(u16::try_from(attributes.len()).expect("short").to_be_bytes());
    request.extend([0x21, 0x12, 0xa4, 0x42]);
    request.extend(b"twelve bytes");
    request.extend(attributes);
    socket.send_to(&request, to).expect("the request leaves");
    let mut answer = [0; 1_500];
    let (length, from) = socket.recv_from(&mut answer).expect("an answer comes");
    assert_eq!(answer[8..20], *b"twelve bytes");
    let word = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
    let mut found = Vec::new();
    let mut at = 20;
    while at < length {
        let size = usize::from(word(at + 2));
        found.push((word(at), answer[at + 4..at + 4 + size].to_vec()));
        at += 4 + size.next_multiple_of(4);
    }
    (from, word(0), found)
}

fn value(attributes: &Attributes, kind: u16) -> Option<&[u8]> {
    attributes.iter().find(|(found, _)| *found == kind).map(|(_, value)| value.as_slice())
}

/// An IPv4 address attribute, as it is or masked with the cookie (RFC 8489 §14.2).
fn endpoint(value: &[u8], masked: bool) -> SocketAddr {
    let mask = if masked { [0x21, 0x12, 0xa4, 0x42] } else { [0; 4] };
    let port = u16::from_be_bytes([value[2] ^ mask[0], value[3] ^ mask[1]]);
    let address = [0, 1, 2, 3].map(|at| value[4 + at] ^ mask[at]);
    SocketAddr::new(Ipv4Addr::from(address).into(), port)
}

#[test]
fn coturn_answers_rfc_5780_from_two_addresses() {
    with_lab(|lab| {
        let coturn = lab.coturn(&CoturnOptions::default()).expect("coturn starts");
        let addresses = coturn.addresses();
        let site = lab.site(Plan::public()).expect("a site");
        let socket = socket(&site);
        let (from, kind, answer) = ask(&socket, addresses[0], 1, &[]);
        assert_eq!((from, kind), (addresses[0], 0x0101));
        let own = socket.local_addr().expect("a bound socket has an address");
        assert_eq!(value(&answer, XOR_MAPPED_ADDRESS).map(|value| endpoint(value, true)), Some(own));
        let other = SocketAddr::new(addresses[1].ip(), addresses[0].port() + 1);
        assert_eq!(value(&answer, OTHER_ADDRESS).map(|value| endpoint(value, false)), Some(other));
        // CHANGE-REQUEST (RFC 5780 §7.2): another address and another port.
        let (from, _, _) = ask(&socket, addresses[0], 1, &[0, 3, 0, 4, 0, 0, 0, 6]);
        assert_eq!(from, other);
    });
}

#[test]
fn coturn_has_turn_more_ports_and_tls_as_asked() {
    with_lab(|lab| {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-subj", "/CN=turn.lab.example", "-days", "1", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let options = CoturnOptions {
            more_ports: vec![53, 443, 19_302],
            realm: "somewhere.example".to_owned(),
            tls: Some((certificate, key)),
            ..CoturnOptions::default()
        };
        let coturn = lab.coturn(&options).expect("coturn starts");
        let site = lab.site(Nat::eim()).expect("a site");
        let socket = socket(&site);
        let main = coturn.addresses()[0];
        for port in options.more_ports {
            let (_, kind, answer) = ask(&socket, SocketAddr::new(main.ip(), port), 1, &[]);
            let mapped = value(&answer, XOR_MAPPED_ADDRESS).map(|value| endpoint(value, true));
            assert_eq!((kind, mapped.map(|mapped| mapped.ip())), (0x0101, Some(site.public_address())));
        }
        // Allocate with REQUESTED-TRANSPORT (RFC 8656 §7.1), without a user: 401 and the realm.
        let (_, kind, answer) = ask(&socket, main, 3, &[0, 0x19, 0, 4, 17, 0, 0, 0]);
        assert_eq!((kind, value(&answer, REALM)), (0x0113, Some(b"somewhere.example".as_slice())));
        let tls = SocketAddr::new(main.ip(), 5_349);
        let tls = site
            .command("openssl")
            .args(["s_client", "-connect", &tls.to_string()])
            .stdin(Stdio::null())
            .output();
        let tls = tls.expect("openssl runs on the host");
        let said = String::from_utf8_lossy(&tls.stdout);
        assert!(said.contains("turn.lab.example"), "{said}{}", String::from_utf8_lossy(&tls.stderr));
    });
}

#[test]
fn the_plain_server_answers_binding_in_both_families_and_nothing_of_rfc_5780() {
    with_lab(|lab| {
        let server = lab.plain_stun().expect("a STUN server");
        let site = lab.site(Nat::eim()).expect("a site");
        let (from, kind, answer) = ask(&socket(&site), server.addresses()[0], 1, &[]);
        assert_eq!((from, kind), (server.addresses()[0], 0x0101));
        let mapped = value(&answer, XOR_MAPPED_ADDRESS).map(|value| endpoint(value, true).ip());
        assert_eq!(mapped, Some(site.public_address()));
        assert_eq!(value(&answer, OTHER_ADDRESS), None);
        // Asked to answer from elsewhere it does not: CHANGE-REQUEST is nothing to it.
        let (from, _, _) = ask(&socket(&site), server.addresses()[0], 1, &[0, 3, 0, 4, 0, 0, 0, 6]);
        assert_eq!(from, server.addresses()[0]);
        let near = lab.server().expect("a site with IPv6");
        let v6 = near.host().udp((near.addresses().v6[0], 0)).expect("it has this address");
        v6.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        assert_eq!(ask(&v6, server.addresses()[1], 1, &[]).1, 0x0101);
    });
}

#[test]
fn a_dead_address_is_silent_and_a_closed_port_refuses() {
    with_lab(|lab| {
        let server = lab.plain_stun().expect("a STUN server");
        let site = lab.site(Plan::from(Nat::eim()).family(icescope_natlab::Family::Dual)).expect("a site");
        let (v4, v6) = Lab::dead_addresses();
        let closed = [server.site().public_address(), server.site().addresses().v6[0].into()];
        let own: [IpAddr; 2] = [site.local_address(), site.addresses().v6[0].into()];
        for ((dead, closed), own) in [v4, v6].into_iter().zip(closed).zip(own) {
            let to = |address, port| {
                let socket = site.host().udp((own, 0)).expect("the host has this address");
                socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
                socket.connect(SocketAddr::new(address, port)).expect("there is a route");
                socket.send(b"anybody there?").expect("it leaves");
                socket
            };
            let silent = to(dead, 3_478);
            let refused = to(closed, 9).recv(&mut [0]).expect_err("nobody listens");
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{closed}");
            // The refusal came later and from further: an error about the dead address would be here.
            silent.set_nonblocking(true).expect("a socket can be made not to wait");
            let nothing = silent.recv(&mut [0]).expect_err("nobody is there");
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "{dead}");
        }
    });
}

#[test]
fn a_coturn_that_cannot_start_says_why() {
    with_lab(|lab| {
        let options =
            CoturnOptions { arguments: vec!["--no-such-option".to_owned()], ..CoturnOptions::default() };
        let error = lab.coturn(&options).expect_err("coturn does not know this");
        assert!(error.to_string().contains("coturn did not come up"), "{error}");
    });
}
