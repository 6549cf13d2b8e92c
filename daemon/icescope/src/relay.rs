//! The embedded relay, joined to the others: what it is told, what pages are told of it, and what sessions tell it.

mod follow;
mod urls;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use icescope_config::{self as config, Settings};
use icescope_model::api::IceServer;
use icescope_model::{EventSink, SessionId};
use icescope_relay::{ExternalAddress, Network, Options, Packet, Policy, Relay, Tls};

use crate::settings;

pub use follow::Follower;

/// The well-known ports (RFC 8489 §18.6).
const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;

/// Starts the relay where it is wanted. Where the configuration does not ask for it by name, the daemon does without rather than
/// not starting.
pub fn start(settings: &Settings, sink: &EventSink) -> anyhow::Result<Option<Relay>> {
    if !settings.has_relay() {
        return Ok(None);
    }
    match Relay::start(options(settings), sink.clone()) {
        Ok(relay) => {
            let words = relay
                .listening()
                .iter()
                .map(|listening| format!("{} ({})", listening.address, listening.transport.word()));
            tracing::info!(
                "the embedded STUN and TURN server listens: {}",
                words.collect::<Vec<_>>().join(", ")
            );
            Ok(Some(relay))
        }
        Err(error) if settings.relay.enabled.is_none() && settings.relay.listen.is_none() => {
            tracing::warn!(
                "{error}; the daemon goes on without it (relay.enabled = false says that this is meant)"
            );
            Ok(None)
        }
        Err(error) => Err(error).context("cannot start the embedded relay"),
    }
}

/// What the relay is told.
fn options(settings: &Settings) -> Options {
    let relay = &settings.relay;
    let with_port = |port: u16| {
        let addresses = settings.server.listen.iter().map(move |address| SocketAddr::new(address.ip(), port));
        // Two ports of one address are one address here.
        addresses.fold(Vec::new(), |mut all, address| {
            if !all.contains(&address) {
                all.push(address);
            }
            all
        })
    };
    let listen = relay.listen.clone().unwrap_or_else(|| with_port(PORT));
    let tls_listen = relay.tls_listen.clone().unwrap_or_else(|| {
        let addresses = listen.iter().map(|address| SocketAddr::new(address.ip(), TLS_PORT));
        addresses.collect()
    });
    let own = relay.tls.as_ref().map(|tls| (&tls.certificate, &tls.key));
    let tls = own.or_else(|| settings.server.tls.as_ref().map(|tls| (&tls.certificate, &tls.key)));
    let external = &relay.external_addresses;
    let external = if external.is_empty() { &settings.ice.addresses } else { external };
    let peer = settings::peer(settings);
    Options {
        listen,
        any_port: relay.listen.is_none(),
        tls_listen,
        tls_may_fail: relay.tls_listen.is_none(),
        tls: tls.map(|(certificate, key)| Tls { certificate: certificate.clone(), key: key.clone() }),
        relay_addresses: relay.relay_addresses.clone(),
        external_addresses: external
            .iter()
            .map(|address| ExternalAddress { local: address.local, public: address.public })
            .collect(),
        ports: relay.port_range.clone(),
        realm: relay.realm.clone(),
        // As many as all sessions together may have, and some for the daemon's own peer and its probes.
        max_allocations: (settings.limits.sessions + 2).saturating_mul(relay.quota),
        policy: policy(settings),
        addresses: Arc::new(move || icescope_peer::own_addresses(&peer)),
        describe: Arc::new(|packet: &Packet<'_>| {
            let Packet { inbound, server, client, at, bytes } = *packet;
            icescope_peer::tap::describe::describe(bytes, inbound, server, client, at)
        }),
    }
}

/// What of it a reload changes.
pub fn policy(settings: &Settings) -> Policy {
    let relay = &settings.relay;
    let network = |block: &config::Block| Network { address: block.address, prefix: block.prefix };
    Policy {
        lifetime: relay.lifetime,
        quota: relay.quota,
        allow_peers: relay.allow_peers.iter().map(network).collect(),
    }
}

/// Applies a reload to a running relay; whether it runs at all takes a restart.
pub fn reload(relay: Option<&Relay>, new: &Settings) {
    match relay {
        Some(relay) => relay.reconfigure(policy(new)),
        None if new.has_relay() => {
            tracing::warn!(
                "no other server is configured any more: the embedded relay starts with the next restart"
            );
        }
        None => {}
    }
}

/// What a page is told of the relay: where it is, under the name by which the page reached the daemon, and the session's own
/// credentials.
pub fn for_page(
    relay: &Relay,
    public: Option<&str>,
    host: &str,
    session: Option<SessionId>,
) -> Vec<IceServer> {
    let (stun, turn) = urls::of(relay.listening(), public, host);
    if turn.is_empty() {
        return Vec::new();
    }
    let credentials = relay.credentials(session);
    vec![
        IceServer { urls: stun, username: None, credential: None },
        IceServer {
            urls: turn,
            username: Some(credentials.username),
            credential: Some(credentials.password),
        },
    ]
}

/// The relay as a server of the daemon's own peer. Only where it may use nothing but relays: else its own candidates and the
/// page's relayed ones make the same paths without a second hop.
pub fn for_peer(relay: &Relay, settings: &Settings) -> Option<icescope_peer::IceServer> {
    if settings.ice.policy != config::Policy::Relay {
        return None;
    }
    let credentials = relay.own_credentials(settings::CREDENTIAL_LIFETIME);
    Some(icescope_peer::IceServer {
        urls: vec![urls::own(relay.listening())?],
        username: credentials.username,
        credential: credentials.password,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn settings(text: &str) -> Settings {
        config::parse(Path::new("icescope.toml"), text.to_owned(), &config::Environment::default()).unwrap()
    }

    #[test]
    fn it_listens_beside_the_daemon_and_runs_where_no_other_server_is_named() {
        let default = settings("");
        assert!(default.has_relay());
        let options = options(&default);
        assert_eq!(options.listen, [address("127.0.0.1:3478")]);
        assert!(options.any_port && options.tls.is_none());
        let others = "[ice]\nservers = [{ urls = \"stun:stun.example.net\" }]\n";
        assert!(!settings(others).has_relay());
        assert!(settings(&format!("{others}[relay]\nenabled = true\n")).has_relay());
        assert!(!settings("[relay]\nenabled = false\n").has_relay());
    }

    #[test]
    fn addresses_of_the_server_are_taken_once_and_those_of_the_relay_as_they_are() {
        let two = settings("[server]\nlisten = [\"0.0.0.0:80\", \"0.0.0.0:81\", \"[::1]:80\"]\n");
        assert_eq!(options(&two).listen, ["0.0.0.0:3478", "[::1]:3478"].map(address));
        let own = settings("[relay]\nlisten = \"192.0.2.1:5000\"\nport-range = \"40000-40100\"\n");
        let options = options(&own);
        assert_eq!((options.listen, options.any_port), (vec![address("192.0.2.1:5000")], false));
        assert_eq!(options.tls_listen, [address("192.0.2.1:5349")]);
        assert_eq!(options.ports, 40_000..=40_100);
    }
}
