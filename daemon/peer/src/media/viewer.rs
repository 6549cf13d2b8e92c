//! One viewer's bounded queue between the streams and its peer connection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use icescope_model::signal::CloseReason;
use icescope_model::{EventSink, Monotonic, SessionId};
use tokio::sync::mpsc;

use super::estimate::{Estimate, Need};
use super::feedback::Feedback;
use super::gop::Start;
use super::packetiser::Unit;
use super::stream::Stream;

/// Units that may wait for the driver of a viewer's connection: it takes them in one turn unless its socket is full.
const UNITS: usize = 32;

/// Octets that may wait: more than any sane key frame.
const BYTES: usize = 1024 * 1024;

/// One unit on its way to a viewer.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) unit: Arc<Unit>,
    /// Media time and picture ids begin anew with it.
    pub(crate) rebase: bool,
}

#[derive(Debug, Default)]
struct Queue {
    /// The stream whose units are taken.
    current: u64,
    /// The stream that takes over with its first key frame.
    next: Option<u64>,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Nothing but a key frame can be shown.
    wants_key: bool,
    /// The next unit belongs to another run of media time.
    rebase: bool,
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits to be sent: wake the viewer.
    Queued,
    /// It is not for this viewer, now.
    Skipped,
    /// The viewer cannot follow: it waits for a key frame from here on.
    Overrun,
    /// Another stream has taken over: this one no longer serves the viewer.
    Gone,
}

