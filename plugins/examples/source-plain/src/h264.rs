//! An H.264 encoder for pictures of flat macroblocks: constrained baseline, one slice, no deblocking.
//!
//! A block that has the colour of the one above or to the left is predicted from it and needs no more (Intra_16x16). Any
//! other is written as it is (I_PCM). In a P picture a block that has not changed is skipped.

use crate::bits::Bits;
use crate::picture::{Picture, Yuv};

/// `profile-level-id` of RFC 6184 §8.1: constrained baseline, level 3.1.
pub const PROFILE_LEVEL_ID: &str = "42e01f";

/// `frame_num` has eight bits.
const FRAME_NUM_BITS: u32 = 8;

/// The encoder's state: what a decoder shows now.
#[derive(Debug, Default)]
pub struct Encoder {
    shown: Option<Picture>,
    frame_num: u32,
    idr_id: u32,
}

/// How a macroblock of a new colour is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intra {
    /// As the block above: Intra_16x16_Vertical, and the same for chroma.
    Above,
    /// As the block to the left.
    Left,
    Pcm,
}

impl Encoder {
    /// One access unit; an IDR picture with SPS and PPS if it is asked for or there is nothing to go on from.
    pub fn encode(&mut self, picture: &Picture, key: bool) -> (Vec<u8>, bool) {
        let last = self.shown.take().filter(|shown| !key && shown.size() == picture.size());
        let unit = if let Some(last) = &last {
            self.frame_num = (self.frame_num + 1) % (1 << FRAME_NUM_BITS);
            self.p_picture(picture, last)
        } else {
            self.frame_num = 0;
            // Two IDR pictures in a row have to differ in this number (§7.4.3).
            self.idr_id = (self.idr_id + 1) % 2;
            [sequence(picture), parameters(), self.idr_picture(picture)].concat()
        };
        self.shown = Some(picture.clone());
        (unit, last.is_none())
    }

    fn idr_picture(&self, picture: &Picture) -> Vec<u8> {
        let mut bits = self.slice_header(true);
        let mut pcm = vec![false; picture.blocks.len()];
        for (index, _) in picture.blocks.iter().enumerate() {
            put_intra(&mut bits, picture, index, &mut pcm, 0);
        }
        bits.nal(0x65)
    }

    fn p_picture(&self, picture: &Picture, last: &Picture) -> Vec<u8> {
        let mut bits = self.slice_header(false);
        let mut pcm = vec![false; picture.blocks.len()];
        let mut skipped = 0;
        for (index, (now, before)) in picture.blocks.iter().zip(&last.blocks).enumerate() {
            if now == before {
                skipped += 1;
                continue;
            }
            bits.ue(skipped);
            skipped = 0;
            // In a P slice the intra types come behind five inter types (table 7-13).
            put_intra(&mut bits, picture, index, &mut pcm, 5);
        }
        if skipped > 0 {
            bits.ue(skipped);
        }
        bits.nal(0x61)
    }

    /// §7.3.3.
    fn slice_header(&self, idr: bool) -> Bits {
        let mut bits = Bits::default();
        bits.ue(0); // first macroblock
        bits.ue(if idr { 7 } else { 5 }); // all slices are I, or P
        bits.ue(0); // PPS
        bits.u(self.frame_num, FRAME_NUM_BITS);
        if idr {
            bits.ue(self.idr_id);
            bits.flag(false); // earlier pictures are put out as usual
            bits.flag(false); // not a long-term reference
        } else {
            bits.flag(false); // number of references as in the PPS
            bits.flag(false); // references in their order
            bits.flag(false); // references leave by age
        }
        bits.se_zero(); // quantizer as in the PPS
        bits.ue(1); // no deblocking
        bits
    }
}

