//! The whole of the settings, and how they come from a file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use crate::document::{Document, Span};
use crate::history::History;
use crate::ice::{Ice, Policy};
use crate::ice_url::IceUrl;
use crate::limits::Limits;
use crate::log::Log;
use crate::plugin::Plugin;
use crate::probes::Probes;
use crate::problem::{Problem, Problems};
use crate::relay::Relay;
use crate::secret::Environment;
use crate::server::Server;
use crate::source::Source;
use crate::table::{Context, Table};

/// More than any configuration needs; it keeps a wrong path (a log, a disk image) from being read whole.
const MAX_FILE: u64 = 1 << 20;

/// Everything that can be configured. `Settings::default()` is what an empty file gives.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `[server]`
    pub server: Server,
    /// `[ice]`
    pub ice: Ice,
    /// `[relay]`
    pub relay: Relay,
    /// `[[plugin]]`, in the order of the file.
    pub plugins: Vec<Plugin>,
    /// `[source]`
    pub source: Source,
    /// `[probes]`
    pub probes: Probes,
    /// `[history]`
    pub history: History,
    /// `[limits]`
    pub limits: Limits,
    /// `[log]`
    pub log: Log,
    /// What is allowed but deserves a word at start.
    pub(crate) warnings: Vec<Problem>,
    /// The text that it came from.
    pub(crate) document: Arc<Document>,
}

/// Equal where every setting is; where they came from does not matter.
impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            server,
            ice,
            relay,
            plugins,
            source,
            probes,
            history,
            limits,
            log,
            warnings: _,
            document: _,
        } = self;
        *server == other.server
            && *ice == other.ice
            && *relay == other.relay
            && *plugins == other.plugins
            && *source == other.source
            && *probes == other.probes
            && *history == other.history
            && *limits == other.limits
            && *log == other.log
    }
}

impl Settings {
    /// What is allowed but deserves a word at start, such as a static password that browsers get to see.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Whether the embedded relay is to run: as `relay.enabled` says, else where no other server is configured.
    pub fn has_relay(&self) -> bool {
        let alone = self.ice.servers.is_empty() && self.ice.browser.servers.is_empty();
        self.relay.enabled.unwrap_or(alone)
    }

    /// Where the value stands that a JSON pointer (RFC 6901) names in the `[plugin.config]` of the plugin with this
    /// index. A pointer to what is not there gives the nearest table around it.
    pub fn locate(&self, plugin: usize, pointer: &str) -> Span {
        self.document.locate(plugin, pointer).span
    }

    /// What a plugin's own check found (its JSON Schema, say), as a problem of this file. `pointer` as in [`locate`](Self::locate);
    /// with an empty one it is about the plugin as a whole, or about the key that the message names in single quotes.
    pub fn plugin_problem(&self, plugin: usize, pointer: &str, message: &str, help: Option<&str>) -> Problem {
        let found = self.document.locate_named(plugin, pointer, message);
        self.document.problem(&found.key, &found.span, message.to_owned(), help.map(str::to_owned))
    }

    /// Several problems together, such as those of [`plugin_problem`](Self::plugin_problem), as one report about this file.
    pub fn problems(&self, list: Vec<Problem>) -> Problems {
        Problems::new(self.document.path(), list)
    }
}

/// Reads and checks a file.
///
/// # Errors
/// All problems of the file, or the one that it cannot be read.
pub fn load(path: &Path) -> Result<Settings, Problems> {
    let text = read(path)?;
    parse(path, text, &Environment::of_process())
}

/// Checks a text as if it stood in the file `path`: relative paths in it start at that file's directory.
///
/// # Errors
/// All problems of the text.
pub fn parse(path: &Path, text: String, environment: &Environment) -> Result<Settings, Problems> {
    let document = Arc::new(Document::new(path, text));
    let (tree, faults) = DeTable::parse_recoverable(document.text());
    let context = Context::new(&document, environment);
    for fault in &faults {
        context.syntax(fault);
    }
    // A doubled key leaves a sound tree; after any other fault the rest would be guesswork.
    let sound = faults.iter().all(|fault| fault.message() == "duplicate key");
    let settings =
        if sound { read_tables(&Table::root(&context, tree.get_ref())) } else { Settings::default() };
    let (errors, warnings) = context.finish();
    if errors.is_empty() {
        drop(tree);
        Ok(Settings { warnings, document, ..settings })
    } else {
        Err(Problems::new(path, errors))
    }
}

fn read_tables(root: &Table<'_>) -> Settings {
    let (plugins, names) = Plugin::read_all(root);
    let settings = Settings {
        server: Server::read(&root.table("server")),
        ice: Ice::read(&root.table("ice")),
        relay: Relay::read(&root.table("relay")),
        plugins,
        source: Source::read(&root.table("source")),
        probes: Probes::read(&root.table("probes")),
        history: History::read(&root.table("history")),
        limits: Limits::read(&root.table("limits")),
        log: Log::read(&root.table("log")),
        ..Settings::default()
    };
    if let Some(names) = names {
        settings.source.check(&root.table("source"), &names);
    }
    check_policy(root, &settings);
    root.finish();
    settings
}

/// With the policy «relay» and no TURN server no connection can come up.
fn check_policy(root: &Table<'_>, settings: &Settings) {
    let ice = &settings.ice;
    let has_turn = ice.servers.iter().any(|server| server.urls.iter().any(IceUrl::is_turn));
    if ice.policy != Policy::Relay || has_turn || settings.has_relay() {
        return;
    }
    if let Some(policy) = root.table("ice").get("policy") {
        policy.fail::<()>(
            "with \"relay\" only TURN servers make candidates, and ice.servers names none that the daemon can use",
            "add a TURN server (turn:HOST) with its credential-file or secret-file to ice.servers, let the embedded one do it \
             (relay.enabled = true), or write \"all\"",
        );
    }
}

/// The file's text.
fn read(path: &Path) -> Result<String, Problems> {
    let shown = path.display();
    let refuse = |message: String, help: &str, permission: bool| {
        Problems::new(path, vec![Problem::without_place(message, help).permission(permission)])
    };
    let unread = |error: &io::Error| {
        let help = match error.kind() {
            io::ErrorKind::NotFound => "name an existing file: --config PATH",
            io::ErrorKind::PermissionDenied => "let the daemon's user read it: chown or chmod",
            _ => "name a readable TOML file",
        };
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        refuse(format!("the configuration {shown} cannot be read: {error}"), help, denied)
    };
    let file = File::open(path).map_err(|error| unread(&error))?;
    let metadata = file.metadata().map_err(|error| unread(&error))?;
    // The file names code that the daemon runs: whoever may write it is the daemon.
    if metadata.is_file() && metadata.mode() & 0o002 != 0 {
        let message = format!("everyone may write the configuration {shown}, and it names code to run");
        return Err(refuse(message, &format!("chmod o-w {shown}"), true));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        let message = format!("the configuration {shown} is larger than {} KiB", MAX_FILE / 1024);
        return Err(refuse(message, "name the TOML file itself", false));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        refuse(
            format!("the configuration {shown} is not UTF-8: see line {line}"),
            "save it as UTF-8 (iconv -t UTF-8)",
            false,
        )
    })
}
