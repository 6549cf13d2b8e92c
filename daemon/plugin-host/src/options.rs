//! What the daemon tells the host: which plugins, and how they are looked after.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::plugin::Isolation;
use serde::{Deserialize, Serialize};

/// The grant that lets a plugin ask for the ICE servers with their credentials.
pub const ICE_SERVERS_GRANT: &str = "icescope.ice-servers/1";

/// One `[[plugin]]` of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginSpec {
    /// Its name in the configuration.
    pub name: String,
    /// The library: absolute, or a bare name that is looked up in the plugin directory.
    pub path: String,
    /// Which plugin of the library, by its own id; needed only where a library holds several.
    pub id: Option<String>,
    /// Where its code runs.
    pub isolation: Isolation,
    /// SHA-256 of the library as 64 hexadecimal digits; another content is refused.
    pub sha256: Option<String>,
    /// `[plugin.config]` as JSON.
    pub config: serde_json::Value,
    /// Host services that it may use beyond those that all have, such as [`ICE_SERVERS_GRANT`].
    pub grants: Vec<String>,
}

impl PluginSpec {
    /// A plugin in a process of its own, with an empty configuration and no grants.
    pub fn new(name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            id: None,
            isolation: Isolation::Process,
            sha256: None,
            config: serde_json::Value::Object(serde_json::Map::new()),
            grants: Vec::new(),
        }
    }
}

/// One STUN or TURN server for a plugin with [`ICE_SERVERS_GRANT`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedServer {
    /// RFC 7064 or RFC 7065 URI.
    pub url: String,
    /// TURN user name; empty for none.
    pub username: String,
    /// TURN password; empty for none.
    pub credential: String,
    /// TURN realm; empty if the server will say it.
    pub realm: String,
    /// When the credential ends, in seconds since the Unix epoch; 0 for never.
    pub expires_unix_s: i64,
}

impl fmt::Debug for GrantedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedServer").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Mints the servers for one run of a plugin. Must not block.
pub type MintServers = Arc<dyn Fn() -> Vec<GrantedServer> + Send + Sync>;

/// How the host looks after its plugins.
#[derive(Clone)]
pub struct Options {
    /// Where bare names are looked up. `None`: `plugins` beside the binary, else the binary's own folder, else
    /// `../lib/icescope/plugins` from there.
    pub plugin_dir: Option<PathBuf>,
    /// The program (and its first arguments) whose body is [`crate::child_main`].
    pub host_command: (PathBuf, Vec<OsString>),
    /// How long each call may take.
    pub deadlines: Deadlines,
    /// When a plugin that failed is started again.
    pub backoff: Backoff,
    /// How long a probe's child process is kept after its last run.
    pub probe_idle: Duration,
    /// Where plugins with [`ICE_SERVERS_GRANT`] get their servers from; `None`: an empty list.
    pub ice_servers: Option<MintServers>,
}

impl Options {
    /// The usual deadlines and back-off, for children that are `command` with `arguments`.
    pub fn new(command: PathBuf, arguments: Vec<OsString>) -> Self {
        Self {
            plugin_dir: None,
            host_command: (command, arguments),
            deadlines: Deadlines::default(),
            backoff: Backoff::default(),
            probe_idle: Duration::from_secs(10),
            ice_servers: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("plugin_dir", &self.plugin_dir)
            .field("host_command", &self.host_command)
            .field("deadlines", &self.deadlines)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

/// How long a call into a plugin may take before the plugin counts as hung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Start of the child and loading of the library: pages come from disk, constructors run.
    pub load: Duration,
    /// `create`: a source may open its camera here.
    pub create: Duration,
    /// `formats`, `start` and `stop`: encoders come and go, threads are joined.
    pub call: Duration,
    /// `control`: the contract says that it must not block.
    pub control: Duration,
    /// `destroy`: joins what is left.
    pub destroy: Duration,
    /// How long after its deadline or cancellation a probe's `run` may still wind up.
    pub run_grace: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            load: Duration::from_secs(10),
            create: Duration::from_secs(10),
            call: Duration::from_secs(5),
            control: Duration::from_secs(1),
            destroy: Duration::from_secs(2),
            run_grace: Duration::from_secs(2),
        }
    }
}

/// When a plugin that failed is started again, and when not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// The pause before the first, second, … start in a row; the last one repeats.
    pub pauses: Vec<Duration>,
    /// So many crashes or hangs within `window` disable the plugin until the configuration is reloaded.
    pub crashes: usize,
    /// See `crashes`; a plugin that was up for longer than this begins again with the first pause.
    pub window: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            pauses: [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000].map(Duration::from_millis).to_vec(),
            crashes: 3,
            window: Duration::from_mins(1),
        }
    }
}