/// A viewer: one session that plays.
pub(crate) struct Viewer {
    pub(crate) session: SessionId,
    pub(crate) sink: EventSink,
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    stream: Mutex<Arc<Stream>>,
    queue: Mutex<Queue>,
    estimate: Mutex<Estimate>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Its connection is up and takes media.
    live: AtomicBool,
    /// It gets key frames only.
    thin: AtomicBool,
    /// Payload octets handed to its connection.
    sent: AtomicU64,
    /// What it reports.
    pub(crate) feedback: Feedback,
    ending: mpsc::Sender<CloseReason>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Viewer {
    /// A viewer of `stream` that is not connected yet. `ending` is told when its source ends.
    pub(crate) fn new(
        session: SessionId,
        sink: EventSink,
        (ssrc, payload_type): (u32, u8),
        stream: Arc<Stream>,
        ending: mpsc::Sender<CloseReason>,
    ) -> Self {
        let queue = Queue { current: stream.id, wants_key: true, ..Queue::default() };
        Self {
            session,
            sink,
            ssrc,
            payload_type,
            stream: Mutex::new(stream),
            queue: Mutex::new(queue),
            estimate: Mutex::default(),
            wake: OnceLock::new(),
            live: AtomicBool::new(false),
            thin: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            feedback: Feedback::default(),
            ending,
        }
    }

    /// The stream that it watches, or is about to watch.
    pub(crate) fn stream(&self) -> Arc<Stream> {
        Arc::clone(&lock(&self.stream))
    }

    /// How to make its connection take what waits. Set once.
    pub(crate) fn set_wake(&self, wake: Box<dyn Fn() + Send + Sync>) {
        let _ = self.wake.set(wake);
    }

    /// Makes its connection take what waits.
    pub(crate) fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// Its connection is up: from here on units are queued. Call under the stream's lock, with what the stream has kept.
    pub(crate) fn go_live(&self, start: &Start) {
        lock(&self.queue).wants_key = !start.complete;
        self.live.store(true, Ordering::Release);
    }

    /// Its connection is up and takes media.
    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    /// `stream` takes over with its first key frame (at once if nothing was sent yet).
    pub(crate) fn change(&self, stream: &Arc<Stream>) {
        *lock(&self.stream) = Arc::clone(stream);
        let mut queue = lock(&self.queue);
        if self.is_live() {
            queue.next = Some(stream.id);
        } else {
            queue.current = stream.id;
        }
    }

    /// Offers it the next unit of a stream.
    pub(crate) fn push(&self, stream: u64, unit: &Arc<Unit>) -> Pushed {
        let mut queue = lock(&self.queue);
        if queue.next == Some(stream) && unit.key {
            queue.current = stream;
            queue.next = None;
            queue.rebase = true;
            // What still waits belongs to the old source and comes first.
        } else if queue.current != stream {
            return if queue.next == Some(stream) { Pushed::Skipped } else { Pushed::Gone };
        }
        if !self.is_live() {
            return Pushed::Skipped;
        }
        queue.rebase |= unit.discontinuity;
        if unit.key {
            queue.wants_key = false;
        } else if queue.wants_key {
            return Pushed::Skipped;
        } else if self.thin.load(Ordering::Relaxed) {
            queue.wants_key = true;
            return Pushed::Skipped;
        }
        if queue.entries.len() >= UNITS || queue.bytes + unit.bytes() > BYTES {
            // The connection's socket is full. What waits is stale by the time it drains; begin again with a key frame.
            queue.entries.clear();
            queue.bytes = 0;
            queue.wants_key = true;
            return Pushed::Overrun;
        }
        queue.bytes += unit.bytes();
        let rebase = std::mem::take(&mut queue.rebase);
        queue.entries.push_back(Entry { unit: Arc::clone(unit), rebase });
        Pushed::Queued
    }

    /// Takes all that waits.
    pub(crate) fn take(&self) -> VecDeque<Entry> {
        let mut queue = lock(&self.queue);
        if queue.entries.is_empty() {
            return VecDeque::new();
        }
        queue.bytes = 0;
        std::mem::take(&mut queue.entries)
    }

    /// Its source has ended; the session is to close.
    pub(crate) fn end(&self, reason: CloseReason) {
        // Room for one: the first reason counts.
        let _ = self.ending.try_send(reason);
    }

    /// Notes payload octets handed to its connection.
    pub(crate) fn count(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Payload octets handed to its connection so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Changes its estimate.
    pub(crate) fn report(&self, change: impl FnOnce(&mut Estimate)) {
        change(&mut lock(&self.estimate));
    }

    /// How much it can take.
    pub(crate) fn need(&self, now: Monotonic) -> Need {
        lock(&self.estimate).need(now)
    }

    /// Key frames only, or everything.
    pub(crate) fn set_thin(&self, thin: bool) {
        self.thin.store(thin, Ordering::Relaxed);
    }

    /// It gets key frames only.
    pub(crate) fn is_thin(&self) -> bool {
        self.thin.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use icescope_model::media::{Bitstream, Format};

    use super::*;
    use crate::media::packetiser::{Codec, Cut};
    use crate::options::BitRates;

    fn stream() -> Arc<Stream> {
        let (bitstream, mime) = (Bitstream::Frame, "video/VP8".to_owned());
        let format = Format {
            bitstream,
            mime,
            fmtp: String::new(),
            width: 0,
            height: 0,
            frame_rate: (0, 0),
            bit_rate: None,
        };
        Arc::new(Stream::new("bars", &format, Codec::Vp8, Box::new(|_| ()), BitRates::default()))
    }

    fn viewer(stream: &Arc<Stream>) -> Viewer {
        let (sink, _) = EventSink::new(8);
        let viewer = Viewer::new(SessionId::random(), sink, (1, 96), Arc::clone(stream), mpsc::channel(1).0);
        viewer.go_live(&Start { units: vec![], complete: false });
        viewer
    }

    fn unit(key: bool) -> Arc<Unit> {
        let cut = Cut { buffer: vec![0; 1000].into(), ends: vec![1000] };
        Arc::new(Unit { key, discontinuity: false, pts_ns: 0, captured: None, picture_id: None, cut })
    }

    #[test]
    fn a_slow_viewer_begins_again_with_a_key_frame() {
        let stream = stream();
        let viewer = viewer(&stream);
        assert_eq!(
            viewer.push(stream.id, &unit(false)),
            Pushed::Skipped,
            "nothing before the first key frame"
        );
        assert_eq!(viewer.push(stream.id, &unit(true)), Pushed::Queued);
        for _ in 1..UNITS {
            assert_eq!(viewer.push(stream.id, &unit(false)), Pushed::Queued);
        }
        assert_eq!(viewer.push(stream.id, &unit(false)), Pushed::Overrun);
        assert_eq!(viewer.push(stream.id, &unit(false)), Pushed::Skipped);
        assert_eq!(viewer.push(stream.id, &unit(true)), Pushed::Queued);
        assert_eq!(viewer.take().len(), 1, "what was stale is gone");
        assert_eq!(viewer.take().len(), 0);
    }

    #[test]
    fn a_thinned_viewer_gets_key_frames_only() {
        let stream = stream();
        let viewer = viewer(&stream);
        viewer.push(stream.id, &unit(true));
        viewer.set_thin(true);
        assert_eq!(viewer.push(stream.id, &unit(false)), Pushed::Skipped);
        assert_eq!(viewer.push(stream.id, &unit(true)), Pushed::Queued);
        viewer.set_thin(false);
        assert_eq!(viewer.push(stream.id, &unit(false)), Pushed::Queued, "it follows on the key frame");
    }

    #[test]
    fn another_stream_takes_over_with_its_key_frame_and_the_old_one_lets_go() {
        let (old, new) = (stream(), stream());
        let viewer = viewer(&old);
        viewer.push(old.id, &unit(true));
        viewer.change(&new);
        assert_eq!(viewer.push(new.id, &unit(false)), Pushed::Skipped);
        assert_eq!(viewer.push(old.id, &unit(false)), Pushed::Queued);
        assert_eq!(viewer.push(new.id, &unit(true)), Pushed::Queued);
        assert_eq!(viewer.push(old.id, &unit(false)), Pushed::Gone);
        assert_eq!(viewer.take().iter().map(|entry| entry.rebase).collect::<Vec<_>>(), [false, false, true]);
    }
}
