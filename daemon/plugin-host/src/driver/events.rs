//! Reading what a plugin shows: text, events, frames. All of it is copied before the call returns.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use icescope_plugin_abi as abi;
use serde_json::{Map, Value, json};

use super::ctx::Live;
use crate::proto::{WireEvent, WireReport};

/// Longest document of one report.
pub(super) const MAX_REPORT: usize = 1 << 20;
/// A line for a person longer than this is cut.
pub(super) const MAX_LINE: usize = 4 << 10;
/// Names (schemas, keys, targets, media types) longer than this are cut.
pub(super) const MAX_NAME: usize = 256;
/// More facts than this in one event are left out.
const MAX_ATTRIBUTES: usize = 64;

/// At most `limit` bytes of a text, with replacement characters for what is not UTF-8; whether that was needed.
///
/// # Safety
/// As [`abi::IcsStr::bytes`].
pub(super) unsafe fn text(from: abi::IcsStr, limit: usize) -> (String, bool) {
    // SAFETY: the caller's promise; fewer bytes than promised are looked at.
    let bytes = unsafe { abi::IcsStr { ptr: from.ptr, len: from.len.min(limit) }.bytes() };
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        // A character that our own cut went through is not the plugin's fault.
        Err(error) if error.error_len().is_none() && from.len > limit => {
            (String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(), false)
        }
        Err(_) => (String::from_utf8_lossy(bytes).into_owned(), true),
    }
}

/// The same, where what is not UTF-8 is counted.
///
/// # Safety
/// As [`abi::IcsStr::bytes`].
pub(super) unsafe fn counted(live: &Live, from: abi::IcsStr, limit: usize) -> String {
    // SAFETY: the caller's promise.
    let (text, bad) = unsafe { text(from, limit) };
    if bad {
        live.outbox.count(|counts| counts.bad_text += 1);
    }
    text
}

/// Copies an event.
///
/// # Safety
/// `event` shows what the contract says: readable text and `n_attrs` attributes.
pub(super) unsafe fn event(live: &Live, event: &abi::IcsEvent) -> WireEvent {
    let mut attributes = Map::new();
    if !event.attrs.is_null() {
        for index in 0..(event.n_attrs as usize).min(MAX_ATTRIBUTES) {
            // SAFETY: the caller's promise; `ics_attr` is frozen, so its size is ours.
            let attribute = unsafe { event.attrs.add(index).read() };
            // SAFETY: the caller's promise.
            let (key, value) = unsafe { (counted(live, attribute.key, MAX_NAME), value(live, &attribute)) };
            attributes.insert(key, value);
        }
    }
    WireEvent {
        level: event.level,
        // SAFETY: the caller's promise.
        schema: unsafe { counted(live, event.schema, MAX_NAME) },
        // SAFETY: the caller's promise.
        summary: unsafe { counted(live, event.summary, MAX_LINE) },
        time_ns: event.time_ns,
        span: event.span,
        parent: event.parent,
        outcome: event.outcome,
        from_lane: event.from_lane,
        to_lane: event.to_lane,
        evidence: event.evidence,
        attributes,
    }
}

/// # Safety
/// The value is what the attribute's type says.
unsafe fn value(live: &Live, attribute: &abi::IcsAttr) -> Value {
    let v = attribute.v;
    // SAFETY: all members are plain old data that any bytes are valid for; text is readable by the caller's promise.
    unsafe {
        match attribute.r#type {
            abi::ICS_T_BOOL => (v.b != 0).into(),
            abi::ICS_T_I64 | abi::ICS_T_NS => v.i.into(),
            abi::ICS_T_U64 => v.u.into(),
            abi::ICS_T_F64 => v.f.into(),
            abi::ICS_T_STR => counted(live, v.s, MAX_LINE).into(),
            abi::ICS_T_BYTES => hex(abi::IcsStr { ptr: v.s.ptr, len: v.s.len.min(MAX_LINE) }.bytes()).into(),
            abi::ICS_T_ADDR => address(&v.a),
            _ => Value::Null,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// In webrtc-stats' words (RTCIceCandidateStats).
fn address(from: &abi::IcsAddr) -> Value {
    let [a, b, c, d, ..] = from.ip;
    let ip: IpAddr = match from.family {
        4 => Ipv4Addr::new(a, b, c, d).into(),
        6 => Ipv6Addr::from(from.ip).into(),
        _ => return Value::Null,
    };
    let protocol = match from.proto {
        6 => Some("tcp"),
        17 => Some("udp"),
        _ => None,
    };
    json!({"address": ip.to_string(), "port": from.port, "protocol": protocol})
}

/// Copies a report; the error says what is wrong with it.
///
/// # Safety
/// `report` shows readable text.
pub(super) unsafe fn report(live: &Live, report: &abi::IcsReport) -> Result<WireReport, String> {
    if report.json.len > MAX_REPORT {
        return Err(format!("a report of {} bytes; {MAX_REPORT} are allowed", report.json.len));
    }
    // SAFETY: the caller's promise, here and below.
    let json = unsafe { counted(live, report.json, MAX_REPORT) };
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&json) {
        return Err(format!("a report that is not JSON: {error}"));
    }
    Ok(WireReport {
        outcome: report.outcome,
        span: report.span,
        // SAFETY: as above.
        schema: unsafe { counted(live, report.schema, MAX_NAME) },
        // SAFETY: as above.
        subject: unsafe { counted(live, report.subject, MAX_LINE) },
        json,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lossy(bytes: &[u8], limit: usize) -> (String, bool) {
        // SAFETY: the slice outlives the call.
        unsafe { text(abi::IcsStr { ptr: bytes.as_ptr().cast(), len: bytes.len() }, limit) }
    }

    #[test]
    fn bad_text_is_shown_lossily_and_told() {
        assert_eq!(lossy(b"a\xffb", 10), ("a\u{fffd}b".to_owned(), true));
        assert_eq!(lossy("ä".as_bytes(), 10), ("ä".to_owned(), false));
        assert_eq!(lossy("aä".as_bytes(), 2), ("a".to_owned(), false), "our own cut");
    }

    #[test]
    fn addresses_are_written_as_in_candidate_statistics() {
        let mut from = abi::IcsAddr { ip: [0; 16], port: 3478, family: 4, proto: 17 };
        from.ip[..4].copy_from_slice(&[192, 0, 2, 1]);
        assert_eq!(address(&from), json!({"address": "192.0.2.1", "port": 3478, "protocol": "udp"}));
        assert_eq!(address(&abi::IcsAddr { family: 5, ..from }), Value::Null);
    }
}
