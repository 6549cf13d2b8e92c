//! VP8's boolean entropy encoder (RFC 6386 §7).

/// Writes bools, each with the probability (of 256) that it is false.
#[derive(Debug)]
pub struct BoolCoder {
    out: Vec<u8>,
    range: u32,
    bottom: u32,
    /// Shifts until the next byte is complete.
    count: u32,
}

impl Default for BoolCoder {
    fn default() -> Self {
        Self::new()
    }
}

impl BoolCoder {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self { out: Vec::new(), range: 255, bottom: 0, count: 24 }
    }

    /// One bool; `probability` is that of `false`, in 256ths, not 0.
    pub fn put(&mut self, value: bool, probability: u8) {
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        if value {
            self.bottom += split;
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.range <<= 1;
            self.shift();
        }
    }

    /// An unsigned number of so many bits, the highest first, each as likely as not.
    pub fn number(&mut self, value: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.put(value >> bit & 1 == 1, 128);
        }
    }

    /// A flag, as likely as not.
    pub fn flag(&mut self, value: bool) {
        self.put(value, 128);
    }

    /// The bytes, padded so that a decoder may read ahead.
    pub fn finish(mut self) -> Vec<u8> {
        for _ in 0..32 {
            self.shift();
        }
        self.out
    }

    /// One more in what was written.
    fn carry(&mut self) {
        for byte in self.out.iter_mut().rev() {
            let (sum, again) = byte.overflowing_add(1);
            *byte = sum;
            if !again {
                break;
            }
        }
    }

    fn shift(&mut self) {
        if self.bottom & (1 << 31) != 0 {
            self.carry();
        }
        self.bottom <<= 1;
        self.count -= 1;
        if self.count == 0 {
            self.out.push((self.bottom >> 24) as u8);
            self.bottom &= (1 << 24) - 1;
            self.count = 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decoder of RFC 6386 §7.3, as plainly as it can be said.
    fn decode(bytes: &[u8], probabilities: &[u8]) -> Vec<bool> {
        let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1)));
        let mut value = (0..8).fold(0, |value, _| value << 1 | bits.next().unwrap_or(0));
        let mut range = 255;
        let mut decoded = Vec::new();
        for probability in probabilities {
            let split = 1 + (((range - 1) * u32::from(*probability)) >> 8);
            let bit = value >= split;
            if bit {
                value -= split;
                range -= split;
            } else {
                range = split;
            }
            while range < 128 {
                value = value << 1 | bits.next().unwrap_or(0);
                range <<= 1;
            }
            decoded.push(bit);
        }
        decoded
    }

    #[test]
    fn what_is_written_is_read_back() {
        // A small linear congruential generator, so that the same bools come every time.
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let bools: Vec<(bool, u8)> =
            (0..20_000).map(|_| (random() % 4 == 0, u8::try_from(1 + random() % 255).unwrap())).collect();
        let mut coder = BoolCoder::new();
        for (value, probability) in &bools {
            coder.put(*value, *probability);
        }
        let probabilities: Vec<u8> = bools.iter().map(|entry| entry.1).collect();
        let values: Vec<bool> = bools.iter().map(|entry| entry.0).collect();
        assert_eq!(decode(&coder.finish(), &probabilities), values);
    }
}
