//! The messages of a TURN stream: STUN by its length, ChannelData padded to four octets (RFC 8656 §12.5).

use super::super::classify::{Class, classify};
use super::super::stun::{HEADER_LENGTH, MAGIC_COOKIE};

/// What comes is no TURN: where its next message would begin cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTurn;

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a message whose end has not come: at most 64 KiB and one read.
    partial: Vec<u8>,
    /// A message has come.
    begun: bool,
}

impl Splitter {
    /// Takes what was read and hands over the messages that are whole now, without their padding.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), NotTurn> {
        self.partial.extend_from_slice(bytes);
        let mut rest = &self.partial[..];
        // A server answers before it relays, so STUN comes first: «HTTP» would pass for a channel.
        if !self.begun && rest.first().is_some_and(|first| *first > 3) {
            return Err(NotTurn);
        }
        while let Some((length, padded)) = lengths(rest)? {
            let Some((message, after)) = rest.split_at_checked(padded) else { break };
            each(&message[..length]);
            rest = after;
            self.begun = true;
        }
        let used = self.partial.len() - rest.len();
        self.partial.drain(..used);
        Ok(())
    }
}

/// The octets of the first message, and with its padding; `None` while too little of it has come.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>, NotTurn> {
    let [first, _, high, low, after @ ..] = bytes else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    match first {
        0..=3 => {
            let cookie = &after[..after.len().min(MAGIC_COOKIE.len())];
            // A length that is no multiple of four is no STUN (RFC 8489 §5).
            if !MAGIC_COOKIE.starts_with(cookie) || length % 4 != 0 {
                return Err(NotTurn);
            }
            Ok(Some((HEADER_LENGTH + length, HEADER_LENGTH + length)))
        }
        64..=79 => Ok(Some((4 + length, (4 + length).next_multiple_of(4)))),
        _ => Err(NotTurn),
    }
}

/// A message as it goes into a stream.
pub fn padded(message: &[u8]) -> Vec<u8> {
    let mut frame = message.to_vec();
    if classify(message) == Class::ChannelData {
        frame.resize(frame.len().next_multiple_of(4), 0);
    }
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::stun::tests::build;
    use super::*;

    fn channel_data(payload: &[u8]) -> Vec<u8> {
        [&[0x40, 1], &(payload.len() as u16).to_be_bytes()[..], payload].concat()
    }

    #[test]
    fn channel_data_is_padded_on_its_way_and_stun_is_not() {
        assert_eq!(padded(&channel_data(&[7, 8, 9])), [0x40, 1, 0, 3, 7, 8, 9, 0]);
        let stun = build(0x0003, [1; 12], &[(0x0019, &[17, 0, 0, 0])]);
        assert_eq!(padded(&stun), stun);
    }

    #[test]
    fn what_is_no_turn_is_told_as_soon_as_it_shows() {
        for other in
            [&b"HTTP/1.1 400 Bad Request"[..], &[0, 1, 0, 0, 0x21, 0x13], &[0, 1, 0, 3], &[22, 3, 3, 0]]
        {
            assert_eq!(Splitter::default().feed(other, |_| panic!("a message")), Err(NotTurn), "{other:?}");
        }
        assert_eq!(Splitter::default().feed(&[0, 1, 0, 0, 0x21, 0x12], |_| panic!("a message")), Ok(()));
    }

    proptest! {
        #[test]
        fn messages_come_out_whole_however_the_stream_is_cut(
            payloads in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..10),
            cuts in proptest::collection::vec(1_usize..30, 1..40),
        ) {
            let messages: Vec<Vec<u8>> = payloads
                .iter()
                .map(|(stun, payload)| if *stun { build(0x0017, [9; 12], &[(0x0013, payload)]) } else { channel_data(payload) })
                .collect();
            let stream: Vec<u8> = messages.iter().flat_map(|message| padded(message)).collect();
            let (mut splitter, mut seen) = (Splitter { begun: true, ..Splitter::default() }, Vec::new());
            let (mut rest, mut cuts) = (&stream[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                prop_assert_eq!(splitter.feed(now, |message| seen.push(message.to_vec())), Ok(()));
                rest = later;
            }
            prop_assert_eq!(seen, messages);
            prop_assert!(splitter.partial.is_empty());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Splitter::default().feed(&bytes, |_| ());
        }
    }
}
