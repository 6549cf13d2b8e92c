//! One question, asked as often as it takes: from one socket, to one address.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Number of a socket of this run.
pub type SocketId = usize;
/// Number of a test of this run.
pub type TestId = usize;

/// What a Binding request asks for beside its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// CHANGE-REQUEST «change IP» (RFC 5780 §7.2).
    pub change_address: bool,
    /// CHANGE-REQUEST «change port».
    pub change_port: bool,
    /// RESPONSE-PORT (RFC 5780 §7.5).
    pub response_port: Option<u16>,
}

impl Ask {
    /// An answer from the server's other address and other port.
    pub const BOTH: Self = Self { change_address: true, change_port: true, response_port: None };
    /// An answer from the server's other port.
    pub const PORT: Self = Self { change_address: false, change_port: true, response_port: None };
    /// A plain Binding request.
    pub const PLAIN: Self = Self { change_address: false, change_port: false, response_port: None };
}

/// What a test is for. `usize` is the server's place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain request from one of the two sockets that talk to all servers.
    Binding(usize),
    /// An answer from another address of the server is asked for, on a socket that never spoke to that address.
    Filtering(usize),
    /// A plain request beside each of those: it shows that the way was open at that very moment.
    Beside(usize),
    /// One of the four addresses of an RFC 5780 server.
    Mapping(usize),
    /// An answer from an address that this socket did speak to: shows that the server does what it is asked for.
    Control(usize),
    /// A plain request from a fresh socket: which port does it get?
    Sample(usize),
    /// From one own socket to the other one's mapped address.
    Hairpin,
    /// With a small TTL towards the server: who says that it expired?
    Trace,
    /// With TTL 1 towards the own public address.
    TraceSelf,
    /// Another port of a server's host where STUN is often served.
    SparePort(usize),
    /// The server's own port once more, beside another port of its host that answers.
    Recheck(usize),
    /// A port where nothing listens: the host's refusal shows that the request arrived.
    ClosedPort(usize),
}

/// One sending of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The test.
    pub test: TestId,
    /// 0 for the first.
    pub number: usize,
}

/// What a Binding response said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS.
    pub mapped: Option<SocketAddr>,
    /// OTHER-ADDRESS, else CHANGED-ADDRESS.
    pub other: Option<SocketAddr>,
    /// RESPONSE-ORIGIN.
    pub origin: Option<SocketAddr>,
    /// ERROR-CODE, in words.
    pub error: Option<(u16, String)>,
}

/// Something that came in for a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// To which sending it belongs.
    pub attempt: usize,
    /// When.
    pub at: Duration,
    /// On which socket.
    pub socket: SocketId,
    /// Where it really came from.
    pub source: SocketAddr,
    /// What it said; `None` for our own request that came back to us.
    pub answer: Option<Answer>,
}

/// What an ICMP message said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpKind {
    /// TTL or hop limit exceeded.
    TimeExceeded,
    /// Port unreachable.
    PortUnreachable,
    /// Prohibited by a filter.
    Prohibited,
    /// Host or network unreachable, and the rest.
    Unreachable,
}

/// One ICMP message on a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// When.
    pub at: Duration,
    /// Who sent it, if the system said so.
    pub from: Option<IpAddr>,
    /// What it said.
    pub kind: IcmpKind,
}

/// Where a test stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is being asked.
    Asking,
    /// What was asked for came in.
    Answered,
    /// Nothing came in, and it was asked often and waited for long enough.
    Silent,
    /// Nothing came in, and the way was too lossy to say more.
    Unsure,
    /// Not needed any more.
    Dropped,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its number.
    pub id: TestId,
    /// What it is for.
    pub kind: Kind,
    /// From which socket.
    pub socket: SocketId,
    /// That socket's real local address.
    pub local: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// What it asks for.
    pub ask: Ask,
    /// TTL or hop limit, if it is not the usual one.
    pub ttl: Option<u8>,
    /// The plain test that is sent beside each of its requests.
    pub beside: Option<TestId>,
    /// When it was begun.
    pub begun: Duration,
    /// When each request went out.
    pub sent: Vec<Duration>,
    /// What came in.
    pub heard: Vec<Heard>,
    /// ICMP messages.
    pub icmp: Vec<Icmp>,
    /// The system's refusal to send.
    pub unsent: Option<String>,
    /// Where it stands.
    pub state: State,
}

impl Test {
    /// The first answer that came from where the request went to.
    pub fn answer(&self) -> Option<&Answer> {
        self.heard.iter().find(|heard| heard.source == self.to).and_then(|heard| heard.answer.as_ref())
    }

    /// The mapped address that the address asked reported.
    pub fn mapped(&self) -> Option<SocketAddr> {
        self.answer().and_then(|answer| answer.mapped)
    }

    /// How many of the requests were answered from where they went to.
    pub fn answered_attempts(&self) -> usize {
        let mut attempts: Vec<usize> =
            self.heard.iter().filter(|heard| heard.source == self.to).map(|heard| heard.attempt).collect();
        attempts.sort_unstable();
        attempts.dedup();
        attempts.len()
    }

    /// It came to its end without an answer, and that says something.
    pub fn is_silent(&self) -> bool {
        self.state == State::Silent
    }

    /// It is still going on.
    pub fn is_asking(&self) -> bool {
        self.state == State::Asking
    }

    /// The round trip of the first answer.
    pub fn round_trip(&self) -> Option<Duration> {
        let heard = self.heard.first()?;
        Some(heard.at.saturating_sub(*self.sent.get(heard.attempt)?))
    }
}
