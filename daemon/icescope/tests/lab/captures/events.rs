//! Which packets an event of the record stands for, or must lie between.

use std::collections::HashMap;
use std::net::SocketAddr;

use icescope_model::{Event, Evidence, SeenBy};
use serde_json::Value;

use super::capture::Captured;
use super::packet::{Message, Packet};

/// An event whose true time is bounded by packets.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its number in the record, and its kind.
    pub name: String,
    /// Whether it is a packet itself, seen by the daemon's end.
    pub packet: bool,
    /// A packet that came in.
    pub inbound: bool,
    /// What the record says: microseconds on the session's axis.
    pub time: i64,
    /// How far that may be off, as the record says.
    pub uncertainty: i64,
    /// Not before this packet: nanoseconds since the Unix epoch.
    pub after: Option<i64>,
    /// Not after this one.
    pub before: Option<i64>,
}

/// What one message is, whichever end saw it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Transaction and class (RFC 8489 §5).
    Stun(String, &'static str),
    Dtls(u64, u64),
    First(&'static str, u64),
}

/// Outbound, what, and the other end: but for what is inside TURN, where the wire has the relay's address.
type Side = (bool, Key, Option<SocketAddr>);

const CLASSES: [&str; 4] = ["request", "indication", "success response", "error response"];

/// The events that are packets at the daemon's host, each with its packet; and those without one.
pub fn of_daemon(events: &[Event], far: &Captured) -> (Vec<Item>, Vec<String>) {
    let mut on_wire: HashMap<Side, Vec<i64>> = HashMap::new();
    for packet in &far.packets {
        on_wire
            .entry((
                packet.outbound,
                key_of_packet(&packet.message),
                Some(packet.remote).filter(|_| !packet.wrapped),
            ))
            .or_default()
            .push(packet.at);
    }
    let mut taken: HashMap<Side, usize> = HashMap::new();
    let mut packets: Vec<&Event> = events.iter().filter(|event| is_packet(event)).collect();
    packets.sort_by_key(|event| event.time);
    let (mut items, mut missing) = (Vec::new(), Vec::new());
    for event in packets {
        let Some(key) = key_of_event(event) else { continue };
        let relayed = event.attributes.contains_key("relay");
        let remote = text(event, "remoteAddress").parse().ok().filter(|_| !relayed);
        let side = (text(event, "direction") == "outbound", key, remote);
        // Sent again means the same message: the first event is the first packet.
        let nth = taken.entry(side.clone()).or_default();
        match on_wire.get(&side).and_then(|times| times.get(*nth)) {
            Some(&at) => items.push(item(event, Some(at), Some(at), true)),
            None => missing.push(format!("{} {} {side:?}", event.sequence, event.kind)),
        }
        *nth += 1;
    }
    (items, missing)
}

fn is_packet(event: &Event) -> bool {
    event.evidence == Evidence::Packet
        && matches!(event.seen_by, SeenBy::Daemon | SeenBy::Relay)
        && text(event, "protocol") == "udp"
}

fn key_of_packet(message: &Message) -> Key {
    match message {
        Message::Stun { kind, transaction, .. } => Key::Stun(transaction.clone(), class(*kind)),
        Message::Dtls { epoch, sequence, .. } => Key::Dtls(u64::from(*epoch), *sequence),
        Message::Rtp { ssrc } => Key::First("rtp", u64::from(*ssrc)),
        Message::Rtcp { ssrc } => Key::First("rtcp", u64::from(*ssrc)),
    }
}

fn key_of_event(event: &Event) -> Option<Key> {
    let number = |name: &str| event.attributes.get(name).and_then(Value::as_u64);
    let kind = event.kind.as_str();
    if kind.starts_with("stun.") || kind.starts_with("turn.") {
        let class = CLASSES.into_iter().find(|class| *class == text(event, "class"))?;
        return Some(Key::Stun(text(event, "transactionId").to_owned(), class));
    }
    if kind.starts_with("dtls.") {
        return Some(Key::Dtls(number("epoch")?, number("sequenceNumber")?));
    }
    match kind {
        "rtp.first" => Some(Key::First("rtp", number("ssrc")?)),
        "rtcp.first" => Some(Key::First("rtcp", number("ssrc")?)),
        _ => None,
    }
}

fn class(kind: u16) -> &'static str {
    CLASSES[usize::from((kind >> 4) & 1 | (kind >> 7) & 2)]
}

