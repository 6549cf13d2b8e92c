//! Binding (RFC 8489 §12) and NAT behaviour discovery (RFC 5780).

use std::net::{IpAddr, SocketAddr};

use super::{Outcome, Reply, Server};
use crate::tuple::{FiveTuple, Now};
use crate::wire::attribute;
use crate::wire::read::Message;
use crate::wire::write::{self, Answer, Refusal};

/// What a Binding request may carry; the rest that must be understood is refused (420). User name and integrity are those of
/// ICE checks and mean nothing to a server.
const KNOWN: &[u16] = &[
    attribute::MAPPED_ADDRESS,
    attribute::CHANGE_REQUEST,
    attribute::USERNAME,
    attribute::MESSAGE_INTEGRITY,
    attribute::MESSAGE_INTEGRITY_SHA256,
    attribute::REALM,
    attribute::NONCE,
    attribute::PADDING,
    attribute::RESPONSE_PORT,
];
/// «change IP» and «change port» of CHANGE-REQUEST (RFC 5780 §7.2).
const CHANGE_IP: u32 = 0x4;
const CHANGE_PORT: u32 = 0x2;
/// The longest PADDING that is sent back: the usual MTU, so that an answer can show what becomes of fragments (RFC 5780 §4.5).
const LONGEST_PADDING: usize = 1500;
/// IP and UDP headers, which count when one asks how much larger an answer is than its request.
const OVERHEAD: [usize; 2] = [28, 48];

/// Two addresses and two ports, all four listened on over UDP: what RFC 5780 §6 needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery {
    /// The two addresses.
    pub addresses: [IpAddr; 2],
    /// The two ports.
    pub ports: [u16; 2],
}

impl Discovery {
    /// Where the address and the port of a socket stand in the pair.
    fn place(&self, server: SocketAddr) -> Option<(usize, usize)> {
        let address = self.addresses.iter().position(|address| *address == server.ip())?;
        let port = self.ports.iter().position(|port| *port == server.port())?;
        Some((address, port))
    }

    fn at(&self, address: usize, port: usize) -> SocketAddr {
        SocketAddr::new(self.addresses[address], self.ports[port])
    }
}

/// How long an answer may be to those who have proven nothing: 1.5 times the request, as packets on the wire. A stream's client
/// has proven its address by its handshake.
pub fn room(via: &FiveTuple, request: &Message<'_>) -> usize {
    if via.transport.is_stream() {
        return usize::MAX;
    }
    let overhead = OVERHEAD[usize::from(via.client.is_ipv6())];
    (request.datagram().len() + overhead) * 3 / 2 - overhead
}

impl<P: Clone> Server<P> {
    pub(super) fn binding(&mut self, now: Now, via: &FiveTuple, request: &Message<'_>) -> Outcome<P> {
        if !self.sources.take(via.client.ip(), now.monotonic) {
            return Outcome::Nothing;
        }
        let (from, to, bytes) = self.bind(via, request);
        if bytes.len() > room(via, request) {
            return Outcome::Nothing;
        }
        Outcome::Answer(Reply { from, to, bytes, holder: None, refused: false })
    }

    /// The answer: from where, to where, and what.
    fn bind(&self, via: &FiveTuple, request: &Message<'_>) -> (SocketAddr, SocketAddr, Vec<u8>) {
        let back = |answer: Answer| (via.server, via.client, answer.encode(None));
        let pair = if via.transport.is_stream() {
            None
        } else {
            self.discovery.iter().find_map(|pair| pair.place(via.server).map(|place| (pair, place)))
        };
        if !request.is_whole() {
            return back(Answer::short_error(request, Refusal::BAD_REQUEST));
        }
        // Without a second address CHANGE-REQUEST is not understood (RFC 5780 §6.1).
        let refused = |kind: &u16| *kind == attribute::CHANGE_REQUEST && pair.is_none();
        let unknown: Vec<u16> = request
            .unknown(KNOWN)
            .chain(request.attributes().map(|attribute| attribute.kind).filter(refused).take(1))
            .collect();
        if !unknown.is_empty() {
            return back(Answer::short_error(request, Refusal::UNKNOWN_ATTRIBUTE).unknown(unknown));
        }
        let port = request.get(attribute::RESPONSE_PORT);
        let padding = request.get(attribute::PADDING).map(<[u8]>::len);
        // RFC 5780 §6.1: the two together are refused.
        if port.is_some() && (padding.is_some() || via.transport.is_stream()) {
            return back(Answer::short_error(request, Refusal::BAD_REQUEST));
        }
        // Some write two bytes, others four: the port stands first in both (RFC 5780 §7.5).
        let to = match port.map(|value| value.first_chunk::<2>()) {
            None => via.client,
            Some(Some(port)) => SocketAddr::new(via.client.ip(), u16::from_be_bytes(*port)),
            Some(None) => return back(Answer::short_error(request, Refusal::BAD_REQUEST)),
        };
        let flags = request.number(attribute::CHANGE_REQUEST).unwrap_or(0);
        let from = pair.map_or(via.server, |(pair, (address, port))| {
            pair.at(
                address ^ usize::from(flags & CHANGE_IP != 0),
                port ^ usize::from(flags & CHANGE_PORT != 0),
            )
        });
        let other = pair.map(|(pair, (address, port))| pair.at(1 - address, 1 - port));
        (from, to, success(via, request, from, other, padding).encode(None))
    }
}

/// A success response: what must be there, and of the rest what there is room for. OTHER-ADDRESS comes first: without it a
/// client takes the server for one that cannot tell (RFC 5780 §6.1).
fn success(
    via: &FiveTuple,
    request: &Message<'_>,
    from: SocketAddr,
    other: Option<SocketAddr>,
    padding: Option<usize>,
) -> Answer {
    let print = if request.has(attribute::FINGERPRINT) { write::FINGERPRINT } else { 0 };
    let mut left = room(via, request).saturating_sub(write::smallest_binding(via.client) + print);
    let mut fits = |size: usize| {
        let fits = size <= left;
        left -= if fits { size } else { 0 };
        fits
    };
    let mut answer = Answer::success(request).mapped(via.client);
    if let Some(other) = other.filter(|other| fits(write::address_attribute(*other))) {
        answer = answer.other_address(other);
        if fits(write::address_attribute(from)) {
            answer = answer.response_origin(from);
        }
        // Beside the XORed one it shows middleboxes that rewrite addresses.
        if fits(write::address_attribute(via.client)) {
            answer = answer.plain_mapped(via.client);
        }
    }
    if let Some(length) =
        padding.filter(|length| *length <= LONGEST_PADDING && fits(length.next_multiple_of(4) + 4))
    {
        answer = answer.padding(length);
    }
    answer
}
