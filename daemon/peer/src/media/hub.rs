//! Opens streams for their first viewer, shares them, and lets them go some time after the last one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use icescope_model::media::{Format, MediaMessage, SourceError};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::packetiser::Codec;
use super::stream::Stream;
use crate::options::BitRates;
use crate::source::Sources;

/// How often the bit rate is fitted: reception reports come about once a second.
const ADAPT: Duration = Duration::from_secs(1);

/// What the hub needs to know of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HubOptions {
    /// How long a stream goes on after its last viewer.
    pub(crate) keep_warm: Duration,
    /// Streams of the default source never stop.
    pub(crate) warm_default: bool,
    pub(crate) bit_rates: BitRates,
}

/// A source and the index of one of its formats.
type Key = (String, usize);

/// All running streams.
pub(crate) struct Hub {
    sources: Arc<dyn Sources>,
    streams: Mutex<HashMap<Key, Arc<Stream>>>,
    options: Mutex<HubOptions>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Hub {
    pub(crate) fn new(
        sources: Arc<dyn Sources>,
        options: HubOptions,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let (streams, options) = (Mutex::default(), Mutex::new(options));
        Arc::new(Self { sources, streams, options, tasks, stop })
    }

    pub(crate) fn sources(&self) -> &dyn Sources {
        &*self.sources
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<Key, Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The options as they are now.
    pub(crate) fn options(&self) -> HubOptions {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other options, for streams opened from now on (and how long the running ones stay warm).
    pub(crate) fn reconfigure(&self, options: HubOptions) {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    /// The running stream of a source's format, opened if need be.
    pub(crate) fn stream(
        self: &Arc<Self>,
        source: &str,
        index: usize,
        format: &Format,
        codec: Codec,
    ) -> Result<Arc<Stream>, SourceError> {
        let mut streams = self.streams();
        let key = (source.to_owned(), index);
        if let Some(stream) = streams.get(&key).filter(|stream| !stream.has_ended()) {
            return Ok(Arc::clone(stream));
        }
        let (messages, controls) = self.sources.open(source, index)?;
        let stream = Arc::new(Stream::new(source, format, codec, controls, self.options().bit_rates));
        streams.insert(key.clone(), Arc::clone(&stream));
        self.tasks.spawn(pump(Arc::clone(self), key, Arc::clone(&stream), messages));
        Ok(stream)
    }

    /// Forgets the streams of a source, so that the next viewer opens them anew. Those who watch go on until they change over.
    pub(crate) fn forget(&self, source: &str) {
        self.streams().retain(|(name, _), _| name != source);
    }

    /// Opens the first playable format of the default source if it is to be warm.
    pub(crate) fn warm_up(self: &Arc<Self>) -> Result<(), SourceError> {
        if !self.options().warm_default {
            return Ok(());
        }
        let name = self.sources.default_source();
        let formats = self.sources.formats(&name)?;
        for (index, format) in formats.iter().enumerate() {
            if let Some(codec) = Codec::of(format) {
                self.stream(&name, index, format, codec)?;
                break;
            }
        }
        Ok(())
    }

    /// Whether an idle stream is to stop, and forgets it if so: under the lock, so that nobody joins one that stops.
    fn retire(&self, key: &Key, stream: &Arc<Stream>, idle_since: Instant) -> bool {
        let options = self.options();
        let mut streams = self.streams();
        let known = streams.get(key).is_some_and(|known| Arc::ptr_eq(known, stream));
        let wanted = options.warm_default && known && self.sources.default_source() == key.0;
        if wanted || !stream.is_idle() || (known && idle_since.elapsed() < options.keep_warm) {
            return false;
        }
        if known {
            streams.remove(key);
        }
        true
    }
}

/// Pumps one stream until it ends or nobody wants it.
async fn pump(hub: Arc<Hub>, key: Key, stream: Arc<Stream>, mut messages: mpsc::Receiver<MediaMessage>) {
    let mut tick = interval(ADAPT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut idle_since = Instant::now();
    let reason = loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(MediaMessage::Unit(unit)) => stream.deliver(&unit),
                Some(MediaMessage::Format(_)) => {}
                Some(MediaMessage::Interrupted { reason }) => {
                    tracing::warn!(source = key.0, reason, "the video source was interrupted");
                    stream.interrupted();
                }
                Some(MediaMessage::Ended { reason }) => break reason,
                None => break format!("the video source «{}» stopped", key.0),
            },
            _ = tick.tick() => {
                stream.adapt();
                if !stream.is_idle() {
                    idle_since = Instant::now();
                } else if hub.retire(&key, &stream, idle_since) {
                    return;
                }
            }
            () = hub.stop.cancelled() => return,
        }
    };
    let mut streams = hub.streams();
    if streams.get(&key).is_some_and(|known| Arc::ptr_eq(known, &stream)) {
        streams.remove(&key);
    }
    drop(streams);
    stream.end(&reason);
}
