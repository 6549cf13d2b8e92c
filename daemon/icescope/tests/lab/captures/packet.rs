//! What a captured frame carries, read without any code of the product's: STUN (RFC 8489 §5), DTLS records (RFC 6347 §4.1),
//! RTP and RTCP (RFC 5761 §4), and the same inside TURN (RFC 8656 §11, §12).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::pcapng::Frame;

/// One message; a frame may carry several (DTLS records), one inside another (TURN).
#[derive(Debug, Clone)]
pub struct Packet {
    /// Nanoseconds since the Unix epoch.
    pub at: i64,
    /// It left the host that was captured.
    pub outbound: bool,
    /// It travelled inside TURN: ChannelData, or a Send or Data indication.
    pub wrapped: bool,
    /// The other end on the wire: a relay, where there is one.
    pub remote: SocketAddr,
    /// What it is.
    pub message: Message,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// STUN or TURN: the type's 14 bits, the transaction, XOR-MAPPED-ADDRESS and XOR-RELAYED-ADDRESS.
    Stun { kind: u16, transaction: String, mapped: Option<SocketAddr>, relayed: Option<SocketAddr> },
    /// A DTLS record: content type, epoch, sequence number.
    Dtls { content: u8, epoch: u16, sequence: u64 },
    /// RTP, by its SSRC.
    Rtp { ssrc: u32 },
    /// RTCP, by its sender's SSRC.
    Rtcp { ssrc: u32 },
}

const COOKIE: u32 = 0x2112_A442;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const DATA: u16 = 0x0013;
const DTLS_HEADER: usize = 13;

/// Everything that a frame says.
pub fn packet(frame: &Frame<'_>, own: &[IpAddr]) -> Vec<Packet> {
    let Some((source, destination, payload)) = udp(frame.bytes) else { return Vec::new() };
    let mut messages = Vec::new();
    read(payload, false, &mut messages);
    let ends = [(true, source, destination), (false, destination, source)];
    // What stays inside the host goes out and comes in at once.
    let own = ends.into_iter().filter(|(_, here, _)| own.contains(&here.ip()));
    let seen = own.flat_map(|(outbound, _, remote)| {
        let packet = move |(wrapped, message): &(bool, Message)| Packet {
            at: frame.at,
            outbound,
            wrapped: *wrapped,
            remote,
            message: message.clone(),
        };
        messages.iter().map(packet).collect::<Vec<_>>()
    });
    seen.collect()
}

/// Ethernet, IP without extension headers, UDP.
fn udp(frame: &[u8]) -> Option<(SocketAddr, SocketAddr, &[u8])> {
    let ether_type = short(frame, 12)?;
    let ip = frame.get(14..)?;
    let (source, destination, datagram): (IpAddr, IpAddr, _) = match ether_type {
        0x0800 => {
            let address =
                |at: usize| ip.get(at..at + 4)?.try_into().ok().map(|four: [u8; 4]| Ipv4Addr::from(four));
            let header = usize::from(ip.first()? & 15) * 4;
            (address(12)?.into(), address(16)?.into(), ip.get(header..)?)
        }
        0x86DD => {
            let address =
                |at: usize| ip.get(at..at + 16)?.try_into().ok().map(|all: [u8; 16]| Ipv6Addr::from(all));
            (address(8)?.into(), address(24)?.into(), ip.get(40..)?)
        }
        _ => return None,
    };
    let end = |address, at| short(datagram, at).map(|port| SocketAddr::new(address, port));
    Some((end(source, 0)?, end(destination, 2)?, datagram.get(8..)?))
}

/// By the first byte (RFC 7983 §7).
fn read(payload: &[u8], wrapped: bool, messages: &mut Vec<(bool, Message)>) {
    match payload.first() {
        Some(0..=3) => stun(payload, wrapped, messages),
        Some(20..=63) => dtls(payload, wrapped, messages),
        // ChannelData (RFC 8656 §12.4): number, length, data.
        Some(64..=79) => read(payload.get(4..).unwrap_or_default(), true, messages),
        Some(128..=191) => {
            // RFC 5761 §4: payload types 64 to 95 (192 to 223 with the marker bit) are RTCP's.
            let rtcp = payload.get(1).is_some_and(|kind| (192..=223).contains(kind));
            let ssrc = long(payload, if rtcp { 4 } else { 8 });
            let message = |ssrc| if rtcp { Message::Rtcp { ssrc } } else { Message::Rtp { ssrc } };
            messages.extend(ssrc.map(|ssrc| (wrapped, message(ssrc))));
        }
        _ => {}
    }
}

fn stun(payload: &[u8], wrapped: bool, messages: &mut Vec<(bool, Message)>) {
    let (Some(kind), Some(COOKIE), Some(id)) = (short(payload, 0), long(payload, 4), payload.get(8..20))
    else {
        return;
    };
    let transaction = format!("{:024x}", id.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte)));
    let (mut mapped, mut relayed) = (None, None);
    let mut rest = payload.get(20..).unwrap_or_default();
    while let Some((attribute, length)) = short(rest, 0).zip(short(rest, 2)) {
        let length = usize::from(length);
        let Some(value) = rest.get(4..4 + length) else { break };
        match attribute {
            XOR_MAPPED_ADDRESS => mapped = xor_address(value, id),
            XOR_RELAYED_ADDRESS => relayed = xor_address(value, id),
            DATA => read(value, true, messages),
            _ => {}
        }
        rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages.push((wrapped, Message::Stun { kind, transaction, mapped, relayed }));
}

fn dtls(payload: &[u8], wrapped: bool, messages: &mut Vec<(bool, Message)>) {
    let mut rest = payload;
    // A record that is cut at the snap length has its header all the same.
    while let Some(head) = rest.get(..DTLS_HEADER) {
        let epoch = u16::from_be_bytes([head[3], head[4]]);
        let sequence = head[5..11].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        messages.push((wrapped, Message::Dtls { content: head[0], epoch, sequence }));
        let length = usize::from(u16::from_be_bytes([head[11], head[12]]));
        rest = rest.get(DTLS_HEADER + length..).unwrap_or_default();
    }
}

/// RFC 8489 §14.2.
fn xor_address(value: &[u8], id: &[u8]) -> Option<SocketAddr> {
    let port = short(value, 2)? ^ (COOKIE >> 16) as u16;
    let mask = COOKIE.to_be_bytes().into_iter().chain(id.iter().copied());
    let plain: Vec<u8> = value.get(4..)?.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let address: IpAddr = match value.get(1)? {
        1 => <[u8; 4]>::try_from(plain).ok()?.into(),
        _ => <[u8; 16]>::try_from(plain).ok()?.into(),
    };
    Some(SocketAddr::new(address, port))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes)
}
