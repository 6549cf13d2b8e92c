//! What the daemon's own requests and their answers tell: round trips, allocations, channels, valid pairs.

use std::collections::VecDeque;
use std::net::SocketAddr;

use icescope_model::{Lane, Monotonic};

use super::credential::{Endings, Grant, expiry};
use super::grace::Grace;
use super::limit::Limit;
use super::nomination::{Nominations, Pair};
use super::pace::Pace;
use super::stun::{Class, Message, TransactionId, attribute, method};
use super::stun_facts;
use super::turn::Allocations;

/// Requests under way that are remembered. An agent sends some 20 a second and each is answered or dead within seconds.
const REMEMBERED: usize = 256;

/// One STUN message with where it went.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The message.
    pub message: &'a Message<'a>,
    /// The whole datagram that it came in.
    pub datagram: &'a [u8],
    /// The tap's number of the socket.
    pub socket: u64,
    /// The socket's address.
    pub local: SocketAddr,
    /// Where the datagram came from or goes to: the other end, or the TURN server.
    pub outer: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// When.
    pub at: Monotonic,
}

#[derive(Debug)]
struct Open {
    transaction: TransactionId,
    sent: Monotonic,
    to: Lane,
    /// The pair that it checks.
    pair: Option<Pair>,
    /// The channel that it binds, and to whom.
    channel: Option<(u16, SocketAddr)>,
    /// The end of the TURN credential that it was made with.
    expires: Option<u64>,
    /// It was signed.
    signed: bool,
}

/// What a received message turned out to be.
#[derive(Debug, Default)]
pub struct Learned {
    /// Nanoseconds since the request that it answers was sent.
    pub round_trip: Option<i64>,
    /// The lane that its request went to.
    pub lane: Option<Lane>,
    /// Its request was signed with a password.
    pub signed: bool,
    /// It answers one of the daemon's own ICE checks well: the agent's user name fragment in that check.
    pub confirmed: Option<String>,
    /// A TURN server granted an allocation.
    pub allocated: bool,
    /// It granted or prolonged one, to a credential that ends; for no seconds where it refused that credential.
    pub grant: Option<Grant>,
    /// Datagrams that the agent is to be given once more.
    pub again: Vec<Vec<u8>>,
}

/// The requests under way of one session, and what came of the earlier ones.
#[derive(Debug)]
pub struct Exchange {
    open: VecDeque<Open>,
    /// What was seen of TURN.
    pub allocations: Allocations,
    nominations: Nominations,
    /// Of the checks that go out.
    pub pace: Pace,
    pub grace: Grace,
    /// Of their credentials.
    pub endings: Endings,
    /// What may still be recorded.
    pub limit: Limit,
}

impl Exchange {
    /// Nothing seen yet.
    pub fn new(now: Monotonic) -> Self {
        Self {
            open: VecDeque::new(),
            allocations: Allocations::default(),
            nominations: Nominations::default(),
            pace: Pace::default(),
            grace: Grace::default(),
            endings: Endings::default(),
            limit: Limit::new(now),
        }
    }

    /// A message was sent.
    pub fn sent(&mut self, seen: Seen<'_>, to: Lane) {
        let message = seen.message;
        if message.class != Class::Request {
            return;
        }
        let channel = (message.method == method::CHANNEL_BIND).then(|| channel_of(message)).flatten();
        if let Some((number, peer)) = channel {
            self.allocations.bind(seen.socket, seen.outer, number, peer);
        }
        let pair = if message.is_check() { message.ufrags().map(|(_, own)| pair(&seen, own)) } else { None };
        // A request that is sent again keeps its place: the last sending is the one that an answer is measured from.
        self.open.retain(|open| open.transaction != message.transaction);
        if self.open.len() == REMEMBERED {
            self.open.pop_front();
        }
        let expires = holds(message).then(|| message.get(attribute::USERNAME).and_then(expiry)).flatten();
        self.open.push_back(Open {
            transaction: message.transaction,
            sent: seen.at,
            to,
            pair,
            channel,
            expires,
            signed: message.get(attribute::MESSAGE_INTEGRITY).is_some(),
        });
    }

