//! What the tests share: the built fixtures, a host, and waiting for what happens.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses its part, and fails where something is missing"
)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use icescope_model::media::{AccessUnit, MediaMessage};
use icescope_model::plugin::{PluginState, PluginStatus};
use icescope_model::sink::EventSource;
use icescope_model::{EventSink, Observation};
use icescope_plugin_host::{Backoff, Deadlines, Options, PluginHost, PluginSpec, SourceStream};
use serde_json::Value;

/// Nothing that is waited for takes this long unless it is broken.
pub const LIMIT: Duration = Duration::from_secs(30);

pub const SOURCE: &str = "org.icescope.fixture.source";
pub const PROBE: &str = "org.icescope.fixture.probe";

/// The fixtures' library, built once, wherever cargo puts it.
pub fn fixtures() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let output = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--package", "icescope-fixtures", "--message-format=json"])
                .output()
                .expect("cargo runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
            text.lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .filter(|message| message["reason"] == "compiler-artifact")
                .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
                .filter_map(|file| file.as_str().map(PathBuf::from))
                .find(|file| file.file_name().is_some_and(|name| name == "libicescope_fixtures.so"))
                .expect("cargo tells the library")
        })
        .clone()
}

/// Short deadlines and pauses: a fixture that hangs hangs for ever.
pub fn options() -> Options {
    let mut options = Options::new(env!("CARGO_BIN_EXE_plugin-host-child").into(), Vec::new());
    options.deadlines = Deadlines {
        load: Duration::from_secs(10),
        create: Duration::from_secs(1),
        call: Duration::from_secs(1),
        control: Duration::from_millis(500),
        destroy: Duration::from_millis(500),
        run_grace: Duration::from_millis(500),
    };
    options.backoff.pauses = [20, 50, 100].map(Duration::from_millis).to_vec();
    options
}

pub fn backoff(crashes: usize) -> Backoff {
    Backoff { crashes, ..options().backoff }
}

/// A fixture source with this configuration.
pub fn source(name: &str, config: Value) -> PluginSpec {
    PluginSpec { id: Some(SOURCE.to_owned()), config, ..PluginSpec::new(name, fixtures().to_str().unwrap()) }
}

/// A fixture probe with this configuration.
pub fn probe(name: &str, config: Value) -> PluginSpec {
    PluginSpec { id: Some(PROBE.to_owned()), ..source(name, config) }
}

/// A host and what it says.
pub struct Bench {
    pub host: PluginHost,
    pub events: EventSource,
    pub seen: Vec<Observation>,
}

impl Bench {
    pub fn start(options: Options, specs: Vec<PluginSpec>) -> Self {
        let (sink, events) = EventSink::new(4096);
        Self { host: PluginHost::start(options, specs, sink), events, seen: Vec::new() }
    }

    pub async fn settled(options: Options, specs: Vec<PluginSpec>) -> Self {
        let bench = Self::start(options, specs);
        within("settling", bench.host.settled()).await;
        bench
    }

    /// Waits for an observation of this kind whose summary contains the text.
    pub async fn happens(&mut self, kind: &str, text: &str) -> Observation {
        let seen = &mut self.seen;
        let found = tokio::time::timeout(LIMIT, async {
            while let Some(observation) = self.events.next().await {
                seen.push(observation.clone());
                if observation.kind == kind && observation.summary.contains(text) {
                    return observation;
                }
            }
            panic!("the host is gone");
        })
        .await;
        found.unwrap_or_else(|_| panic!("no {kind} with «{text}»; seen: {:#?}", summaries(&self.seen)))
    }

    /// Waits until the plugin's status is as wanted.
    pub async fn status(&self, name: &str, wanted: impl Fn(&PluginStatus) -> bool) -> PluginStatus {
        let mut watch = self.host.watch();
        let found = tokio::time::timeout(LIMIT, async {
            loop {
                if let Some(status) =
                    self.host.status().into_iter().find(|status| status.name == name && wanted(status))
                {
                    return status;
                }
                // Tellings are coalesced: a state that came and went between two of them is not told.
                let _ = tokio::time::timeout(Duration::from_millis(20), watch.changed()).await;
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("{name} never got there: {:#?}", self.host.status()))
    }

    pub async fn state(&self, name: &str, state: PluginState) -> PluginStatus {
        self.status(name, |status| status.state == state).await
    }
}

fn summaries(seen: &[Observation]) -> Vec<String> {
    seen.iter().map(|observation| format!("{}: {}", observation.kind, observation.summary)).collect()
}

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("{what} takes too long"))
}

/// The next message.
pub async fn next(stream: &mut SourceStream) -> MediaMessage {
    within("the next message", stream.messages.recv()).await.expect("the stream goes on")
}

/// The next frame.
pub async fn unit(stream: &mut SourceStream) -> AccessUnit {
    loop {
        if let MediaMessage::Unit(unit) = next(stream).await {
            return unit;
        }
    }
}

/// A fixture's frame number.
pub fn number(unit: &AccessUnit) -> u64 {
    u64::from_le_bytes(unit.data[..8].try_into().unwrap())
}

/// Compiles one of the fixtures in C into a folder.
pub fn compile(folder: &std::path::Path, source: &str, flags: &[&str]) -> PathBuf {
    compile_c(folder, &format!("fixtures/c/{source}"), flags)
}

/// Compiles a plugin in C, below `plugins/`, into a folder.
pub fn compile_c(folder: &std::path::Path, source: &str, flags: &[&str]) -> PathBuf {
    let plugins = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let stem = std::path::Path::new(source).file_stem().unwrap().display().to_string();
    let library = folder.join(format!("lib{stem}.so"));
    let output = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"])
        .args(flags)
        .arg("-I")
        .arg(plugins.join("abi/include"))
        .arg("-o")
        .arg(&library)
        .arg(plugins.join(source))
        .output()
        .expect("a C compiler (cc) is needed for these tests");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}
