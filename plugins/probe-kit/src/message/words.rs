//! Registry numbers in words.

use super::Method;

/// What an error code means, and what to do about it (RFC 8489 §14.8, RFC 8656 §19, RFC 6062 §6.3).
pub fn error(code: u16, method: Method) -> &'static str {
    match code {
        300 => "the server wants another server to be tried (its ALTERNATE-SERVER)",
        400 => "the server took the request for malformed",
        401 => {
            "the server wants credentials, or did not accept those it got: check user name, password and clock"
        }
        403 if method == Method::Binding => "the server refuses this client: check its access rules",
        403 => "the server forbids this: check its rules for peers and users",
        405 => "the server does not know this method",
        420 => "the server does not know an attribute that the request needs",
        437 => "the server has no such allocation for this address, or has one already",
        438 => "the nonce is stale: the request has to be repeated with the new one",
        440 => "the server has no relay addresses of this family",
        441 => "the allocation belongs to other credentials",
        442 => "the server does not relay by this transport protocol",
        443 => "the peer's address is of another family than the allocation's",
        446 => "there is a connection to this peer already",
        447 => "the server could not connect to the peer or timed out",
        486 => "the user has as many allocations as the server allows: wait, or raise its quota",
        487 => "both ends took the same ICE role",
        500 => "the server had an error of its own: try again, then look at its log",
        508 => "the server has no capacity left: no free relay port or bandwidth",
        301..=399 => "the server wants the request to go elsewhere",
        code if (400..500).contains(&code) => "the server refuses the request",
        code if (500..600).contains(&code) => "the server could not do it",
        _ => "the server answered with a code that no RFC assigns",
    }
}

/// The name of an attribute's type in the registry.
pub fn attribute(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0001 => "MAPPED-ADDRESS",
        0x0003 => "CHANGE-REQUEST",
        0x0006 => "USERNAME",
        0x0008 => "MESSAGE-INTEGRITY",
        0x0009 => "ERROR-CODE",
        0x000a => "UNKNOWN-ATTRIBUTES",
        0x000c => "CHANNEL-NUMBER",
        0x000d => "LIFETIME",
        0x0012 => "XOR-PEER-ADDRESS",
        0x0013 => "DATA",
        0x0014 => "REALM",
        0x0015 => "NONCE",
        0x0016 => "XOR-RELAYED-ADDRESS",
        0x0017 => "REQUESTED-ADDRESS-FAMILY",
        0x0018 => "EVEN-PORT",
        0x0019 => "REQUESTED-TRANSPORT",
        0x001a => "DONT-FRAGMENT",
        0x001c => "MESSAGE-INTEGRITY-SHA256",
        0x001d => "PASSWORD-ALGORITHM",
        0x001e => "USERHASH",
        0x0020 => "XOR-MAPPED-ADDRESS",
        0x0022 => "RESERVATION-TOKEN",
        0x0026 => "PADDING",
        0x0027 => "RESPONSE-PORT",
        0x8000 => "ADDITIONAL-ADDRESS-FAMILY",
        0x8001 => "ADDRESS-ERROR-CODE",
        0x8002 => "PASSWORD-ALGORITHMS",
        0x8004 => "ICMP",
        0x8022 => "SOFTWARE",
        0x8023 => "ALTERNATE-SERVER",
        0x8028 => "FINGERPRINT",
        0x802b => "RESPONSE-ORIGIN",
        0x802c => "OTHER-ADDRESS",
        _ => return None,
    })
}

/// Text from outside, cut at 128 characters (RFC 8489 §14.8, §14.14) and without control characters.
pub fn text(text: &str) -> String {
    text.chars().take(128).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
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