    /// A message was received. `hold` keeps nominating requests until their pair is valid.
    pub fn received(&mut self, seen: Seen<'_>, hold: bool) -> Learned {
        if seen.message.is_check() {
            self.pace.heard(seen.outer, seen.remote);
        }
        match seen.message.class {
            Class::Request => {
                let nominates = hold && seen.message.get(attribute::USE_CANDIDATE).is_some();
                if let Some((own, _)) = nominates.then(|| seen.message.ufrags()).flatten() {
                    let pair = pair(&seen, own);
                    self.nominations.requested(&pair, seen.message.transaction, seen.datagram, seen.at);
                }
                Learned::default()
            }
            Class::Indication => Learned::default(),
            Class::Success | Class::Error => self.answered(seen),
        }
    }

    fn answered(&mut self, seen: Seen<'_>) -> Learned {
        let message = seen.message;
        let Some(at) = self.open.iter().position(|open| open.transaction == message.transaction) else {
            return Learned::default();
        };
        let Some(open) = self.open.remove(at) else { return Learned::default() };
        let mut learned = Learned {
            round_trip: Some(seen.at.since(open.sent).max(0)),
            lane: Some(open.to),
            signed: open.signed,
            ..Learned::default()
        };
        let good = message.class == Class::Success;
        if let Some((number, peer)) = open.channel.filter(|_| good) {
            self.allocations.bind(seen.socket, seen.outer, number, peer);
        }
        if let Some(expires) = open.expires {
            let granted = message.get(attribute::LIFETIME).and_then(|value| value.try_into().ok());
            let refused = open.signed && stun_facts::error_text(message).is_some_and(|(code, _)| code == 401);
            let lifetime = if good { granted.map(u32::from_be_bytes) } else { refused.then_some(0) };
            learned.grant = lifetime.map(|lifetime| Grant { expires, lifetime });
        }
        if good && message.method == method::ALLOCATE {
            learned.allocated = true;
            if let Some(relayed) = message.xor_address(attribute::XOR_RELAYED_ADDRESS) {
                self.allocations.allocated(seen.local, seen.outer, relayed);
            }
        }
        // An answer from elsewhere than the request went is no success (RFC 8445 §7.2.5.2.1).
        if let Some(pair) = open.pair.filter(|pair| good && pair.remote == seen.remote) {
            learned.again = self.nominations.succeeded(&pair, seen.at);
            learned.confirmed = Some(pair.local_ufrag);
        }
        learned
    }
}

fn pair(seen: &Seen<'_>, local_ufrag: &str) -> Pair {
    Pair { socket: seen.socket, outer: seen.outer, remote: seen.remote, local_ufrag: local_ufrag.to_owned() }
}

/// Whether a message is about an allocation as such.
fn holds(message: &Message<'_>) -> bool {
    matches!(message.method, method::ALLOCATE | method::REFRESH)
}

fn channel_of(message: &Message<'_>) -> Option<(u16, SocketAddr)> {
    let [high, low, ..] = *message.get(attribute::CHANNEL_NUMBER)? else { return None };
    Some((u16::from_be_bytes([high, low]), message.xor_address(attribute::XOR_PEER_ADDRESS)?))
}

#[cfg(test)]
mod tests {
    use super::super::stun::tests::build;
    use super::*;

