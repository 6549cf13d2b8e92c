//! What the tests speak to the server with: a client's messages, and a server without sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use icescope_model::Monotonic;
use sha1::Sha1;
use stun_rs::{Algorithm, AlgorithmId, HMACKey};

use crate::auth::{Authority, Credentials, Holder};
use crate::options::{Options, Policy};
use crate::server::{Limits, NoPort, Opened, Outcome, Ports, Reply, Server, Wanted};
use crate::tuple::{FiveTuple, Now, Transport};
use crate::wire::read::{Message, mask, xored};
use crate::wire::{MAGIC_COOKIE, TransactionId, attribute};

pub const REALM: &str = "icescope";
/// When the tests' credentials end, in Unix seconds; their clock begins an hour earlier.
pub const EXPIRES: u64 = 1_800_000_000;

/// A message in the making.
#[derive(Debug, Clone)]
pub struct Draft(pub Vec<u8>);

impl Draft {
    pub fn new(kind: u16, transaction: TransactionId) -> Self {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend(MAGIC_COOKIE);
        bytes.extend(transaction);
        Self(bytes)
    }

    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(kind.to_be_bytes());
        self.0.extend((value.len() as u16).to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.sized(0)
    }

    fn sized(mut self, more: usize) -> Self {
        let length = (self.0.len() - 20 + more) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }

    pub fn peer(self, peer: &str) -> Self {
        let peer: SocketAddr = peer.parse().unwrap();
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&self.0[8..20]);
        let mask = mask(&transaction);
        let mut value = vec![0, if peer.is_ipv4() { 1 } else { 2 }];
        value.extend(xored(peer.port().to_be_bytes(), &mask));
        match peer {
            SocketAddr::V4(v4) => value.extend(xored(v4.ip().octets(), &mask)),
            SocketAddr::V6(v6) => value.extend(xored(v6.ip().octets(), &mask)),
        }
        self.with(attribute::XOR_PEER_ADDRESS, &value)
    }

    pub fn signed(self, credentials: &Credentials, nonce: &str) -> Self {
        let named = self
            .with(attribute::USERNAME, credentials.username.as_bytes())
            .with(attribute::REALM, REALM.as_bytes())
            .with(attribute::NONCE, nonce.as_bytes())
            .sized(24);
        let mac = Hmac::<Sha1>::new_from_slice(key(credentials).as_bytes()).unwrap();
        let mac = mac.chain_update(&named.0).finalize().into_bytes();
        named.with(attribute::MESSAGE_INTEGRITY, &mac)
    }
}

pub fn key(credentials: &Credentials) -> HMACKey {
    let md5 = Algorithm::from(AlgorithmId::MD5);
    HMACKey::new_long_term(&credentials.username, REALM, &credentials.password, md5).unwrap()
}

pub fn binding(id: u8) -> Draft {
    Draft::new(0x0001, [id; 12])
}

