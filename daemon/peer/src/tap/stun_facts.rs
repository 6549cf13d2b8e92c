//! The decoded facts of a STUN message: attributes for the record and the tail of its one-line summary.
//!
//! Left out on purpose: the values of MESSAGE-INTEGRITY, long-term user names, nonces and payload.

use icescope_model::Attributes;
use serde_json::{Value, json};

use super::stun::{self, Attribute, Class, Message, attribute};
use super::stun_names;

/// Text from outside is cut here.
const LONGEST_TEXT: usize = 128;

/// Decodes a message.
pub fn facts(message: &Message<'_>, into: &mut Attributes) -> Vec<String> {
    let mut remarks = Vec::new();
    into.insert("class".into(), stun_names::class_word(message.class).into());
    let method = stun_names::method_word(message.method);
    into.insert(
        "method".into(),
        method.map_or_else(|| format!("{:#05x}", message.method).into(), Value::from),
    );
    into.insert("transactionId".into(), hex(&message.transaction).into());
    into.insert("size".into(), message.size().into());
    if message.malformed {
        into.insert("malformed".into(), true.into());
        remarks.push("malformed".to_owned());
    }
    for attribute in message.attributes() {
        if let Some((key, value)) = fact(message, &attribute) {
            if let Some(remark) = remark(key, &value, &attribute) {
                remarks.push(remark);
            }
            into.insert(key.into(), value);
        }
    }
    remarks
}

fn fact(message: &Message<'_>, found: &Attribute<'_>) -> Option<(&'static str, Value)> {
    let value = found.value;
    let plain = || stun::plain_address(value).map(|address| address.to_string().into());
    let xored = || stun::xor_address(value, &message.transaction).map(|address| address.to_string().into());
    Some(match found.kind {
        attribute::USERNAME if !stun_names::is_turn(message.method) => ("username", text(value).into()),
        attribute::MESSAGE_INTEGRITY | attribute::MESSAGE_INTEGRITY_SHA256 => {
            ("messageIntegrity", true.into())
        }
        attribute::FINGERPRINT => ("fingerprint", true.into()),
        attribute::ERROR_CODE => ("errorCode", stun::error_code(value)?.0.into()),
        attribute::UNKNOWN_ATTRIBUTES => {
            let types = value.chunks_exact(2).take(32);
            ("unknownAttributes", types.map(|pair| format!("0x{}", hex(pair))).collect::<Vec<_>>().into())
        }
        attribute::MAPPED_ADDRESS => ("plainMappedAddress", plain()?),
        attribute::XOR_MAPPED_ADDRESS => ("mappedAddress", xored()?),
        attribute::XOR_RELAYED_ADDRESS => ("relayedAddress", xored()?),
        attribute::XOR_PEER_ADDRESS => ("peerAddress", xored()?),
        attribute::ALTERNATE_SERVER => ("alternateServer", plain()?),
        attribute::RESPONSE_ORIGIN => ("responseOrigin", plain()?),
        attribute::OTHER_ADDRESS => ("otherAddress", plain()?),
        attribute::CHANNEL_NUMBER => ("channelNumber", format!("0x{}", hex(value.get(..2)?)).into()),
        attribute::LIFETIME => ("lifetime", number(value)?.into()),
        attribute::PRIORITY => ("priority", number(value)?.into()),
        attribute::USE_CANDIDATE => ("useCandidate", true.into()),
        attribute::ICE_CONTROLLED => ("iceControlled", hex(value.get(..8)?).into()),
        attribute::ICE_CONTROLLING => ("iceControlling", hex(value.get(..8)?).into()),
        attribute::NOMINATION => ("nomination", number(value)?.into()),
        attribute::NETWORK_INFO => {
            ("networkCost", u16::from_be_bytes([*value.get(2)?, *value.get(3)?]).into())
        }
        attribute::REALM => ("realm", text(value).into()),
        attribute::SOFTWARE => ("software", text(value).into()),
        attribute::REQUESTED_TRANSPORT => ("requestedTransport", transport(*value.first()?)),
        attribute::REQUESTED_ADDRESS_FAMILY => {
            ("requestedAddressFamily", if *value.first()? == 2 { "ipv6" } else { "ipv4" }.into())
        }
        attribute::DATA => ("dataSize", value.len().into()),
        _ => return None,
    })
}

fn transport(number: u8) -> Value {
    match number {
        17 => "udp".into(),
        6 => "tcp".into(),
        _ => number.into(),
    }
}

