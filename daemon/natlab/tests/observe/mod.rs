//! What plain UDP and TCP sockets see of a site: no STUN, and nothing that natlab believes of itself.
//!
//! «It did not come» is never a matter of time here: links keep the order of packets, so a packet that must pass is sent after
//! the one in question, and when it is there the other one would be.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use icescope_natlab::{Facts, Filtering, Mapping, Ports, Site, Tcp, Udp};

/// Longer than any packet takes on a busy machine; only a broken lab waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ports of the far sockets, which every site that lets out any UDP lets through; and one that some do not.
const PORTS: [u16; 2] = [53, 443];
const OTHER_PORT: u16 = 7_000;

/// The far end: sockets at two addresses, two ports each, and TCP.
pub struct Far {
    udp: [[UdpSocket; 2]; 2],
    other_port: UdpSocket,
    /// The port of the next socket on the host. One that the kernel chose might be one that an earlier socket had, whose
    /// mapping and whose holes are still there.
    next: Cell<u16>,
    tcp: [TcpListener; 2],
}

impl Far {
    /// Opens sockets on a server of the lab, in one family.
    pub fn open(server: &Site, addresses: &[IpAddr]) -> Self {
        let udp = |ip: usize, port| {
            let socket = server.host().udp((addresses[ip], port)).expect("the far end has this address");
            socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
            socket
        };
        let tcp = |port| server.host().tcp_listener((addresses[0], port)).expect("the far end listens");
        Self {
            udp: [0, 1].map(|ip| PORTS.map(|port| udp(ip, port))),
            other_port: udp(0, OTHER_PORT),
            next: Cell::new(20_000),
            tcp: [443, 8_443].map(tcp),
        }
    }

    /// Throws away what earlier questions left.
    fn forget(&self) {
        for socket in self.udp.iter().flatten().chain([&self.other_port]) {
            drain(socket);
        }
    }
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}

/// What waits at a socket, without waiting for more.
fn drain(socket: &UdpSocket) -> Vec<(Vec<u8>, SocketAddr)> {
    socket.set_nonblocking(true).expect("a socket can be made not to wait");
    let mut buffer = [0; 64];
    let mut all = Vec::new();
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => all.push((buffer[..length].to_vec(), from)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            // The error of an earlier packet; what waits behind it counts.
            Err(_) => {}
        }
    }
    socket.set_nonblocking(false).expect("a socket can be made to wait");
    all
}

/// A fresh socket on the host, at a port that none had before.
fn fresh(site: &Site, local: IpAddr, far: &Far) -> UdpSocket {
    let port = far.next.get();
    far.next.set(port + 1);
    let socket = site.host().udp((local, port)).expect("the host has this address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    socket
}

/// Sends one packet and says where it came from, as the far end sees it.
fn mapped(socket: &UdpSocket, far: &UdpSocket) -> SocketAddr {
    let token = format!("{}", address(socket).port());
    socket.send_to(token.as_bytes(), address(far)).expect("the packet leaves");
    let mut buffer = [0; 64];
    loop {
        let (length, from) = far.recv_from(&mut buffer).expect("the packet arrives");
        if &buffer[..length] == token.as_bytes() {
            return from;
        }
    }
}

/// A round trip begun by the far end: when it is over, everything that was sent before has arrived or never will.
fn settle(socket: &UdpSocket, far: &UdpSocket, to: SocketAddr) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    for fence in [b"fence 1", b"fence 2"] {
        far.send_to(fence, to).expect("the fence leaves");
        let mut buffer = [0; 64];
        loop {
            let (length, _) = socket.recv_from(&mut buffer).expect("the fence arrives");
            if &buffer[..length] == fence {
                break;
            }
            seen.push(buffer[..length].to_vec());
        }
        mapped(socket, far);
    }
    seen
}

