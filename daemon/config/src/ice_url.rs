//! `stun:` and `turn:` URLs (RFC 7064, RFC 7065).

use std::fmt;

use crate::host::Host;

/// How to write one.
pub(crate) const EXAMPLE: &str =
    "\"stun:HOST[:PORT]\", \"turn:HOST[:PORT][?transport=udp|tcp]\" or \"turns:HOST[:PORT][?transport=tcp]\"";

/// The scheme of a server's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// STUN over UDP.
    Stun,
    /// STUN over TLS.
    Stuns,
    /// TURN over UDP or TCP.
    Turn,
    /// TURN over TLS or DTLS.
    Turns,
}

/// What carries the messages to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP (with `turns:` DTLS).
    Udp,
    /// TCP (with `turns:` and `stuns:` TLS).
    Tcp,
}

/// A server's URL, checked. Its `Display` is a URL as browsers take it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IceUrl {
    /// Its scheme.
    pub scheme: Scheme,
    /// Its host; no port means the scheme's own.
    pub host: Host,
    /// What carries it.
    pub transport: Transport,
}

impl IceUrl {
    /// Reads a URL; the error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once(':').ok_or("is not a STUN or TURN URL")?;
        let scheme = match scheme {
            "stun" => Scheme::Stun,
            "stuns" => Scheme::Stuns,
            "turn" => Scheme::Turn,
            "turns" => Scheme::Turns,
            _ => return Err("is not a STUN or TURN URL".to_owned()),
        };
        if rest.starts_with("//") {
            return Err("has «//», which these URLs do not have".to_owned());
        }
        if rest.contains('@') {
            return Err("has a user part: names and passwords have keys of their own".to_owned());
        }
        let (host, query) = rest.split_once('?').map_or((rest, None), |(host, query)| (host, Some(query)));
        let host = Host::parse(host)?;
        let transport = match (scheme, query) {
            (Scheme::Stun | Scheme::Stuns, Some(_)) => {
                return Err("has a «?», which only TURN URLs may have".to_owned());
            }
            (_, Some("transport=udp")) | (Scheme::Stun | Scheme::Turn, None) => Transport::Udp,
            (_, Some("transport=tcp")) | (Scheme::Stuns | Scheme::Turns, None) => Transport::Tcp,
            (_, Some(_)) => {
                return Err("has something else after its «?» than transport=udp or transport=tcp".to_owned());
            }
        };
        Ok(Self { scheme, host, transport })
    }

    /// Whether it is a TURN server's.
    pub fn is_turn(&self) -> bool {
        matches!(self.scheme, Scheme::Turn | Scheme::Turns)
    }

    /// The port, also where none was written.
    pub fn port(&self) -> u16 {
        self.host.port.unwrap_or(match self.scheme {
            Scheme::Stun | Scheme::Turn => 3478,
            Scheme::Stuns | Scheme::Turns => 5349,
        })
    }
}

impl fmt::Display for IceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Stun => "stun",
            Scheme::Stuns => "stuns",
            Scheme::Turn => "turn",
            Scheme::Turns => "turns",
        };
        write!(f, "{scheme}:{}", self.host)?;
        match (self.scheme, self.transport) {
            (Scheme::Turn, Transport::Tcp) => f.write_str("?transport=tcp"),
            (Scheme::Turns, Transport::Udp) => f.write_str("?transport=udp"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_keep_their_meaning() {
        for (text, shown, port, transport) in [
            ("stun:A.example", "stun:a.example", 3478, Transport::Udp),
            ("turn:a.example?transport=udp", "turn:a.example", 3478, Transport::Udp),
            (
                "turn:[2001:db8::1]:80?transport=tcp",
                "turn:[2001:db8::1]:80?transport=tcp",
                80,
                Transport::Tcp,
            ),
            ("turns:a.example", "turns:a.example", 5349, Transport::Tcp),
            ("turns:a.example?transport=udp", "turns:a.example?transport=udp", 5349, Transport::Udp),
        ] {
            let url = IceUrl::parse(text).unwrap();
            assert_eq!(
                (url.to_string().as_str(), url.port(), url.transport),
                (shown, port, transport),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_server_url_is_refused() {
        for wrong in [
            "",
            "a.example",
            "http://a",
            "stun://a",
            "stun:",
            "STUN:a",
            "turn:u@a",
            "stun:a?transport=udp",
            "turn:a?x=y",
        ] {
            assert!(IceUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
