//! A real TURN server (coturn) on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::process::Stdio;
use std::time::Duration;

use rtc::peer_connection::configuration::{RTCConfigurationBuilder, RTCIceTransportPolicy};
use rtc::peer_connection::transport::RTCIceServer;
use tokio::process::{Child, Command};

use super::{Plan, soon};

/// The right password.
pub const SECRET: &str = "a-turn-password";
/// The user.
pub const USER: &str = "turn-user-name";

/// A running coturn; ends with this.
pub struct Turn {
    _child: Child,
    pub address: SocketAddr,
}

/// Starts coturn; `None`, and loudly, where it is not installed.
pub async fn turn_server() -> Option<Turn> {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let child = Command::new("turnserver")
        .args([
            "-n",
            "--no-cli",
            "--no-tls",
            "--no-dtls",
            "--no-tcp",
            "--no-tcp-relay",
            "--allow-loopback-peers",
        ])
        .args(["--lt-cred-mech", "--realm", "test.example", "--log-file", "stdout", "--no-stdout-log"])
        .args(["--pidfile", "/dev/null", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
        .arg(format!("--listening-port={port}"))
        .arg(format!("--user={USER}:{SECRET}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!(
                "SKIPPED: relayed connections are not tested: turnserver (Debian package coturn): {error}"
            );
            return None;
        }
    };
    // It is up when it answers a Binding request.
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([3; 12]);
    soon("the TURN server", async {
        let mut buffer = [0; 500];
        loop {
            let _ = socket.send_to(&request, address).await;
            if let Ok(Ok(_)) =
                tokio::time::timeout(Duration::from_millis(50), socket.recv_from(&mut buffer)).await
            {
                break;
            }
        }
    })
    .await;
    Some(Turn { _child: child, address })
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
