//! What a reload changes, and what it must leave as it was.

use crate::keys::{Apply, KEYS};
use crate::plugin::Plugin;
use crate::settings::Settings;

/// A new configuration, with the old values of what takes a restart.
#[derive(Debug, Clone, PartialEq)]
pub struct Reloaded {
    /// What is to be in force from now on.
    pub settings: Settings,
    /// Paths of keys that changed: `source.plays`, `plugin "bars"`.
    pub applied: Vec<String>,
    /// Paths of keys that changed in the file and keep their old value until a restart.
    pub kept: Vec<String>,
}

/// One comparable part of the settings.
struct Part {
    /// As in [`KEYS`], or the part of a path that several of them share.
    path: &'static str,
    same: fn(&Settings, &Settings) -> bool,
    keep: fn(&mut Settings, &Settings),
}

macro_rules! parts {
    ($($path:literal $($field:ident).+),+ $(,)?) => {
        &[$(Part {
            path: $path,
            same: |new, old| new.$($field).+ == old.$($field).+,
            keep: |new, old| new.$($field).+.clone_from(&old.$($field).+),
        }),+]
    };
}

/// Everything but the plugins, which are compared one by one.
const PARTS: &[Part] = parts![
    "server.listen" server.listen,
    "server.public-url" server.public_url,
    "server.allowed-hosts" server.allowed_hosts,
    "server.allowed-origins" server.allowed_origins,
    "server.allowed-frames" server.allowed_frames,
    "server.tls" server.tls,
    "server.tokens" server.tokens,
    "server.gather-wait" server.gather_wait,
    "ice.servers" ice.servers,
    "ice.browser.servers" ice.browser.servers,
    "ice.ca-file" ice.ca_certificates,
    "ice.udp-port" ice.udp_port,
    "ice.tcp-port" ice.tcp_port,
    "ice.addresses" ice.addresses,
    "ice.interfaces.include" ice.interfaces.include,
    "ice.interfaces.exclude" ice.interfaces.exclude,
    "ice.families" ice.families,
    "ice.policy" ice.policy,
    "ice.mdns" ice.mdns,
    "ice.timeouts.disconnected" ice.timeouts.disconnected,
    "ice.timeouts.vanished" ice.timeouts.vanished,
    "ice.timeouts.connect" ice.timeouts.connect,
    "relay.enabled" relay.enabled,
    "relay.listen" relay.listen,
    "relay.tls-listen" relay.tls_listen,
    "relay.tls" relay.tls,
    "relay.relay-addresses" relay.relay_addresses,
    "relay.external-addresses" relay.external_addresses,
    "relay.port-range" relay.port_range,
    "relay.realm" relay.realm,
    "relay.lifetime" relay.lifetime,
    "relay.quota" relay.quota,
    "relay.allow-peers" relay.allow_peers,
    "source.plays" source.plays,
    "probes.at-start" probes.at_start,
    "probes.schedule" probes.schedule,
    "probes.timeout" probes.timeout,
    "history.enabled" history.enabled,
    "limits.sessions" limits.sessions,
    "limits.remote-candidates" limits.remote_candidates,
    "limits.candidates-per-second" limits.candidates_per_second,
    "limits.request-body" limits.request_body,
    "limits.new-sessions-per-second" limits.new_sessions_per_second,
    "limits.new-sessions-burst" limits.new_sessions_burst,
    "limits.events-per-session" limits.events_per_session,
    "limits.source-bit-rate" limits.source_bit_rate,
    "limits.retry-after" limits.retry_after,
    "limits.allow-loopback-candidates" limits.allow_loopback_candidates,
    "log.level" log.level,
    "log.format" log.format,
];

impl Settings {
    /// What comes into force when the file has become `new` while these settings ran.
    pub fn reload(&self, mut new: Settings) -> Reloaded {
        let mut applied = Vec::new();
        let mut kept = Vec::new();
        for part in PARTS {
            if (part.same)(&new, self) {
                continue;
            }
            if takes_restart(part.path) {
                (part.keep)(&mut new, self);
                kept.push(part.path.to_owned());
            } else {
                applied.push(part.path.to_owned());
            }
        }
        applied.extend(changed_plugins(&self.plugins, &new.plugins));
        Reloaded { settings: new, applied, kept }
    }
}