fn remark(key: &str, value: &Value, found: &Attribute<'_>) -> Option<String> {
    match key {
        "useCandidate" => Some("nominates the pair".to_owned()),
        "errorCode" => {
            let (code, reason) = stun::error_code(found.value)?;
            Some(format!("{code} {}", text(reason)).trim_end().to_owned())
        }
        "mappedAddress" => Some(format!("mapped address {}", value.as_str()?)),
        "relayedAddress" => Some(format!("relayed address {}", value.as_str()?)),
        "peerAddress" => Some(format!("peer {}", value.as_str()?)),
        "channelNumber" => Some(format!("channel {}", value.as_str()?)),
        "lifetime" => Some(format!("lifetime {value} s")),
        "alternateServer" => Some(format!("alternate server {}", value.as_str()?)),
        _ => None,
    }
}

/// The reason phrase of an error response, for `errorText`.
pub fn error_text(message: &Message<'_>) -> Option<(u16, String)> {
    if message.class != Class::Error {
        return None;
    }
    let (code, reason) = stun::error_code(message.get(attribute::ERROR_CODE)?)?;
    Some((code, text(reason)))
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.get(..4)?.try_into().ok()?))
}

/// Text from outside, cut and without control characters. Some servers (coturn) count an attribute's padding to its length.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let bytes = &bytes[..end];
    let lossy = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_TEXT * 4)]);
    lossy.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing into a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Adds a duration in seconds, as webrtc-stats has it.
pub fn round_trip(into: &mut Attributes, nanos: i64) -> String {
    into.insert("roundTripTime".into(), json!(nanos as f64 / 1e9));
    format!("{:.1} ms", nanos as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::stun::tests::build;
    use super::*;

    fn decode(bytes: &[u8]) -> (Attributes, String) {
        let mut attributes = Attributes::new();
        let remarks = facts(&Message::parse(bytes).unwrap(), &mut attributes);
        (attributes, remarks.join(", "))
    }

    #[test]
    fn a_nominating_check_is_decoded() {
        let (facts, summary) = decode(&build(
            0x0001,
            [0xab; 12],
            &[
                (attribute::USERNAME, b"abcd:efgh"),
                (attribute::PRIORITY, &[0x6e, 0, 0x1e, 0xff]),
                (attribute::USE_CANDIDATE, b""),
                (attribute::ICE_CONTROLLING, &[1, 2, 3, 4, 5, 6, 7, 8]),
                (attribute::MESSAGE_INTEGRITY, &[0x5e; 20]),
            ],
        ));
        assert_eq!(facts["username"], "abcd:efgh");
        assert_eq!(facts["priority"], 0x6e00_1eff);
        assert_eq!(facts["useCandidate"], true);
        assert_eq!(facts["iceControlling"], "0102030405060708");
        assert_eq!(facts["transactionId"], "abababababababababababab");
        assert_eq!(facts["messageIntegrity"], true);
        assert_eq!(summary, "nominates the pair");
    }

    #[test]
    fn a_401_is_decoded_and_no_secret_is_told() {
        let (facts, summary) = decode(&build(
            0x0113,
            [1; 12],
            &[
                (attribute::ERROR_CODE, b"\0\0\x04\x01Unauthorized"),
                (attribute::REALM, b"example.org"),
                (0x0015, b"nonce-value"),
            ],
        ));
        assert_eq!((&facts["errorCode"], &facts["realm"]), (&json!(401), &json!("example.org")));
        assert_eq!(summary, "401 Unauthorized");
        let (facts, _) = decode(&build(
            0x0003,
            [1; 12],
            &[
                (attribute::USERNAME, b"1700000000:alice"),
                (0x0015, b"nonce-value"),
                (attribute::MESSAGE_INTEGRITY, b"HMACHMACHMACHMACHMAC"),
            ],
        ));
        let told = serde_json::to_string(&facts).unwrap();
        for secret in ["alice", "nonce", "HMAC", &hex(b"HMAC")] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }

    #[test]
    fn text_from_outside_is_cut_and_cleaned() {
        assert_eq!(text(b"a\x1b[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
        assert_eq!(text(&[b'x'; 5000]).len(), LONGEST_TEXT);
        assert_eq!(text(b"Try Alternate\0\0\0"), "Try Alternate");
    }

    proptest! {
        #[test]
        fn no_attributes_make_the_decoder_panic(
            kind: u16,
            attributes in proptest::collection::vec(
                (prop_oneof![0_u16..0x30, 0x8020_u16..0x8030, Just(0xc001), Just(0xc057)],
                 proptest::collection::vec(any::<u8>(), 0..24)),
                0..8,
            ),
        ) {
            let borrowed: Vec<(u16, &[u8])> = attributes.iter().map(|(kind, value)| (*kind, &value[..])).collect();
            let bytes = build(kind & 0x3fff, [0; 12], &borrowed);
            let (facts, _) = decode(&bytes);
            prop_assert!(facts.contains_key("transactionId"));
        }
    }
}
