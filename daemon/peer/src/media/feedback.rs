//! What a viewer reports of what it gets (RFC 4585, RFC 5104, RFC 3550 §6.4.2), counted; the names are those of webrtc-stats.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// The counters of one viewer.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    /// Key frames asked for by PLI.
    pub(crate) plis: AtomicU64,
    /// Key frames asked for by FIR.
    pub(crate) firs: AtomicU64,
    /// Packets asked for again.
    pub(crate) nacks: AtomicU64,
    /// Receiver reports about the stream.
    pub(crate) reports: AtomicU64,
    /// The last report's share of lost packets, of 256.
    pub(crate) lost: AtomicU64,
}

impl Feedback {
    /// As attributes.
    pub(crate) fn facts(&self) -> [(&'static str, serde_json::Value); 5] {
        let reports = self.reports.load(Relaxed);
        let lost = (reports > 0).then(|| self.lost.load(Relaxed) as f64 / 256.0);
        [
            ("pliCount", self.plis.load(Relaxed).into()),
            ("firCount", self.firs.load(Relaxed).into()),
            ("nackCount", self.nacks.load(Relaxed).into()),
            ("reportsReceived", reports.into()),
            ("fractionLost", lost.into()),
        ]
    }
}
