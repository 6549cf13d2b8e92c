//! The plugin's table of the configuration.

use icescope_plugin_sdk::Error;
use serde::Deserialize;

use crate::picture::Rgb;

/// What an operator may set, in TOML: `[plugin.config]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Of the upper two thirds.
    pub colour: Rgb,
    /// Of the clock's lit square and of the mark.
    pub light: Rgb,
    /// Pixels, whole macroblocks of 16.
    pub width: u32,
    /// Pixels, whole macroblocks of 16.
    pub height: u32,
    /// Frames per second.
    pub framerate: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            colour: Rgb(0x20, 0x60, 0xc0),
            light: Rgb(0xff, 0xd0, 0x20),
            width: 320,
            height: 240,
            framerate: 15,
        }
    }
}

impl Config {
    /// What serde cannot see.
    ///
    /// # Errors
    /// The first that is wrong, with its key.
    pub fn check(&self) -> Result<(), Error> {
        // The largest picture of H.264's level 3.1 is 3600 macroblocks; this keeps each side well inside.
        for (key, side) in [("/width", self.width), ("/height", self.height)] {
            if !(64..=960).contains(&side) || side % 16 != 0 {
                return Err(Error::config(key, format!("{side} is not a multiple of 16 from 64 to 960")));
            }
        }
        if !(1..=30).contains(&self.framerate) {
            return Err(Error::config("/framerate", format!("{} is not from 1 to 30", self.framerate)));
        }
        Ok(())
    }
}
