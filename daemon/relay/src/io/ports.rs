//! The sockets of relayed addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError};

use tokio::net::UdpSocket;
use tokio_util::sync::DropGuard;

use super::{Hub, Link, udp};
use crate::peers::never;
use crate::server::{NoPort, Opened, Ports, Wanted};
use crate::tuple::FiveTuple;

/// How often a port is drawn before the range counts as used up: with half of it taken, a thousandth of a thousandth fails.
const DRAWS: usize = 20;

/// The socket of a relayed address, and the way to its client. Its task ends with it.
pub struct Port {
    socket: Arc<UdpSocket>,
    link: Link,
    _stop: DropGuard,
}

impl Port {
    /// Sends to a peer.
    pub fn send(&self, bytes: &[u8], peer: SocketAddr) {
        udp::send(&self.socket, bytes, peer);
    }

    /// The way to the client.
    pub fn link(&self) -> &Link {
        &self.link
    }
}

/// Opens relayed addresses for the client of one message.
pub struct Opener<'a> {
    /// The relay.
    pub hub: &'a Arc<Hub>,
    /// The way to the client.
    pub link: &'a Link,
}

impl Ports for Opener<'_> {
    type Port = Arc<Port>;

    fn open(&mut self, via: &FiveTuple, wanted: Wanted) -> Result<Opened<Arc<Port>>, NoPort> {
        let local = self.address(via.server.ip(), wanted.ipv6).ok_or(NoPort::Family)?;
        let socket = self.bind(local, wanted.even).ok_or(NoPort::Taken)?;
        let bound = socket.local_addr().map_err(|_| NoPort::Taken)?;
        let socket = Arc::new(socket);
        let stop = self.hub.stop.child_token();
        let task = udp::relay(Arc::clone(self.hub), Arc::clone(&socket), *via, stop.clone());
        self.hub.tasks.spawn(task);
        let port = Port { socket, link: self.link.clone(), _stop: stop.drop_guard() };
        let relayed = SocketAddr::new(self.hub.options.seen_as(local), bound.port());
        Ok(Opened { port: Arc::new(port), relayed })
    }
}

impl Opener<'_> {
    /// Where a relayed address is opened: where the client has reached this host, if that may be, else on the first address
    /// that is configured or found.
    fn address(&self, reached: IpAddr, ipv6: bool) -> Option<IpAddr> {
        let found = self.hub.addresses.read().unwrap_or_else(PoisonError::into_inner);
        let configured = &self.hub.options.relay_addresses;
        let all = if configured.is_empty() { &*found } else { configured };
        let fits = |address: &&IpAddr| address.is_ipv6() == ipv6 && never(**address).is_none();
        let reached = all.iter().filter(fits).find(|address| **address == reached);
        reached.or_else(|| all.iter().find(fits)).copied()
    }

    /// A socket with a port of the range: drawn, so that nobody can foresee it (RFC 8656 §7.2), and where drawing fails the
    /// first one that is free.
    fn bind(&self, address: IpAddr, even: bool) -> Option<UdpSocket> {
        let range = &self.hub.options.ports;
        let size = u32::from(range.end().saturating_sub(*range.start())) + 1;
        let fits = |port: &u16| range.contains(port) && (!even || port.is_multiple_of(2));
        let drawn = (0..DRAWS).map(|_| range.start() + (random() % size) as u16);
        let drawn = drawn.filter(fits).find_map(|port| open(address, port).ok());
        drawn.or_else(|| {
            // A small range is searched whole; in a large one so much bad luck means that it is full.
            let rest = range.clone().filter(fits).take(512);
            rest.into_iter().find_map(|port| open(address, port).ok())
        })
    }
}

fn open(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(address, port))?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn random() -> u32 {
    // Without the kernel's generator the search goes through the range in order.
    getrandom::u32().unwrap_or(0)
}
