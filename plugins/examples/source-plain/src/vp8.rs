//! A VP8 encoder for pictures of flat macroblocks (RFC 6386).
//!
//! A key frame predicts each block from its neighbours (DC_PRED), a later frame from the last one (a vector of zero).
//! What remains is one number each for luma and the two chroma planes: the only coefficient that is ever written. At
//! quantizer index 0 eight steps of luma's second-order coefficient, and two of chroma's, are one step of a pixel, so
//! that nothing is lost. The loop filter is off.

use crate::bool_coder::BoolCoder;
use crate::picture::{Picture, Yuv};
use crate::vp8_tables::{CATEGORY_6, KEEP_COEFFICIENT, KEEP_MOTION, NODES, ZERO_VECTOR};

/// Our own coefficient probabilities, the same for all contexts that are used; written with each key frame, so that the
/// format's defaults do not matter. Node by node: more to come, not zero, more than one, …
const TOKEN: [u8; NODES] = [128, 1, 8, 128, 128, 128, 64, 128, 64, 128, 64];
/// The end of the block always follows the first coefficient.
const END: u8 = 255;

/// Contexts in which a first coefficient, and in which the end after it, is written: type (0 luma after Y2, 1 Y2, 2 chroma),
/// band, contexts.
const USED: [(usize, usize, &[usize]); 5] =
    [(0, 1, &[0]), (1, 0, &[0, 1, 2]), (1, 1, &[1, 2]), (2, 0, &[0, 1, 2]), (2, 1, &[1, 2])];

/// Steps of a coefficient that make one step of a pixel, at quantizer index 0 (RFC 6386 §14.1, §14.3, §14.4).
const LUMA_STEPS: i32 = 8;
const CHROMA_STEPS: i32 = 2;

/// The encoder's state: what a decoder shows now.
#[derive(Debug, Default)]
pub struct Encoder {
    shown: Option<Picture>,
}

impl Encoder {
    /// One frame; a key frame if it is asked for or there is nothing to go on from.
    pub fn encode(&mut self, picture: &Picture, key: bool) -> (Vec<u8>, bool) {
        let last = self.shown.take().filter(|shown| !key && shown.size() == picture.size());
        let residuals = match &last {
            Some(last) => difference(picture, last),
            None => intra_residuals(picture),
        };
        let key = last.is_none();
        let first = first_partition(picture, &residuals, key);
        let tokens = tokens(&residuals);
        self.shown = Some(picture.clone());
        (frame(picture, key, &first, &tokens), key)
    }
}

/// RFC 6386 §9.1: the frame's tag, and the key frame's start code and size.
fn frame(picture: &Picture, key: bool, first: &[u8], tokens: &[u8]) -> Vec<u8> {
    const SHOWN: u32 = 1 << 4;
    let tag = u32::from(!key) | SHOWN | (first.len() as u32) << 5;
    let mut frame = tag.to_le_bytes()[..3].to_vec();
    if key {
        let (width, height) = picture.size();
        frame.extend([0x9d, 0x01, 0x2a]);
        frame.extend((width as u16).to_le_bytes());
        frame.extend((height as u16).to_le_bytes());
    }
    frame.extend(first);
    frame.extend(tokens);
    frame
}

fn difference(picture: &Picture, last: &Picture) -> Vec<[i32; 3]> {
    picture.blocks.iter().zip(&last.blocks).map(|(now, before)| minus(*now, *before)).collect()
}

fn minus(left: Yuv, right: Yuv) -> [i32; 3] {
    std::array::from_fn(|plane| i32::from(left[plane]) - i32::from(right[plane]))
}

/// DC_PRED (RFC 6386 §12.2): the average of the row above and the column to the left, 128 at the picture's corner.
fn intra_residuals(picture: &Picture) -> Vec<[i32; 3]> {
    let mut residuals = Vec::with_capacity(picture.blocks.len());
    for row in 0..picture.rows {
        for column in 0..picture.columns {
            let above = (row > 0).then(|| picture.block(row - 1, column));
            let left = (column > 0).then(|| picture.block(row, column - 1));
            let predicted = match (above, left) {
                (Some(above), Some(left)) => std::array::from_fn(|plane| {
                    u16::midpoint(above[plane].into(), u16::from(left[plane]) + 1) as u8
                }),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => [128; 3],
            };
            residuals.push(minus(picture.block(row, column), predicted));
        }
    }
    residuals
}

/// RFC 6386 §9.2 to §9.11, and the macroblocks' modes (§16, §18).
fn first_partition(picture: &Picture, residuals: &[[i32; 3]], key: bool) -> Vec<u8> {
    let mut coder = BoolCoder::new();
    if key {
        coder.flag(false); // colour space: BT.601
        coder.flag(false); // pixel values need clamping
    }
    coder.flag(false); // no segments
    coder.flag(false); // filter type
    coder.number(0, 6); // loop filter off
    coder.number(0, 3); // sharpness
    coder.flag(false); // no filter deltas
    coder.number(0, 2); // one token partition
    coder.number(0, 7); // quantizer index 0
    coder.number(0, 5); // five deltas, none
    if key {
        coder.flag(true); // probabilities stay for later frames
    } else {
        coder.flag(true); // golden frame: this one
        coder.flag(true); // altref frame: this one
        coder.flag(false); // sign biases
        coder.flag(false);
        coder.flag(true); // probabilities stay for later frames
        coder.flag(true); // this one is the next one's last
    }
    coefficient_probabilities(&mut coder, key);
    let skipped = residuals.iter().filter(|residual| **residual == [0; 3]).count();
    let skip_probability = (256 * (residuals.len() - skipped) / residuals.len()).clamp(1, 255) as u8;
    coder.flag(true); // blocks may be skipped
    coder.number(skip_probability.into(), 8);
    if !key {
        coder.number(1, 8); // hardly a chance for intra blocks
        coder.number(255, 8); // the reference is the last frame,
        coder.number(128, 8); // not golden
        coder.flag(false); // no new intra probabilities
        coder.flag(false);
        for keep in KEEP_MOTION.as_flattened() {
            coder.put(false, *keep);
        }
    }
    for (index, residual) in residuals.iter().enumerate() {
        coder.put(*residual == [0; 3], skip_probability);
        if key {
            put_dc_prediction(&mut coder);
        } else {
            put_same_as_last(&mut coder, index / picture.columns, index % picture.columns);
        }
    }
    coder.finish()
}

