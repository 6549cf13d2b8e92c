//! A STUN server as the large public ones are: Binding only (RFC 8489 §3), nothing of RFC 5780.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::site::Site;

const PORT: u16 = 3478;

/// RFC 8489 §5.
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
/// RFC 8489 §14.2.
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];

/// A plain STUN server, at port 3478 of the first IPv4 and the first IPv6 address of its host.
#[derive(Debug)]
pub struct PlainStun {
    site: Site,
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    threads: Vec<(JoinHandle<()>, UdpSocket)>,
}

impl PlainStun {
    /// Starts it on a host.
    pub fn start(site: Site) -> Result<Self> {
        let mut server = Self { site, addresses: Vec::new(), stop: Arc::default(), threads: Vec::new() };
        let v4 = server.site.addresses().public_v4.first().copied().map(IpAddr::V4);
        let v6 = server.site.addresses().v6.first().copied().map(IpAddr::V6);
        for address in v4.into_iter().chain(v6) {
            let address = SocketAddr::new(address, PORT);
            let socket = server.site.host().udp(address)?;
            let answering = socket.try_clone().map_err(Error::io("clone a socket"))?;
            let stop = Arc::clone(&server.stop);
            let thread = std::thread::Builder::new()
                .name("plain STUN".to_owned())
                .spawn(move || serve(&answering, &stop))
                .map_err(Error::io("start the thread of a STUN server"))?;
            server.addresses.push(address);
            server.threads.push((thread, socket));
        }
        Ok(server)
    }

    /// Where it listens: IPv4 first.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its host.
    pub const fn site(&self) -> &Site {
        &self.site
    }
}

impl Drop for PlainStun {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for (thread, socket) in self.threads.drain(..) {
            // A packet to itself wakes it up; it cannot be lost, for it never leaves the host.
            if socket.local_addr().and_then(|own| socket.send_to(&[], own)).is_ok() {
                let _ = thread.join();
            }
        }
    }
}

fn serve(socket: &UdpSocket, stop: &AtomicBool) {
    let mut buffer = [0; 2_048];
    while !stop.load(Ordering::Acquire) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            // An ICMP error about an earlier answer; the socket stays good.
            continue;
        };
        if let Some(answer) = answer(&buffer[..length], from) {
            // A client that is gone is no concern of a STUN server.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to a Binding request; whatever else comes is not answered.
fn answer(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    if request.len() < HEADER || request[..2] != BINDING_REQUEST || request[4..8] != MAGIC_COOKIE {
        return None;
    }
    let mask = &request[4..HEADER];
    let (family, mut address) = match from.ip() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    for (byte, mask) in address.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    let mut port = from.port().to_be_bytes();
    for (byte, mask) in port.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    let value = u16::try_from(4 + address.len()).ok()?;
    let mut answer = Vec::with_capacity(HEADER + 24);
    answer.extend(BINDING_SUCCESS);
    answer.extend((value + 4).to_be_bytes());
    answer.extend(mask);
    answer.extend(XOR_MAPPED_ADDRESS);
    answer.extend(value.to_be_bytes());
    answer.extend([0, family]);
    answer.extend(port);
    answer.extend(address);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 §2.2: its transaction id and its mapped address 192.0.2.1, port 32853.
    #[test]
    fn the_mapped_address_is_masked_as_in_the_test_vectors() {
        let mut request = vec![0, 1, 0, 0];
        request.extend(MAGIC_COOKIE);
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        request.extend(transaction);
        let answer = answer(&request, "192.0.2.1:32853".parse().expect("an address")).expect("an answer");
        assert_eq!(answer[..4], [0x01, 0x01, 0x00, 0x0c]);
        assert_eq!(answer[8..20], transaction);
        assert_eq!(answer[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    #[test]
    fn what_is_no_binding_request_gets_no_answer() {
        let from = "192.0.2.1:32853".parse().expect("an address");
        assert_eq!(answer(&[], from), None);
        assert_eq!(answer(&[0; 20], from), None);
    }
}
