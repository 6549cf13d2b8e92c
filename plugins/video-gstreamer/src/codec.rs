//! The encoders: which there are, and how each is set up for a live picture.

use gstreamer as gst;
use gstreamer::prelude::*;
use icescope_plugin_sdk::{Bitstream, Error, Format};
use serde::Deserialize;

use crate::config::Config;
use crate::packages::remedy;

/// A format by its name in SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Codec {
    /// RFC 6386.
    #[serde(rename = "VP8")]
    Vp8,
    /// ITU-T H.264, constrained baseline.
    #[serde(rename = "H264")]
    H264,
}

/// An encoder element that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoder {
    /// What it makes.
    pub codec: Codec,
    name: &'static str,
}

/// Key frames are made on request: on their own they come never, or as seldom as the element lets one say.
const NEVER: &str = "2147483647";

impl Codec {
    /// Encoder elements, best first.
    fn candidates(self) -> &'static [&'static str] {
        match self {
            Self::Vp8 => &["vp8enc"],
            Self::H264 => &["x264enc", "openh264enc"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::H264 => "H264",
        }
    }

    /// The first of its encoders that is installed.
    pub fn encoder(self) -> Option<Encoder> {
        let name = self.candidates().iter().find(|name| gst::ElementFactory::find(name).is_some())?;
        Some(Encoder { codec: self, name })
    }

    /// What is missing, and what to do.
    pub fn missing(self) -> String {
        let ways: Vec<_> =
            self.candidates().iter().map(|name| format!("{name} ({})", remedy(name))).collect();
        format!("for {} GStreamer lacks the element {}", self.name(), ways.join(", or "))
    }
}

/// What of the formats that the configuration names can be offered here.
///
/// # Errors
/// None can.
pub fn offered(wanted: &[Codec]) -> Result<Vec<Encoder>, Error> {
    let mut missing = Vec::new();
    let mut found = Vec::new();
    for codec in wanted {
        match codec.encoder() {
            Some(encoder) => found.push(encoder),
            None => missing.push(codec.missing()),
        }
    }
    if found.is_empty() {
        return Err(Error::unsupported(format!("no format can be offered: {}", missing.join("; "))));
    }
    for what in missing {
        tracing::warn!("a format is not offered: {what}");
    }
    Ok(found)
}

impl Encoder {
    /// Its format in SDP's words, for pictures of this size and rate.
    pub fn format(self, config: &Config, rate: (u32, u32)) -> Format {
        let (bitstream, fmtp) = match self.codec {
            Codec::Vp8 => (Bitstream::Frame, String::new()),
            Codec::H264 => (Bitstream::AnnexB, h264_fmtp(config, rate)),
        };
        Format {
            bitstream,
            mime: format!("video/{}", self.codec.name()),
            fmtp,
            width: config.width,
            height: config.height,
            frame_rate: rate,
            bit_rate: Some((config.min_bit_rate, config.max_bit_rate)),
        }
    }

