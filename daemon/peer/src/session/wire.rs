//! The wiretap under one peer connection, and what it needs from the configuration.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use icescope_model::SessionId;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::statistics::stats::ice_candidate::RTCIceCandidateStats;
use tokio::sync::watch;
use webrtc::peer_connection::SettingEngine;
use webrtc::runtime::Runtime;

use super::engine::Credentials;
use crate::options::{IceServer, Options};
use crate::peer::Inner;
use crate::tap::candidate::{AddressMap, PublicAddress};
use crate::tap::{Tap, TapOptions};

/// Characters of an ICE user name fragment and password (RFC 8839 §5.4).
const ICE_CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One connection's wiretap.
#[derive(Clone)]
pub(crate) struct Wire {
    tap: Arc<Tap>,
    /// Given to the agent where the shared port finds the session by them.
    credentials: Option<(String, String)>,
    /// What to change in the daemon's own candidates.
    pub(crate) addresses: Arc<AddressMap>,
}

impl Wire {
    pub(crate) fn new(inner: &Inner, session: SessionId, options: &Options) -> Self {
        // 48 bits of name and 144 of password: RFC 8445 §5.3 asks for 24 and 128.
        let shared = inner.shared_port.is_some() || inner.shared_tcp.is_some();
        let credentials = shared.then(|| (ice_text(8), ice_text(24)));
        let tap = Tap::new(TapOptions {
            session,
            sink: inner.sink.clone(),
            stun_servers: literal_addresses(&options.ice_servers, "stun"),
            turn_servers: literal_addresses(&options.ice_servers, "turn"),
            shared: inner.shared_port.clone(),
            local_ufrag: credentials.as_ref().map(|(ufrag, _)| ufrag.clone()).unwrap_or_default(),
            hold_nomination: true,
        });
        if let Some(port) = &inner.shared_tcp {
            tap.share_tcp(Arc::clone(port));
        }
        let public = options
            .addresses
            .iter()
            .map(|map| PublicAddress { local: map.local, public: map.public })
            .collect();
        let addresses =
            AddressMap::new(inner.shared_port.as_deref(), public).with_tcp(inner.shared_tcp.as_deref());
        let addresses = Arc::new(addresses);
        Self { tap, credentials, addresses }
    }

    /// For `with_runtime`.
    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.tap) as Arc<dyn Runtime>
    }

    /// The settings of the connection on this wire.
    pub(crate) fn settings(
        &self,
        credentials: &Credentials,
        options: &Options,
        mdns: MulticastDnsMode,
    ) -> SettingEngine {
        let settings = credentials.settings(options, mdns);
        match &self.credentials {
            Some((ufrag, pwd)) => settings.with_ice_credentials(ufrag.clone(), pwd.clone()).build(),
            None => settings.build(),
        }
    }

    /// The port of one of the daemon's own candidates: on a shared port the crate knows only its virtual socket's.
    pub(crate) fn port_of(&self, candidate: &RTCIceCandidateStats) -> u16 {
        let address = candidate.address.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
        let map = &self.addresses;
        let shared = if candidate.protocol == "udp" { &map.udp_ports } else { &map.tcp_ports };
        shared.iter().find(|(local, _)| Some(*local) == address).map_or(candidate.port, |(_, port)| *port)
    }

    /// Makes the driver turn at once.
    pub(crate) fn kick(&self) {
        self.tap.kick();
    }

    /// How a viewer makes its driver take the frame that waits.
    pub(crate) fn waker(&self) -> Box<dyn Fn() + Send + Sync> {
        let tap = Arc::clone(&self.tap);
        Box::new(move || {
            tap.kick();
            tap.frame_written();
        })
    }

    /// ICE was renewed: the agent has another user name fragment.
    pub(crate) fn add_local_ufrag(&self, ufrag: &str) {
        self.tap.add_local_ufrag(ufrag);
    }

    /// Becomes true when the other side has closed the connection.
    pub(crate) fn remote_close(&self) -> watch::Receiver<bool> {
        self.tap.remote_close()
    }

    /// The daemon itself is about to close the connection.
    pub(crate) fn shut_down(&self) {
        self.tap.shut_down();
    }
}

/// Random ICE characters, six bits each.
fn ice_text(length: usize) -> String {
    let mut bytes = vec![0; length];
    // The kernel's generator is always there once the system has booted; without it no secret could be made at all.
    getrandom::fill(&mut bytes).expect("the kernel's random generator answers");
    bytes.iter().map(|byte| char::from(ICE_CHARACTERS[usize::from(byte & 63)])).collect()
}

/// Addresses of servers whose URLs name them by number (RFC 7064, RFC 7065); names are learned when the crate resolves them.
fn literal_addresses(servers: &[IceServer], scheme: &str) -> Vec<SocketAddr> {
    let urls = servers.iter().flat_map(|server| &server.urls);
    urls.filter_map(|url| {
        let (found, rest) = url.split_once(':')?;
        let host = rest.split('?').next()?;
        let default = if found.ends_with('s') { 5349 } else { 3478 };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address =
            host.parse().ok().or_else(|| Some(SocketAddr::new(bare.parse::<IpAddr>().ok()?, default)));
        address.filter(|_| found.trim_end_matches('s') == scheme)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_named_by_number_are_known_from_the_start() {
        let urls = [
            "stun:192.0.2.1",
            "stun:192.0.2.1:19302",
            "turn:[2001:db8::1]:5000?transport=udp",
            "turns:192.0.2.2",
            "stun:s.example",
        ];
        let servers = [IceServer { urls: urls.map(str::to_owned).to_vec(), ..IceServer::default() }];
        let texts =
            |scheme| literal_addresses(&servers, scheme).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts("stun"), ["192.0.2.1:3478", "192.0.2.1:19302"]);
        assert_eq!(texts("turn"), ["[2001:db8::1]:5000", "192.0.2.2:5349"]);
    }

    #[test]
    fn random_texts_are_ice_characters_and_differ() {
        let (one, other) = (ice_text(24), ice_text(24));
        assert_ne!(one, other);
        assert!(one.len() == 24 && one.bytes().all(|byte| ICE_CHARACTERS.contains(&byte)));
    }
}
