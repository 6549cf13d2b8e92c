//! The catalogue of keys: what exists, and what takes a restart.
//!
//! `config/icescope.toml` and `icescope.toml(5)` are compared with it by tests.

use std::collections::BTreeSet;

use toml::de::DeValue;

/// When a changed value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    /// At the next SIGHUP; what belongs to sessions counts for those that are opened after it.
    Reload,
    /// At the next start; a reload keeps the old value and says so.
    Restart,
}
use Apply::{Reload, Restart};

/// One key. `[]` in its path stands for any entry of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `ice.servers[].urls`
    pub path: &'static str,
    /// When a change takes effect.
    pub apply: Apply,
}

const fn key(path: &'static str, apply: Apply) -> Key {
    Key { path, apply }
}

/// Every key there is, in the order of `config/icescope.toml`.
pub const KEYS: &[Key] = &[
    key("server.listen", Restart),
    key("server.public-url", Reload),
    key("server.allowed-hosts", Reload),
    key("server.allowed-origins", Reload),
    key("server.allowed-frames", Reload),
    key("server.tls.certificate", Restart),
    key("server.tls.key", Restart),
    key("server.tokens", Reload),
    key("server.gather-wait", Reload),
    key("ice.servers[].urls", Reload),
    key("ice.servers[].username", Reload),
    key("ice.servers[].credential-file", Reload),
    key("ice.servers[].secret-file", Reload),
    key("ice.browser.servers[].urls", Reload),
    key("ice.browser.servers[].username", Reload),
    key("ice.browser.servers[].credential-file", Reload),
    key("ice.browser.servers[].secret-file", Reload),
    key("ice.ca-file", Reload),
    key("ice.udp-port", Restart),
    key("ice.tcp-port", Restart),
    key("ice.addresses", Reload),
    key("ice.interfaces.include", Reload),
    key("ice.interfaces.exclude", Reload),
    key("ice.families", Reload),
    key("ice.policy", Reload),
    key("ice.mdns", Reload),
    key("ice.timeouts.disconnected", Reload),
    key("ice.timeouts.vanished", Reload),
    key("ice.timeouts.connect", Reload),
    key("relay.enabled", Restart),
    key("relay.listen", Restart),
    key("relay.tls-listen", Restart),
    key("relay.tls.certificate", Restart),
    key("relay.tls.key", Restart),
    key("relay.relay-addresses", Restart),
    key("relay.external-addresses", Restart),
    key("relay.port-range", Restart),
    key("relay.realm", Restart),
    key("relay.lifetime", Reload),
    key("relay.quota", Reload),
    key("relay.allow-peers", Reload),
    key("plugin[].name", Reload),
    key("plugin[].path", Reload),
    key("plugin[].id", Reload),
    key("plugin[].isolation", Reload),
    key("plugin[].sha256", Reload),
    key("plugin[].grants", Reload),
    key("plugin[].config", Reload),
    key("source.plays", Reload),
    key("probes.at-start", Reload),
    key("probes.schedule", Reload),
    key("probes.timeout", Reload),
    key("history.enabled", Restart),
    key("limits.sessions", Reload),
    key("limits.remote-candidates", Reload),
    key("limits.candidates-per-second", Reload),
    key("limits.request-body", Reload),
    key("limits.new-sessions-per-second", Reload),
    key("limits.new-sessions-burst", Reload),
    key("limits.events-per-session", Reload),
    key("limits.source-bit-rate.min", Reload),
    key("limits.source-bit-rate.start", Reload),
    key("limits.source-bit-rate.max", Reload),
    key("limits.retry-after", Reload),
    key("limits.allow-loopback-candidates", Reload),
    key("log.level", Reload),
    key("log.format", Restart),
];

/// Tables of what this version does not have yet.
const PLANNED: [&str; 1] = ["history"];

/// What may stand under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Value,
    Table,
    Tables,
}

/// A key of one table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Child {
    pub name: &'static str,
    shape: Shape,
}

impl Child {
    /// Whether a table stands where one must; the error is what to write. Arrays and values are for their readers.
    pub fn kind_of_value(self, value: &DeValue<'_>, path: &str) -> Result<(), String> {
        match (self.shape, value) {
            (Shape::Table, DeValue::Table(_)) | (Shape::Value | Shape::Tables, _) => Ok(()),
            (Shape::Table, DeValue::Array(_)) => Err(format!("write [{path}], with single brackets")),
            (Shape::Table, _) => Err(format!("write a table: [{path}] above its keys")),
        }
    }
}

/// The keys of the table with this pattern.
pub(crate) fn children(pattern: &str) -> Vec<Child> {
    let mut found: Vec<Child> = Vec::new();
    for key in KEYS {
        let rest = match pattern {
            "" => Some(key.path),
            pattern => key.path.strip_prefix(pattern).and_then(|rest| rest.strip_prefix('.')),
        };
        let Some(rest) = rest else { continue };
        let (first, shape) = match rest.split_once('.') {
            None => (rest, Shape::Value),
            Some((first, _)) if first.ends_with("[]") => (first.trim_end_matches("[]"), Shape::Tables),
            Some((first, _)) => (first, Shape::Table),
        };
        if !found.iter().any(|child| child.name == first) {
            found.push(Child { name: first, shape });
        }
    }
    found
}

/// Message and remedy for a key that does not exist.
pub(crate) fn unknown(pattern: &str, name: &str, siblings: &[Child]) -> (String, String) {
    let table = pattern.replace("[]", "");
    let what = if pattern.is_empty() { "there is no such table" } else { "there is no such key" };
    if pattern.ends_with("servers[]") && crate::ice_server::INLINE.contains(&name) {
        let help = "a secret does not stand in this file: write it into a file that others may not read, and name that \
                    with credential-file (a password) or secret-file (the shared secret of the TURN REST API)";
        return (what.to_owned(), help.to_owned());
    }
    let names = || siblings.iter().map(|child| child.name);
    if let Some(near) = nearest(name, names()) {
        return (what.to_owned(), format!("did you mean «{near}»?"));
    }
    if PLANNED.contains(&pattern) {
        return (
            "this version does not know this key".to_owned(),
            "take it out, or use a later version".to_owned(),
        );
    }
    let elsewhere: BTreeSet<String> = KEYS
        .iter()
        .filter_map(|key| key.path.rsplit_once('.').filter(|(_, leaf)| *leaf == name))
        .map(|(table, _)| format!("[{}]", table.replace("[]", "")))
        .collect();
    if !elsewhere.is_empty() && !pattern.is_empty() {
        let places: Vec<String> = elsewhere.into_iter().collect();
        return (what.to_owned(), format!("«{name}» is a key of {}", places.join(" and of ")));
    }
    let list: Vec<&str> = names().collect();
    let of =
        if pattern.is_empty() { "the tables are".to_owned() } else { format!("the keys of [{table}] are") };
    (what.to_owned(), format!("{of}: {}", list.join(", ")))
}

/// The word that was probably meant.
pub(crate) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // `publicUrl`, `public_url` and `Public-URL` are slips of habit, not of the finger.
    let fold = |word: &str| word.to_lowercase().replace(['-', '_'], "");
    let folded = fold(word);
    let distance = |candidate: &&str| strsim::damerau_levenshtein(&folded, &fold(candidate));
    let best = words.min_by_key(distance)?;
    // A third of the letters wrong is another word.
    (distance(&best) <= folded.chars().count().max(3) / 3).then_some(best)
}
