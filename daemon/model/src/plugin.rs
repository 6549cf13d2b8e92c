//! What is known of each configured plugin.

use serde::{Deserialize, Serialize};

/// Where a plugin's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In a child process of its own.
    Process,
    /// In the daemon.
    InProcess,
}

/// Where a plugin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// Being verified, loaded and created.
    Starting,
    /// Up.
    Ready,
    /// It crashed or hung, and waits for its next start.
    BackingOff,
    /// It will not be started again before the configuration is reloaded.
    Disabled,
}

/// One configured plugin, for `icescope plugins` and the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "camelCase")]
pub struct PluginStatus {
    /// Its name in the configuration.
    pub name: String,
    /// The plugin's own id (`org.icescope.video.gstreamer`), once loaded.
    pub id: Option<String>,
    /// Its kind and revision (`icescope.video-source/1`), once loaded.
    pub kind: Option<String>,
    /// Its own version, once loaded.
    pub version: Option<String>,
    /// The library's file.
    pub path: String,
    /// Where it runs.
    pub isolation: Isolation,
    /// Where it stands.
    pub state: PluginState,
    /// Why it stands there, in words, where that needs saying.
    pub message: Option<String>,
    /// How often it was restarted after a crash since the configuration was loaded.
    pub restarts: u32,
    /// Frames that were dropped because the daemon did not take them in time.
    pub frames_dropped: u64,
    /// Events that were dropped because they came too fast.
    pub events_dropped: u64,
}
