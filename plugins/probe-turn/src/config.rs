//! What an operator may set: `[plugin.config]`. An empty table works.

use std::path::PathBuf;
use std::time::Duration;

use icescope_plugin_sdk::Error;
use serde::Deserialize;

/// JSON Schema of [`Config`].
pub const SCHEMA: &str = include_str!("schema/config.json");

/// The plugin's table of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Seconds that one step waits for its answer.
    pub timeout: f64,
    /// Datagrams through each relay.
    pub packets: u32,
    /// Seconds of throughput in each direction.
    pub throughput_time: f64,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        // Five seconds hold the first four transmissions of a request over UDP (RFC 8489 §6.2.1: 0, 0.5, 1.5, 3.5 s).
        Self { timeout: 5.0, packets: 25, throughput_time: 2.0, ca_file: None }
    }
}

impl Config {
    /// What serde cannot see.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        for (key, seconds, range) in
            [("/timeout", self.timeout, 0.5..=40.0), ("/throughput-time", self.throughput_time, 0.5..=30.0)]
        {
            if !range.contains(&seconds) {
                let text = format!("{seconds} s is not from {} to {}", range.start(), range.end());
                return Err(Error::config(key, text));
            }
        }
        if !(1..=500).contains(&self.packets) {
            return Err(Error::config("/packets", format!("{} is not from 1 to 500", self.packets)));
        }
        match &self.ca_file {
            Some(path) if !path.is_absolute() => {
                Err(Error::config("/ca-file", format!("{} is not an absolute path", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// How long one step waits for its answer.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }

    /// How long throughput is measured in each direction.
    pub fn throughput_time(&self) -> Duration {
        Duration::from_secs_f64(self.throughput_time)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_schema_says_what_the_code_reads() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for (key, property) in schema["properties"].as_object().unwrap() {
            let Some(default) = property.get("default") else { continue };
            let one = json!({ key.as_str(): default });
            assert!(validator.is_valid(&one));
            assert_eq!(serde_json::from_value::<Config>(one).unwrap(), Config::default(), "{key}");
        }
        let unknown = json!({ "time-out": 1 });
        assert!(!validator.is_valid(&unknown) && serde_json::from_value::<Config>(unknown).is_err());
    }

    #[test]
    fn values_out_of_range_are_named() {
        let pointer = |value: Value| {
            serde_json::from_value::<Config>(value).unwrap().check().unwrap_err().pointer().to_owned()
        };
        assert_eq!(pointer(json!({ "timeout": 0.1 })), "/timeout");
        assert_eq!(pointer(json!({ "packets": 0 })), "/packets");
        assert_eq!(pointer(json!({ "throughput-time": 31 })), "/throughput-time");
        assert_eq!(pointer(json!({ "ca-file": "relative.pem" })), "/ca-file");
        Config::default().check().unwrap();
    }
}
