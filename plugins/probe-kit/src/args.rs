//! The arguments of a run, the same for all probes of ours, and the servers that they mean.

use icescope_plugin_sdk::{Error, IceServer, Run};
use serde::{Deserialize, Serialize};

use crate::url::ServerUrl;

/// JSON Schema of [`Args`].
pub const SCHEMA: &str = include_str!("args.schema.json");

/// One address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// As arguments and documents have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// The family of an address.
    pub fn of(address: std::net::IpAddr) -> Self {
        if address.is_ipv6() { Self::Ipv6 } else { Self::Ipv4 }
    }
}

/// What a run is asked with. Each probe ignores what is not its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Args {
    /// RFC 7064 and RFC 7065 URIs; empty for those that the host grants.
    pub servers: Vec<String>,
    /// Which families to measure.
    pub families: Vec<Family>,
    /// probe-nat: measure the binding lifetime, which takes minutes.
    pub lifetime: bool,
    /// probe-turn: measure the relay's throughput.
    pub throughput: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            families: vec![Family::Ipv4, Family::Ipv6],
            lifetime: false,
            throughput: false,
        }
    }
}

/// One server to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub url: ServerUrl,
    /// What the host grants for this very URL, credentials included; hides them in `Debug`.
    pub granted: Option<IceServer>,
}

impl Args {
    /// The servers to measure, each URL once: those of the arguments, else those that the host grants. Empty if there
    /// are none: see [`Args::NO_SERVERS`].
    ///
    /// # Errors
    /// [`Error::config`] with the pointer of a URI that cannot be read; the host could not list its servers.
    pub fn servers(&self, run: &Run<'_>) -> Result<Vec<Server>, Error> {
        let granted = run.ice_servers()?.unwrap_or_default();
        let mut servers: Vec<Server> = Vec::new();
        let named = self.servers.iter().enumerate().map(|(index, text)| (format!("/servers/{index}"), text));
        let listed = granted.iter().map(|server| (String::new(), &server.url));
        let texts: Vec<_> = if self.servers.is_empty() { listed.collect() } else { named.collect() };
        for (pointer, text) in texts {
            let url: ServerUrl = text
                .parse()
                .map_err(|error: crate::url::UrlError| Error::config(&pointer, error.to_string()))?;
            if servers.iter().any(|server| server.url == url) {
                continue;
            }
            let granted = granted.iter().find(|server| server.url == *text).cloned();
            servers.push(Server { url, granted });
        }
        Ok(servers)
    }

    /// Why a run without servers is skipped.
    pub const NO_SERVERS: &'static str = "there is no server to measure: name some in the run's arguments, or grant \
        icescope.ice-servers/1 to this plugin and list servers under [ice]";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Args, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_object_means_both_families_and_nothing_long() {
        let args = read("{}").unwrap();
        assert_eq!(args, Args::default());
        assert_eq!(args.families, [Family::Ipv4, Family::Ipv6]);
    }

    #[test]
    fn unknown_keys_and_families_are_refused() {
        assert!(read(r#"{"server": []}"#).unwrap_err().contains("unknown field `server`"));
        assert!(read(r#"{"families": ["ipv5"]}"#).unwrap_err().contains("unknown variant `ipv5`"));
    }

    #[test]
    fn the_schema_names_the_same_keys() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["families", "lifetime", "servers", "throughput"]);
        assert_eq!(schema["additionalProperties"], false);
    }
}
