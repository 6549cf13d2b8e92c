//! What is told of a stream to a TURN server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use icescope_model::{Evidence, Lane, Level, Observation, Scope};

use super::StreamServer;
use super::failure::{Failure, Step};
use super::open::Progress;

/// An observation with what all of them have.
fn about(scope: Scope, server: &StreamServer, (from, to): (Lane, Lane), kind: &'static str) -> Observation {
    Observation::new(scope, Evidence::Api, from, to, kind)
        .with("url", &*server.url)
        .with("protocol", server.protocol().word())
}

const ANSWER: (Lane, Lane) = (Lane::Turn, Lane::Peer);

/// Something happened on the way.
pub fn progress(scope: Scope, server: &StreamServer, from: IpAddr, progress: &Progress<'_>) -> Observation {
    let millis = |took: &Duration| format!("{:.1} ms", took.as_secs_f64() * 1e3);
    match progress {
        Progress::Connected { local, remote, took } => about(scope, server, ANSWER, "turn.tcp.connected")
            .summary(format!("TCP to the TURN server {remote} is up: {}", millis(took)))
            .with("localAddress", local.to_string())
            .with("remoteAddress", remote.to_string())
            .with("connectTime", took.as_secs_f64()),
        Progress::Secured { local, remote, took, version } => {
            about(scope, server, ANSWER, "turn.tls.connected")
                .summary(format!("{version} with the TURN server {remote} is up: {}", millis(took)))
                .with("localAddress", local.to_string())
                .with("remoteAddress", remote.to_string())
                .with("tlsVersion", *version)
                .with("connectTime", took.as_secs_f64())
        }
        Progress::Missed { remote, failure } => failed(scope, server, from, Some(*remote), failure)
            .with("next", "the next address of the server is tried"),
    }
}

/// It did not come about, or broke.
pub fn failed(
    scope: Scope,
    server: &StreamServer,
    from: IpAddr,
    remote: Option<SocketAddr>,
    failure: &Failure,
) -> Observation {
    let tls = server.tls.is_some();
    let (kind, what) = match failure.step {
        Step::Tcp => ("turn.tcp.failed", "TCP to the TURN server"),
        Step::Tls => ("turn.tls.failed", "TLS with the TURN server"),
        Step::Carrying if tls => ("turn.tls.closed", "the TLS connection to the TURN server ended:"),
        Step::Carrying => ("turn.tcp.closed", "the TCP connection to the TURN server ended:"),
    };
    // What came back goes from the server to the peer; silence does not.
    let lanes = match failure.cause {
        "timeout" | "name-not-resolved" | "unreachable" => (Lane::Peer, Lane::Peer),
        _ => ANSWER,
    };
    let whither = remote.map_or_else(|| server.host.clone(), |remote| remote.to_string());
    let verb = if failure.step == Step::Carrying { "" } else { " failed:" };
    let observation = about(scope, server, lanes, kind)
        .level(Level::Warn)
        .summary(format!("{what} {whither}{verb} {}", failure.text))
        .with("localAddress", from.to_string())
        .with("cause", failure.cause)
        .with("error", failure.text.as_str());
    match remote {
        Some(remote) => observation.with("remoteAddress", remote.to_string()),
        None => observation,
    }
}

/// The server has no address of the family of this local address.
pub fn no_such_family(scope: Scope, server: &StreamServer, from: IpAddr) -> Observation {
    let family = if from.is_ipv4() { "IPv4" } else { "IPv6" };
    about(scope, server, (Lane::Peer, Lane::Peer), "turn.tcp.skipped")
        .level(Level::Debug)
        .summary(format!(
            "the TURN server {} has no {family} address: none is tried from {from}",
            server.host
        ))
        .with("localAddress", from.to_string())
}

/// More is to be sent than the stream takes; said once.
pub fn congested(scope: Scope, server: &StreamServer, remote: SocketAddr) -> Observation {
    about(scope, server, (Lane::Peer, Lane::Peer), "turn.tcp.congested")
        .level(Level::Warn)
        .summary(format!(
            "The stream to the TURN server {remote} takes less than is to be sent: from now on some packets are dropped"
        ))
        .with("remoteAddress", remote.to_string())
}
