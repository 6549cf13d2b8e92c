//! What is shown: a field of one colour over a clock of ten squares, and a mark that moves with every frame.
//!
//! A picture is a grid of macroblocks, 16 by 16 pixels of one colour each. So both encoders here can be small: there is
//! nothing finer than a block's average to encode, and what comes out of a decoder is exact.

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};

/// Luma and the two chroma values, ITU-R BT.601, 16 to 235 and 16 to 240.
pub type Yuv = [u8; 3];

/// A colour as in TOML: `"#rrggbb"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// ITU-R BT.601 §2.5, for 8 bits.
    pub fn yuv(self) -> Yuv {
        let [red, green, blue] = [self.0, self.1, self.2].map(f64::from);
        let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
        let chroma = |colour: f64, scale: f64| 128.0 + (colour - luma) * scale * 224.0 / 255.0;
        [16.0 + luma * 219.0 / 255.0, chroma(blue, 0.564), chroma(red, 0.713)]
            .map(|value| value.round() as u8)
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let part = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Self(part(0)?, part(2)?, part(4)?))
    }
}

impl<'de> Deserialize<'de> for Rgb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::invalid_value(Unexpected::Str(&text), &"a colour as \"#rrggbb\", in hexadecimal")
        })
    }
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Macroblocks in a row.
    pub columns: usize,
    /// Rows of macroblocks.
    pub rows: usize,
    /// Row by row.
    pub blocks: Vec<Yuv>,
}

const DARK: Rgb = Rgb(32, 32, 32);
const UNLIT: Rgb = Rgb(80, 80, 80);
const CLOCK: usize = 10;

impl Picture {
    /// The picture at a time. The upper two thirds are `colour`; below, the clock's square of this second and the mark of
    /// this frame have the colour `light`.
    pub fn at(
        columns: usize,
        rows: usize,
        colour: Rgb,
        light: Rgb,
        frame: u64,
        frames_per_second: u32,
    ) -> Self {
        let second = frame / u64::from(frames_per_second.max(1));
        let lit = (second % CLOCK as u64) as usize;
        let mark = (frame % columns as u64) as usize;
        let field = rows - rows.div_ceil(3);
        let [colour, light, dark, unlit] = [colour, light, DARK, UNLIT].map(Rgb::yuv);
        let block = |row: usize, column: usize| {
            if row < field {
                return colour;
            }
            if row == rows - 1 {
                return if column == mark { light } else { dark };
            }
            // Squares with a gap between them: a square's last column stays dark where there is room for that.
            let square = column * CLOCK / columns;
            let gap = columns >= 2 * CLOCK && (column + 1) * CLOCK / columns > square;
            match () {
                () if gap => dark,
                () if square == lit => light,
                () => unlit,
            }
        };
        let blocks = (0..rows).flat_map(|row| (0..columns).map(move |column| block(row, column))).collect();
        Self { columns, rows, blocks }
    }

    /// The block at a place.
    pub fn block(&self, row: usize, column: usize) -> Yuv {
        self.blocks[row * self.columns + column]
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.columns * 16, self.rows * 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primary_colours_have_the_values_of_bt_601() {
        assert_eq!(Rgb(255, 255, 255).yuv(), [235, 128, 128]);
        assert_eq!(Rgb(0, 0, 0).yuv(), [16, 128, 128]);
        assert_eq!(Rgb(255, 0, 0).yuv(), [81, 90, 240]);
        assert_eq!(Rgb(0, 255, 0).yuv(), [145, 54, 34]);
        assert_eq!(Rgb(0, 0, 255).yuv(), [41, 240, 110]);
    }

    #[test]
    fn colours_are_read_strictly() {
        assert_eq!(Rgb::parse("#20a040"), Some(Rgb(0x20, 0xa0, 0x40)));
        for wrong in ["20a040", "#20a04", "#20a0400", "#gg0000", "#2\u{e9}0040", "#+1+1+1"] {
            assert_eq!(Rgb::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_clock_advances_once_a_second_and_the_mark_with_each_frame() {
        let light = Rgb(255, 255, 255);
        let at = |frame| Picture::at(20, 15, Rgb(0, 0, 255), light, frame, 10);
        let lit =
            |frame| (0..20).filter(|&column| at(frame).block(12, column) == light.yuv()).collect::<Vec<_>>();
        let mark =
            |frame| (0..20).filter(|&column| at(frame).block(14, column) == light.yuv()).collect::<Vec<_>>();
        assert_eq!(
            (lit(0), lit(9), lit(10), lit(99), lit(100)),
            (vec![0], vec![0], vec![2], vec![18], vec![0])
        );
        assert_eq!((mark(0), mark(1), mark(21)), (vec![0], vec![1], vec![1]));
        assert!(at(5).blocks[..20 * 10].iter().all(|block| *block == Rgb(0, 0, 255).yuv()));
    }
}
