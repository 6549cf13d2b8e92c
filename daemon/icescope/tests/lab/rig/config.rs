//! The daemon's configuration, as the tests of the lab want it.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// The shared secret that [`turn`] names, for a coturn with `CoturnOptions::secret`.
pub const SECRET: &str = "the secret of the lab";

/// Where every daemon of the lab listens: each host has a loopback of its own.
pub const LISTEN: &str = "127.0.0.1:8085";

/// A configuration and the files that it names.
#[derive(Debug, Clone)]
pub struct Config {
    tables: BTreeMap<String, Vec<String>>,
    more: String,
    pub(super) files: BTreeMap<String, String>,
}

impl Config {
    /// A daemon without servers and relay that plays the plain source (no GStreamer: cheap, many at a time).
    pub fn new() -> Self {
        let new = Self { tables: BTreeMap::new(), more: String::new(), files: BTreeMap::new() };
        new.set("relay", "enabled = false")
            .set("limits", "new-sessions-burst = 300")
            .more("[[plugin]]\nname = \"plain\"\npath = \"source-plain\"\n")
            .set("source", "plays = \"plain\"")
            .file("turn.secret", SECRET)
    }

    /// Puts a line into a table; one that sets a key again takes the place of the earlier one.
    pub fn set(mut self, table: &str, line: impl Into<String>) -> Self {
        let (line, key) =
            (line.into(), |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned());
        let lines = self.tables.entry(table.to_owned()).or_default();
        lines.retain(|old| key(old) != key(&line));
        lines.push(line);
        self
    }

    /// Adds whole tables, as they are.
    pub fn more(mut self, text: &str) -> Self {
        self.more.push_str(text);
        self
    }

    /// Puts a file beside the configuration, where `./NAME` finds it; others may not read it.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.to_owned(), text.to_owned());
        self
    }

    /// The servers of both ends, as [`stun`] and [`turn`] write them.
    pub fn servers(self, entries: &[String]) -> Self {
        self.set("ice", format!("servers = [{}]", entries.join(", ")))
    }

    /// The servers of the page, where they are others than the daemon's.
    pub fn browser_servers(self, entries: &[String]) -> Self {
        self.set("ice.browser", format!("servers = [{}]", entries.join(", ")))
    }

    /// As TOML.
    pub(super) fn text(&self) -> String {
        let mut text = format!("[server]\nlisten = \"{LISTEN}\"\ntokens = [\"./admin.token\"]\n");
        for line in self.tables.get("server").into_iter().flatten() {
            let _ = writeln!(text, "{line}");
        }
        for (table, lines) in self.tables.iter().filter(|(table, _)| *table != "server") {
            let _ = writeln!(text, "[{table}]\n{}", lines.join("\n"));
        }
        text + &self.more
    }
}

/// An entry of `servers`: STUN at that address.
pub fn stun(address: impl Display) -> String {
    format!("{{ urls = [\"stun:{address}\"] }}")
}

/// An entry of `servers`: TURN at that address, over `udp` or `tcp`, or `tls` (`turns:`), with credentials from [`SECRET`].
pub fn turn(address: impl Display, transport: &str) -> String {
    let url = match transport {
        "tls" => format!("turns:{address}?transport=tcp"),
        other => format!("turn:{address}?transport={other}"),
    };
    format!("{{ urls = [\"{url}\"], secret-file = \"./turn.secret\" }}")
}
