//! Names of hosts as HTTP and URLs write them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A host, and perhaps its port: `robot.example.net`, `[2001:db8::1]:8085` (RFC 3986 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    /// In lower case; an IPv6 address without brackets, in its canonical form.
    pub name: String,
    /// `None` where none was written.
    pub port: Option<u16>,
}

impl Host {
    /// Reads `host` or `host:port`; the error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("//") {
            return Err("has a scheme: only the host belongs here".to_owned());
        }
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']').ok_or("has a «[» without its «]»")?;
                let address: Ipv6Addr =
                    address.parse().map_err(|_| "has no IPv6 address between its brackets")?;
                match after {
                    "" => (address.to_string(), None),
                    _ => (address.to_string(), Some(after.strip_prefix(':').ok_or("goes on after its «]»")?)),
                }
            }
            None if text.matches(':').count() > 1 => {
                return Err("has an IPv6 address without brackets".to_owned());
            }
            None => match text.split_once(':') {
                Some((name, port)) => (host_name(name)?, Some(port)),
                None => (host_name(text)?, None),
            },
        };
        let port = port.map(parse_port).transpose()?;
        Ok(Self { name, port })
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|port| digits && *port > 0)
        .ok_or_else(|| "has a port that is not from 1 to 65535".to_owned())
}

fn host_name(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return Err("has no host".to_owned());
    }
    let numeric = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if name.len() > 253 || !name.split('.').all(label) || (numeric && name.parse::<Ipv4Addr>().is_err()) {
        return Err("has a host that is neither a name nor an address".to_owned());
    }
    Ok(name.to_ascii_lowercase())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]", self.name)?;
        } else {
            f.write_str(&self.name)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A web origin (RFC 6454): `https://host[:port]`. Its `Display` is what browsers send, so the scheme's own port is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `https`, else `http`.
    pub secure: bool,
    /// Where; no port means the scheme's own.
    pub host: Host,
}

impl Origin {
    /// Reads `http://…` or `https://…`; the error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("does not begin with http:// or https://")?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("does not begin with http:// or https://".to_owned()),
        };
        if let Some(mark) = rest.chars().find(|c| "/?#@*".contains(*c)) {
            return Err(match mark {
                '@' => "has a user part".to_owned(),
                '*' => "has a «*»: each origin is written out".to_owned(),
                _ => "has a path: only scheme, host and port can stand here".to_owned(),
            });
        }
        let mut host = Host::parse(rest)?;
        if host.port == Some(if secure { 443 } else { 80 }) {
            host.port = None;
        }
        Ok(Self { secure, host })
    }

    /// The port, also where none was written.
    pub fn port(&self) -> u16 {
        self.host.port.unwrap_or(if self.secure { 443 } else { 80 })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.host)
    }
}

/// The URL under which browsers reach the daemon, in front of a reverse proxy, say. It has no path.
pub type PublicUrl = Origin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_normalised() {
        assert_eq!(Host::parse("Robot.Example.NET.:80").unwrap().to_string(), "robot.example.net:80");
        assert_eq!(Host::parse("[2001:DB8:0::1]").unwrap().to_string(), "[2001:db8::1]");
        for wrong in ["", ":80", "a:0", "a:+1", "a:65536", "::1", "[::1", "[::1]x", "1.2.3", "a b", "a..b"] {
            assert!(Host::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        assert_eq!(Origin::parse("https://A.example:443").unwrap().to_string(), "https://a.example");
        assert_eq!(Origin::parse("http://a.example:8085").unwrap().to_string(), "http://a.example:8085");
        for wrong in
            ["a.example", "ftp://a", "https://a/", "https://u@a", "https://*.a", "HTTPS://a", "*", "null"]
        {
            assert!(Origin::parse(wrong).is_err(), "{wrong}");
        }
    }
}