/// RFC 6386 §13.4: a key frame brings our probabilities where they are used.
fn coefficient_probabilities(coder: &mut BoolCoder, key: bool) {
    for (kind, bands) in KEEP_COEFFICIENT.iter().enumerate() {
        for (band, contexts) in bands.iter().enumerate() {
            for (context, keep) in contexts.iter().enumerate() {
                let used = key
                    && USED
                        .iter()
                        .any(|entry| (entry.0, entry.1) == (kind, band) && entry.2.contains(&context));
                for (node, token) in TOKEN.into_iter().enumerate() {
                    let new = if band == 1 && node == 0 { END } else { token };
                    let put = used && (band == 0 || node == 0);
                    coder.put(put, keep.get(node).copied().unwrap_or(255));
                    if put {
                        coder.number(new.into(), 8);
                    }
                }
            }
        }
    }
}

/// DC_PRED for luma and chroma, in the key frame's trees and probabilities (RFC 6386 §11.2).
fn put_dc_prediction(coder: &mut BoolCoder) {
    coder.put(true, 145);
    coder.put(false, 156);
    coder.put(false, 163);
    coder.put(false, 142);
}

/// Inter-coded from the last frame, with a vector of zero (RFC 6386 §16.3). Neighbours outside the picture do not count.
fn put_same_as_last(coder: &mut BoolCoder, row: usize, column: usize) {
    coder.put(true, 1);
    coder.put(false, 255);
    let above = if row > 0 { 2 } else { 0 };
    let left = if column > 0 { 2 } else { 0 };
    let above_left = usize::from(row > 0 && column > 0);
    coder.put(false, ZERO_VECTOR[above + left + above_left]);
}

/// The token partition (RFC 6386 §13): Y2, sixteen luma blocks of which nothing is left, four blocks of each chroma plane.
/// A block's context is what its neighbours had; as all contexts have the same probabilities, nobody has to keep account.
fn tokens(residuals: &[[i32; 3]]) -> Vec<u8> {
    let mut coder = BoolCoder::new();
    for [y, u, v] in residuals.iter().filter(|residual| **residual != [0; 3]) {
        put_block(&mut coder, y * LUMA_STEPS);
        for _ in 0..16 {
            // Luma after Y2 begins at the second coefficient, in band 1.
            coder.put(false, END);
        }
        for level in [u * CHROMA_STEPS, v * CHROMA_STEPS] {
            for _ in 0..4 {
                put_block(&mut coder, level);
            }
        }
    }
    coder.finish()
}

/// One block with at most its first coefficient (RFC 6386 §13.2).
fn put_block(coder: &mut BoolCoder, level: i32) {
    coder.put(level != 0, TOKEN[0]);
    if level != 0 {
        coder.put(true, TOKEN[1]);
        put_magnitude(coder, level.unsigned_abs());
        coder.flag(level < 0);
        coder.put(false, END);
    }
}

/// A value that is not zero (RFC 6386 §13.2): the token tree from its third node on.
fn put_magnitude(coder: &mut BoolCoder, value: u32) {
    // First value, path through the tree as node and branch, and the chances of the extra bits.
    type Token = (u32, &'static [(usize, bool)], &'static [u8]);
    const LARGE: (usize, bool) = (3, true);
    const TOKENS: [Token; 10] = [
        (67, &[(2, true), LARGE, (6, true), (8, true), (10, true)], &CATEGORY_6),
        (35, &[(2, true), LARGE, (6, true), (8, true), (10, false)], &[180, 157, 141, 134, 130]),
        (19, &[(2, true), LARGE, (6, true), (8, false), (9, true)], &[176, 155, 140, 135]),
        (11, &[(2, true), LARGE, (6, true), (8, false), (9, false)], &[173, 148, 140]),
        (7, &[(2, true), LARGE, (6, false), (7, true)], &[165, 145]),
        (5, &[(2, true), LARGE, (6, false), (7, false)], &[159]),
        (4, &[(2, true), (3, false), (4, true), (5, true)], &[]),
        (3, &[(2, true), (3, false), (4, true), (5, false)], &[]),
        (2, &[(2, true), (3, false), (4, false)], &[]),
        (1, &[(2, false)], &[]),
    ];
    let Some((first, path, extra)) = TOKENS.iter().find(|token| value >= token.0) else { return };
    for (node, branch) in *path {
        coder.put(*branch, TOKEN[*node]);
    }
    let rest = value - first;
    for (index, chance) in extra.iter().enumerate() {
        coder.put(rest >> (extra.len() - 1 - index) & 1 == 1, *chance);
    }
}
