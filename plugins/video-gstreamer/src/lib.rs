//! Video source plugin: any GStreamer pipeline, encoded as VP8 and H.264; colour bars by default.
//!
//! One pipeline is shared by all formats that run: the operator's elements, brought to I420, a tee, and per format an
//! encoder (`branch.rs`). There is no queue and no thread besides the source's own: it draws, encodes and hands over.

#![forbid(unsafe_code)]

mod branch;
mod capture;
mod codec;
mod config;
mod packages;
mod source;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use icescope_plugin_sdk::{Control, Error, Format, FrameSink, Host, VideoSource};

use crate::capture::Capture;
pub use crate::codec::Codec;
use crate::codec::Encoder;
pub use crate::config::{Config, FrameRate};

/// JSON Schema of [`Config`].
pub const SCHEMA: &str = include_str!("schema.json");

/// The plugin.
#[derive(Debug)]
pub struct Gstreamer {
    config: Config,
    host: Host,
    offered: Vec<Encoder>,
    capture: Option<Capture>,
}

impl VideoSource for Gstreamer {
    type Config = Config;

    fn create(config: Config, host: Host) -> Result<Self, Error> {
        config.check()?;
        gst::init().map_err(|error| Error::unsupported(format!("GStreamer does not start: {error}")))?;
        forward_glib_log();
        let offered = codec::offered(&config.formats)?;
        // What is wrong in the description is said now, with its place, and not when the first viewer comes.
        source::parse(&config.pipeline)?;
        tracing::debug!("{}", gst::version_string());
        Ok(Self { config, host, offered, capture: None })
    }

    fn formats(&mut self) -> Result<Vec<Format>, Error> {
        let set = (self.config.framerate.0, self.config.framerate.1);
        let rate = self.capture.as_ref().and_then(Capture::frame_rate).unwrap_or(set);
        Ok(self.offered.iter().map(|encoder| encoder.format(&self.config, rate)).collect())
    }

    fn start(&mut self, format: usize, sink: FrameSink) -> Result<(), Error> {
        let encoder =
            *self.offered.get(format).ok_or_else(|| Error::failed(format!("there is no format {format}")))?;
        if let Some(capture) = &mut self.capture {
            return capture.add(encoder, self.config.bit_rate, &sink);
        }
        self.capture = Some(Capture::open(&self.config, &self.host, encoder, &sink)?);
        Ok(())
    }

    fn control(&mut self, format: usize, control: Control) -> Result<(), Error> {
        let Some(capture) = &self.capture else { return Err(Error::failed("nothing is played")) };
        let Some(branch) = capture.branch(format) else {
            return Err(Error::failed(format!("format {format} is not played")));
        };
        match control {
            Control::KeyFrame => branch.force_key_frame(),
            Control::BitRate { target, max } => {
                let limit = if max == 0 { target } else { target.min(max) };
                branch.set_bit_rate(limit.clamp(self.config.min_bit_rate, self.config.max_bit_rate));
            }
            Control::Pause => {
                branch.pause();
                capture.play_or_rest()?;
            }
            Control::Resume => {
                branch.resume();
                capture.play_or_rest()?;
            }
            Control::FrameRate { .. } => {
                return Err(Error::unsupported(
                    "the frame rate is the pipeline's; set it in the configuration",
                ));
            }
        }
        Ok(())
    }

    fn stop(&mut self, format: usize) {
        if let Some(capture) = &mut self.capture
            && !capture.remove(format)
        {
            self.capture = None;
        }
    }
}

icescope_plugin_sdk::export! {
    video_source Gstreamer {
        id: "org.icescope.video.gstreamer",
        name: "GStreamer pipeline",
        version: env!("CARGO_PKG_VERSION"),
        vendor: "icescope",
        license: "MIT OR Apache-2.0",
        config_schema: SCHEMA,
    }
}

/// An element by its name.
fn element(name: &str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(name).build().map_err(|_| {
        Error::unsupported(format!("GStreamer has no element «{name}»; {}", packages::remedy(name)))
    })
}

/// A pad that an element always has.
fn pad(element: &gst::Element, name: &str) -> Result<gst::Pad, Error> {
    element.static_pad(name).ok_or_else(|| Error::failed(format!("{} has no pad {name}", element.name())))
}

/// Says what was being done when GStreamer refused.
fn failed<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> Error {
    move |error| Error::failed(format!("{doing}: {error}"))
}

/// What GLib and GStreamer's elements would print to stderr goes to the host's log.
fn forward_glib_log() {
    glib::log_set_default_handler(|domain, level, text| {
        let domain = domain.unwrap_or("glib");
        match level {
            glib::LogLevel::Error | glib::LogLevel::Critical | glib::LogLevel::Warning => {
                tracing::warn!("{domain}: {text}");
            }
            glib::LogLevel::Message | glib::LogLevel::Info => tracing::debug!("{domain}: {text}"),
            glib::LogLevel::Debug => tracing::trace!("{domain}: {text}"),
        }
    });
}
