//! The wiretap under one peer connection, and what it needs from the configuration.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use icescope_model::SessionId;
use rtc::statistics::stats::ice_candidate::RTCIceCandidateStats;
use tokio::sync::watch;
use webrtc::runtime::Runtime;

use crate::options::{IceServer, Options};
use crate::peer::Inner;
use crate::tap::candidate::{AddressMap, PublicAddress};
use crate::tap::{Tap, TapOptions};

/// One connection's wiretap.
#[derive(Clone)]
pub(crate) struct Wire {
    tap: Arc<Tap>,
    /// What to change in the daemon's own candidates.
    pub(crate) addresses: Arc<AddressMap>,
}

impl Wire {
    pub(crate) fn new(inner: &Inner, session: SessionId, options: &Options) -> Self {
        let tap = Tap::new(TapOptions {
            session,
            sink: inner.sink.clone(),
            stun_servers: literal_addresses(&options.ice_servers, "stun"),
            turn_servers: literal_addresses(&options.ice_servers, "turn"),
            shared: inner.shared_port.clone(),
            // The agent makes its own: credentials that are given to it stay the same over all ICE restarts.
            local_ufrag: String::new(),
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
        Self { tap, addresses }
    }

    /// For `with_runtime`.
    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.tap) as Arc<dyn Runtime>
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

    /// The agent has this user name fragment (another one, if ICE was renewed): shared ports find the session by it.
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
}