/// A part takes a restart when any of its keys does.
fn takes_restart(path: &str) -> bool {
    KEYS.iter().filter(|key| covers(path, key.path)).any(|key| key.apply == Apply::Restart)
}

/// Whether a part of this path holds a key: `ice.servers` holds `ice.servers[].urls`.
fn covers(part: &str, key: &str) -> bool {
    key.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// New, changed and removed ones.
fn changed_plugins(old: &[Plugin], new: &[Plugin]) -> Vec<String> {
    let by_name = |list: &[Plugin], name: &str| list.iter().find(|plugin| plugin.name == name).cloned();
    let now = new.iter().filter(|plugin| by_name(old, &plugin.name).as_ref() != Some(plugin));
    let gone = old.iter().filter(|plugin| by_name(new, &plugin.name).is_none());
    now.chain(gone).map(|plugin| format!("plugin \"{}\"", plugin.name)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::secret::Environment;
    use crate::settings::parse;

    fn settings(text: &str) -> Settings {
        parse(Path::new("icescope.toml"), text.to_owned(), &Environment::default()).unwrap()
    }

    #[test]
    fn every_key_belongs_to_one_part() {
        for key in KEYS.iter().filter(|key| !key.path.starts_with("plugin[]")) {
            let parts: Vec<_> =
                PARTS.iter().filter(|part| covers(part.path, key.path)).map(|part| part.path).collect();
            assert_eq!(parts.len(), 1, "{}: {parts:?}", key.path);
        }
        for part in PARTS {
            let keys: Vec<_> = KEYS.iter().filter(|key| covers(part.path, key.path)).collect();
            assert!(!keys.is_empty(), "{} has no key", part.path);
            assert!(keys.iter().all(|key| key.apply == keys[0].apply), "{} is both", part.path);
        }
    }

    #[test]
    fn a_restart_key_keeps_its_old_value_and_is_named() {
        let old = settings(
            "[server]\nlisten = \"127.0.0.1:1\"\n[source]\nplays = \"a\"\n[[plugin]]\nname = \"a\"\npath = \"a\"\n",
        );
        let new = settings(
            "[server]\nlisten = \"127.0.0.1:2\"\n[source]\nplays = \"b\"\n[[plugin]]\nname = \"b\"\npath = \"a\"\n",
        );
        let reloaded = old.reload(new.clone());
        assert_eq!(reloaded.kept, ["server.listen"]);
        assert_eq!(reloaded.applied, ["source.plays", "plugin \"b\"", "plugin \"a\""]);
        assert_eq!(reloaded.settings.server, old.server);
        assert_eq!(reloaded.settings.plugins, new.plugins);
    }

    #[test]
    fn the_same_file_changes_nothing() {
        let text =
            "[log]\nlevel = \"debug\"\n[[plugin]]\nname = \"a\"\npath = \"a\"\n[plugin.config]\nx = 1\n";
        let reloaded = settings(text).reload(settings(&format!("# a comment\n{text}")));
        assert_eq!((reloaded.applied.len(), reloaded.kept.len()), (0, 0));
    }

    #[test]
    fn a_plugin_is_compared_whole() {
        let plugin = |config: &str| {
            settings(&format!("[[plugin]]\nname = \"a\"\npath = \"a\"\n[plugin.config]\n{config}\n"))
        };
        assert_eq!(plugin("x = 1").reload(plugin("x = 2")).applied, ["plugin \"a\""]);
    }

    /// «relay» without a TURN server never connects: what is checked together must come into force together.
    #[test]
    fn policy_and_servers_apply_at_the_same_time() {
        assert_eq!(takes_restart("ice.policy"), takes_restart("ice.servers"));
    }
}
