//! Whose a datagram on the shared port is. No I/O: `(datagram, from)` in, session out.
//!
//! A check names the session itself: its user name begins with the agent's user name fragment (RFC 8445 §7.2.2). An answer
//! is known by its transaction id. All else goes by the address that it comes from, learned from these two: an address whose
//! end has answered a check of the session (it can read the check, so it is there) counts more than one that has merely
//! sent a check, which anybody can forge who knows the fragment.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::classify::{Class, classify};
use super::stun::{self, Message, TransactionId};

/// Addresses remembered per session: its remote candidates and what NATs make of them.
const ADDRESSES: usize = 64;
/// Requests under way remembered per session.
const REQUESTS: usize = 256;

/// A session on the port.
pub type Key = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    session: Key,
    /// It has answered a check.
    proven: bool,
}

#[derive(Debug, Clone, Copy)]
struct Request {
    session: Key,
    to: SocketAddr,
    is_check: bool,
}

#[derive(Debug)]
struct Session<T> {
    inbox: T,
    ufrags: Vec<String>,
    addresses: VecDeque<SocketAddr>,
    requests: VecDeque<TransactionId>,
}

/// The tables of one shared socket. `T` is where a session's datagrams go.
#[derive(Debug)]
pub struct Demux<T> {
    next: Key,
    sessions: HashMap<Key, Session<T>>,
    ufrags: HashMap<String, Key>,
    addresses: HashMap<SocketAddr, Owner>,
    requests: HashMap<TransactionId, Request>,
}

impl<T> Default for Demux<T> {
    fn default() -> Self {
        Self {
            next: 0,
            sessions: HashMap::new(),
            ufrags: HashMap::new(),
            addresses: HashMap::new(),
            requests: HashMap::new(),
        }
    }
}

impl<T> Demux<T> {
    /// A new session.
    pub fn add(&mut self, inbox: T) -> Key {
        self.next += 1;
        let session =
            Session { inbox, ufrags: Vec::new(), addresses: VecDeque::new(), requests: VecDeque::new() };
        self.sessions.insert(self.next, session);
        self.next
    }

