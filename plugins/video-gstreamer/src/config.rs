//! The plugin's table of the configuration.

use icescope_plugin_sdk::Error;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};

use crate::codec::Codec;

/// What an operator may set, in TOML: `[plugin.config]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// A GStreamer launch description that ends in raw video.
    pub pipeline: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The highest frame rate: a number, or a fraction as `"30000/1001"`.
    pub framerate: FrameRate,
    /// Bits per second that an encoder starts with.
    pub bit_rate: u64,
    /// Bits per second below which the daemon does not ask it to go.
    pub min_bit_rate: u64,
    /// Bits per second above which the daemon does not ask it to go.
    pub max_bit_rate: u64,
    /// What is offered, best first.
    pub formats: Vec<Codec>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pipeline: "videotestsrc is-live=true pattern=smpte".to_owned(),
            width: 640,
            height: 480,
            framerate: FrameRate(30, 1),
            bit_rate: 1_000_000,
            min_bit_rate: 100_000,
            max_bit_rate: 4_000_000,
            formats: vec![Codec::Vp8, Codec::H264],
        }
    }
}

/// The largest picture side: what VP8's frame header can say (RFC 6386 §9.1: 14 bits).
const SIDE_MAX: u32 = 16383;

impl Config {
    /// What serde cannot see: ranges, and keys that contradict each other.
    ///
    /// # Errors
    /// The first that is wrong, with its key.
    pub fn check(&self) -> Result<(), Error> {
        for (key, side) in [("/width", self.width), ("/height", self.height)] {
            if !(16..=SIDE_MAX).contains(&side) || side % 2 != 0 {
                return Err(Error::config(
                    key,
                    format!(
                        "{side} is not an even number from 16 to {SIDE_MAX}; I420 pictures have even sides"
                    ),
                ));
            }
        }
        if self.pipeline.trim().is_empty() {
            return Err(Error::config("/pipeline", "is empty; leave the key out for colour bars"));
        }
        if self.formats.is_empty() {
            return Err(Error::config("/formats", "is empty; leave the key out for [\"VP8\", \"H264\"]"));
        }
        if let Some(index) =
            (1..self.formats.len()).find(|&index| self.formats[..index].contains(&self.formats[index]))
        {
            return Err(Error::config(&format!("/formats/{index}"), "names a format twice"));
        }
        self.check_bit_rates()
    }

