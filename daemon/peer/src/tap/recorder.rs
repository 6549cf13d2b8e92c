//! Observations made of packets.

use icescope_model::{Evidence, Lane, Level, Monotonic, Observation, Scope};

use super::classify::Class;
use super::credential::Grant;
use super::dtls::{self, Record, content};
use super::path::{Direction, Path};
use super::stun::{self, Message};
use super::{stun_facts, stun_names};

/// An observation with what every packet has. `other` is the lane at the other end.
fn packet(scope: Scope, path: &Path, other: Lane, kind: &'static str, at: Monotonic) -> Observation {
    let (from, to) = match path.direction {
        Direction::Inbound => (other, Lane::Peer),
        Direction::Outbound => (Lane::Peer, other),
    };
    // Not `Observation::new`: it reads the clock.
    let mut observation = Observation {
        scope,
        at,
        uncertainty: 0,
        seen_by: icescope_model::SeenBy::Daemon,
        from,
        to,
        kind: kind.into(),
        evidence: Evidence::Packet,
        level: Level::Info,
        summary: String::new(),
        attributes: icescope_model::Attributes::new(),
    };
    let mut put = |key: &str, value: String| observation.attributes.insert(key.to_owned(), value.into());
    put("direction", path.direction.word().to_owned());
    put("localAddress", path.local.to_string());
    put("remoteAddress", path.remote.to_string());
    put("protocol", path.protocol.word().to_owned());
    if let Some(relay) = path.relay {
        put("relay", relay.to_string());
    }
    observation
}

/// «to 10.0.0.2:4000» or «from 10.0.0.2:4000 through the relay 192.0.2.1:3478».
fn whither(path: &Path) -> String {
    let preposition = match path.direction {
        Direction::Inbound => "from",
        Direction::Outbound => "to",
    };
    let relay = path.relay.map_or_else(String::new, |relay| format!(" through the relay {relay}"));
    format!("{preposition} {}{relay}", path.remote)
}

/// A STUN or TURN message. `steady`: media flows, so that checks with the browser are detail.
pub fn stun(
    scope: Scope,
    path: &Path,
    message: &Message<'_>,
    other: Lane,
    round_trip: Option<i64>,
    steady: bool,
    at: Monotonic,
) -> Observation {
    let kind = stun_names::kind(message.method, message.class);
    let mut observation = packet(scope, path, other, kind, at);
    let mut remarks = stun_facts::facts(message, &mut observation.attributes);
    if let Some(nanos) = round_trip {
        remarks.push(stun_facts::round_trip(&mut observation.attributes, nanos));
    }
    let error = stun_facts::error_text(message);
    if let Some((_, text)) = &error {
        observation.attributes.insert("errorText".to_owned(), text.as_str().into());
    }
    observation.level = match (error, message.class) {
        // The first answer of a TURN server, and a nonce that has run out: the client asks again (RFC 8489 §9.2.4).
        (Some((401 | 438, _)), _) => Level::Info,
        (_, stun::Class::Error) => Level::Warn,
        (_, stun::Class::Indication) => Level::Debug,
        _ if steady => Level::Debug,
        _ => Level::Info,
    };
    let method = stun_names::method_word(message.method).unwrap_or("STUN");
    let tail = if remarks.is_empty() { String::new() } else { format!(": {}", remarks.join(", ")) };
    observation.summary =
        format!("{method} {} {}{tail}", stun_names::class_word(message.class), whither(path));
    observation
}

/// A signed request was answered with 401: not the challenge that every TURN exchange begins with (RFC 8489 §9.2.4).
pub fn mark_refusal(observation: &mut Observation, message: &Message<'_>) {
    if stun_facts::error_text(message).is_some_and(|(code, _)| code == 401) {
        observation.level = Level::Warn;
        observation.attributes.insert("credentialRefused".to_owned(), true.into());
        observation.summary.push_str(": the server does not accept the user name and password");
    }
}

/// The messages of one DTLS record.
pub fn dtls(scope: Scope, path: &Path, record: &Record<'_>, at: Monotonic) -> Vec<Observation> {
    let with_record = |kind: &'static str, what: String| {
        let mut observation = packet(scope, path, Lane::Web, kind, at)
            .with("epoch", record.epoch)
            .with("sequenceNumber", record.sequence)
            .with("version", dtls::version_word(record.version))
            .with("size", record.body.len())
            .with("encrypted", record.encrypted());
        observation.summary = format!("DTLS {what} {}", whither(path));
        observation
    };
    match (record.content, record.encrypted()) {
        (content::HANDSHAKE, false) => {
            dtls::handshakes(record.body).map(|message| handshake(with_record, &message)).collect()
        }
        (content::HANDSHAKE, true) => {
            vec![with_record(
                "dtls.encrypted_handshake",
                "encrypted handshake message (Finished, as a rule)".into(),
            )]
        }
        (content::ALERT, false) => vec![clear_alert(with_record, record.body)],
        (content::ALERT, true) => vec![with_record("dtls.alert", "encrypted alert".into())],
        (content::CHANGE_CIPHER_SPEC, _) => {
            vec![with_record("dtls.change_cipher_spec", "ChangeCipherSpec".into())]
        }
        (other, _) => vec![with_record("dtls.other", format!("record of type {other}")).level(Level::Debug)],
    }
}