/// One intra macroblock. `pcm` says which of those before it were written as I_PCM.
fn put_intra(bits: &mut Bits, picture: &Picture, index: usize, pcm: &mut [bool], first_type: u32) {
    let above = index.checked_sub(picture.columns);
    let left = (!index.is_multiple_of(picture.columns)).then(|| index - 1);
    let colour = picture.blocks[index];
    let same = |other: Option<usize>| other.is_some_and(|other| picture.blocks[other] == colour);
    let how = match () {
        () if same(above) => Intra::Above,
        () if same(left) => Intra::Left,
        () => Intra::Pcm,
    };
    if how == Intra::Pcm {
        pcm[index] = true;
        bits.ue(first_type + 25);
        bits.aligned(samples(colour));
        return;
    }
    // Table 7-11: Intra_16x16 of this mode, with no coefficients besides luma's first ones.
    bits.ue(first_type + if how == Intra::Above { 1 } else { 2 });
    bits.ue(if how == Intra::Above { 2 } else { 1 }); // chroma: vertical, or horizontal
    bits.se_zero(); // quantizer as before
    put_no_coefficients(bits, above.map(|above| pcm[above]), left.map(|left| pcm[left]));
}

/// `coeff_token` for none (table 9-5), chosen by how many coefficients the neighbours have (§9.2.1): 16 for I_PCM, else 0.
fn put_no_coefficients(bits: &mut Bits, above: Option<bool>, left: Option<bool>) {
    let count = |pcm: bool| if pcm { 16 } else { 0 };
    let neighbours = match (above.map(count), left.map(count)) {
        (Some(above), Some(left)) => (above + left + 1) >> 1,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => 0,
    };
    match neighbours {
        0..2 => bits.u(0b1, 1),
        2..4 => bits.u(0b11, 2),
        4..8 => bits.u(0b1111, 4),
        _ => bits.u(0b00_0011, 6),
    }
}

fn samples([y, u, v]: Yuv) -> impl Iterator<Item = u8> {
    std::iter::repeat_n(y, 256).chain(std::iter::repeat_n(u, 64)).chain(std::iter::repeat_n(v, 64))
}

/// Sequence parameter set, §7.3.2.1.1.
fn sequence(picture: &Picture) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.u(66, 8); // baseline
    bits.u(0xe0, 8); // constraint sets 0, 1 and 2
    bits.u(31, 8); // level 3.1
    bits.ue(0); // SPS 0
    bits.ue(FRAME_NUM_BITS - 4);
    bits.ue(2); // pictures are shown in the order of coding
    bits.ue(1); // one reference
    bits.flag(false); // no gaps in frame_num
    bits.ue(picture.columns as u32 - 1);
    bits.ue(picture.rows as u32 - 1);
    bits.flag(true); // frames only
    bits.flag(true); // direct_8x8_inference
    bits.flag(false); // no cropping
    bits.flag(true); // VUI, annex E
    bits.flag(false); // aspect ratio
    bits.flag(false); // overscan
    bits.flag(true); // video signal:
    bits.u(5, 3); // unspecified format
    bits.flag(false); // limited range
    bits.flag(true); // colours: BT.601
    bits.u(6, 8);
    bits.u(6, 8);
    bits.u(6, 8);
    bits.flag(false); // chroma location
    bits.flag(false); // timing
    bits.flag(false); // NAL HRD
    bits.flag(false); // VCL HRD
    bits.flag(false); // picture structure
    bits.flag(true); // bitstream restriction:
    bits.flag(true); // vectors over the edge
    bits.ue(0); // bytes per picture: no limit
    bits.ue(0); // bits per macroblock: no limit
    bits.ue(10); // vector lengths
    bits.ue(10);
    bits.ue(0); // no reordering: a decoder shows each picture at once
    bits.ue(1); // frames held
    bits.nal(0x67)
}

/// Picture parameter set, §7.3.2.2.
fn parameters() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0); // PPS 0
    bits.ue(0); // SPS 0
    bits.flag(false); // CAVLC
    bits.flag(false);
    bits.ue(0); // one slice group
    bits.ue(0); // one reference
    bits.ue(0);
    bits.flag(false); // no weights
    bits.u(0, 2);
    bits.se_zero(); // quantizers
    bits.se_zero();
    bits.se_zero();
    bits.flag(true); // the slice header says that there is no deblocking
    bits.flag(false); // intra prediction from any neighbour
    bits.flag(false);
    bits.nal(0x68)
}
