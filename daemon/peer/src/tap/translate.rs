//! Transaction ids for server-reflexive gathering.
//!
//! The crate's gatherer sends Binding requests whose transaction id is all zeros. RFC 8489 §5 wants 96 random bits, some
//! servers refuse less, and on a shared port the answers of two sessions could not be told apart. A random id goes on the
//! wire; on the way back it is made zero again, and the addresses that are XORed with it are XORed anew.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::Monotonic;

use super::stun::{Class, Message, TransactionId, attribute, method};

/// Requests to this many servers are under way at most; the oldest is forgotten.
const MOST: usize = 64;
/// After this a request is not sent again: the crate gives up after 10.9 s.
const LIFETIME: Duration = Duration::from_secs(40);
/// A request that the crate sends once more just as the answer arrives is still the same request.
const AFTERMATH: Duration = Duration::from_secs(1);
const ZERO: TransactionId = [0; 12];

#[derive(Debug)]
struct Open {
    server: SocketAddr,
    id: TransactionId,
    until: Monotonic,
    answered: bool,
}

/// The requests of one socket that went out under another id.
#[derive(Debug, Default)]
pub struct Translations {
    open: Vec<Open>,
}

impl Translations {
    /// The datagram to send instead, if it is a request with a zero id. A repeated one keeps its id until it is answered.
    pub fn outbound(
        &mut self,
        datagram: &[u8],
        destination: SocketAddr,
        now: Monotonic,
        random: impl FnOnce() -> TransactionId,
    ) -> Option<Vec<u8>> {
        if !needs_id(datagram) {
            return None;
        }
        self.open.retain(|open| now < open.until);
        let known = self.open.iter().find(|open| open.server == destination).map(|open| open.id);
        let id = known.unwrap_or_else(|| {
            if self.open.len() == MOST {
                self.open.remove(0);
            }
            let id = random();
            self.open.push(Open { server: destination, id, until: now.plus(LIFETIME), answered: false });
            id
        });
        let mut changed = datagram.to_vec();
        changed[8..20].copy_from_slice(&id);
        Some(changed)
    }

    /// Turns a response under one of the random ids back, in place. From any address: a server may answer from another.
    pub fn inbound(&mut self, datagram: &mut [u8], now: Monotonic) {
        if self.open.is_empty() {
            return;
        }
        let Some(message) = Message::parse(datagram) else { return };
        if !matches!(message.class, Class::Success | Class::Error) {
            return;
        }
        let id = message.transaction;
        let Some(open) = self.open.iter_mut().find(|open| open.id == id) else { return };
        if !open.answered {
            (open.answered, open.until) = (true, now.plus(AFTERMATH));
        }
        // Only IPv6 addresses are XORed with the id; 4 bytes of head, 4 under the cookie, 12 under the id (RFC 8489 §14.2).
        let addresses: Vec<usize> = message
            .attributes()
            .filter(|found| found.kind == attribute::XOR_MAPPED_ADDRESS && found.value.len() == 20)
            .map(|found| found.offset + 8)
            .collect();
        for start in addresses {
            datagram[start..start + 12].iter_mut().zip(id).for_each(|(byte, mask)| *byte ^= mask);
        }
        datagram[8..20].copy_from_slice(&ZERO);
    }
}

/// Whether a datagram is a Binding request without a transaction id.
pub fn needs_id(datagram: &[u8]) -> bool {
    datagram.len() >= 20
        && datagram[8..20] == ZERO
        && Message::parse(datagram)
            .is_some_and(|message| message.class == Class::Request && message.method == method::BINDING)
}

#[cfg(test)]
mod tests {
    use super::super::stun::tests::build;
    use super::*;

    const SERVER: &str = "192.0.2.9:3478";

    #[test]
    fn a_repeated_request_keeps_its_id_and_a_new_one_gets_another() {
        let (server, now) = (SERVER.parse().unwrap(), Monotonic(1));
        let mut table = Translations::default();
        let request = build(0x0001, ZERO, &[]);
        let first = table.outbound(&request, server, now, || [5; 12]).unwrap();
        assert_eq!(&first[8..20], [5; 12]);
        let later = now.plus(Duration::from_secs(5));
        let again = table.outbound(&request, server, later, || [6; 12]).unwrap();
        assert_eq!(again, first);
        let mut response = build(0x0101, [5; 12], &[]);
        table.inbound(&mut response, later);
        assert_eq!(&response[8..20], ZERO);
        let crossed = table.outbound(&request, server, later.plus(AFTERMATH / 2), || [7; 12]).unwrap();
        assert_eq!(crossed, first, "sent again while the answer was under way");
        let next = table.outbound(&request, server, later.plus(AFTERMATH), || [8; 12]).unwrap();
        assert_eq!(&next[8..20], [8; 12]);
    }

    #[test]
    fn a_request_with_an_id_and_an_answer_to_nobody_stay_as_they_are() {
        let (server, now) = (SERVER.parse().unwrap(), Monotonic(1));
        let mut table = Translations::default();
        assert_eq!(table.outbound(&build(0x0001, [1; 12], &[]), server, now, || [5; 12]), None);
        table.outbound(&build(0x0001, ZERO, &[]), server, now, || [5; 12]);
        let mut response = build(0x0101, [9; 12], &[]);
        let before = response.clone();
        table.inbound(&mut response, now);
        assert_eq!(response, before);
    }

    #[test]
    fn the_mapped_ipv6_address_survives() {
        let (server, now) = (SERVER.parse().unwrap(), Monotonic(1));
        let mut table = Translations::default();
        let id = [0xab; 12];
        table.outbound(&build(0x0001, ZERO, &[]), server, now, || id);
        let address: SocketAddr = "[2001:db8::77]:4000".parse().unwrap();
        let SocketAddr::V6(v6) = address else { unreachable!() };
        let mut value = vec![0, 2];
        value.extend((address.port() ^ 0x2112).to_be_bytes());
        let mask = [&[0x21, 0x12, 0xa4, 0x42][..], &id].concat();
        value.extend(v6.ip().octets().iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        let mut response = build(0x0101, id, &[(attribute::XOR_MAPPED_ADDRESS, &value)]);
        table.inbound(&mut response, now);
        let message = Message::parse(&response).unwrap();
        assert_eq!(message.transaction, ZERO);
        assert_eq!(message.xor_address(attribute::XOR_MAPPED_ADDRESS), Some(address));
    }
}
