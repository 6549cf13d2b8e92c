//! The crate's callbacks. They run on the connection's driver: each only writes down what it was told.

use std::sync::Arc;

use tokio::sync::watch;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState,
};

use super::Told;
use super::report::Report;
use super::wire::Wire;
use crate::local_addresses::interface_of;
use crate::remote_candidates::CandidateFacts;
use crate::tap::candidate::rewrite_candidate;

/// The two states that end or lift a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct States {
    pub(crate) ice: RTCIceConnectionState,
    pub(crate) connection: RTCPeerConnectionState,
}

impl Default for States {
    fn default() -> Self {
        Self { ice: RTCIceConnectionState::New, connection: RTCPeerConnectionState::New }
    }
}

/// Takes the callbacks of one connection.
pub(crate) struct Handler {
    pub(crate) told: Arc<Told>,
    pub(crate) report: Report,
    pub(crate) states: watch::Sender<States>,
    pub(crate) wire: Wire,
}

/// The interface of a host candidate; asked of the address before a 1:1 NAT takes its place.
fn interface(candidate: &str) -> Option<String> {
    let facts = CandidateFacts::read(candidate).ok().filter(|facts| facts.kind == "host")?;
    interface_of(facts.address.parse().ok()?)
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(candidate) = event.candidate.to_json() else { return };
        let Some(text) = rewrite_candidate(&candidate.candidate, &self.wire.addresses) else { return };
        let (url, relay_protocol) = self.wire.server(&event.url);
        let interface = interface(&candidate.candidate);
        self.report.local_candidate(&text, &url, relay_protocol, interface.as_deref());
        self.told.candidates.send_if_modified(|told| {
            let new = !told.complete && !told.candidates.contains(&text);
            if new {
                told.candidates.push(text);
            }
            new
        });
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        let word = state.to_string();
        self.report
            .send(self.report.note("ice.gathering_state", format!("gathering: {word}")).with("state", word));
        if state == RTCIceGatheringState::Complete {
            self.told.candidates.send_if_modified(|told| !std::mem::replace(&mut told.complete, true));
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        let word = state.to_string();
        self.report
            .send(self.report.note("ice.connection_state", format!("ICE: {word}")).with("state", word));
        self.states.send_modify(|states| states.ice = state);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.states.send_modify(|states| states.connection = state);
    }
}
