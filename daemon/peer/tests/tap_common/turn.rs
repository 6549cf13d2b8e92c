//! Plans that use a real TURN server (coturn) on loopback.

use rtc::peer_connection::configuration::{RTCConfigurationBuilder, RTCIceTransportPolicy};
use rtc::peer_connection::transport::RTCIceServer;

use super::Plan;
use super::coturn::{Turn, USER};
use super::coturn::{Users, coturn};

/// Starts it; `None`, and loudly, where it is not installed.
pub async fn turn_server() -> Option<Turn> {
    coturn(Users::Fixed, None).await
}

/// A plan that uses nothing but the relay.
pub fn relayed(ufrag: &'static str, turn: &Turn, password: &str) -> Plan {
    let mut plan = Plan::new(ufrag);
    plan.turn_servers = vec![turn.address];
    plan.configuration = RTCConfigurationBuilder::new()
        .with_ice_servers(vec![RTCIceServer {
            urls: vec![format!("turn:{}?transport=udp", turn.address)],
            username: USER.to_owned(),
            credential: password.to_owned(),
        }])
        .with_ice_transport_policy(RTCIceTransportPolicy::Relay)
        .build();
    plan
}
