//! Server URIs: RFC 7064 (`stun:`, `stuns:`) and RFC 7065 (`turn:`, `turns:`).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Default ports (RFC 7064 §3.2, RFC 7065 §3.2).
const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;

/// The scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `stun:`
    Stun,
    /// `stuns:`
    Stuns,
    /// `turn:`
    Turn,
    /// `turns:`
    Turns,
}

impl Scheme {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stun => "stun",
            Self::Stuns => "stuns",
            Self::Turn => "turn",
            Self::Turns => "turns",
        }
    }

    /// `stuns:` and `turns:`.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Stuns | Self::Turns)
    }

    /// `turn:` and `turns:`.
    pub fn is_turn(self) -> bool {
        matches!(self, Self::Turn | Self::Turns)
    }
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// DTLS over UDP.
    Dtls,
}

impl Protocol {
    /// As webrtc-stats' `relayProtocol` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Dtls => "dtls",
        }
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name that has to be looked up.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// A server's URI, read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    /// As it was written.
    pub text: String,
    /// Its scheme.
    pub scheme: Scheme,
    /// Its host.
    pub host: Host,
    /// Its port, or the scheme's default.
    pub port: u16,
    /// What carries the messages: as `?transport=` says, or the scheme's default.
    pub protocol: Protocol,
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no server URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("«{text}» is not a STUN or TURN URI: {why}")]
pub struct UrlError {
    /// What was read.
    pub text: String,
    /// What is wrong with it, and what would be right.
    pub why: String,
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        read(text).map_err(|why| UrlError { text: text.to_owned(), why })
    }
}

fn read(text: &str) -> Result<ServerUrl, String> {
    let (scheme, rest) =
        text.split_once(':').ok_or("it has no scheme; write stun:, stuns:, turn: or turns:")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "stun" => Scheme::Stun,
        "stuns" => Scheme::Stuns,
        "turn" => Scheme::Turn,
        "turns" => Scheme::Turns,
        other => return Err(format!("its scheme is «{other}»; write stun:, stuns:, turn: or turns:")),
    };
    if rest.starts_with("//") {
        return Err(format!(
            "there are no slashes in it (RFC 7064 §3.1); write {}:host:port",
            scheme.as_str()
        ));
    }
    let (authority, query) = match rest.split_once('?') {
        Some((authority, query)) => (authority, Some(query)),
        None => (rest, None),
    };
    if authority.contains('@') {
        return Err("credentials do not belong into it; they have keys of their own".into());
    }
    let (host, port) = split_port(authority)?;
    Ok(ServerUrl {
        text: text.to_owned(),
        scheme,
        host: read_host(host)?,
        port: match port {
            Some(port) => read_port(port)?,
            None if scheme.is_secure() => TLS_PORT,
            None => PORT,
        },
        protocol: read_protocol(scheme, query)?,
    })
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    let Some(inner) = authority.strip_prefix('[') else {
        return match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                Err("an IPv6 address stands in brackets: [2001:db8::1]".into())
            }
            Some((host, port)) => Ok((host, Some(port))),
            None => Ok((authority, None)),
        };
    };
    let (address, after) = inner.split_once(']').ok_or("the bracket of its IPv6 address is not closed")?;
    let whole = &authority[..address.len() + 2];
    match after.strip_prefix(':') {
        Some(port) => Ok((whole, Some(port))),
        None if after.is_empty() => Ok((whole, None)),
        None => Err(format!("after the IPv6 address comes «{after}» instead of a port")),
    }
}

fn read_port(port: &str) -> Result<u16, String> {
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number != 0 => Ok(number),
        _ => Err(format!("its port is «{port}»; a port is a number from 1 to 65535")),
    }
}