    fn check_bit_rates(&self) -> Result<(), Error> {
        // Below, no encoder here keeps its target; above, the property of vp8enc (a 32-bit integer) ends.
        const LIMITS: std::ops::RangeInclusive<u64> = 10_000..=1_000_000_000;
        let rates = [
            ("/min-bit-rate", self.min_bit_rate),
            ("/bit-rate", self.bit_rate),
            ("/max-bit-rate", self.max_bit_rate),
        ];
        for (key, rate) in rates {
            if !LIMITS.contains(&rate) {
                let message = format!("{rate} is not from {} to {} bit/s", LIMITS.start(), LIMITS.end());
                return Err(Error::config(key, message));
            }
        }
        for pair in rates.windows(2) {
            if pair[0].1 > pair[1].1 {
                let (low, high) = (&pair[0].0[1..], &pair[1].0[1..]);
                return Err(Error::config(
                    "/bit-rate",
                    format!(
                        "{low} = {} is above {high} = {}; they go min-bit-rate ≤ bit-rate ≤ max-bit-rate",
                        pair[0].1, pair[1].1
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Frames per second, as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate(pub u32, pub u32);

impl FrameRate {
    fn parse(text: &str) -> Option<Self> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let rate = Self(numerator.trim().parse().ok()?, denominator.trim().parse().ok()?);
        // Between a frame in ten seconds and what no camera exceeds; and what fits GStreamer's fraction.
        let sane = rate.1 != 0
            && u64::from(rate.0) * 10 >= u64::from(rate.1)
            && u64::from(rate.0) <= 1000 * u64::from(rate.1)
            && rate.0 <= 1_000_000
            && rate.1 <= 1_000_000;
        sane.then_some(rate)
    }
}

impl<'de> Deserialize<'de> for FrameRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "frames per second from 0.1 to 1000, as a number or as a fraction like \"30000/1001\"";
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Whole(u32),
            Number(f64),
            Text(String),
        }
        let refused = |unexpected: Unexpected<'_>| D::Error::invalid_value(unexpected, &EXPECTED);
        match Written::deserialize(deserializer)
            .map_err(|_| D::Error::custom(format!("expected {EXPECTED}")))?
        {
            Written::Whole(number) => {
                Self::parse(&number.to_string()).ok_or_else(|| refused(Unexpected::Unsigned(number.into())))
            }
            // To a thousandth: 29.97 becomes 29970/1000.
            Written::Number(number) => Self::parse(&format!("{}/1000", (number * 1000.0).round()))
                .ok_or_else(|| refused(Unexpected::Float(number))),
            Written::Text(text) => Self::parse(&text).ok_or_else(|| refused(Unexpected::Str(&text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn frame_rates_are_numbers_or_fractions() {
        let read = |value| serde_json::from_value::<FrameRate>(value);
        assert_eq!(read(json!(25)).unwrap(), FrameRate(25, 1));
        assert_eq!(read(json!("30000/1001")).unwrap(), FrameRate(30000, 1001));
        assert_eq!(read(json!(29.97)).unwrap(), FrameRate(29970, 1000));
        assert_eq!(read(json!("15")).unwrap(), FrameRate(15, 1));
        for wrong in [json!(0), json!("30/0"), json!(-5), json!("fast"), json!(2000), json!([30])] {
            let error = read(wrong.clone()).unwrap_err().to_string();
            assert!(error.contains("expected frames per second from 0.1 to 1000"), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        let refused = |value| {
            let error = serde_json::from_value::<Config>(value).unwrap().check().unwrap_err();
            (error.pointer().to_owned(), error.message().to_owned())
        };
        assert_eq!(refused(json!({ "width": 641 })).0, "/width");
        assert_eq!(refused(json!({ "height": 0 })).0, "/height");
        assert_eq!(refused(json!({ "pipeline": " " })).0, "/pipeline");
        assert_eq!(refused(json!({ "formats": [] })).0, "/formats");
        assert_eq!(refused(json!({ "formats": ["VP8", "VP8"] })).0, "/formats/1");
        assert_eq!(refused(json!({ "max-bit-rate": 5 })).0, "/max-bit-rate");
        let (key, message) = refused(json!({ "bit-rate": 9_000_000 }));
        assert_eq!(key, "/bit-rate");
        assert!(message.starts_with("bit-rate = 9000000 is above max-bit-rate = 4000000"), "{message}");
        Config::default().check().unwrap();
    }

    #[test]
    fn the_schema_says_what_the_code_reads() {
        let schema: serde_json::Value = serde_json::from_str(crate::SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let good = json!({
            "pipeline": "videotestsrc", "width": 320, "height": 240, "framerate": "15/1", "bit-rate": 500_000,
            "min-bit-rate": 50_000, "max-bit-rate": 1_000_000, "formats": ["H264"],
        });
        assert!(validator.is_valid(&good));
        serde_json::from_value::<Config>(good.clone()).unwrap();
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&schema["properties"]), keys(&good), "every key is in the schema and in this test");
        for (key, property) in schema["properties"].as_object().unwrap() {
            let default: Config =
                serde_json::from_value(json!({ key.as_str(): property["default"] })).unwrap();
            assert_eq!(default, Config::default(), "the default of {key}");
        }
        for wrong in [json!({ "frame-rate": 30 }), json!({ "width": 15 }), json!({ "formats": ["AV1"] })] {
            assert!(!validator.is_valid(&wrong), "{wrong}");
            let read = serde_json::from_value::<Config>(wrong.clone());
            assert!(read.is_err() || read.unwrap().check().is_err(), "{wrong}");
        }
    }
}
