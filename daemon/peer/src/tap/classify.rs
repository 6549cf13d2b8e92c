//! What a datagram is, by its first bytes (RFC 7983 §7, RFC 5761 §4).

use super::stun::MAGIC_COOKIE;

/// The protocol of one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// STUN or TURN control (RFC 8489 §5): the magic cookie is there, too.
    Stun,
    /// TURN ChannelData (RFC 8656 §12.4).
    ChannelData,
    /// DTLS.
    Dtls,
    /// RTP, as a rule encrypted.
    Rtp,
    /// RTCP, as a rule encrypted.
    Rtcp,
    /// Anything else.
    Other,
}

/// Classifies a datagram. Reads at most eight bytes of it.
#[inline]
pub fn classify(datagram: &[u8]) -> Class {
    match datagram {
        [128..=191, 192..=223, ..] => Class::Rtcp,
        [128..=191, _, ..] => Class::Rtp,
        [20..=63, ..] => Class::Dtls,
        [64..=79, _, _, _, ..] => Class::ChannelData,
        [0..=3, ..] if datagram.len() >= 20 && datagram[4..8] == MAGIC_COOKIE => Class::Stun,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_protocol() {
        let mut stun = [0; 20];
        stun[4..8].copy_from_slice(&MAGIC_COOKIE);
        assert_eq!(classify(&stun), Class::Stun);
        assert_eq!(classify(&stun[..19]), Class::Other);
        assert_eq!(classify(&[0; 20]), Class::Other, "no magic cookie");
        assert_eq!(classify(&[22, 254, 253]), Class::Dtls);
        assert_eq!(classify(&[0x40, 0, 0, 0]), Class::ChannelData);
        assert_eq!(classify(&[0x80, 96, 0, 1]), Class::Rtp);
        assert_eq!(classify(&[0x80, 0xe0, 0, 1]), Class::Rtp, "payload type 96 with the marker");
        assert_eq!(classify(&[0x80, 200, 0, 1]), Class::Rtcp);
        assert_eq!(classify(&[0xff, 0]), Class::Other);
        assert_eq!(classify(&[]), Class::Other);
    }
}
