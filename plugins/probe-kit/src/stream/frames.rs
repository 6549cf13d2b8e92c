//! Messages out of a stream. Pure. RFC 8489 §6.2.2: a STUN message says its own length; RFC 8656 §12.5: ChannelData over
//! a stream is padded to four bytes, and the padding does not count.

use crate::message::HEADER;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which of the two.
    pub kind: FrameKind,
    /// The whole message without padding.
    pub bytes: Vec<u8>,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A STUN message.
    Stun,
    /// ChannelData.
    ChannelData {
        /// Its channel.
        channel: u16,
    },
}

/// The other end does not speak STUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream carries something else than STUN: it begins with {0:#04x}")]
pub struct NotStun(pub u8);

/// What of a stream is not yet cut.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// What of the buffer is cut already.
    taken: usize,
}

impl Frames {
    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for the rest of their message.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// The next whole message; `None` if more has to be read first.
    ///
    /// # Errors
    /// It is neither STUN nor ChannelData; nothing after it can be read.
    #[allow(clippy::should_implement_trait, reason = "«none yet» is not the end, as it is of an iterator")]
    pub fn next(&mut self) -> Result<Option<Frame>, NotStun> {
        let rest = &self.buffer[self.taken..];
        let Some(&[first, second, high, low]) = rest.first_chunk() else {
            return match rest.first() {
                Some(first) if first >> 6 > 1 => Err(NotStun(*first)),
                _ => Ok(None),
            };
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (kind, whole, padded) = match first >> 6 {
            0 => (FrameKind::Stun, HEADER + length, HEADER + length),
            1 => {
                let channel = u16::from_be_bytes([first, second]);
                (FrameKind::ChannelData { channel }, 4 + length, 4 + length.next_multiple_of(4))
            }
            _ => return Err(NotStun(first)),
        };
        if rest.len() < padded {
            return Ok(None);
        }
        let bytes = rest[..whole].to_vec();
        self.taken += padded;
        Ok(Some(Frame { kind, bytes }))
    }
}

/// ChannelData for a stream, padded.
pub fn channel_data(channel: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + data.len().next_multiple_of(4));
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(&data[..data.len().min(usize::from(u16::MAX))]);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Request;
    use proptest::prelude::*;

    fn all(stream: &[u8], part: usize) -> Vec<Frame> {
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        for part in stream.chunks(part) {
            frames.push(part);
            while let Some(frame) = frames.next().unwrap() {
                found.push(frame);
            }
        }
        assert_eq!(frames.pending(), 0);
        found
    }

    #[test]
    fn messages_are_cut_out_however_the_stream_is_chopped() {
        let request = Request::binding().encode().unwrap();
        let stream = [request.clone(), channel_data(0x4001, b"hello"), request.clone()].concat();
        for part in 1..=stream.len() {
            let frames = all(&stream, part);
            assert_eq!(frames[0], Frame { kind: FrameKind::Stun, bytes: request.clone() });
            assert_eq!(frames[1].kind, FrameKind::ChannelData { channel: 0x4001 });
            assert_eq!(frames[1].bytes, [&[0x40, 1, 0, 5][..], b"hello"].concat());
            assert_eq!(frames.len(), 3);
        }
    }

    #[test]
    fn another_protocol_is_known_by_its_first_byte() {
        let mut frames = Frames::default();
        frames.push(&[0x80]);
        assert_eq!(frames.next(), Err(NotStun(0x80)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_without_a_panic_and_each_frame_takes_some(bytes: Vec<u8>, part in 1_usize..50) {
            let mut frames = Frames::default();
            for part in bytes.chunks(part) {
                frames.push(part);
                let mut before = frames.pending();
                while let Ok(Some(_)) = frames.next() {
                    prop_assert!(frames.pending() < before);
                    before = frames.pending();
                }
            }
        }
    }
}
