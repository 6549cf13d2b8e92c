//! The daemon at a site.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use icescope_model::api::{Plugins, SessionRecord, SessionSummary};
use icescope_model::plugin::{PluginState, PluginStatus};
use icescope_natlab::{Process, Site};

use super::config::Config;
use super::http::get;
use super::until::until;

/// Far more than any step takes: only a hung daemon meets it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks whether the daemon that is waited for still runs.
const LOOK: Duration = Duration::from_millis(500);

const ADMIN: &str = "the-administrator-of-the-lab";

/// A running daemon; it ends when this is dropped.
pub struct DaemonEnd<'lab> {
    site: &'lab Site,
    id: u32,
    process: Mutex<Process>,
    notify: UnixDatagram,
    /// One reload at a time: whoever waits for its end would take another's.
    reloading: Mutex<()>,
    folder: tempfile::TempDir,
}

impl<'lab> DaemonEnd<'lab> {
    /// Starts it on the site's host and waits until it serves and its plugins are up.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn start(site: &'lab Site, config: &Config) -> Self {
        // In the target folder, where hard links to the build are possible: it may go on while this daemon runs.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let binary = install(folder.path());
        write(folder.path(), config);
        let socket = folder.path().join("notify");
        let notify = UnixDatagram::bind(&socket).unwrap();
        notify.set_read_timeout(Some(LOOK)).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = site.command(binary);
        command.args(["run", "--config"]).arg(folder.path().join("icescope.toml"));
        command.env("NOTIFY_SOCKET", socket).env_remove("JOURNAL_STREAM");
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = Process::start(command).expect("the daemon starts");
        let (id, process, reloading) = (process.id(), Mutex::new(process), Mutex::new(()));
        let daemon = Self { site, id, process, notify, reloading, folder };
        daemon.told("READY=1");
        daemon.await_plugins();
        daemon
    }

    /// The site that it is at.
    pub const fn site(&self) -> &'lab Site {
        self.site
    }

    /// Its process id.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Gives it another configuration, and waits until it has read it and its plugins are up.
    pub fn reload(&self, config: &Config) {
        let _one = self.reloading.lock().unwrap();
        write(self.folder.path(), config);
        self.read_again();
    }

    /// Brings plugins back that were disabled: a machine that is too busy makes them look hung.
    pub fn revive(&self) {
        let _one = self.reloading.lock().unwrap();
        let states = get::<Plugins>(self.site, "/api/plugins", ADMIN);
        let is_down = |plugin: &PluginStatus| plugin.state == PluginState::Disabled;
        if states.is_ok_and(|states| states.plugins.iter().any(is_down)) {
            self.read_again();
        }
    }

    fn read_again(&self) {
        self.signal("HUP");
        self.told("READY=1");
        self.await_plugins();
    }

    /// Sends it a signal: `HUP`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(status.success(), "the daemon has ended:\n{}", self.log());
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A session's record, with the session's token.
    pub fn record(&self, id: &str, token: &str) -> Result<SessionRecord, String> {
        get(self.site, &format!("/api/sessions/{id}"), token)
    }

    /// All sessions.
    pub fn sessions(&self) -> Result<Vec<SessionSummary>, String> {
        get(self.site, "/api/sessions", ADMIN)
    }

    /// A session's record once its verdict is final, which the daemon logs a little after the session's end.
    pub fn final_record(&self, id: &str, token: &str) -> Result<SessionRecord, String> {
        let session = format!("session={id} ");
        let is_final = |line: &str| line.contains(&session) && line.contains(" outcome=");
        until("the verdict is final", PATIENCE, || self.log().lines().any(is_final).then_some(()))
            .map_err(|error| format!("{error}\n--- the daemon's log ---\n{}", self.log()))?;
        self.record(id, token)
    }

    /// Waits until it has told its manager that.
    fn told(&self, wanted: &str) {
        let mut buffer = [0; 4_096];
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Ok(length) = self.notify.recv(&mut buffer) {
                if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == wanted) {
                    return;
                }
            } else if self.process.lock().unwrap().child().try_wait().is_ok_and(|left| left.is_some()) {
                break;
            }
        }
        panic!("the daemon did not say {wanted}:\n{}", self.log());
    }

    fn await_plugins(&self) {
        let up = until("the plugins are up", PATIENCE, || {
            let states = get::<Plugins>(self.site, "/api/plugins", ADMIN).ok()?;
            let starting = |plugin: &PluginStatus| plugin.state == PluginState::Starting;
            (!states.plugins.iter().any(starting)).then_some(())
        });
        up.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
    }
}

fn write(folder: &Path, config: &Config) {
    use std::os::unix::fs::PermissionsExt;

    let text = config.text();
    let own = [("icescope.toml", text.as_str()), ("admin.token", ADMIN)];
    for (name, text) in config.files.iter().map(|(name, text)| (name.as_str(), text.as_str())).chain(own) {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Where the daemon under test and its plugins were built: this build's folder, or the one that `ICESCOPE_LAB_BUILD` names.
fn built() -> PathBuf {
    let other = std::env::var_os("ICESCOPE_LAB_BUILD").map(PathBuf::from);
    other.unwrap_or_else(|| Path::new(env!("CARGO_BIN_EXE_icescope")).with_file_name(""))
}

/// Puts the built daemon and the built plugins into a folder of their own.
fn install(folder: &Path) -> PathBuf {
    let built = built();
    let plugins = folder.join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    link(&built.join("icescope"), &folder.join("icescope"));
    for name in ["source_plain", "video_gstreamer", "probe_nat", "probe_stun", "probe_turn", "fixtures"] {
        let library = format!("libicescope_{name}.so");
        // GStreamer is not everywhere; a daemon whose configuration names a plugin that is missing says so itself.
        if built.join(&library).exists() {
            link(&built.join(&library), &plugins.join(library));
        }
    }
    folder.join("icescope")
}

fn link(from: &Path, to: &Path) {
    if std::fs::hard_link(from, to).is_err() {
        std::fs::copy(from, to)
            .unwrap_or_else(|error| panic!("{} cannot be copied: {error}", from.display()));
    }
}