/// The events of the browser's APIs that follow from a packet at its host, or that a packet follows from.
pub fn of_browser(events: &[Event], near: &Captured, far: &Captured) -> Vec<Item> {
    let first = |end: &Captured, wanted: &dyn Fn(&Packet) -> bool| {
        end.packets.iter().find(|packet| wanted(packet)).map(|packet| packet.at)
    };
    let is_stun = |packet: &Packet| matches!(packet.message, Message::Stun { .. });
    let checked = first(near, &|packet| !packet.outbound && is_answered_check(packet, near));
    // The last flight's Finished is the first that is encrypted (RFC 6347 §4.2.4).
    let finished = first(near, &|packet| {
        !packet.outbound && matches!(packet.message, Message::Dtls { content: 22, epoch: 1.., .. })
    });
    let media = first(near, &|packet| !packet.outbound && matches!(packet.message, Message::Rtp { .. }));
    // An alert of the browser's own: its close_notify.
    let alert = near.packets.iter().rev().find(|packet| {
        packet.outbound && matches!(packet.message, Message::Dtls { content: 21, epoch: 1.., .. })
    });
    let bounds = |event: &Event| -> Option<(Option<i64>, Option<i64>)> {
        let state = |name: &str, wanted: &str| text(event, name) == wanted;
        Some(match event.kind.as_str() {
            "pc.created" => (None, first(near, &|packet| packet.outbound && is_stun(packet))),
            // The daemon's connection begins with the offer.
            "signalling.offer.sent" => (None, first(far, &|packet| packet.outbound && is_stun(packet))),
            "ice.candidate" => (Some(told_to(event, near)?), None),
            "ice.candidate_error" => (Some(refused(event, near)?), None),
            "ice.connection_state" if state("iceState", "connected") => (checked, None),
            "ice.selected_pair" => (checked, None),
            "dtls.state" if state("dtlsState", "connected") => (finished, None),
            "pc.connection_state" if state("connectionState", "connected") => (finished, None),
            "dtls.parameters" => (finished, None),
            "media.first_packet" | "media.first_decoded" | "media.first_frame" => (media, None),
            "page.stopped" => (None, alert.map(|packet| packet.at)),
            _ => return None,
        })
    };
    events
        .iter()
        .filter(|event| event.seen_by == SeenBy::Browser)
        .filter_map(|event| {
            let (after, before) = bounds(event)?;
            (after.is_some() || before.is_some()).then(|| item(event, after, before, false))
        })
        .collect()
}

/// The answer of a STUN or TURN server that told the browser this candidate's address first.
fn told_to(event: &Event, near: &Captured) -> Option<i64> {
    let port = u16::try_from(event.attributes.get("port")?.as_u64()?).ok()?;
    let address = SocketAddr::new(text(event, "address").parse().ok()?, port);
    let kind = text(event, "candidateType");
    let told = near.packets.iter().find(|packet| match &packet.message {
        Message::Stun { mapped, .. } if kind == "srflx" => !packet.outbound && *mapped == Some(address),
        Message::Stun { relayed, .. } if kind == "relay" => !packet.outbound && *relayed == Some(address),
        _ => false,
    });
    told.map(|packet| packet.at)
}

/// The last error response before which a server's refusal cannot have been told: the first 401 asks for the password only.
fn refused(event: &Event, near: &Captured) -> Option<i64> {
    let (_, host) = text(event, "url").split_once(':')?;
    let server: SocketAddr = host.split('?').next()?.parse().ok()?;
    let mut errors = near.packets.iter().filter(|packet| {
        let is_error =
            matches!(&packet.message, Message::Stun { kind, .. } if class(*kind) == "error response");
        !packet.outbound && packet.remote == server && is_error
    });
    errors.nth(1).map(|packet| packet.at)
}

/// An answer to a check that the browser sent: not to a request to a STUN or TURN server, which has no USERNAME of ICE's; that the
/// far end is no server is seen by its asking, too.
fn is_answered_check(packet: &Packet, near: &Captured) -> bool {
    let Message::Stun { kind: 0x0101, .. } = packet.message else { return false };
    near.packets.iter().any(|other| {
        let asks = matches!(other.message, Message::Stun { kind: 0x0001, .. });
        !other.outbound && asks && other.remote == packet.remote
    })
}

fn item(event: &Event, after: Option<i64>, before: Option<i64>, packet: bool) -> Item {
    let name = format!("{} {}", event.sequence, event.kind);
    let inbound = packet && text(event, "direction") == "inbound";
    let uncertainty = i64::from(event.uncertainty);
    Item { name, packet, inbound, time: event.time, uncertainty, after, before }
}

fn text<'a>(event: &'a Event, name: &str) -> &'a str {
    event.attributes.get(name).and_then(Value::as_str).unwrap_or_default()
}
