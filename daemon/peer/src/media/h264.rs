//! H.264 payloads (RFC 6184, packetization-mode 1) and what a sequence parameter set tells.

use bytes::{BufMut, BytesMut};

use super::packetiser::{Cut, even_chunks};

const SPS: u8 = 7;
const PPS: u8 = 8;
const ACCESS_UNIT_DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// The NAL units of an Annex B byte stream, without start codes and trailing zeros (ITU-T H.264 Annex B.1).
pub(crate) fn nal_units(stream: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) =
        stream.get(at..).and_then(|rest| rest.windows(3).position(|code| code == [0, 0, 1]))
    {
        starts.push(at + found);
        at += found + 3;
    }
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(stream.len()));
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let unit = &stream[start + 3..end];
            let length = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            &unit[..length]
        })
        .filter(|unit| !unit.is_empty())
        .collect()
}

/// Cuts access units into payloads; keeps the parameter sets, so that a key frame that lacks them gets them.
#[derive(Debug, Default)]
pub(crate) struct H264 {
    sps: Vec<u8>,
    pps: Vec<u8>,
}

impl H264 {
    /// Cuts one access unit into payloads of at most `limit` octets: parameter sets together in a STAP-A, what fits as it
    /// is, the rest as FU-A of nearly even size.
    pub(crate) fn packetise(&mut self, unit: &[u8], key: bool, limit: usize) -> Cut {
        let mut slices = Vec::new();
        let (mut has_sps, mut has_pps) = (false, false);
        for nal in nal_units(unit) {
            match kind(nal) {
                SPS => {
                    has_sps = true;
                    nal.clone_into(&mut self.sps);
                }
                PPS => {
                    has_pps = true;
                    nal.clone_into(&mut self.pps);
                }
                ACCESS_UNIT_DELIMITER | FILLER => {}
                _ => slices.push(nal),
            }
        }
        let mut buffer = BytesMut::with_capacity(unit.len() + unit.len() / limit * 2 + 64);
        let mut ends = Vec::new();
        if key || has_sps || has_pps {
            let sets: Vec<&[u8]> =
                [&self.sps[..], &self.pps[..]].into_iter().filter(|set| !set.is_empty()).collect();
            put_parameter_sets(&sets, limit, &mut buffer, &mut ends);
        }
        for nal in slices {
            put(nal, limit, &mut buffer, &mut ends);
        }
        Cut { buffer: buffer.freeze(), ends }
    }
}

/// Parameter sets as one STAP-A (RFC 6184 §5.7.1) if there are several and they fit, else each alone.
fn put_parameter_sets(sets: &[&[u8]], limit: usize, buffer: &mut BytesMut, ends: &mut Vec<usize>) {
    let together = 1 + sets.iter().map(|set| 2 + set.len()).sum::<usize>();
    if sets.len() < 2 || together > limit {
        for set in sets {
            put(set, limit, buffer, ends);
        }
        return;
    }
    // NRI is the highest of the units inside.
    let importance = sets.iter().map(|set| set[0] & 0x60).max().unwrap_or(0);
    buffer.put_u8(importance | STAP_A);
    for set in sets {
        buffer.put_u16(set.len() as u16);
        buffer.put_slice(set);
    }
    ends.push(buffer.len());
}

/// One NAL unit: as it is, or in fragments (RFC 6184 §5.8).
fn put(nal: &[u8], limit: usize, buffer: &mut BytesMut, ends: &mut Vec<usize>) {
    if nal.len() <= limit {
        buffer.put_slice(nal);
        ends.push(buffer.len());
        return;
    }
    let (header, body) = (nal[0], &nal[1..]);
    let chunks = even_chunks(body.len(), limit - 2);
    let last = chunks.len() - 1;
    for (index, chunk) in chunks.into_iter().enumerate() {
        buffer.put_u8(header & 0xe0 | FU_A);
        let start = if index == 0 { 0x80 } else { 0 };
        let end = if index == last { 0x40 } else { 0 };
        buffer.put_u8(start | end | header & 0x1f);
        buffer.put_slice(&body[chunk]);
        ends.push(buffer.len());
    }
}

/// Width and height if a received payload carries a sequence parameter set, alone or in a STAP-A.
pub(crate) fn key_frame_size(payload: &[u8]) -> Option<(u32, u32)> {
    match kind(payload) {
        SPS => super::super::uplink::sps::size(payload),
        STAP_A => {
            let mut rest = payload.get(1..)?;
            while let Some((length, tail)) = rest.split_first_chunk::<2>() {
                let nal = tail.get(..usize::from(u16::from_be_bytes(*length)))?;
                if kind(nal) == SPS {
                    return super::super::uplink::sps::size(nal);
                }
                rest = &tail[nal.len()..];
            }
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().flat_map(|part| [&[0, 0, 0, 1], *part].concat()).collect()
    }

    #[test]
    fn annex_b_is_taken_apart_at_start_codes_of_both_lengths() {
        let stream = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 4];
        assert_eq!(nal_units(&stream), [&[0x67u8, 1, 2][..], &[0x68, 3], &[0x65, 4]]);
        assert!(nal_units(&[1, 2, 3]).is_empty());
        assert!(nal_units(&[]).is_empty());
    }

    #[test]
    fn parameter_sets_travel_together_and_the_slice_in_fragments() {
        let slice: Vec<u8> = std::iter::once(0x65).chain((0..2500u32).map(|i| (i % 250 + 1) as u8)).collect();
        let cut =
            H264::default().packetise(&unit(&[&[9, 0xf0], &[0x67, 1, 2], &[0x68, 3], &slice]), true, 1180);
        let payloads: Vec<_> = cut.payloads().collect();
        assert_eq!(&payloads[0][..], [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3]);
        assert_eq!(payloads.len(), 4, "a STAP-A and three fragments; the delimiter is left out");
        assert_eq!(&payloads[1][..2], [0x7c, 0x85]);
        assert_eq!(&payloads[2][..2], [0x7c, 0x05]);
        assert_eq!(&payloads[3][..2], [0x7c, 0x45]);
        let body: Vec<u8> = payloads[1..].iter().flat_map(|payload| payload[2..].to_vec()).collect();
        assert_eq!(body, slice[1..]);
    }

    #[test]
    fn a_key_frame_without_parameter_sets_gets_the_last_ones() {
        let mut packetiser = H264::default();
        packetiser.packetise(&unit(&[&[0x67, 1], &[0x68, 2], &[0x65, 3]]), true, 1180);
        let cut = packetiser.packetise(&unit(&[&[0x65, 4]]), true, 1180);
        let payloads: Vec<_> = cut.payloads().collect();
        assert_eq!(&payloads[0][..], [0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2]);
        let delta = packetiser.packetise(&unit(&[&[0x41, 5]]), false, 1180);
        assert_eq!(delta.payloads().map(|payload| payload.to_vec()).collect::<Vec<_>>(), [[0x41, 5]]);
    }
}
