//! The thread that draws, encodes and pushes one format.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use icescope_plugin_sdk::{Error, FrameInfo, FrameSink, Pushed, Worker};

use crate::config::Config;
use crate::picture::Picture;
use crate::{h264, vp8};

/// What the thread is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    KeyFrame,
    Pause,
    Resume,
}

/// Either encoder.
#[derive(Debug)]
pub enum Encoder {
    /// VP8.
    Vp8(vp8::Encoder),
    /// H.264.
    H264(h264::Encoder),
}

impl Encoder {
    fn encode(&mut self, picture: &Picture, key: bool) -> (Vec<u8>, bool) {
        match self {
            Self::Vp8(encoder) => encoder.encode(picture, key),
            Self::H264(encoder) => encoder.encode(picture, key),
        }
    }
}

/// A running format. Its thread ends when this is dropped.
#[derive(Debug)]
pub struct Player {
    // Dropped before `worker`, which waits for the thread: the closed channel is what tells the thread to end.
    orders: Option<SyncSender<Order>>,
    worker: Option<Worker>,
}

impl Player {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(config: &Config, encoder: Encoder, sink: FrameSink) -> Result<Self, Error> {
        let (orders, received) = sync_channel(16);
        let config = config.clone();
        let host = sink.host().clone();
        let worker = host.spawn("frames", move || {
            Loop { config, encoder, sink, key: true, gap: false, paused: false }.run(&received);
            Ok(())
        })?;
        Ok(Self { orders: Some(orders), worker: Some(worker) })
    }

    /// Asks for a key frame.
    pub fn key_frame(&self) {
        self.order(Order::KeyFrame);
    }

    /// Asks for no frames until [`Player::resume`].
    pub fn pause(&self) {
        self.order(Order::Pause);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.order(Order::Resume);
    }

    fn order(&self, order: Order) {
        let sent = self.orders.as_ref().map(|orders| orders.try_send(order));
        if let Some(Err(TrySendError::Full(order))) = sent {
            // Sixteen orders wait: the thread has had no time to run. The daemon asks again.
            tracing::warn!("the frame thread is behind; {order:?} was left out");
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        drop(self.orders.take());
        drop(self.worker.take());
    }
}

struct Loop {
    config: Config,
    encoder: Encoder,
    sink: FrameSink,
    key: bool,
    gap: bool,
    paused: bool,
}

impl Loop {
    /// Ends when the orders' sender is gone or the host stops the stream.
    fn run(mut self, orders: &Receiver<Order>) {
        let start = Instant::now();
        let step = Duration::from_secs(1) / self.config.framerate;
        let mut number = 0;
        while self.wait(orders, start + step * number) && self.push(number, step) {
            // After a pause, or when the machine was busy, what is past is left out.
            let now = (start.elapsed().as_nanos() / step.as_nanos()) as u32;
            number = now.max(number + 1);
        }
    }

    /// Obeys orders until a frame is due; false when there will be no more orders.
    fn wait(&mut self, orders: &Receiver<Order>, due: Instant) -> bool {
        loop {
            let order = if self.paused {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(due.saturating_duration_since(Instant::now()))
            };
            match order {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::KeyFrame => self.key = true,
            Order::Pause => self.paused = true,
            Order::Resume => {
                self.paused = false;
                self.key = true;
                self.gap = true;
            }
        }
    }

    /// Draws and hands over one frame; false when the stream is being stopped.
    fn push(&mut self, number: u32, step: Duration) -> bool {
        let Config { colour, light, width, height, framerate } = self.config;
        let capture_ns = self.sink.host().now_ns();
        let size = ((width / 16) as usize, (height / 16) as usize);
        let picture = Picture::at(size.0, size.1, colour, light, number.into(), framerate);
        let (bytes, key) = self.encoder.encode(&picture, self.key);
        self.key = false;
        let info = FrameInfo {
            key,
            discontinuity: std::mem::take(&mut self.gap),
            droppable: false,
            pts_ns: (step * number).as_nanos() as i64,
            duration_ns: step.as_nanos() as i64,
            capture_ns,
        };
        match self.sink.push(info, bytes) {
            Pushed::Taken => true,
            // What the host did not take the next frame cannot build on.
            Pushed::Dropped | Pushed::Refused(_) => {
                self.key = true;
                true
            }
            Pushed::Stopping => false,
        }
    }
}
