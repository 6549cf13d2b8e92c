//! VP8 payloads (RFC 7741) and what the key frame header tells.

use bytes::{BufMut, BytesMut};

use super::packetiser::{Cut, even_chunks};

/// Octets of the payload descriptor with a 15-bit picture id: flags, extension flags, two of picture id (RFC 7741 §4.2).
pub(crate) const DESCRIPTOR: usize = 4;

/// The picture id is 15 bits wide.
pub(crate) const PICTURE_ID_MASK: u16 = 0x7fff;

/// Cuts one frame into payloads of at most `limit` octets, all of nearly the same size: a run of equal sizes can leave in
/// one system call.
pub(crate) fn packetise(frame: &[u8], picture_id: u16, limit: usize) -> Cut {
    let chunks = even_chunks(frame.len(), limit - DESCRIPTOR);
    let mut buffer = BytesMut::with_capacity(frame.len() + chunks.len() * DESCRIPTOR);
    let mut ends = Vec::with_capacity(chunks.len());
    for (index, chunk) in chunks.into_iter().enumerate() {
        // X: an extension follows. S: start of partition 0; partitions are not told apart, so it is set on the first only.
        buffer.put_u8(if index == 0 { 0x90 } else { 0x80 });
        // I: a picture id follows; its M bit says that it is 15 bits wide.
        buffer.put_u8(0x80);
        buffer.put_u16(0x8000 | (picture_id & PICTURE_ID_MASK));
        buffer.put_slice(&frame[chunk]);
        ends.push(buffer.len());
    }
    Cut { buffer: buffer.freeze(), ends }
}

/// Writes another picture id into a payload made by [`packetise`].
pub(crate) fn set_picture_id(payload: &mut [u8], picture_id: u16) {
    if let Some(field) = payload.get_mut(2..4) {
        field.copy_from_slice(&(0x8000 | (picture_id & PICTURE_ID_MASK)).to_be_bytes());
    }
}

/// Length of the payload descriptor at the head of a received payload (RFC 7741 §4.2); `None` if it is cut short.
pub(crate) fn descriptor_length(payload: &[u8]) -> Option<usize> {
    let first = *payload.first()?;
    let mut length = 1;
    if first & 0x80 != 0 {
        let extension = *payload.get(1)?;
        length += 1;
        if extension & 0x80 != 0 {
            length += if payload.get(length)? & 0x80 != 0 { 2 } else { 1 };
        }
        length += usize::from(extension & 0x40 != 0);
        length += usize::from(extension & 0x30 != 0);
    }
    (payload.len() > length).then_some(length)
}

/// Width and height if a received payload begins a key frame (RFC 6386 §9.1).
pub(crate) fn key_frame_size(payload: &[u8]) -> Option<(u32, u32)> {
    let first = *payload.first()?;
    // S set and partition index 0: the frame begins here.
    if first & 0x10 == 0 || first & 0x07 != 0 {
        return None;
    }
    let frame = &payload[descriptor_length(payload)?..];
    let header: &[u8; 10] = frame.get(..10)?.try_into().ok()?;
    if header[0] & 1 != 0 || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    // 14 bits of size, 2 bits of scaling.
    let size = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((size(header[6], header[7]), size(header[8], header[9])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_frame(width: u16, height: u16, length: usize) -> Vec<u8> {
        let mut frame = vec![0x10, 0, 0, 0x9d, 0x01, 0x2a];
        frame.extend(width.to_le_bytes());
        frame.extend(height.to_le_bytes());
        frame.resize(length, 0x55);
        frame
    }

    #[test]
    fn a_frame_is_cut_into_even_payloads_that_give_it_back() {
        let frame: Vec<u8> = (0..3000u32).map(|i| i as u8).collect();
        let cut = packetise(&frame, 0x1234, 1180);
        let payloads: Vec<_> = cut.payloads().collect();
        assert_eq!(payloads.len(), 3);
        assert!(payloads.iter().all(|payload| payload.len() == 1004), "{payloads:?}");
        let joined: Vec<u8> = payloads.iter().flat_map(|payload| payload[DESCRIPTOR..].to_vec()).collect();
        assert_eq!(joined, frame);
        assert_eq!(&payloads[0][..4], [0x90, 0x80, 0x92, 0x34]);
        assert_eq!(&payloads[1][..4], [0x80, 0x80, 0x92, 0x34]);
    }

    #[test]
    fn the_picture_id_can_be_rewritten() {
        let cut = packetise(&[1, 2, 3], 7, 1180);
        let mut payload = cut.payloads().next().unwrap().to_vec();
        set_picture_id(&mut payload, 0x7ffe);
        assert_eq!(payload, [0x90, 0x80, 0xff, 0xfe, 1, 2, 3]);
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        let cut = packetise(&key_frame(640, 480, 2000), 1, 1180);
        let payloads: Vec<_> = cut.payloads().collect();
        assert_eq!(key_frame_size(&payloads[0]), Some((640, 480)));
        assert_eq!(key_frame_size(&payloads[1]), None, "it does not begin the frame");
    }

    #[test]
    fn descriptors_of_other_senders_are_understood() {
        assert_eq!(descriptor_length(&[0x10, 1]), Some(1));
        assert_eq!(descriptor_length(&[0x90, 0x80, 0x05, 1]), Some(3), "7-bit picture id");
        assert_eq!(descriptor_length(&[0x90, 0xf0, 0x85, 0x01, 0x02, 0x03, 1]), Some(6), "I, L, T and K");
        assert_eq!(descriptor_length(&[0x90, 0x80, 0x85]), None, "cut short");
        assert_eq!(descriptor_length(&[]), None);
    }
}
