//! Example of a video source in plain Rust: no GStreamer, no codec library, no `unsafe`.
//!
//! It shows a field of one colour, a clock of ten squares and a moving mark, as VP8 and as H.264, from two encoders that
//! are just large enough for pictures made of flat blocks. Copy this folder to begin a source of your own.

#![forbid(unsafe_code)]

pub mod bits;
pub mod bool_coder;
mod config;
pub mod h264;
pub mod picture;
mod player;
pub mod vp8;
mod vp8_tables;

use icescope_plugin_sdk::{Bitstream, Control, Error, Format, FrameSink, Host, VideoSource};

pub use crate::config::Config;
use crate::player::{Encoder, Player};

/// JSON Schema of [`Config`].
pub const SCHEMA: &str = include_str!("schema.json");

const VP8: usize = 0;
const H264: usize = 1;

/// The plugin.
#[derive(Debug)]
pub struct Plain {
    config: Config,
    players: [Option<Player>; 2],
}

impl VideoSource for Plain {
    type Config = Config;

    fn create(config: Config, _: Host) -> Result<Self, Error> {
        config.check()?;
        Ok(Self { config, players: [None, None] })
    }

    fn formats(&mut self) -> Result<Vec<Format>, Error> {
        let format = |mime: &str, bitstream, fmtp: String| Format {
            bitstream,
            mime: mime.to_owned(),
            fmtp,
            width: self.config.width,
            height: self.config.height,
            frame_rate: (self.config.framerate, 1),
            // A picture of flat blocks takes what it takes: a few kilobits a second.
            bit_rate: None,
        };
        let h264 = format!(
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={}",
            h264::PROFILE_LEVEL_ID
        );
        Ok(vec![
            format("video/VP8", Bitstream::Frame, String::new()),
            format("video/H264", Bitstream::AnnexB, h264),
        ])
    }

    fn start(&mut self, format: usize, sink: FrameSink) -> Result<(), Error> {
        let encoder = match format {
            VP8 => Encoder::Vp8(vp8::Encoder::default()),
            H264 => Encoder::H264(h264::Encoder::default()),
            other => return Err(Error::failed(format!("there is no format {other}"))),
        };
        self.players[format] = Some(Player::start(&self.config, encoder, sink)?);
        Ok(())
    }

    fn control(&mut self, format: usize, control: Control) -> Result<(), Error> {
        let Some(player) = self.players.get(format).and_then(Option::as_ref) else {
            return Err(Error::failed(format!("format {format} is not played")));
        };
        match control {
            Control::KeyFrame => player.key_frame(),
            Control::Pause => player.pause(),
            Control::Resume => player.resume(),
            Control::BitRate { .. } | Control::FrameRate { .. } => {
                return Err(Error::unsupported("bit rate and frame rate are fixed"));
            }
        }
        Ok(())
    }

    fn stop(&mut self, format: usize) {
        if let Some(player) = self.players.get_mut(format) {
            *player = None;
        }
    }
}

icescope_plugin_sdk::export! {
    video_source Plain {
        id: "org.icescope.example.source-plain",
        name: "Plain Rust: a clock in flat colours",
        version: env!("CARGO_PKG_VERSION"),
        vendor: "icescope",
        license: "MIT OR Apache-2.0",
        config_schema: SCHEMA,
    }
}
