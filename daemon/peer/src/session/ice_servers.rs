//! The configured STUN and TURN servers, sorted by who speaks to them: the crate, the wiretap's streams, or nobody.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtc::peer_connection::transport::RTCIceServer;
use tokio_rustls::rustls::ClientConfig;

use crate::options::{IceServer, Options, Policy};
use crate::tap::stream::{StreamServer, Streams};

/// A server's URL (RFC 7064 §3.1, RFC 7065 §3.1), read.
#[derive(Debug, PartialEq, Eq)]
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    port: u16,
    transport: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let transport = match query {
            Some(query) => Some(query.strip_prefix("transport=")?),
            None => None,
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(numbered) => {
                let (host, rest) = numbered.split_once(']')?;
                (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let default = if scheme.ends_with('s') { 5349 } else { 3478 };
        let port = port.map_or(Some(default), |port| port.parse().ok())?;
        (!host.is_empty()).then_some(Self { scheme, host, port, transport })
    }

    /// Who speaks to it; Err says why nobody does.
    fn speaker(&self) -> Result<Speaker, &'static str> {
        match (self.scheme, self.transport) {
            ("stun", None) | ("turn", None | Some("udp")) => Ok(Speaker::Crate),
            ("turn", Some("tcp")) => Ok(Speaker::Stream { tls: false }),
            ("turns", None | Some("tcp")) => Ok(Speaker::Stream { tls: true }),
            ("turns", Some("udp")) => {
                Err("TURN over DTLS is not supported: take turns: over TCP, or turn: over UDP")
            }
            ("stuns", _) => Err("STUN over TLS is not supported, and would show no UDP mapping: take stun:"),
            ("stun", Some(_)) => Err("STUN is supported over UDP only"),
            ("turn" | "turns", Some(_)) => Err("there is no such transport: it is udp or tcp"),
            _ => Err("it is neither a STUN nor a TURN URL"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Speaker {
    Crate,
    Stream { tls: bool },
}

/// The servers of one session.
#[derive(Debug, Default)]
pub(crate) struct IceServers {
    /// As the crate is given them.
    pub(crate) for_crate: Vec<RTCIceServer>,
    /// Those that the wiretap reaches over streams.
    pub(crate) streams: Streams,
    /// Those named by number, for lanes: STUN.
    pub(crate) stun: Vec<SocketAddr>,
    /// And TURN.
    pub(crate) turn: Vec<SocketAddr>,
    /// Those that nobody speaks to, and why.
    pub(crate) skipped: Vec<(String, &'static str)>,
}

impl IceServers {
    /// Sorts them. `tls` is asked for only if it is needed.
    pub(crate) fn sort(options: &Options, tls: impl Fn() -> Arc<ClientConfig>) -> Self {
        let mut sorted = Self::default();
        for server in &options.ice_servers {
            let urls = server.urls.iter().filter_map(|url| sorted.take(url, &tls)).collect();
            sorted.for_crate.push(RTCIceServer {
                urls,
                username: server.username.clone(),
                credential: server.credential.clone(),
            });
        }
        sorted.for_crate.retain(|server| !server.urls.is_empty());
        sorted
    }

    /// The URL by which the crate is given a server.
    fn take(&mut self, text: &str, tls: impl Fn() -> Arc<ClientConfig>) -> Option<String> {
        let read = Url::read(text).ok_or("it cannot be read");
        match read.and_then(|url| url.speaker().map(|speaker| (url, speaker))) {
            Err(why) => {
                self.skipped.push((text.to_owned(), why));
                None
            }
            Ok((url, Speaker::Crate)) => {
                self.streams.named.push((format!("{}:{}", url.host, url.port), text.into()));
                if let Ok(ip) = url.host.parse::<IpAddr>() {
                    let known = if url.scheme == "stun" { &mut self.stun } else { &mut self.turn };
                    known.push(SocketAddr::new(ip, url.port));
                }
                Some(text.to_owned())
            }
            Ok((url, Speaker::Stream { tls: secure })) => {
                self.streams.servers.push(StreamServer {
                    url: text.into(),
                    host: url.host.to_owned(),
                    port: url.port,
                    tls: secure.then(tls),
                });
                Some(Streams::url(self.streams.servers.len() - 1))
            }
        }
    }

    /// What a session keeps of them for its whole life: the URLs in their order, and the policy.
    pub(crate) fn identity(options: &Options) -> (Vec<String>, Policy) {
        let urls = options.ice_servers.iter().flat_map(|server| server.urls.iter().cloned());
        (urls.collect(), options.policy)
    }

    /// Whether any of them wants TLS.
    pub(crate) fn want_tls(servers: &[IceServer]) -> bool {
        servers.iter().flat_map(|server| &server.urls).any(|url| url.starts_with("turns:"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Trust;

    fn sorted(urls: &[&str]) -> IceServers {
        let server = IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: "u".into(),
            credential: "c".into(),
        };
        let options = Options { ice_servers: vec![server], ..Options::default() };
        IceServers::sort(&options, || Trust::default().config(&[]))
    }

    #[test]
    fn each_server_has_one_who_speaks_to_it_or_a_reason() {
        let sorted = sorted(&[
            "stun:s.example",
            "turn:t.example?transport=udp",
            "turn:t.example:80?transport=tcp",
            "turns:t.example",
            "turns:[2001:db8::1]:443?transport=tcp",
            "turns:t.example?transport=udp",
            "stuns:s.example",
            "turn:t.example?transport=sctp",
            "stun:s.example:port",
        ]);
        assert_eq!(
            sorted.for_crate[0].urls,
            ["stun:s.example", "turn:t.example?transport=udp"]
                .map(str::to_owned)
                .into_iter()
                .chain((0..3).map(Streams::url))
                .collect::<Vec<_>>()
        );
        let streams: Vec<_> = sorted
            .streams
            .servers
            .iter()
            .map(|server| (server.host.as_str(), server.port, server.tls.is_some()))
            .collect();
        assert_eq!(
            streams,
            [("t.example", 80, false), ("t.example", 5349, true), ("2001:db8::1", 443, true)]
        );
        assert_eq!(
            sorted.streams.named[1],
            ("t.example:3478".to_owned(), "turn:t.example?transport=udp".into())
        );
        let skipped: Vec<&str> = sorted.skipped.iter().map(|(url, _)| url.as_str()).collect();
        assert_eq!(
            skipped,
            [
                "turns:t.example?transport=udp",
                "stuns:s.example",
                "turn:t.example?transport=sctp",
                "stun:s.example:port"
            ]
        );
        assert!(sorted.skipped[0].1.contains("DTLS"));
    }

    #[test]
    fn servers_named_by_number_are_known_from_the_start() {
        let sorted = sorted(&[
            "stun:192.0.2.1",
            "stun:192.0.2.1:19302",
            "turn:[2001:db8::1]:5000?transport=udp",
            "turn:192.0.2.2:5000?transport=tcp",
            "stun:s.example",
        ]);
        let texts = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&sorted.stun), ["192.0.2.1:3478", "192.0.2.1:19302"]);
        assert_eq!(texts(&sorted.turn), ["[2001:db8::1]:5000"]);
    }

    #[test]
    fn a_server_without_a_usable_url_is_not_given_to_the_crate() {
        assert!(sorted(&["stuns:s.example"]).for_crate.is_empty());
    }
}
