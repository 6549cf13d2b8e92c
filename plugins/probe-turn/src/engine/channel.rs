//! ChannelData (RFC 8656 §12.4): four bytes of header, then what the peer sent or shall get.

/// The first channel number that a client may bind (RFC 8656 §12).
pub const FIRST: u16 = 0x4000;

const HEADER: usize = 4;

/// Wraps `payload`. Over a stream the message is padded to a multiple of four (RFC 8656 §12.5).
pub fn encode(number: u16, payload: &[u8], padded: bool) -> Vec<u8> {
    let length = payload.len().min(usize::from(u16::MAX));
    let mut message = Vec::with_capacity(HEADER + length + 3);
    message.extend(number.to_be_bytes());
    message.extend((length as u16).to_be_bytes());
    message.extend(&payload[..length]);
    if padded {
        message.resize(message.len().next_multiple_of(4), 0);
    }
    message
}

/// Channel number and payload, if it is ChannelData and whole. What comes behind the payload is padding.
pub fn decode(message: &[u8]) -> Option<(u16, &[u8])> {
    let (header, rest) = message.split_first_chunk::<HEADER>()?;
    let number = u16::from_be_bytes([header[0], header[1]]);
    // RFC 8656 §12: 0x4000 to 0x4FFF; what begins with two zero bits is STUN.
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    Some((number, rest.get(..length)?)).filter(|(number, _)| (FIRST..=0x4fff).contains(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_padded_on_a_stream_only() {
        assert_eq!(encode(0x4001, b"abcde", false), b"\x40\x01\x00\x05abcde");
        assert_eq!(encode(0x4001, b"abcde", true), b"\x40\x01\x00\x05abcde\0\0\0");
    }

    #[test]
    fn what_is_not_channel_data_is_not_read_as_such() {
        for other in
            [&b"\x00\x01\x00\x00"[..], b"\x50\x00\x00\x00", b"\x40\x00\x00\x02a", b"\x40\x00\x00", b""]
        {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_wrapped_is_unwrapped(
            number in FIRST..=0x4fff,
            payload in proptest::collection::vec(any::<u8>(), 0..1500),
            padded: bool,
        ) {
            let message = encode(number, &payload, padded);
            prop_assert_eq!(decode(&message), Some((number, &payload[..])));
        }

        #[test]
        fn garbage_is_taken_calmly(garbage in proptest::collection::vec(any::<u8>(), 0..64)) {
            decode(&garbage);
        }
    }
}
