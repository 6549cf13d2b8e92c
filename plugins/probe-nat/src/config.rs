//! The plugin's table of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use icescope_plugin_sdk::Error;
use serde::Deserialize;

/// JSON Schema of [`Config`].
pub const SCHEMA: &str = include_str!("config.schema.json");

/// A network in which nothing answers is reported on after 3 s; the rest is for name servers that are slow.
const TIMEOUT: f64 = 10.0;

/// `[plugin.config]`; an empty table works.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// How long a run may take, in seconds, without the binding lifetime.
    pub timeout: f64,
    /// PEM file with more trust anchors, absolute.
    pub ca_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self { timeout: TIMEOUT, ca_file: None }
    }
}

impl Config {
    /// What serde cannot see.
    ///
    /// # Errors
    /// What is out of range.
    pub fn check(&self) -> Result<(), Error> {
        if !(1.0..=60.0).contains(&self.timeout) {
            return Err(Error::config("/timeout", format!("{} s: 1 to 60 s are possible", self.timeout)));
        }
        if self.ca_file.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(Error::config("/ca-file", "the path has to be absolute"));
        }
        Ok(())
    }

    /// How long a run may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }
}
