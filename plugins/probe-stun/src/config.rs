//! What an operator may set: `[plugin.config]`. An empty table works.

use std::path::PathBuf;
use std::time::Duration;

use icescope_plugin_sdk::Error;
use serde::Deserialize;

/// JSON Schema of [`Config`].
pub const SCHEMA: &str = include_str!("config.schema.json");

/// The plugin's table of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Seconds that each server has to answer.
    pub timeout: f64,
    /// Round trips measured on each address and transport.
    pub samples: u32,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        // Five seconds hold the first four requests of RFC 8489 §6.2.1 over UDP (0, 0.5, 1.5, 3.5 s). Five round trips
        // show loss of a fifth, and are a burden to nobody's public server.
        Self { timeout: 5.0, samples: 5, ca_file: None }
    }
}

impl Config {
    /// What serde cannot see.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        if !(0.1..=40.0).contains(&self.timeout) {
            return Err(Error::config("/timeout", format!("{} s is not from 0.1 to 40", self.timeout)));
        }
        if !(1..=50).contains(&self.samples) {
            return Err(Error::config("/samples", format!("{} is not from 1 to 50", self.samples)));
        }
        match &self.ca_file {
            Some(path) if !path.is_absolute() => {
                Err(Error::config("/ca-file", format!("«{}» is not an absolute path", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// How long each server has to answer.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Error> {
        let config: Config =
            serde_json::from_str(text).map_err(|error| Error::config("", error.to_string()))?;
        config.check().map(|()| config)
    }

    #[test]
    fn an_empty_table_works_and_the_schema_has_the_same_defaults() {
        let config = read("{}").unwrap();
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        assert_eq!(schema["properties"]["timeout"]["default"].as_f64(), Some(config.timeout));
        assert_eq!(schema["properties"]["samples"]["default"].as_u64(), Some(config.samples.into()));
    }

    #[test]
    fn the_schema_and_the_check_refuse_the_same() {
        let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let table = [
            (r#"{"timeout": 0.1, "samples": 50, "ca-file": "/a.pem"}"#, true),
            (r#"{"timeout": 0}"#, false),
            (r#"{"timeout": 41}"#, false),
            (r#"{"samples": 0}"#, false),
            (r#"{"samples": 51}"#, false),
            (r#"{"samples": 1.5}"#, false),
            (r#"{"ca-file": "a.pem"}"#, false),
            (r#"{"ca_file": "/a.pem"}"#, false),
        ];
        for (text, allowed) in table {
            assert_eq!(read(text).is_ok(), allowed, "{text}");
            assert_eq!(schema.is_valid(&serde_json::from_str(text).unwrap()), allowed, "{text}");
        }
    }
}