fn handshake(
    with_record: impl Fn(&'static str, String) -> Observation,
    message: &dtls::Handshake,
) -> Observation {
    let (kind, name) = dtls::handshake_names(message.kind);
    let part = if message.is_whole() {
        String::new()
    } else {
        let end = u64::from(message.fragment_offset) + u64::from(message.fragment_length);
        format!(" (bytes {}–{end} of {})", message.fragment_offset, message.length)
    };
    with_record(kind, format!("{name}{part}"))
        .with("handshakeType", message.kind)
        .with("messageSequence", message.message_sequence)
        .with("length", message.length)
        .with("fragmentOffset", message.fragment_offset)
        .with("fragmentLength", message.fragment_length)
}

fn clear_alert(with_record: impl Fn(&'static str, String) -> Observation, body: &[u8]) -> Observation {
    let Some((level, number, name)) = dtls::alert(body) else {
        return with_record("dtls.alert", "alert that cannot be read".into()).level(Level::Warn);
    };
    with_record("dtls.alert", format!("{level} alert {name} ({number})"))
        .with("alertLevel", level)
        .with("alert", name)
        .with("alertNumber", number)
        .level(if level == "fatal" { Level::Warn } else { Level::Info })
}

/// The first RTP or RTCP packet of a direction, or RTP that takes another way than before.
pub fn media(
    scope: Scope,
    path: &Path,
    class: Class,
    bytes: &[u8],
    first: bool,
    at: Monotonic,
) -> Observation {
    let (kind, name, source) = match (class, first) {
        (Class::Rtcp, _) => ("rtcp.first", "First RTCP packet", 4),
        (_, true) => ("rtp.first", "First RTP packet", 8),
        (_, false) => ("rtp.path", "RTP takes another way:", 8),
    };
    let mut observation = packet(scope, path, Lane::Web, kind, at).with("size", bytes.len());
    if let Some(ssrc) = bytes.get(source..source + 4).and_then(|ssrc| ssrc.try_into().ok()) {
        observation.attributes.insert("ssrc".to_owned(), u32::from_be_bytes(ssrc).into());
    }
    if class == Class::Rtp {
        let payload_type = bytes.get(1).map_or(0, |byte| byte & 0x7f);
        observation.attributes.insert("payloadType".to_owned(), payload_type.into());
    }
    observation.summary = format!("{name} {}", whither(path));
    observation
}

/// A message that the kernel did not take: no route, or a firewall on this host.
pub fn not_sent(
    scope: Scope,
    path: &Path,
    (class, other): (Class, Lane),
    error: &std::io::Error,
    at: Monotonic,
) -> Observation {
    let (kind, name) = match class {
        Class::Stun => ("stun.not_sent", "STUN message"),
        _ => ("dtls.not_sent", "DTLS message"),
    };
    let observation =
        packet(scope, path, other, kind, at).level(Level::Warn).with("error", error.to_string());
    observation.summary(format!("{name} {} could not be sent: {error}", whither(path)))
}

/// A TURN credential ends before the allocation's next refresh, which needs it.
pub fn credential_ends(scope: Scope, path: &Path, grant: Grant, now: u64, at: Monotonic) -> Observation {
    let left = grant.expires.saturating_sub(now);
    let refresh = grant.refresh_at(now) - now;
    packet(scope, path, Lane::Turn, "turn.credential.ends", at)
        .level(Level::Warn)
        .with("expires", grant.expires)
        .with("lifetime", grant.lifetime)
        .summary(format!(
            "The credential for the TURN server {} ends in {left} s, before the allocation is refreshed with it in {refresh} s: \
             the server may end the relayed path then; let credentials live longer",
            path.remote
        ))
}

/// A server's name was not resolved. `host` has its port behind it.
pub fn unresolved(scope: Scope, host: &str, error: &std::io::Error) -> Observation {
    Observation::new(scope, Evidence::Api, Lane::Peer, Lane::Peer, "ice.server_unresolved")
        .level(Level::Warn)
        .summary(format!("the server {host} is not used: its name could not be resolved: {error}"))
        .with("host", host)
        .with("error", error.to_string())
}

/// More came than is recorded; said once.
pub fn flooded(scope: Scope, at: Monotonic) -> Observation {
    Observation::new(scope, Evidence::Packet, Lane::Web, Lane::Peer, "wiretap.limited")
        .at(at)
        .level(Level::Warn)
        .summary("More packets arrive than are recorded: from now on some are only counted")
}