    /// A session's agent goes by this fragment, too.
    pub fn add_ufrag(&mut self, key: Key, ufrag: &str) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.ufrags.push(ufrag.to_owned());
            self.ufrags.insert(ufrag.to_owned(), key);
        }
    }

    /// A session's agent no longer goes by this fragment.
    pub fn remove_ufrag(&mut self, key: Key, ufrag: &str) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.ufrags.retain(|known| known != ufrag);
        }
        if self.ufrags.get(ufrag) == Some(&key) {
            self.ufrags.remove(ufrag);
        }
    }

    /// A session is over.
    pub fn remove(&mut self, key: Key) {
        let Some(session) = self.sessions.remove(&key) else { return };
        for ufrag in session.ufrags {
            if self.ufrags.get(&ufrag) == Some(&key) {
                self.ufrags.remove(&ufrag);
            }
        }
        for address in session.addresses {
            self.disown(address, key);
        }
        for transaction in session.requests {
            self.requests.remove(&transaction);
        }
    }

    /// A session is about to send a datagram: notes the requests among them. Before the sending, for the answer may be
    /// read by another thread at once.
    pub fn sent(&mut self, key: Key, to: SocketAddr, datagram: &[u8]) {
        let Some(message) = Message::parse(datagram).filter(|message| message.class == stun::Class::Request)
        else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let request = Request { session: key, to, is_check: message.is_check() };
        if self.requests.insert(message.transaction, request).is_some() {
            return;
        }
        session.requests.push_back(message.transaction);
        if session.requests.len() > REQUESTS
            && let Some(oldest) = session.requests.pop_front()
        {
            self.requests.remove(&oldest);
        }
    }

    /// Whose this datagram is.
    pub fn route(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<&T> {
        let message = (classify(datagram) == Class::Stun).then(|| Message::parse(datagram)).flatten();
        let key = match message {
            Some(message) if message.class == stun::Class::Request => {
                let key = *self.ufrags.get(message.ufrags()?.0)?;
                self.own(from, Owner { session: key, proven: false });
                Some(key)
            }
            Some(message) if message.class != stun::Class::Indication => self.answered(from, &message),
            _ => None,
        };
        let key = key.or_else(|| self.addresses.get(&from).map(|owner| owner.session))?;
        self.sessions.get(&key).map(|session| &session.inbox)
    }

    fn answered(&mut self, from: SocketAddr, message: &Message<'_>) -> Option<Key> {
        let request = *self.requests.get(&message.transaction)?;
        if request.is_check && request.to == from && message.class == stun::Class::Success {
            self.own(from, Owner { session: request.session, proven: true });
        }
        Some(request.session)
    }

    fn own(&mut self, address: SocketAddr, owner: Owner) {
        let before = self.addresses.get(&address).copied();
        if before.is_some_and(|before| before == owner || (before.proven && !owner.proven)) {
            return;
        }
        if let Some(before) = before.filter(|before| before.session != owner.session)
            && let Some(session) = self.sessions.get_mut(&before.session)
        {
            session.addresses.retain(|known| *known != address);
        }
        self.addresses.insert(address, owner);
        let Some(session) = self.sessions.get_mut(&owner.session) else { return };
        if session.addresses.contains(&address) {
            return;
        }
        session.addresses.push_back(address);
        if session.addresses.len() > ADDRESSES {
            let proven = |address: &SocketAddr| self.addresses.get(address).is_some_and(|owner| owner.proven);
            let at = session.addresses.iter().position(|address| !proven(address)).unwrap_or(0);
            if let Some(oldest) = session.addresses.remove(at) {
                self.disown(oldest, owner.session);
            }
        }
    }

    fn disown(&mut self, address: SocketAddr, key: Key) {
        if self.addresses.get(&address).is_some_and(|owner| owner.session == key) {
            self.addresses.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stun::attribute;
    use super::super::stun::tests::build;
    use super::*;

    const DTLS: &[u8] = &[22, 0xfe, 0xfd, 0];

    fn check(username: &str, id: u8) -> Vec<u8> {
        build(0x0001, [id; 12], &[(attribute::USERNAME, username.as_bytes())])
    }

    fn two() -> (Demux<&'static str>, Key, Key) {
        let mut demux = Demux::default();
        let (one, two) = (demux.add("one"), demux.add("two"));
        demux.add_ufrag(one, "u1");
        demux.add_ufrag(two, "u2");
        (demux, one, two)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_check_names_its_session_and_what_follows_goes_by_address() {
        let (mut demux, ..) = two();
        let (a, b) = (address("10.0.0.1:1"), address("10.0.0.2:2"));
        assert_eq!(demux.route(a, DTLS), None);
        assert_eq!(demux.route(a, &check("u1:x", 1)), Some(&"one"));
        assert_eq!(demux.route(b, &check("u2:y", 2)), Some(&"two"));
        assert_eq!(demux.route(b, &check("u3:y", 2)), None, "nobody's");
        assert_eq!(demux.route(a, DTLS), Some(&"one"));
        assert_eq!(demux.route(b, DTLS), Some(&"two"));
    }

    #[test]
    fn a_fragment_that_is_over_names_nobody_and_the_session_goes_on() {
        let (mut demux, one, two) = two();
        let a = address("10.0.0.1:1");
        demux.route(a, &check("u1:x", 1));
        demux.add_ufrag(one, "u3");
        demux.remove_ufrag(one, "u1");
        demux.remove_ufrag(two, "u3");
        assert_eq!(demux.route(a, &check("u1:x", 2)), None);
        assert_eq!(demux.route(a, &check("u3:x", 3)), Some(&"one"), "another session cannot take it away");
        assert_eq!(demux.route(a, DTLS), Some(&"one"), "media goes by the address, as before");
    }

    #[test]
    fn an_answer_goes_by_its_transaction_wherever_it_comes_from() {
        let (mut demux, one, two) = two();
        demux.sent(one, address("10.0.0.9:9"), &check("x:u1", 7));
        demux.sent(two, address("10.0.0.9:9"), &check("y:u2", 8));
        assert_eq!(demux.route(address("10.0.0.9:9"), &build(0x0101, [8; 12], &[])), Some(&"two"));
        assert_eq!(demux.route(address("10.0.0.7:9"), &build(0x0101, [7; 12], &[])), Some(&"one"));
        assert_eq!(
            demux.route(address("10.0.0.7:9"), DTLS),
            None,
            "an answer from elsewhere proves no address"
        );
        assert_eq!(
            demux.route(address("10.0.0.9:9"), &build(0x0101, [9; 12], &[])),
            Some(&"two"),
            "by its address"
        );
    }

    #[test]
    fn a_proven_address_is_not_taken_by_a_mere_check() {
        let (mut demux, one, two) = two();
        let a = address("10.0.0.1:1");
        demux.sent(one, a, &check("x:u1", 7));
        demux.route(a, &build(0x0101, [7; 12], &[]));
        demux.route(a, &check("u2:y", 2));
        assert_eq!(demux.route(a, DTLS), Some(&"one"));
        demux.sent(two, a, &check("y:u2", 8));
        demux.route(a, &build(0x0101, [8; 12], &[]));
        assert_eq!(demux.route(a, DTLS), Some(&"two"), "the browser's port belongs to its next session now");
    }

    #[test]
    fn a_session_that_is_over_leaves_nothing_behind() {
        let (mut demux, one, two) = two();
        for port in 1..1000 {
            let from = SocketAddr::from(([10, 0, 0, 1], port));
            demux.route(from, &check("u1:x", 1));
            let mut id = [0; 12];
            id[..2].copy_from_slice(&port.to_be_bytes());
            demux.sent(one, from, &build(0x0001, id, &[]));
        }
        assert_eq!((demux.addresses.len(), demux.requests.len()), (ADDRESSES, REQUESTS));
        demux.remove(one);
        demux.remove(two);
        assert!(demux.addresses.is_empty() && demux.requests.is_empty() && demux.ufrags.is_empty());
        assert!(demux.sessions.is_empty());
    }
}
