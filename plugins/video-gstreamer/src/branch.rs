//! One running format: an encoder that hangs on the capture's tee.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::UpstreamForceKeyUnitEvent;
use icescope_plugin_sdk::{Error, FrameInfo, FrameSink, Pushed};

use crate::codec::Encoder;
use crate::failed;

/// What the streaming thread and the control calls share.
#[derive(Debug, Default)]
struct Flags {
    paused: AtomicBool,
    /// The next frame comes after a gap.
    gap: AtomicBool,
}

/// An encoder with its sink, in a bin of its own.
#[derive(Debug)]
pub struct Branch {
    /// Index of the format.
    pub format: usize,
    encoder: Encoder,
    element: gst::Element,
    bin: gst::Bin,
    tee_pad: Option<gst::Pad>,
    flags: Arc<Flags>,
}

/// How long an encoder may take over a frame before the branch is taken away all the same.
const UNLINK_LIMIT: Duration = Duration::from_secs(2);

impl Branch {
    /// Makes the encoder and hangs it on the tee.
    ///
    /// # Errors
    /// An element is missing or cannot be linked.
    pub fn attach(
        pipeline: &gst::Pipeline,
        tee: &gst::Element,
        encoder: Encoder,
        bit_rate: u64,
        sink: &FrameSink,
    ) -> Result<Self, Error> {
        let (element, caps) = encoder.make(bit_rate)?;
        let end = crate::element("fakesink")?;
        // The bytes are taken by a probe on its pad: no thread and no queue of its own, and it waits for no clock.
        for (property, value) in
            [("sync", false), ("async", false), ("enable-last-sample", false), ("qos", false)]
        {
            end.set_property(property, value);
        }
        let bin = gst::Bin::new();
        let mut chain = vec![element.clone()];
        if let Some(caps) = caps {
            let filter = crate::element("capsfilter")?;
            filter.set_property("caps", caps);
            chain.push(filter);
        }
        chain.push(end.clone());
        bin.add_many(&chain).map_err(failed("adding the encoder"))?;
        gst::Element::link_many(&chain).map_err(failed("linking the encoder"))?;
        let input = crate::pad(&element, "sink")?;
        let ghost = gst::GhostPad::with_target(&input).map_err(failed("opening the encoder's input"))?;
        bin.add_pad(&ghost).map_err(failed("opening the encoder's input"))?;

        let flags = Arc::new(Flags::default());
        drop_while_paused(&input, &flags);
        push_to(&crate::pad(&end, "sink")?, &end, &flags, sink.clone());

        pipeline.add(&bin).map_err(failed("adding the encoder"))?;
        let mut branch = Self { format: sink.format(), encoder, element, bin, tee_pad: None, flags };
        if let Err(error) = branch.link(tee, &ghost) {
            branch.detach(pipeline, tee);
            return Err(error);
        }
        Ok(branch)
    }

    fn link(&mut self, tee: &gst::Element, ghost: &gst::GhostPad) -> Result<(), Error> {
        self.bin.sync_state_with_parent().map_err(failed("starting the encoder"))?;
        let tee_pad = tee.request_pad_simple("src_%u").ok_or_else(|| Error::failed("the tee gave no pad"))?;
        self.tee_pad = Some(tee_pad.clone());
        tee_pad
            .link(ghost)
            .map_err(|error| Error::failed(format!("linking the encoder to the picture: {error}")))?;
        Ok(())
    }

    /// Takes the branch away while the others go on.
    pub fn detach(self, pipeline: &gst::Pipeline, tee: &gst::Element) {
        if let Some(tee_pad) = &self.tee_pad {
            unlink_when_idle(tee_pad);
            tee.release_request_pad(tee_pad);
        }
        if self.bin.set_state(gst::State::Null).is_err() || pipeline.remove(&self.bin).is_err() {
            tracing::warn!("the encoder of format {} could not be taken out cleanly", self.format);
        }
    }

    /// Asks for a key frame, with SPS and PPS where the format has them.
    pub fn force_key_frame(&self) {
        let event = UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
        if !self.element.static_pad("src").is_some_and(|pad| pad.send_event(event)) {
            tracing::warn!("the encoder of format {} took no request for a key frame", self.format);
        }
    }

    /// Bits per second.
    pub fn set_bit_rate(&self, bit_rate: u64) {
        self.encoder.set_bit_rate(&self.element, bit_rate);
    }

    /// Encodes nothing until [`Branch::resume`].
    pub fn pause(&self) {
        self.flags.paused.store(true, Ordering::Release);
    }

    /// Goes on with a key frame.
    pub fn resume(&self) {
        self.flags.gap.store(true, Ordering::Release);
        self.force_key_frame();
        self.flags.paused.store(false, Ordering::Release);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.flags.paused.load(Ordering::Acquire)
    }
}

fn drop_while_paused(pad: &gst::Pad, flags: &Arc<Flags>) {
    let flags = Arc::clone(flags);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        if flags.paused.load(Ordering::Acquire) { gst::PadProbeReturn::Drop } else { gst::PadProbeReturn::Ok }
    });
}

/// Hands each access unit that arrives at `pad` to the host, on the streaming thread. Nothing in here may panic: the
/// caller is C.
fn push_to(pad: &gst::Pad, end: &gst::Element, flags: &Arc<Flags>, sink: FrameSink) {
    let flags = Arc::clone(flags);
    let end = end.downgrade();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let (Some(buffer), Some(end)) = (info.buffer(), end.upgrade()) else {
            return gst::PadProbeReturn::Ok;
        };
        let Ok(bytes) = buffer.map_readable() else { return gst::PadProbeReturn::Ok };
        if bytes.is_empty() {
            return gst::PadProbeReturn::Ok;
        }
        let running = running_time(pad, buffer);
        let frame = FrameInfo {
            key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            discontinuity: flags.gap.swap(false, Ordering::AcqRel),
            droppable: buffer.flags().contains(gst::BufferFlags::DROPPABLE),
            pts_ns: running.map_or(0, nanoseconds),
            duration_ns: buffer.duration().map_or(0, nanoseconds),
            // The pipeline runs on the system's monotonic clock, so this is CLOCK_MONOTONIC.
            capture_ns: running.zip(end.base_time()).map_or(0, |(running, base)| nanoseconds(base + running)),
        };
        match sink.push(frame, bytes.as_slice()) {
            Pushed::Refused(status) => {
                sink.host().on_this_thread(|| {
                    tracing::warn!("the host refused a frame of {} bytes: status {status}", bytes.len());
                });
            }
            // When it was dropped the host counts it and asks for a key frame.
            Pushed::Taken | Pushed::Dropped | Pushed::Stopping => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// An encoder may shift its time stamps (x264enc does, by 1000 hours): the segment takes that back.
fn running_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let pts = buffer.pts()?;
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(pts)
}

fn nanoseconds(time: gst::ClockTime) -> i64 {
    i64::try_from(time.nseconds()).unwrap_or(i64::MAX)
}

/// Unlinks the pad between two frames.
fn unlink_when_idle(pad: &gst::Pad) {
    let (done, wait) = mpsc::sync_channel(1);
    pad.add_probe(gst::PadProbeType::IDLE, move |pad, _| {
        if let Some(peer) = pad.peer() {
            // It was linked, or there would be no peer.
            let _ = pad.unlink(&peer);
        }
        let _ = done.try_send(());
        gst::PadProbeReturn::Remove
    });
    if wait.recv_timeout(UNLINK_LIMIT).is_err() {
        tracing::warn!("an encoder has been busy with one frame for {} s", UNLINK_LIMIT.as_secs());
    }
}