fn mapping(site: &Site, local: IpAddr, far: &Far) -> Mapping {
    let socket = fresh(site, local, far);
    let [[a, b], [c, d]] = [0, 1].map(|ip| [0, 1].map(|port| mapped(&socket, &far.udp[ip][port])));
    // Once more, the other way round: a mapping that is kept is the same.
    let again = [1, 0].map(|ip| [1, 0].map(|port| mapped(&socket, &far.udp[ip][port])));
    assert_eq!(again, [[d, c], [b, a]], "the same flow has the same mapping");
    match (a == b && c == d, a == c) {
        (true, true) => Mapping::Eim,
        (true, false) => Mapping::Adm,
        (false, _) => {
            let mut all = [a, b, c, d].map(|mapped| mapped.port());
            all.sort_unstable();
            assert!(all.windows(2).all(|two| two[0] != two[1]), "four flows, four ports: {all:?}");
            Mapping::Apdm
        }
    }
}

fn filtering(site: &Site, local: IpAddr, far: &Far) -> Filtering {
    let socket = fresh(site, local, far);
    let public = mapped(&socket, &far.udp[0][0]);
    far.udp[1][1].send_to(b"other address", public).expect("it leaves");
    far.udp[0][1].send_to(b"other port", public).expect("it leaves");
    let seen = settle(&socket, &far.udp[0][0], public);
    match (seen.contains(&b"other address".to_vec()), seen.contains(&b"other port".to_vec())) {
        (true, true) => Filtering::Eif,
        (false, true) => Filtering::Adf,
        (false, false) => Filtering::Apdf,
        (true, false) => panic!("a filter that lets in other addresses, yet not other ports"),
    }
}

fn ports(site: &Site, local: IpAddr, far: &Far) -> Ports {
    let pairs: Vec<(u16, u16)> = (0..8)
        .map(|_| {
            let socket = fresh(site, local, far);
            (address(&socket).port(), mapped(&socket, &far.udp[0][0]).port())
        })
        .collect();
    if pairs.iter().all(|(local, public)| local == public) {
        Ports::Kept
    } else if pairs.windows(2).all(|two| two[1].1 == two[0].1 + 1) {
        Ports::Sequential
    } else {
        assert!(pairs.iter().filter(|(local, public)| local == public).count() < 3, "{pairs:?}");
        Ports::Random
    }
}

fn hairpin(site: &Site, local: IpAddr, far: &Far, mapping: Mapping) -> bool {
    let (first, second) = (fresh(site, local, far), fresh(site, local, far));
    let to = mapped(&first, &far.udp[0][0]);
    let from = mapped(&second, &far.udp[0][0]);
    second.send_to(b"hairpin", to).expect("it leaves");
    settle(&second, &far.udp[0][0], from);
    let seen: Vec<_> = drain(&first).into_iter().filter(|(bytes, _)| bytes == b"hairpin").collect();
    if mapping == Mapping::Eim {
        for (_, source) in &seen {
            assert_eq!(*source, from, "RFC 4787 REQ-9: a hairpinned packet has an external source");
        }
    }
    !seen.is_empty()
}

/// The lifetime, if bindings live half of it and no longer than a bit more.
fn lives_so_long(site: &Site, local: IpAddr, far: &Far, lifetime: Duration) -> Option<Duration> {
    let (short, long) = (fresh(site, local, far), fresh(site, local, far));
    let [short_public, long_public] = [&short, &long].map(|socket| mapped(socket, &far.udp[0][0]));
    // It is the passing of time that is asked about here.
    std::thread::sleep(lifetime / 2);
    far.udp[0][0].send_to(b"in time", short_public).expect("it leaves");
    let mut buffer = [0; 64];
    let lived = short.recv(&mut buffer).is_ok();
    std::thread::sleep(lifetime / 2 + Duration::from_millis(200));
    far.udp[0][0].send_to(b"too late", long_public).expect("it leaves");
    let witness = fresh(site, local, far);
    let witness_public = mapped(&witness, &far.udp[0][0]);
    settle(&witness, &far.udp[0][0], witness_public);
    (lived && drain(&long).is_empty()).then_some(lifetime)
}

fn reaches(site: &Site, to: &TcpListener) -> bool {
    let to = to.local_addr().expect("a listener has an address");
    site.run(|| TcpStream::connect_timeout(&to, PATIENCE).is_ok()).expect("a thread on the host")
}

