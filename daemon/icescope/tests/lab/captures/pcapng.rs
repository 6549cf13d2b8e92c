//! Reads what dumpcap writes (pcapng, draft-ietf-opsawg-pcapng §4): the packets and their times.

/// A captured frame.
#[derive(Debug)]
pub struct Frame<'file> {
    /// Nanoseconds since the Unix epoch.
    pub at: i64,
    /// As it was on the wire, cut at the snap length.
    pub bytes: &'file [u8],
}

const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// The option of an interface that says what a tick is (§4.2); microseconds where it is missing.
const IF_TSRESOL: u16 = 9;

/// All frames of a little-endian capture of one interface. A block that was cut off by the capture's end is left out.
pub fn frames(file: &[u8]) -> Vec<Frame<'_>> {
    let mut rest = file;
    let mut tick = 1_000;
    let mut frames = Vec::new();
    while let Some((kind, length)) = number(rest, 0).zip(number(rest, 4)) {
        let Some(body) = rest.get(8..(length as usize).saturating_sub(4)) else { break };
        match kind {
            INTERFACE => tick = nanoseconds_per_tick(&body[8..]),
            ENHANCED_PACKET => frames.extend(packet(body, tick)),
            _ => {}
        }
        rest = &rest[length as usize..];
    }
    frames
}

fn packet(body: &[u8], tick: i64) -> Option<Frame<'_>> {
    let ticks = i64::from(number(body, 4)?) << 32 | i64::from(number(body, 8)?);
    let length = number(body, 12)? as usize;
    Some(Frame { at: ticks * tick, bytes: body.get(20..20 + length)? })
}

fn nanoseconds_per_tick(mut options: &[u8]) -> i64 {
    while let Some(head) = options.get(..4) {
        let (code, length) = (u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]));
        if code == IF_TSRESOL {
            // Decimal places: 6 are microseconds, 9 nanoseconds.
            let places = options.get(4).copied().unwrap_or(6);
            return 10_i64.pow(9_u32.saturating_sub(u32::from(places)));
        }
        // Options are padded to four bytes.
        options = options.get(4 + usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    1_000
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes)
}
