//! What a probe run found.

use serde::{Deserialize, Serialize};

/// How something turned out. Unknown is not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Failed,
    /// It could not be told.
    Unknown,
    /// It was not tried.
    Skipped,
}

/// One document that a probe reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The configured name of the plugin that made it.
    pub probe: String,
    /// The document's schema: `icescope.nat/1`.
    pub schema: String,
    /// What it is about: `ipv4`, a server's URL.
    pub subject: String,
    /// How it turned out.
    pub outcome: Outcome,
    /// When it was made, in milliseconds since the Unix epoch.
    pub unix_ms: i64,
    /// The document.
    #[cfg_attr(test, ts(type = "unknown"))]
    pub document: serde_json::Value,
}
