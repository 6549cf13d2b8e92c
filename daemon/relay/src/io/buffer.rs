//! Buffers that tasks take while there is something to read, and give back: idle sockets cost none.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::wire::frame::{HEADROOM, TAILROOM};

/// The largest datagram there is.
const LARGEST: usize = 65_535;
/// Where a datagram is received to: a wrapping fits around it.
pub const DATAGRAM: Range<usize> = HEADROOM..HEADROOM + LARGEST;
/// Buffers that are kept; threads are few, and each uses one at a time.
const KEPT: usize = 4;

/// The buffers that nobody uses.
#[derive(Debug, Default)]
pub struct Buffers(Mutex<Vec<Box<[u8]>>>);

impl Buffers {
    /// Takes a buffer for one round of reading.
    pub fn take(&self) -> Box<[u8]> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| vec![0; DATAGRAM.end + TAILROOM].into_boxed_slice())
    }

    /// Gives it back.
    pub fn give(&self, buffer: Box<[u8]>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    }
}