    /// The element, and the caps that it has to keep to at its output.
    ///
    /// # Errors
    /// The element cannot be made.
    pub fn make(self, bit_rate: u64) -> Result<(gst::Element, Option<gst::Caps>), Error> {
        let element = crate::element(self.name)?;
        for (property, value) in self.settings() {
            set(&element, property, value);
        }
        self.set_bit_rate(&element, bit_rate);
        let caps = (self.codec == Codec::H264).then(|| {
            gst::Caps::builder("video/x-h264")
                .field("stream-format", "byte-stream")
                .field("alignment", "au")
                .field("profile", "constrained-baseline")
                .build()
        });
        Ok((element, caps))
    }

    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self.name {
            "vp8enc" => &[
                // Real time, and the fastest (negative: fixed, not chosen by the machine's speed): the daemon's budget
                // is a fraction of a core for all that it does.
                ("deadline", "1"),
                ("cpu-used", "-16"),
                // A block that differs from the last picture by less (squares summed over 16 by 16 pixels: a mean of
                // 4, above 42 dB) is left as it is. Saves a sixth of the time on a still picture.
                ("static-threshold", "1000"),
                ("threads", "1"),
                ("lag-in-frames", "0"),
                ("end-usage", "cbr"),
                // Milliseconds of stream that may pile up: what WebRTC's own encoder allows.
                ("buffer-size", "1000"),
                ("buffer-initial-size", "500"),
                ("buffer-optimal-size", "600"),
                // A key frame may take at most nine frames' worth of bits, so that it does not clog a narrow path.
                ("max-intra-bitrate", "900"),
                // A decoder may go on after a lost frame that nothing refers to; entropy does not carry over.
                ("error-resilient", "default"),
                ("keyframe-mode", "auto"),
                ("keyframe-max-dist", NEVER),
            ],
            "x264enc" => &[
                ("tune", "zerolatency"),
                ("speed-preset", "ultrafast"),
                // One slice per frame; slices would be made for the sake of threads only.
                ("threads", "1"),
                ("sliced-threads", "false"),
                ("pass", "cbr"),
                // Milliseconds: how far a frame may exceed its share.
                ("vbv-buf-capacity", "300"),
                ("bframes", "0"),
                ("byte-stream", "true"),
                ("aud", "false"),
                ("key-int-max", NEVER),
            ],
            "openh264enc" => &[
                ("usage-type", "camera"),
                ("complexity", "low"),
                ("rate-control", "bitrate"),
                ("multi-thread", "1"),
                // Without it, noise takes a fifth more than the bit rate that was asked for.
                ("enable-frame-skip", "true"),
                // 0: never on its own.
                ("gop-size", "0"),
            ],
            _ => &[],
        }
    }

    /// Sets the bit rate, in bits per second, also while it runs.
    pub fn set_bit_rate(self, element: &gst::Element, bit_rate: u64) {
        match self.name {
            "vp8enc" => set(element, "target-bitrate", &bit_rate.to_string()),
            // Kilobits; at least 1, for 0 means something else.
            "x264enc" => set(element, "bitrate", &(bit_rate / 1000).max(1).to_string()),
            _ => set(element, "bitrate", &bit_rate.to_string()),
        }
    }
}

/// Sets a property from its text. What this version of the element does not have is left out: GStreamer's own way would
/// be to abort.
fn set(element: &gst::Element, property: &str, value: &str) {
    if element.find_property(property).is_some() {
        element.set_property_from_str(property, value);
    } else {
        tracing::debug!("{} has no property {property}; left as it is", element.name());
    }
}