    fn seen<'a>(message: &'a Message<'a>, datagram: &'a [u8], remote: &str, at: i64) -> Seen<'a> {
        let remote = remote.parse().unwrap();
        let local = "10.0.0.1:5000".parse().unwrap();
        Seen { message, datagram, socket: 1, local, outer: remote, remote, at: Monotonic(at) }
    }

    #[test]
    fn a_nomination_ahead_of_our_own_check_comes_back_behind_its_answer() {
        let mut exchange = Exchange::new(Monotonic(0));
        let peer = "10.0.0.2:4000";
        let nominating =
            build(0x0001, [1; 12], &[(attribute::USERNAME, b"mine:theirs"), (attribute::USE_CANDIDATE, b"")]);
        let own = build(0x0001, [2; 12], &[(attribute::USERNAME, b"theirs:mine")]);
        let answer = build(0x0101, [2; 12], &[]);
        let [parsed, own_parsed, answer_parsed] =
            [&nominating, &own, &answer].map(|bytes| Message::parse(bytes).unwrap());
        assert!(exchange.received(seen(&parsed, &nominating, peer, 10), true).again.is_empty());
        exchange.sent(seen(&own_parsed, &own, peer, 20), Lane::Web);
        let learned = exchange.received(seen(&answer_parsed, &answer, peer, 50), true);
        assert_eq!(learned.again, std::slice::from_ref(&nominating));
        assert_eq!((learned.round_trip, learned.confirmed.as_deref()), (Some(30), Some("mine")));
        // The same answer once more answers nothing.
        assert_eq!(exchange.received(seen(&answer_parsed, &answer, peer, 60), true).round_trip, None);
    }

    #[test]
    fn an_answer_from_another_address_is_no_success() {
        let mut exchange = Exchange::new(Monotonic(0));
        let own = build(0x0001, [2; 12], &[(attribute::USERNAME, b"theirs:mine")]);
        let answer = build(0x0101, [2; 12], &[]);
        let [own_parsed, answer_parsed] = [&own, &answer].map(|bytes| Message::parse(bytes).unwrap());
        exchange.sent(seen(&own_parsed, &own, "10.0.0.2:4000", 20), Lane::Web);
        let learned = exchange.received(seen(&answer_parsed, &answer, "10.0.0.3:4000", 50), true);
        assert_eq!(learned.confirmed, None);
    }

    #[test]
    fn an_allocation_is_learned() {
        let mut exchange = Exchange::new(Monotonic(0));
        let server = "192.0.2.1:3478";
        let request = build(0x0003, [2; 12], &[(attribute::USERNAME, b"1700000000:alice")]);
        let relayed = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let answer = build(
            0x0103,
            [2; 12],
            &[(attribute::XOR_RELAYED_ADDRESS, &relayed), (attribute::LIFETIME, &600_u32.to_be_bytes())],
        );
        let [request_parsed, answer_parsed] = [&request, &answer].map(|bytes| Message::parse(bytes).unwrap());
        exchange.sent(seen(&request_parsed, &request, server, 1), Lane::Turn);
        let learned = exchange.received(seen(&answer_parsed, &answer, server, 2), false);
        assert!(learned.allocated);
        assert_eq!(learned.grant, Some(Grant { expires: 1_700_000_000, lifetime: 600 }));
        assert_eq!(learned.lane, Some(Lane::Turn));
        let local = "10.0.0.1:5000".parse().unwrap();
        assert_eq!(
            exchange.allocations.relayed(local, server.parse().unwrap()),
            Some("192.0.2.1:32853".parse().unwrap())
        );
    }

    #[test]
    fn a_refused_credential_that_ends_is_learned() {
        let mut exchange = Exchange::new(Monotonic(0));
        let server = "192.0.2.1:3478";
        let name = (attribute::USERNAME, &b"1600000000:alice"[..]);
        let request = build(0x0003, [2; 12], &[name, (attribute::MESSAGE_INTEGRITY, &[0; 20])]);
        let answer = build(0x0113, [2; 12], &[(attribute::ERROR_CODE, b"\0\0\x04\x01Unauthorized")]);
        let [request_parsed, answer_parsed] = [&request, &answer].map(|bytes| Message::parse(bytes).unwrap());
        exchange.sent(seen(&request_parsed, &request, server, 1), Lane::Turn);
        let learned = exchange.received(seen(&answer_parsed, &answer, server, 2), false);
        assert_eq!(learned.grant, Some(Grant { expires: 1_600_000_000, lifetime: 0 }));
    }
}
