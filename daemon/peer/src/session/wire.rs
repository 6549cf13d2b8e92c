//! The wiretap under one peer connection, and what it needs from the configuration.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use icescope_model::SessionId;
use rtc::statistics::stats::ice_candidate::RTCIceCandidateStats;
use tokio::sync::watch;
use tokio::time::timeout;
use webrtc::runtime::Runtime;

use super::ice_servers::IceServers;
use crate::options::{Options, Policy};
use crate::peer::Inner;
use crate::tap::candidate::{AddressMap, PublicAddress};
use crate::tap::stream::Streams;
use crate::tap::{Counters, LastInbound, Tap, TapOptions};

/// How long a close_notify may take to get through the crate's TURN client: three turns of its driver, and a busy machine.
const FAREWELL: Duration = Duration::from_millis(200);

/// One connection's wiretap.
#[derive(Clone)]
pub(crate) struct Wire {
    tap: Arc<Tap>,
    /// What to change in the daemon's own candidates.
    pub(crate) addresses: Arc<AddressMap>,
    /// The URLs of the servers that are reached over streams, and what carries them.
    relays: Arc<[(Arc<str>, &'static str)]>,
    /// See [`IceServers::identity`].
    pub(crate) made_with: (Vec<String>, Policy),
}

impl Wire {
    pub(crate) fn new(inner: &Inner, session: SessionId, options: &Options, servers: IceServers) -> Self {
        let tap = Tap::new(TapOptions {
            session,
            sink: inner.sink.clone(),
            stun_servers: servers.stun,
            turn_servers: servers.turn,
            shared: inner.shared_port.clone(),
            // The agent makes its own: credentials that are given to it stay the same over all ICE restarts.
            local_ufrag: String::new(),
            hold_nomination: true,
        });
        if let Some(port) = &inner.shared_tcp {
            tap.share_tcp(Arc::clone(port));
        }
        let relays = servers.streams.servers.iter();
        let relays = relays.map(|server| (Arc::clone(&server.url), server.protocol().word())).collect();
        tap.carry_turn(Streams { tasks: inner.tasks.clone(), ..servers.streams });
        let public = options
            .addresses
            .iter()
            .map(|map| PublicAddress { local: map.local, public: map.public })
            .collect();
        let addresses =
            AddressMap::new(inner.shared_port.as_deref(), public).with_tcp(inner.shared_tcp.as_deref());
        let addresses = Arc::new(addresses);
        Self { tap, addresses, relays, made_with: IceServers::identity(options) }
    }

    /// For `with_runtime`.
    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.tap) as Arc<dyn Runtime>
    }

    /// The URL of a server and what carries its messages (`relayProtocol`), by the URL that the crate was given.
    pub(crate) fn server(&self, url: &str) -> (Arc<str>, Option<&'static str>) {
        match Streams::number_of_url(url).and_then(|number| self.relays.get(number)) {
            Some((url, protocol)) => (Arc::clone(url), Some(protocol)),
            None => (url.into(), url.starts_with("turn:").then_some("udp")),
        }
    }

    /// The port of one of the daemon's own candidates: on a shared port the crate knows only its virtual socket's.
    pub(crate) fn port_of(&self, candidate: &RTCIceCandidateStats) -> u16 {
        let address = candidate.address.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
        let map = &self.addresses;
        let shared = if candidate.protocol == "udp" { &map.udp_ports } else { &map.tcp_ports };
        shared.iter().find(|(local, _)| Some(*local) == address).map_or(candidate.port, |(_, port)| *port)
    }

    /// What went through so far.
    pub(crate) fn counters(&self) -> Counters {
        self.tap.counters()
    }

    /// When the other end was last heard.
    pub(crate) fn last_inbound(&self) -> LastInbound {
        self.tap.last_inbound()
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

    /// Whether there were relays, all over streams, and all of these broke.
    pub(crate) fn has_lost_its_relays(&self) -> bool {
        self.tap.has_lost_its_relays()
    }

    /// The client has a candidate over UDP that is no relay's.
    pub(crate) fn client_direct(&self) {
        self.tap.client_direct();
    }

    /// The client has this relayed candidate.
    pub(crate) fn client_relay(&self, address: SocketAddr) {
        self.tap.client_relay(address);
    }

    /// Whether what the daemon sends goes through a relay.
    pub(crate) fn is_relayed(&self) -> bool {
        self.tap.is_relayed()
    }

    /// Returns once the daemon's close_notify is on its way, or could have been.
    pub(crate) async fn farewell(&self) {
        let mut sent = self.tap.alert_sent();
        self.kick();
        // Elapsed or not: the connection is closed next.
        let _ = timeout(FAREWELL, sent.wait_for(|sent| *sent)).await;
    }

    /// The daemon itself is about to close the connection.
    pub(crate) fn shut_down(&self) {
        self.tap.shut_down();
    }
}
