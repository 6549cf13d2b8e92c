//! Bits, Exp-Golomb numbers and NAL units of H.264 (ITU-T H.264 §7.3.1, §9.1, annex B).

/// A raw byte sequence payload in the making.
#[derive(Debug, Default)]
pub struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are used; 0 or 8: it is full.
    used: u32,
}

impl Bits {
    /// An unsigned number of so many bits: u(n).
    pub fn u(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
                self.used = 0;
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.used);
            }
            self.used += 1;
        }
    }

    /// One flag: u(1).
    pub fn flag(&mut self, value: bool) {
        self.u(value.into(), 1);
    }

    /// An unsigned Exp-Golomb number: ue(v).
    pub fn ue(&mut self, value: u32) {
        let bits = (value + 1).ilog2();
        self.u(0, bits);
        self.u(value + 1, bits + 1);
    }

    /// A signed Exp-Golomb number that is 0: se(v).
    pub fn se_zero(&mut self) {
        self.ue(0);
    }

    /// Zeros up to the next byte, then bytes.
    pub fn aligned(&mut self, bytes: impl IntoIterator<Item = u8>) {
        self.used = 0;
        self.bytes.extend(bytes);
    }

    /// The NAL unit with its start code: trailing bits, and a 3 wherever the payload would look like a start code.
    pub fn nal(mut self, header: u8) -> Vec<u8> {
        self.flag(true);
        let mut unit = vec![0, 0, 0, 1, header];
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            unit.push(byte);
        }
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_numbers_are_those_of_the_standards_table() {
        // Table 9-1: 0 → 1, 1 → 010, 2 → 011, 3 → 00100, 25 → 000011010.
        let mut bits = Bits::default();
        for value in [0, 1, 2, 3, 25] {
            bits.ue(value);
        }
        assert_eq!(bits.bytes, [0b1010_0110, 0b0100_0000, 0b1101_0000]);
    }

    #[test]
    fn a_payload_never_looks_like_a_start_code() {
        let mut bits = Bits::default();
        bits.aligned([0, 0, 0, 0, 0, 1, 0, 0, 3, 0, 0, 4]);
        assert_eq!(bits.nal(0x65)[5..], [0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 3, 0, 0, 4, 0x80]);
    }
}