pub fn allocate(id: u8) -> Draft {
    Draft::new(0x0003, [id; 12]).with(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
}

pub fn refresh(id: u8, seconds: u32) -> Draft {
    Draft::new(0x0004, [id; 12]).with(attribute::LIFETIME, &seconds.to_be_bytes())
}

pub fn permission(id: u8, peer: &str) -> Draft {
    Draft::new(0x0008, [id; 12]).peer(peer)
}

pub fn channel(id: u8, number: u16, peer: &str) -> Draft {
    let [high, low] = number.to_be_bytes();
    Draft::new(0x0009, [id; 12]).with(attribute::CHANNEL_NUMBER, &[high, low, 0, 0]).peer(peer)
}

pub fn send(peer: &str, data: &[u8]) -> Draft {
    Draft::new(0x0016, [9; 12]).peer(peer).with(attribute::DATA, data)
}

/// The error code of an answer; 0 for a success.
pub fn code(bytes: &[u8]) -> u16 {
    let message = Message::parse(bytes).expect("an answer is a message");
    message.get(0x0009).map_or(0, |value| u16::from(value[2]) * 100 + u16::from(value[3]))
}

/// A relay that listens nowhere yet.
pub fn options() -> Options {
    Options {
        listen: Vec::new(),
        any_port: false,
        tls_listen: Vec::new(),
        tls_may_fail: false,
        tls: None,
        relay_addresses: Vec::new(),
        external_addresses: Vec::new(),
        ports: 20_000..=29_999,
        realm: REALM.to_owned(),
        max_allocations: 512,
        policy: Policy { lifetime: Duration::from_mins(10), quota: 16, allow_peers: Vec::new() },
        addresses: Arc::new(Vec::new),
        describe: Arc::new(|_| None),
    }
}

/// Numbered relayed addresses of 198.51.100.1 and 2001:db8:1::1.
pub struct FakePorts {
    pub next: u16,
    pub last: u16,
    pub ipv6: bool,
}

impl Default for FakePorts {
    fn default() -> Self {
        Self { next: 50_001, last: 65_535, ipv6: true }
    }
}

impl Ports for FakePorts {
    type Port = u16;

    fn open(&mut self, _: &FiveTuple, wanted: Wanted) -> Result<Opened<u16>, NoPort> {
        if wanted.ipv6 && !self.ipv6 {
            return Err(NoPort::Family);
        }
        let port = if wanted.even { self.next.next_multiple_of(2) } else { self.next };
        if port > self.last {
            return Err(NoPort::Taken);
        }
        self.next = port + 1;
        let address = if wanted.ipv6 { "2001:db8:1::1" } else { "198.51.100.1" };
        Ok(Opened { port, relayed: SocketAddr::new(address.parse().unwrap(), port) })
    }
}

/// A server, its fake sockets, and the time.
pub struct Bench {
    pub server: Server<u16>,
    pub ports: FakePorts,
    pub now: Now,
}

impl Default for Bench {
    fn default() -> Self {
        let authority = Authority::new([1; 32], [2; 32], REALM.to_owned());
        Self {
            server: Server::new(authority, Limits { quota: 3, allocations: 6 }, 42),
            ports: FakePorts::default(),
            now: Now { monotonic: Monotonic(1_000_000_000), unix: EXPIRES - 3600 },
        }
    }
}

impl Bench {
    pub fn pass(&mut self, seconds: u64) {
        self.now.unix += seconds;
        self.now.monotonic = self.now.monotonic.plus(std::time::Duration::from_secs(seconds));
    }

    pub fn credentials(&self, id: &str) -> Credentials {
        self.server.authority.mint(&Holder::Client(id.into()), EXPIRES)
    }

    pub fn handle(&mut self, via: FiveTuple, bytes: &[u8]) -> Outcome<u16> {
        self.server.handle(self.now, via, bytes, &mut self.ports)
    }

    pub fn reply(&mut self, via: FiveTuple, draft: &Draft) -> Option<Reply> {
        match self.handle(via, &draft.0) {
            Outcome::Answer(reply) => Some(reply),
            _ => None,
        }
    }

    pub fn answer(&mut self, via: FiveTuple, draft: &Draft) -> Vec<u8> {
        self.reply(via, draft).expect("an answer").bytes
    }

    /// Signs a request with the id's credential and a fresh nonce.
    pub fn sign(&self, via: FiveTuple, id: &str, draft: Draft) -> Draft {
        let nonce = self.server.authority.nonce(&via, self.now.unix);
        draft.signed(&self.credentials(id), &nonce)
    }

    /// The code of the answer to a signed request.
    pub fn ask(&mut self, via: FiveTuple, id: &str, draft: Draft) -> u16 {
        let signed = self.sign(via, id, draft);
        code(&self.answer(via, &signed))
    }
}

pub fn via(client: &str) -> FiveTuple {
    let client: SocketAddr = client.parse().unwrap();
    let server = if client.is_ipv4() { "192.0.2.1:3478" } else { "[2001:db8::1]:3478" };
    FiveTuple { client, server: server.parse().unwrap(), transport: Transport::Udp }
}
