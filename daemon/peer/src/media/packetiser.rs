//! Cuts access units into RTP payloads, once for all viewers.

use std::ops::Range;

use bytes::Bytes;
use icescope_model::Monotonic;
use icescope_model::media::{AccessUnit, Format};

use super::h264::H264;
use super::vp8;

/// Octets of an RTP packet before SRTP: fits IPv6's least MTU of 1280 with room for SRTP's tag, TURN and IPv6 headers.
pub(crate) const RTP_PACKET: usize = 1200;

/// Octets of a payload: a packet without its fixed header (RFC 3550 §5.1) and one header extension of three octets (RFC 8285).
pub(crate) const PAYLOAD: usize = RTP_PACKET - 12 - 8;

/// The video codecs that can be packetised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Vp8,
    H264,
}

impl Codec {
    /// The codec of a format, by its MIME type (case does not matter, RFC 4855 §3).
    pub(crate) fn of(format: &Format) -> Option<Self> {
        [(Self::Vp8, "video/vp8"), (Self::H264, "video/h264")]
            .into_iter()
            .find_map(|(codec, mime)| format.mime.eq_ignore_ascii_case(mime).then_some(codec))
    }
}

/// Payloads side by side in one buffer.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) buffer: Bytes,
    /// Where each payload ends.
    pub(crate) ends: Vec<usize>,
}

impl Cut {
    /// The payloads, sharing the buffer.
    pub(crate) fn payloads(&self) -> impl ExactSizeIterator<Item = Bytes> + '_ {
        self.ends.iter().enumerate().map(|(index, end)| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            self.buffer.slice(start..*end)
        })
    }
}

/// One access unit, ready for any number of viewers.
#[derive(Debug)]
pub(crate) struct Unit {
    /// It can be decoded without earlier ones.
    pub(crate) key: bool,
    /// Media time may have jumped before it.
    pub(crate) discontinuity: bool,
    /// Media time in nanoseconds.
    pub(crate) pts_ns: i64,
    /// When the picture was taken, if the source knows.
    pub(crate) captured: Option<Monotonic>,
    /// VP8's picture id, counted by the stream.
    pub(crate) picture_id: Option<u16>,
    /// Its RTP payloads.
    pub(crate) cut: Cut,
}

impl Unit {
    /// Payload octets.
    pub(crate) fn bytes(&self) -> usize {
        self.cut.buffer.len()
    }
}

/// Ranges that cover `length` octets in as few pieces of at most `limit` as possible, all of nearly the same size.
pub(crate) fn even_chunks(length: usize, limit: usize) -> Vec<Range<usize>> {
    let count = length.div_ceil(limit).max(1);
    let size = length.div_ceil(count);
    (0..count).map(|index| (index * size).min(length)..((index + 1) * size).min(length)).collect()
}

/// The packetiser of one stream.
#[derive(Debug)]
pub(crate) enum Packetiser {
    Vp8 { next_picture_id: u16 },
    H264(H264),
}

impl Packetiser {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Vp8 => Self::Vp8 { next_picture_id: 0 },
            Codec::H264 => Self::H264(H264::default()),
        }
    }

    /// Cuts one access unit; `None` if there is nothing in it to send.
    pub(crate) fn packetise(&mut self, unit: &AccessUnit) -> Option<Unit> {
        if unit.data.is_empty() {
            return None;
        }
        let (cut, picture_id) = match self {
            Self::Vp8 { next_picture_id } => {
                let picture_id = *next_picture_id;
                *next_picture_id = (picture_id + 1) & vp8::PICTURE_ID_MASK;
                (vp8::packetise(&unit.data, picture_id, PAYLOAD), Some(picture_id))
            }
            Self::H264(h264) => (h264.packetise(&unit.data, unit.key, PAYLOAD), None),
        };
        (!cut.ends.is_empty()).then_some(Unit {
            key: unit.key,
            discontinuity: unit.discontinuity,
            pts_ns: unit.pts_ns,
            captured: unit.captured,
            picture_id,
            cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_everything_evenly() {
        assert_eq!(even_chunks(10, 4), [0..4, 4..8, 8..10]);
        assert_eq!(even_chunks(9, 4), [0..3, 3..6, 6..9]);
        assert_eq!(even_chunks(4, 4).len(), 1);
        assert_eq!(even_chunks(0, 4).len(), 1, "an empty payload is one, too");
    }

    proptest::proptest! {
        #[test]
        fn no_chunk_exceeds_the_limit(length in 0usize..20_000, limit in 1usize..1500) {
            let chunks = even_chunks(length, limit);
            proptest::prop_assert!(chunks.iter().all(|chunk| chunk.len() <= limit));
            proptest::prop_assert_eq!(chunks.iter().map(ExactSizeIterator::len).sum::<usize>(), length);
            proptest::prop_assert_eq!(chunks.last().map(|chunk| chunk.end), Some(length));
        }
    }
}
