//! The latest key frame and what followed it, so that a newcomer sees a picture at once.

use std::sync::Arc;

use super::packetiser::Unit;

/// Units kept at most. Half a second at 30 frames per second: a longer run takes the newcomer's decoder and link longer
/// than waiting for a new key frame.
const UNITS: usize = 15;

/// Octets kept at most: what a 10 Mbit/s link carries in about 100 ms.
const BYTES: usize = 128 * 1024;

/// The group of pictures that is being sent.
#[derive(Debug, Default)]
pub(crate) struct Gop {
    units: Vec<Arc<Unit>>,
    bytes: usize,
    /// It outgrew its bounds: only the key frame was kept.
    overgrown: bool,
}

/// What a newcomer gets at once.
#[derive(Debug)]
pub(crate) struct Start {
    /// To be sent now, the first of them a key frame; empty if none has come yet.
    pub(crate) units: Vec<Arc<Unit>>,
    /// What comes next follows on them. If not, a key frame must be waited for.
    pub(crate) complete: bool,
}

impl Gop {
    /// Takes the next unit of the stream.
    pub(crate) fn push(&mut self, unit: &Arc<Unit>) {
        if unit.key {
            *self = Self { units: vec![Arc::clone(unit)], bytes: unit.bytes(), overgrown: false };
            return;
        }
        if self.units.is_empty() || self.overgrown {
            return;
        }
        if self.units.len() >= UNITS || self.bytes + unit.bytes() > BYTES {
            self.units.truncate(1);
            self.overgrown = true;
            return;
        }
        self.bytes += unit.bytes();
        self.units.push(Arc::clone(unit));
    }

    /// What comes next does not follow on what was kept.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What a newcomer gets now.
    pub(crate) fn start(&self) -> Start {
        Start { units: self.units.clone(), complete: !self.units.is_empty() && !self.overgrown }
    }

    /// A newcomer would have to wait for a new key frame.
    pub(crate) fn stale(&self) -> bool {
        self.units.is_empty() || self.overgrown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::packetiser::Cut;

    fn unit(key: bool, bytes: usize) -> Arc<Unit> {
        let cut = Cut { buffer: vec![0; bytes].into(), ends: vec![bytes] };
        Arc::new(Unit { key, discontinuity: false, pts_ns: 0, captured: None, picture_id: None, cut })
    }

    #[test]
    fn a_newcomer_gets_the_key_frame_and_all_that_followed() {
        let mut gop = Gop::default();
        gop.push(&unit(false, 10));
        assert!(gop.stale() && gop.start().units.is_empty(), "nothing is kept before the first key frame");
        gop.push(&unit(true, 100));
        gop.push(&unit(false, 10));
        let start = gop.start();
        assert_eq!(start.units.iter().map(|unit| unit.key).collect::<Vec<_>>(), [true, false]);
        assert!(start.complete && !gop.stale());
    }

    #[test]
    fn a_long_run_leaves_only_its_key_frame() {
        for (count, bytes) in [(UNITS, 10), (2, BYTES)] {
            let mut gop = Gop::default();
            gop.push(&unit(true, 100));
            for _ in 0..count {
                gop.push(&unit(false, bytes));
            }
            let start = gop.start();
            assert_eq!(start.units.len(), 1);
            assert!(start.units[0].key && !start.complete && gop.stale());
            gop.push(&unit(true, 100));
            assert!(gop.start().complete, "the next key frame begins anew");
        }
    }
}
