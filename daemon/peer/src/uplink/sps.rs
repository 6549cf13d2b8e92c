//! The picture size in an H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1).

/// Profiles whose sets carry chroma and scaling fields.
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Largest side that is believed.
const LARGEST: u32 = 16_384;

/// Reads bits of a NAL unit's payload, without its emulation prevention octets.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn new(payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(payload.len());
        let mut zeros = 0;
        for &byte in payload {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Self { bytes, at: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// Exp-Golomb, unsigned (§9.1).
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 30 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.bits(zeros)?)
    }

    /// Exp-Golomb, signed (§9.1.1).
    fn se(&mut self) -> Option<i64> {
        let code = i64::from(self.ue()?);
        Some(if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 })
    }

    fn skip_scaling_list(&mut self, size: u32) -> Option<()> {
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..size {
            if next != 0 {
                next = (last + self.se()? + 256).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
        Some(())
    }

    /// The fields of high profiles; gives chroma_format_idc.
    fn high_profile(&mut self) -> Option<u32> {
        let chroma = self.ue()?;
        if chroma == 3 {
            self.bit()?;
        }
        self.ue()?;
        self.ue()?;
        self.bit()?;
        if self.bit()? == 1 {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if self.bit()? == 1 {
                    self.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(chroma)
    }

    fn skip_picture_order(&mut self) -> Option<()> {
        match self.ue()? {
            0 => {
                self.ue()?;
            }
            1 => {
                self.bit()?;
                self.se()?;
                self.se()?;
                for _ in 0..self.ue()?.min(255) {
                    self.se()?;
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// Width and height of the pictures that follow a sequence parameter set, given with its NAL header.
pub(crate) fn size(nal: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(nal.get(1..)?);
    let profile = bits.bits(8)? as u8;
    bits.bits(16)?;
    bits.ue()?;
    let chroma = if HIGH_PROFILES.contains(&profile) { bits.high_profile()? } else { 1 };
    bits.ue()?;
    bits.skip_picture_order()?;
    bits.ue()?;
    bits.bit()?;
    let width = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let map_height = bits.ue()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.bit()?;
    let field_factor = 2 - frames_only;
    let height = map_height.checked_mul(field_factor)?;
    if frames_only == 0 {
        bits.bit()?;
    }
    bits.bit()?;
    let (mut across, mut down) = (0, 0);
    if bits.bit()? == 1 {
        // Cropping counts in chroma samples (§7.4.2.1.1).
        let unit =
            (if chroma == 1 || chroma == 2 { 2 } else { 1 }, field_factor * if chroma == 1 { 2 } else { 1 });
        across = bits.ue()?.checked_add(bits.ue()?)?.checked_mul(unit.0)?;
        down = bits.ue()?.checked_add(bits.ue()?)?.checked_mul(unit.1)?;
    }
    let size = (width.checked_sub(across)?, height.checked_sub(down)?);
    ((1..=LARGEST).contains(&size.0) && (1..=LARGEST).contains(&size.1)).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the bits of a set.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn bits(mut self, value: u32, count: u32) -> Self {
            self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
            self
        }

        fn ue(self, value: u32) -> Self {
            let length = 32 - (value + 1).leading_zeros();
            self.bits(0, length - 1).bits(value + 1, length)
        }

        fn nal(self) -> Vec<u8> {
            let body = self.bits(1, 1).0;
            let bytes = body.chunks(8).map(|chunk| {
                chunk.iter().enumerate().fold(0u8, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
            });
            std::iter::once(0x67).chain(bytes).collect()
        }
    }

    fn constrained_baseline(width_mbs: u32, height_mbs: u32, crop_bottom: u32) -> Vec<u8> {
        let set = Writer::default().bits(0x0042_e01f, 24).ue(0).ue(0).ue(2).ue(1).bits(0, 1);
        let set = set.ue(width_mbs - 1).ue(height_mbs - 1).bits(0b11, 2);
        let set =
            if crop_bottom == 0 { set.bits(0, 1) } else { set.bits(1, 1).ue(0).ue(0).ue(0).ue(crop_bottom) };
        set.bits(0, 1).nal()
    }

    #[test]
    fn the_size_of_constrained_baseline_is_read() {
        assert_eq!(size(&constrained_baseline(40, 30, 0)), Some((640, 480)));
        assert_eq!(size(&constrained_baseline(120, 68, 4)), Some((1920, 1080)), "cropped");
    }

    #[test]
    fn the_size_of_high_profile_is_read() {
        let set = Writer::default().bits(0x0064_001f, 24).ue(0).ue(1).ue(0).ue(0).bits(0, 2);
        let set = set.ue(0).ue(0).ue(0).ue(1).bits(0, 1).ue(79).ue(44).bits(0b11, 2).bits(0, 2);
        assert_eq!(size(&set.nal()), Some((1280, 720)));
    }

    #[test]
    fn a_set_cut_short_has_no_size() {
        let set = constrained_baseline(40, 30, 0);
        assert!((0..set.len() - 1).all(|length| size(&set[..length]).is_none()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let _ = size(&bytes);
        }
    }
}
