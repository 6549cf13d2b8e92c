//! By which names the daemon may be called (against DNS rebinding).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::options::Options;

/// The host part of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// An address literal.
    Ip(IpAddr),
    /// A name, in lower case, without a final dot.
    Name(String),
}

/// `host[:port]`, as in the `Host` header (RFC 9110 §7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Ip(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Ip(IpAddr::V4(address)));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let sound = !name.is_empty() && name.len() <= 253 && name.bytes().all(fits);
        // What ends in a number is an address to a browser (WHATWG URL), and «127.1» none that it would send.
        let numeric =
            name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        (sound && !numeric).then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// Reached from this machine only, whatever the network: `localhost` (RFC 6761 §6.3) or a loopback address.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }

    /// Without brackets.
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Ip(address) => address.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

impl Authority {
    /// Reads `host[:port]`; `None` for anything else, user names included.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rfind(':') {
            Some(colon) if !text[colon..].contains(']') => (&text[..colon], Some(&text[colon + 1..])),
            _ => (text, None),
        };
        let digits = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            Some(port) if digits(port) => Some(port.parse().ok()?),
            Some(_) => return None,
            None => None,
        };
        Some(Self { host: Host::parse(host)?, port })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            Host::Ip(address) => write!(f, "{address}")?,
            Host::Name(name) => f.write_str(name)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Whether the daemon may be called so. `local` is the address that the client's connection came in on.
///
/// A rebinding attack needs a name of the attacker's own in `Host`: names pass only from the list. An address literal
/// passes where it is the one that was really connected to.
pub(crate) fn allowed(authority: &Authority, local: IpAddr, options: &Options) -> bool {
    if authority.host.is_loopback() || authority.host == Host::Ip(local.to_canonical()) {
        return true;
    }
    let public = options.public_url.as_deref().and_then(super::origin::Origin::parse);
    if public.is_some_and(|public| public.authority.host == authority.host) {
        return true;
    }
    options
        .allowed_hosts
        .iter()
        .filter_map(|entry| Authority::parse(entry))
        .any(|entry| entry.host == authority.host && (entry.port.is_none() || entry.port == authority.port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(hosts: &[&str], public: Option<&str>) -> Options {
        Options {
            allowed_hosts: hosts.iter().map(ToString::to_string).collect(),
            public_url: public.map(str::to_owned),
            ..Options::default()
        }
    }

    fn passes(host: &str, local: &str, options: &Options) -> bool {
        Authority::parse(host).is_some_and(|host| allowed(&host, local.parse().unwrap(), options))
    }

    #[test]
    fn own_addresses_and_localhost_pass_any_other_name_does_not() {
        let none = options(&[], None);
        for host in ["localhost", "LOCALHOST:8085", "a.localhost", "127.0.0.1:1", "[::1]:8085", "192.0.2.7"] {
            assert!(passes(host, "192.0.2.7", &none), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "192.0.2.8", "[2001:db8::1]", "xlocalhost"] {
            assert!(!passes(host, "192.0.2.7", &none), "{host}");
        }
        assert!(passes("192.0.2.7", "::ffff:192.0.2.7", &none), "a v4-mapped local address");
    }

    #[test]
    fn listed_names_pass_on_their_port() {
        let listed = options(&["Robot.example", "other.example:8085"], Some("https://pub.example/x"));
        for host in
            ["robot.example", "robot.example.:9", "other.example:8085", "pub.example", "pub.example:444"]
        {
            assert!(passes(host, "192.0.2.7", &listed), "{host}");
        }
        for host in ["other.example", "other.example:80", "a.robot.example"] {
            assert!(!passes(host, "192.0.2.7", &listed), "{host}");
        }
    }

    #[test]
    fn malformed_authorities_are_refused() {
        for text in [
            "",
            ":80",
            "a b",
            "u@localhost",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "[::1",
            "::1",
            "127.1",
            "a/b",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_survives_its_text(text in ".{0,60}") {
            if let Some(authority) = Authority::parse(&text) {
                prop_assert_eq!(Authority::parse(&authority.to_string()), Some(authority));
            }
        }
    }
}