/// Whether TCP passes to any port: a connection to port 443 is the witness that the other one had time to come about.
fn tcp(site: &Site, far: &Far) -> Tcp {
    let to = far.tcp[1].local_addr().expect("a listener has an address");
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let attempt = site.run(|| -> rustix::io::Result<_> {
        let socket =
            socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
        match connect(&socket, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
            Err(errno) => Err(errno),
        }
    });
    let _attempt = attempt.expect("a thread on the host").expect("there is a route");
    assert!(reaches(site, &far.tcp[0]), "every site lets TCP to port 443 out");
    far.tcp[1].set_nonblocking(true).expect("a listener can be made not to wait");
    match far.tcp[1].accept() {
        Ok(_) => Tcp::Works,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            Tcp::Only443
        }
    }
}

/// Whether the router next to the host has an address of RFC 6598 that another one translates.
fn cgnat(site: &Site, far: &Far) -> bool {
    let (Some(home), Some(&wan)) = (site.routers().last(), site.addresses().translators.first()) else {
        return false;
    };
    let socket = home.udp((wan, 20_000)).expect("the router has this address");
    let shared = wan.octets()[0] == 100 && wan.octets()[1] & 0xc0 == 64;
    let translated = mapped(&socket, &far.udp[0][0]).ip() != IpAddr::V4(wan);
    assert_eq!(shared, translated, "a carrier's NAT and its addresses come together");
    shared
}

/// Whether UDP passes, and to where. A TCP connection to port 443 is the witness that packets had time to arrive.
fn udp(site: &Site, local: IpAddr, far: &Far) -> Udp {
    let socket = fresh(site, local, far);
    socket.connect(address(&far.other_port)).expect("there is a route");
    socket.send(b"does it pass").expect("it leaves");
    for through in &far.udp[0] {
        fresh(site, local, far).send_to(b"does it pass", address(through)).expect("it leaves");
    }
    assert!(reaches(site, &far.tcp[0]), "every site lets TCP to port 443 out");
    if !drain(&far.other_port).is_empty() {
        return Udp::Works;
    }
    let through: Vec<u16> = (far.udp[0].iter())
        .filter(|socket| !drain(socket).is_empty())
        .map(|socket| address(socket).port())
        .collect();
    if !through.is_empty() {
        return Udp::OnlyTo(through);
    }
    socket.set_nonblocking(true).expect("a socket can be made not to wait");
    match socket.recv(&mut [0]).map_err(|error| error.kind()) {
        Err(ErrorKind::WouldBlock) => Udp::Dropped,
        // What «administratively prohibited» becomes, for IPv4 and for IPv6.
        Err(ErrorKind::HostUnreachable | ErrorKind::PermissionDenied) => Udp::Rejected,
        other => panic!("neither silence nor «administratively prohibited»: {other:?}"),
    }
}

/// Everything that can be seen of one family. `expected` says only what is worth asking.
pub fn observe(site: &Site, local: IpAddr, far: &Far, expected: &Facts) -> Facts {
    far.forget();
    let udp = udp(site, local, far);
    let tcp = tcp(site, far);
    if matches!(udp, Udp::Dropped | Udp::Rejected) {
        let nothing = Facts { nat: None, mapping: None, filtering: None, ports: None, ..expected.clone() };
        return Facts { udp, tcp, ..nothing };
    }
    let socket = fresh(site, local, far);
    let public = mapped(&socket, &far.udp[0][0]);
    let mapping = mapping(site, local, far);
    Facts {
        nat: Some(public.ip() != local),
        mapping: Some(mapping),
        filtering: Some(filtering(site, local, far)),
        ports: Some(ports(site, local, far)),
        hairpin: expected.hairpin.map(|_| hairpin(site, local, far, mapping)),
        cgnat: expected.cgnat.map(|_| cgnat(site, far)),
        udp,
        tcp,
        lifetime: expected.lifetime.and_then(|lifetime| lives_so_long(site, local, far, lifetime)),
    }
}
