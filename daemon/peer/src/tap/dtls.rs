//! A reader of DTLS records and handshake headers (RFC 6347 §4, RFC 9147 §4): what can be seen without keys.

/// Record content types (RFC 6347 §4.1).
pub mod content {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
}

const RECORD_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;

/// One record, borrowed from its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its content type.
    pub content: u8,
    /// The version on the wire: 0xfeff is DTLS 1.0 (as in a first ClientHello), 0xfefd is DTLS 1.2.
    pub version: u16,
    /// 0 until the ciphers change: from then on the body is encrypted.
    pub epoch: u16,
    /// Its number within the epoch.
    pub sequence: u64,
    /// What it carries, as far as the datagram has it.
    pub body: &'a [u8],
}

impl Record<'_> {
    /// Whether the body is encrypted.
    pub fn encrypted(&self) -> bool {
        self.epoch > 0
    }
}

/// Walks the records of a datagram; ends at what is no DTLS 1.2 record.
#[derive(Debug, Clone)]
pub struct Records<'a>(&'a [u8]);

/// The records of a datagram.
pub fn records(datagram: &[u8]) -> Records<'_> {
    Records(datagram)
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (head, rest) = self.0.split_at_checked(RECORD_HEADER)?;
        // The unified header of DTLS 1.3 (RFC 9147 §4) and anything else without the version's high byte.
        if head[1] != 0xfe {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([head[11], head[12]])).min(rest.len());
        let (body, rest) = rest.split_at(length);
        self.0 = rest;
        let sequence = [0, 0, head[5], head[6], head[7], head[8], head[9], head[10]];
        Some(Record {
            content: head[0],
            version: u16::from_be_bytes([head[1], head[2]]),
            epoch: u16::from_be_bytes([head[3], head[4]]),
            sequence: u64::from_be_bytes(sequence),
            body,
        })
    }
}

/// The header of one handshake message, or of a fragment of one (RFC 6347 §4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    /// Its type.
    pub kind: u8,
    /// Bytes of the whole message.
    pub length: u32,
    /// Its number in the handshake.
    pub message_sequence: u16,
    /// Where this fragment starts.
    pub fragment_offset: u32,
    /// Bytes of this fragment.
    pub fragment_length: u32,
}

impl Handshake {
    /// Whether it is the whole message.
    pub fn is_whole(&self) -> bool {
        self.fragment_offset == 0 && self.fragment_length == self.length
    }
}

/// The handshake messages of a clear record, in order.
pub fn handshakes(mut body: &[u8]) -> impl Iterator<Item = Handshake> {
    std::iter::from_fn(move || {
        let (head, rest) = body.split_at_checked(HANDSHAKE_HEADER)?;
        let medium = |at: usize| u32::from_be_bytes([0, head[at], head[at + 1], head[at + 2]]);
        let found = Handshake {
            kind: head[0],
            length: medium(1),
            message_sequence: u16::from_be_bytes([head[4], head[5]]),
            fragment_offset: medium(6),
            fragment_length: medium(9),
        };
        body = rest.get(found.fragment_length as usize..).unwrap_or(&[]);
        Some(found)
    })
}

/// The event kind and the standard's name of a handshake message (RFC 5246 §7.4, RFC 6347 §4.3.2).
pub fn handshake_names(kind: u8) -> (&'static str, &'static str) {
    match kind {
        0 => ("dtls.hello_request", "HelloRequest"),
        1 => ("dtls.client_hello", "ClientHello"),
        2 => ("dtls.server_hello", "ServerHello"),
        3 => ("dtls.hello_verify_request", "HelloVerifyRequest"),
        4 => ("dtls.new_session_ticket", "NewSessionTicket"),
        11 => ("dtls.certificate", "Certificate"),
        12 => ("dtls.server_key_exchange", "ServerKeyExchange"),
        13 => ("dtls.certificate_request", "CertificateRequest"),
        14 => ("dtls.server_hello_done", "ServerHelloDone"),
        15 => ("dtls.certificate_verify", "CertificateVerify"),
        16 => ("dtls.client_key_exchange", "ClientKeyExchange"),
        20 => ("dtls.finished", "Finished"),
        _ => ("dtls.handshake", "Handshake"),
    }
}

/// An alert in the clear: level and description (RFC 5246 §7.2).
pub fn alert(body: &[u8]) -> Option<(&'static str, u8, &'static str)> {
    let [level, description] = *body else { return None };
    let level = match level {
        1 => "warning",
        2 => "fatal",
        _ => "unknown",
    };
    let name = match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        _ => "unknown",
    };
    Some((level, description, name))
}

/// The version for a person.
pub fn version_word(version: u16) -> &'static str {
    match version {
        0xfeff => "DTLS 1.0",
        0xfefd => "DTLS 1.2",
        0xfefc => "DTLS 1.3",
        _ => "unknown",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes a record.
    pub fn record(content: u8, epoch: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![content, 0xfe, 0xfd];
        bytes.extend(epoch.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(sequence.to_be_bytes());
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    /// Writes a handshake message or a fragment of one.
    pub fn handshake(kind: u8, sequence: u16, length: usize, offset: usize, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(&(length as u32).to_be_bytes()[1..]);
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(&(offset as u32).to_be_bytes()[1..]);
        bytes.extend(&(body.len() as u32).to_be_bytes()[1..]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_flight_of_several_records_is_taken_apart() {
        let mut flight = record(content::HANDSHAKE, 0, 1, &handshake(2, 1, 3, 0, &[1, 2, 3]));
        let mut two = handshake(11, 2, 100, 0, &[0; 40]);
        two.extend(handshake(14, 3, 0, 0, &[]));
        flight.extend(record(content::HANDSHAKE, 0, 2, &two));
        flight.extend(record(content::CHANGE_CIPHER_SPEC, 0, 3, &[1]));
        flight.extend(record(content::HANDSHAKE, 1, 0, &[9; 40]));
        let records: Vec<Record<'_>> = records(&flight).collect();
        assert_eq!(records.iter().map(|record| record.content).collect::<Vec<_>>(), [22, 22, 20, 22]);
        assert!(records[3].encrypted());
        let messages: Vec<Handshake> = handshakes(records[1].body).collect();
        assert_eq!(messages.iter().map(|message| message.kind).collect::<Vec<_>>(), [11, 14]);
        assert!(!messages[0].is_whole());
        assert_eq!((messages[0].length, messages[0].fragment_length), (100, 40));
    }

    #[test]
    fn alerts_in_the_clear_are_named() {
        assert_eq!(alert(&[1, 0]), Some(("warning", 0, "close_notify")));
        assert_eq!(alert(&[2, 40]), Some(("fatal", 40, "handshake_failure")));
        assert_eq!(alert(&[2]), None);
    }

    proptest! {
        #[test]
        fn no_input_makes_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), dtls: bool) {
            if dtls && bytes.len() > 2 {
                bytes[1] = 0xfe;
            }
            let mut seen = 0;
            for record in records(&bytes) {
                seen += RECORD_HEADER + record.body.len();
                prop_assert!(handshakes(record.body).count() <= record.body.len() / HANDSHAKE_HEADER);
                let _ = alert(record.body);
            }
            prop_assert!(seen <= bytes.len());
        }
    }
}