fn read_host(host: &str) -> Result<Host, String> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| format!("«{address}» is not an IPv6 address"))?;
        return Ok(Host::Ip(address.into()));
    }
    if let Ok(address) = host.parse() {
        return Ok(Host::Ip(IpAddr::V4(address)));
    }
    // RFC 1035 §2.3.4: 253 characters at most. What is allowed in a name is the resolver's business; what would change
    // the meaning of the URI is ours.
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') || !byte.is_ascii();
    if host.is_empty() || host.len() > 253 || !host.bytes().all(allowed) {
        return Err(format!(
            "its host is «{host}»; write a name, an IPv4 address or an IPv6 address in brackets"
        ));
    }
    Ok(Host::Name(host.to_owned()))
}

/// RFC 7065 §3.1 and its table 1; `stun:` and `stuns:` have no transport (RFC 7064 §3.1).
fn read_protocol(scheme: Scheme, query: Option<&str>) -> Result<Protocol, String> {
    let Some(query) = query else {
        return Ok(if scheme.is_secure() { Protocol::Tls } else { Protocol::Udp });
    };
    if !scheme.is_turn() {
        return Err(format!("{}: takes nothing after a question mark", scheme.as_str()));
    }
    match (query.to_ascii_lowercase().as_str(), scheme.is_secure()) {
        ("transport=udp", false) => Ok(Protocol::Udp),
        ("transport=tcp", false) => Ok(Protocol::Tcp),
        ("transport=tcp", true) => Ok(Protocol::Tls),
        ("transport=udp", true) => Ok(Protocol::Dtls),
        _ => Err(format!("«?{query}» is not understood; write ?transport=udp or ?transport=tcp")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ServerUrl {
        text.parse().expect(text)
    }

    fn why(text: &str) -> String {
        text.parse::<ServerUrl>().expect_err(text).to_string()
    }

    #[test]
    fn the_examples_of_rfc_7064_and_7065_are_read_with_their_defaults() {
        let table = [
            ("stun:example.org", Protocol::Udp, 3478),
            ("stuns:example.org", Protocol::Tls, 5349),
            ("stun:example.org:8000", Protocol::Udp, 8000),
            ("turn:example.org", Protocol::Udp, 3478),
            ("turns:example.org", Protocol::Tls, 5349),
            ("turn:example.org:8000", Protocol::Udp, 8000),
            ("turn:example.org?transport=udp", Protocol::Udp, 3478),
            ("turn:example.org?transport=tcp", Protocol::Tcp, 3478),
            ("turns:example.org?transport=tcp", Protocol::Tls, 5349),
            ("turns:example.org:443?transport=udp", Protocol::Dtls, 443),
        ];
        for (text, protocol, port) in table {
            let url = url(text);
            assert_eq!((url.protocol, url.port), (protocol, port), "{text}");
            assert_eq!(url.host, Host::Name("example.org".into()));
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn addresses_of_both_families_are_known_as_addresses() {
        assert_eq!(url("stun:192.0.2.1:9").host, Host::Ip("192.0.2.1".parse().unwrap()));
        let six = url("turn:[2001:db8::1]:80?transport=tcp");
        assert_eq!((six.host, six.port), (Host::Ip("2001:db8::1".parse().unwrap()), 80));
        assert_eq!(url("STUN:[::1]").port, 3478);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let table = [
            ("example.org", "no scheme"),
            ("http:example.org", "its scheme is «http»"),
            ("stun://example.org", "no slashes"),
            ("stun:2001:db8::1", "in brackets"),
            ("stun:[2001:db8::1", "not closed"),
            ("stun:[x]", "not an IPv6 address"),
            ("stun:[::1]x", "instead of a port"),
            ("stun:example.org:0", "from 1 to 65535"),
            ("stun:example.org:+1", "from 1 to 65535"),
            ("stun:example.org:70000", "from 1 to 65535"),
            ("stun:example.org:", "from 1 to 65535"),
            ("stun:", "its host is «»"),
            ("stun:a b", "its host is «a b»"),
            ("stun:example.org?transport=udp", "takes nothing after a question mark"),
            ("turn:example.org?transport=sctp", "not understood"),
            ("turn:me:secret@example.org", "credentials do not belong"),
        ];
        for (text, part) in table {
            assert!(why(text).contains(part), "{text}: {}", why(text));
        }
    }
}
