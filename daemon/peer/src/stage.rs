//! What the peer's own interceptors have in common: the two queues of the crate's protocol, and all that they leave alone.

use std::collections::VecDeque;
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

/// A stage as the crate takes it.
pub(crate) struct Staged<S> {
    stage: S,
    writes: Writes,
    reads: VecDeque<TaggedPacket>,
}

impl<S> Staged<S> {
    pub(crate) fn new(stage: S) -> Self {
        Self { stage, writes: Writes::default(), reads: VecDeque::new() }
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