/// RFC 6184 §8.1: constrained baseline, and the lowest level from 3.1 on (RFC 7742 §6.2) that fits (H.264 table A-1).
fn h264_fmtp(config: &Config, rate: (u32, u32)) -> String {
    let blocks = u64::from(config.width.div_ceil(16)) * u64::from(config.height.div_ceil(16));
    let blocks_per_second = blocks * u64::from(rate.0) / u64::from(rate.1.max(1));
    let fits = |size, speed| blocks <= size && blocks_per_second <= speed;
    let level = match () {
        () if fits(3600, 108_000) => 0x1f,
        () if fits(8192, 245_760) => 0x28,
        () if fits(22_080, 589_824) => 0x32,
        () => 0x34,
    };
    format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e0{level:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_follows_the_picture() {
        let level = |width, height, fps| {
            let config = Config { width, height, ..Config::default() };
            h264_fmtp(&config, (fps, 1)).rsplit('=').next().unwrap().to_owned()
        };
        assert_eq!(level(640, 480, 30), "42e01f");
        assert_eq!(level(1280, 720, 30), "42e01f");
        assert_eq!(level(1280, 720, 60), "42e028");
        assert_eq!(level(1920, 1080, 30), "42e028");
        assert_eq!(level(3840, 2160, 30), "42e034");
    }

    #[test]
    fn what_is_missing_is_said_with_its_package() {
        assert_eq!(
            Codec::Vp8.missing(),
            "for VP8 GStreamer lacks the element vp8enc (Debian has it in the package gstreamer1.0-plugins-good: \
             apt-get install gstreamer1.0-plugins-good)"
        );
        assert!(
            Codec::H264.missing().contains("x264enc (Debian has it in the package gstreamer1.0-plugins-ugly")
        );
        assert!(
            Codec::H264
                .missing()
                .contains("or openh264enc (Debian has it in the package gstreamer1.0-plugins-bad")
        );
    }

    /// Encodes the colour bars with each bit rate in turn, three seconds each, and gives the bits per second of the last
    /// two of them, and what came out first.
    fn encode(encoder: Encoder, rates: &[u64]) -> (Vec<f64>, gst::Caps) {
        let (element, caps) = encoder.make(rates[0]).unwrap();
        let pipeline = gst::Pipeline::new();
        let source = crate::element("videotestsrc").unwrap();
        source.set_property("num-buffers", 90 * i32::try_from(rates.len()).unwrap());
        let filter = crate::element("capsfilter").unwrap();
        filter.set_property("caps", crate::source::caps(&Config::default()));
        let out = crate::element("capsfilter").unwrap();
        out.set_property("caps", caps.unwrap_or_else(gst::Caps::new_any));
        let end = crate::element("fakesink").unwrap();
        let chain = [&source, &filter, &element, &out, &end];
        pipeline.add_many(chain).unwrap();
        gst::Element::link_many(chain).unwrap();
        let sizes = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let pad = end.static_pad("sink").unwrap();
        let (noted, rates) = (std::sync::Arc::clone(&sizes), rates.to_vec());
        let count = rates.len();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let mut noted = noted.lock().unwrap();
            noted.push((info.buffer().unwrap().pts().unwrap(), info.buffer().unwrap().size()));
            if noted.len() % 90 == 0 && noted.len() / 90 < rates.len() {
                encoder.set_bit_rate(&element, rates[noted.len() / 90]);
            }
            gst::PadProbeReturn::Ok
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let end =
            pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &kinds).unwrap();
        assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
        let made = pad.current_caps().unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        let sizes = sizes.lock().unwrap();
        // By time and not by count: an encoder may leave frames out.
        let start = sizes[0].0;
        let bits = |from: u64, to: u64| {
            let within = |pts: &gst::ClockTime| (from..to).contains(&(*pts - start).seconds());
            sizes.iter().filter(|(pts, _)| within(pts)).map(|(_, size)| *size as f64 * 8.0).sum::<f64>()
        };
        ((0..count as u64).map(|part| bits(part * 3 + 1, part * 3 + 3) / 2.0).collect(), made)
    }

    #[test]
    fn each_encoder_that_may_be_taken_keeps_its_bit_rate_and_takes_a_new_one() {
        gst::init().unwrap();
        for codec in [Codec::Vp8, Codec::H264] {
            for name in codec.candidates() {
                if gst::ElementFactory::find(name).is_none() {
                    eprintln!("SKIPPED: no element {name} here; {}", remedy(name));
                    continue;
                }
                let targets = [1_000_000, 2_000_000];
                let (rates, caps) = encode(Encoder { codec, name }, &targets);
                for (rate, target) in rates.iter().zip(targets) {
                    assert!(
                        (0.75..1.25).contains(&(rate / target as f64)),
                        "{name}: {rates:?} of {targets:?} bit/s"
                    );
                }
                let made = caps.structure(0).unwrap();
                assert_eq!(made.name(), if codec == Codec::Vp8 { "video/x-vp8" } else { "video/x-h264" });
                if codec == Codec::H264 {
                    assert_eq!(made.get::<&str>("stream-format").unwrap(), "byte-stream");
                    assert_eq!(made.get::<&str>("profile").unwrap(), "constrained-baseline");
                }
            }
        }
    }
}
