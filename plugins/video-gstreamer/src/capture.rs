//! The picture: the operator's pipeline, brought to one raw format and shared by the encoders.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use icescope_plugin_sdk::{Error, FrameSink, Host};

use crate::branch::Branch;
use crate::codec::Encoder;
use crate::config::Config;
use crate::{failed, source};

/// What GStreamer said went wrong, kept until someone asks. Told to the host only while the source plays.
#[derive(Debug, Default)]
struct Trouble {
    first: Option<String>,
    playing: bool,
}

/// A running pipeline. All of it stops when this is dropped.
#[derive(Debug)]
pub struct Capture {
    pipeline: gst::Pipeline,
    tee: gst::Element,
    branches: Vec<Branch>,
    trouble: Arc<Mutex<Trouble>>,
}

impl Capture {
    /// Builds the pipeline, starts it and hangs a first encoder on it.
    ///
    /// # Errors
    /// What GStreamer says, on which element.
    pub fn open(config: &Config, host: &Host, encoder: Encoder, sink: &FrameSink) -> Result<Self, Error> {
        let pipeline = gst::Pipeline::new();
        // The same clock as the host's, whatever clock an element would offer.
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        let trouble = Arc::new(Mutex::new(Trouble::default()));
        listen(&pipeline, host, &trouble)?;
        let bin = source::parse(&config.pipeline)?;
        let tee = crate::element("tee")?;
        tee.set_property("allow-not-linked", true);
        let mut capture = Self { pipeline, tee, branches: Vec::new(), trouble };
        let pace = capture.build(config, &bin)?;
        capture.branches.push(Branch::attach(
            &capture.pipeline,
            &capture.tee,
            encoder,
            config.bit_rate,
            sink,
        )?);
        capture.set_state(gst::State::Paused)?;
        // A live source keeps the clock itself; what is not live (a file) has to be held back to it. Until here it waits.
        pace.set_property("sync", !source::is_live(&bin));
        capture.trouble().playing = true;
        capture.set_state(gst::State::Playing)?;
        Ok(capture)
    }

    fn build(&self, config: &Config, bin: &gst::Element) -> Result<gst::Element, Error> {
        let wanted = source::caps(config);
        let filter = crate::element("capsfilter")?;
        filter.set_property("caps", &wanted);
        let pace = crate::element("clocksync")?;
        pace.set_property("sync", true);
        self.pipeline.add(bin).map_err(failed("adding the configured pipeline"))?;
        // Only then a device is open, so that it can say what it makes.
        if bin.set_state(gst::State::Ready).is_err() {
            return Err(self.what_went_wrong("opening the configured pipeline"));
        }
        let mut chain = vec![bin.clone()];
        if !source::makes(bin, &wanted) {
            chain.extend(source::converters()?);
        }
        chain.extend([filter, pace.clone(), self.tee.clone()]);
        self.pipeline.add_many(&chain[1..]).map_err(failed("building the pipeline"))?;
        gst::Element::link_many(&chain).map_err(|_| {
            Error::config(
                "/pipeline",
                "its output cannot be converted to I420; end it with raw video in memory",
            )
        })?;
        Ok(pace)
    }

    /// Hangs another encoder on it.
    ///
    /// # Errors
    /// What GStreamer says.
    pub fn add(&mut self, encoder: Encoder, bit_rate: u64, sink: &FrameSink) -> Result<(), Error> {
        let branch = Branch::attach(&self.pipeline, &self.tee, encoder, bit_rate, sink)?;
        self.branches.push(branch);
        self.play_or_rest()
    }

    /// Takes a format's encoder away. False if it was the last one: then the capture is to be dropped.
    pub fn remove(&mut self, format: usize) -> bool {
        if let Some(index) = self.branches.iter().position(|branch| branch.format == format) {
            if self.branches.len() == 1 {
                return false;
            }
            self.branches.swap_remove(index).detach(&self.pipeline, &self.tee);
            if let Err(error) = self.play_or_rest() {
                tracing::warn!("after a format was stopped: {error}");
            }
        }
        true
    }

    /// A running format.
    pub fn branch(&self, format: usize) -> Option<&Branch> {
        self.branches.iter().find(|branch| branch.format == format)
    }

    /// The picture rests while all its formats are paused.
    ///
    /// # Errors
    /// What GStreamer says.
    pub fn play_or_rest(&self) -> Result<(), Error> {
        let rest = self.branches.iter().all(Branch::is_paused);
        self.set_state(if rest { gst::State::Paused } else { gst::State::Playing })
    }

    /// The frame rate that came out of negotiation, once there is one.
    pub fn frame_rate(&self) -> Option<(u32, u32)> {
        let caps = self.tee.static_pad("sink")?.current_caps()?;
        let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
        Some((u32::try_from(rate.numer()).ok()?, u32::try_from(rate.denom()).ok()?))
    }

    fn set_state(&self, state: gst::State) -> Result<(), Error> {
        self.pipeline.set_state(state).map(drop).map_err(|_| self.what_went_wrong("starting the pipeline"))
    }

    fn what_went_wrong(&self, doing: &str) -> Error {
        match self.trouble().first.take() {
            Some(text) => Error::failed(format!("{doing}: {text}")),
            None => Error::failed(format!("{doing} failed, and GStreamer does not say why")),
        }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.trouble().playing = false;
        // To NULL every element goes; an error on the way has nobody to hear it any more.
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

/// Looks at GStreamer's messages on the threads that post them; nothing piles up on the bus, and no thread waits there.
fn listen(pipeline: &gst::Pipeline, host: &Host, trouble: &Arc<Mutex<Trouble>>) -> Result<(), Error> {
    let bus = pipeline.bus().ok_or_else(|| Error::failed("GStreamer's pipeline has no bus"))?;
    let (host, trouble) = (host.clone(), Arc::clone(trouble));
    bus.set_sync_handler(move |_, message| {
        host.on_this_thread(|| on_message(message, &host, &trouble));
        gst::BusSyncReply::Drop
    });
    Ok(())
}

/// Nothing in here may panic: the caller is C.
fn on_message(message: &gst::Message, host: &Host, trouble: &Mutex<Trouble>) {
    let text = match message.view() {
        gst::MessageView::Error(error) => describe(message, &error.error(), error.debug()),
        gst::MessageView::Eos(_) => "the pipeline came to its end (end of stream)".to_owned(),
        gst::MessageView::Warning(warning) => {
            tracing::warn!("{}", describe(message, &warning.error(), warning.debug()));
            return;
        }
        _ => return,
    };
    let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
    // One broken element makes others fail too: the first is the cause.
    let news = trouble.first.is_none();
    if news {
        trouble.first = Some(text.clone());
    }
    let tell = news && trouble.playing;
    drop(trouble);
    if tell {
        host.ended(&Error::failed(text));
    }
}

/// «v4l2src0: Cannot identify device '/dev/video9'. (v4l2_calls.c(627): …: system error: No such file or directory)»
fn describe(
    message: &gst::Message,
    error: &gst::glib::Error,
    debug: Option<impl std::fmt::Display>,
) -> String {
    let element = message.src().map_or_else(|| "GStreamer".to_owned(), |source| source.name().to_string());
    match debug {
        Some(debug) => format!("{element}: {error} ({})", debug.to_string().replace('\n', " ")),
        None => format!("{element}: {error}"),
    }
}
