//! What probes are asked to measure.

use icescope_config as config;
use icescope_config::{IceUrl, Settings};
use serde_json::{Value, json};

/// The servers that probes ask, with what opens them: those of the daemon, and those of pages beyond them.
pub fn servers(settings: &Settings) -> Vec<config::IceServer> {
    let mut servers = settings.ice.servers.clone();
    for server in &settings.ice.browser.servers {
        let is_new = |url: &&IceUrl| !servers.iter().any(|known| known.urls.contains(url));
        let urls: Vec<IceUrl> = server.urls.iter().filter(is_new).cloned().collect();
        if !urls.is_empty() {
            servers.push(config::IceServer { urls, credential: server.credential.clone() });
        }
    }
    servers
}

/// Their URLs: the configured targets of every probe.
pub fn probe_targets(settings: &Settings) -> Vec<String> {
    servers(settings).iter().flat_map(|server| &server.urls).map(ToString::to_string).collect()
}

/// The arguments of a run. Without targets the key is left out.
pub fn arguments(settings: &Settings, targets: &[String]) -> Value {
    let families = settings.ice.families;
    let families = [("ipv4", families.ipv4), ("ipv6", families.ipv6)];
    let families: Vec<_> = families.into_iter().filter(|(_, used)| *used).map(|(name, _)| name).collect();
    let mut arguments = json!({ "families": families });
    if !targets.is_empty() {
        arguments["servers"] = json!(targets);
    }
    arguments
}

/// The arguments that a probe knows: one that measures something else need not know of servers.
pub fn known_to(schema: &str, mut arguments: Value) -> Value {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let closed = schema["additionalProperties"] == Value::Bool(false);
    if let (true, Some(arguments)) = (closed, arguments.as_object_mut()) {
        arguments.retain(|name, _| schema["properties"].get(name).is_some());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn settings(text: &str) -> Settings {
        config::parse(Path::new("icescope.toml"), text.to_owned(), &config::Environment::default()).unwrap()
    }

    #[test]
    fn the_targets_are_the_daemons_servers_and_those_of_pages_each_once() {
        let settings = settings(
            "[ice]\nservers = [{ urls = [\"stun:a.example\", \"stun:b.example:5000\"] }]\nfamilies = [\"ipv6\"]\n\
             [ice.browser]\nservers = [{ urls = [\"stun:b.example:5000\", \"stuns:c.example\"] }]\n",
        );
        let targets = probe_targets(&settings);
        assert_eq!(targets, ["stun:a.example", "stun:b.example:5000", "stuns:c.example"]);
        let expected = json!({ "families": ["ipv6"], "servers": targets });
        assert_eq!(arguments(&settings, &targets), expected);
    }

    #[test]
    fn without_servers_there_is_no_such_argument() {
        assert_eq!(arguments(&settings(""), &[]), json!({ "families": ["ipv4", "ipv6"] }));
    }

    #[test]
    fn a_probe_gets_the_arguments_that_its_schema_knows() {
        let all = || json!({ "servers": [], "families": [] });
        let closed = r#"{ "additionalProperties": false, "properties": { "families": {} } }"#;
        assert_eq!(known_to(closed, all()), json!({ "families": [] }));
        assert_eq!(known_to(r#"{ "additionalProperties": false }"#, all()), json!({}));
        for open in ["", "{", r#"{ "properties": { "families": {} } }"#] {
            assert_eq!(known_to(open, all()), all(), "{open}");
        }
    }
}
