//! What the peer's own interceptors have in common: the two queues of the crate's protocol, and all that they leave alone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;

/// Packets on their way out to the wire.
#[derive(Default)]
pub(crate) struct Writes(VecDeque<TaggedPacket>);

impl Writes {
    /// A packet of the stage's own.
    pub(crate) fn push(&mut self, now: Instant, packet: Packet) {
        let message = AttributedPacket::new(packet);
        self.0.push_back(TaggedPacket { now, transport: TransportContext::default(), message });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a stage of the chain does; by default nothing.
pub(crate) trait Stage: Send + Sync {
    /// A packet came in. Whether it goes on to the application.
    fn read(&mut self, packet: &TaggedPacket) -> bool;

    /// The application sends a packet. Whether it goes on to the wire.
    fn passes(&self, _packet: &TaggedPacket) -> bool {
        true
    }

    /// The chain asks for the next packet to send.
    fn fill(&mut self, _writes: &mut Writes) {}

    /// The time that [`Stage::due`] told has come, or another one.
    fn timeout(&mut self, _now: Instant, _writes: &mut Writes) {}

    /// When the driver is to turn.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// A stream of the other side begins.
    fn bind_remote(&mut self, _info: &StreamInfo) {}
}

/// Lets a connection that goes through a relay say good-bye before it closes.
///
/// Closing, the crate makes its close_notify first and gives the relay up before that has been sent. A stage that refuses
/// the first close stops the crate between the two: the alert is queued and the driver runs on, so that it goes out with the
/// driver's next turns. The second close is the real one. Should the crate one day not mind the refusal, all is as without.
#[derive(Debug, Clone, Default)]
pub(crate) struct Farewell(Arc<AtomicBool>);

impl Farewell {
    /// The next close is only to say good-bye.
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A stage as the crate takes it.
pub(crate) struct Staged<S> {
    stage: S,
    farewell: Farewell,
    writes: Writes,
    reads: VecDeque<TaggedPacket>,
}

impl<S> Staged<S> {
    pub(crate) fn new(stage: S, farewell: Farewell) -> Self {
        Self { stage, farewell, writes: Writes::default(), reads: VecDeque::new() }
    }
}

impl<S: Stage> Protocol<TaggedPacket, TaggedPacket, ()> for Staged<S> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if self.stage.read(&packet) {
            self.reads.push_back(packet);
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if self.stage.passes(&packet) {
            self.writes.0.push_back(packet);
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.stage.fill(&mut self.writes);
        self.writes.0.pop_front()
    }

    fn handle_event(&mut self, _event: ()) -> Result<(), Error> {
        Ok(())
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.stage.timeout(now, &mut self.writes);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.stage.due()
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.farewell.0.swap(false, Ordering::AcqRel) {
            return Err(Error::Other("only to say good-bye".to_owned()));
        }
        self.writes.0.clear();
        self.reads.clear();
        Ok(())
    }
}

impl<S: Stage> Interceptor for Staged<S> {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.stage.bind_remote(info);
    }

    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
