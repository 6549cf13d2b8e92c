//! A started format: the reading end of its ring, and the right to it.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use icescope_model::Monotonic;
use icescope_model::media::{AccessUnit, Format};
use icescope_plugin_abi as abi;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::generation::Shared;
use crate::ring::{Corrupt, Facts, Reader};
use crate::socket;

/// An encoder needs a moment for a key frame; asking more often than this only makes it make more of them.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// A format that runs in the plugin for as long as this lives.
pub(crate) struct Attached {
    /// This start of the format, among all of its generation.
    pub(crate) id: u64,
    /// The start of the plugin that it belongs to.
    pub(crate) epoch: u64,
    /// The format's place in the plugin's list.
    pub(crate) index: usize,
    /// As it was settled by the start.
    pub(crate) format: Format,
    /// Answers when the plugin says that the source came to its end.
    pub(crate) ended: Option<oneshot::Receiver<String>>,
    /// Where its units come out.
    pub(crate) reader: Feed,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.reader.shared.leave(self.id);
    }
}

/// The reading end of its ring.
pub(crate) struct Feed {
    shared: Arc<Shared>,
    reader: Reader,
    bell: AsyncFd<OwnedFd>,
    asked: Option<Instant>,
    has_key: bool,
    dropped: u64,
}

/// What comes out of a running format.
pub(crate) enum Got {
    /// A frame.
    Unit(AccessUnit),
    /// The plugin should be asked for a key frame.
    WantsKey,
}

impl Feed {
    pub(crate) fn new(shared: Arc<Shared>, reader: Reader, bell: OwnedFd) -> std::io::Result<Self> {
        let bell = socket::watch(bell)?;
        Ok(Self { shared, reader, bell, asked: None, has_key: false, dropped: 0 })
    }

    /// The next unit, the first one of all being a key frame. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Got, Corrupt> {
        loop {
            let taken = self.reader.take()?;
            self.count(0);
            match taken {
                Some((data, facts)) if self.has_key || facts.flags & abi::ICS_FRAME_KEY != 0 => {
                    self.has_key = true;
                    return Ok(Got::Unit(unit(data, facts)));
                }
                Some(_) => {
                    self.count(1);
                    if self.may_ask() {
                        return Ok(Got::WantsKey);
                    }
                }
                None if self.reader.wants_key() && self.may_ask() => return Ok(Got::WantsKey),
                None => self.wait().await,
            }
        }
    }

    /// Keeps the count of dropped units while nobody takes any. Never returns.
    pub(crate) async fn count_drops(&mut self) {
        loop {
            self.count(0);
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let Ok(mut ready) = self.bell.readable().await else { return };
        // Heard first, looked at afterwards: a unit that comes in between rings again.
        let _ = rustix::io::read(self.bell.get_ref(), &mut [0; 8]);
        ready.clear_ready();
    }

    fn may_ask(&mut self) -> bool {
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY) {
            return false;
        }
        self.asked = Some(Instant::now());
        true
    }

    /// Adds what the writer dropped since the last look, and `more`.
    fn count(&mut self, more: u64) {
        let dropped = self.reader.dropped();
        // A writer that counts backwards is broken, but that is its own picture.
        let grown = dropped.saturating_sub(self.dropped).saturating_add(more);
        self.dropped = dropped;
        if grown > 0 {
            self.shared.frames_dropped.fetch_add(grown, Ordering::Relaxed);
            self.shared.counted();
        }
    }
}

impl Drop for Feed {
    /// What was dropped since the last look counts, too.
    fn drop(&mut self) {
        self.count(0);
    }
}

fn unit(data: Vec<u8>, facts: Facts) -> AccessUnit {
    let flag = |flag| facts.flags & flag != 0;
    AccessUnit {
        data: Bytes::from(data),
        key: flag(abi::ICS_FRAME_KEY),
        discontinuity: flag(abi::ICS_FRAME_DISCONT),
        droppable: flag(abi::ICS_FRAME_DROPPABLE),
        pts_ns: facts.pts_ns,
        duration_ns: facts.duration_ns.max(0),
        captured: (facts.capture_ns > 0).then_some(Monotonic(facts.capture_ns)),
    }
}
