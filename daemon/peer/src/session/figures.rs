//! About once a second while a connection is up: what went through its sockets, and what the other end reports of it.

use std::sync::Arc;
use std::time::Duration;

use icescope_model::signal::PeerState;
use icescope_model::{Evidence, Lane, Level, Monotonic, Observation, Scope};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::report::Report;
use super::{Media, Session};
use crate::tap::{Counters, LastInbound};

/// As often as a page reads its own statistics.
const EVERY: Duration = Duration::from_secs(1);

/// Tells them from the connection on until the session is over.
pub(crate) async fn tell(session: Arc<Session>, report: Report) {
    let mut state = session.told.state.subscribe();
    if !comes_up(&mut state).await {
        return;
    }
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = is_over(&mut state) => return,
        }
        let counters = session.wire.counters();
        if before.replace(counters) != Some(counters) {
            let heard = session.wire.last_inbound();
            report.send(observation(report.session, &counters, heard, &session.media, Monotonic::now()));
        }
    }
}

/// Waits for the connection; false if the session is over before it.
async fn comes_up(state: &mut watch::Receiver<PeerState>) -> bool {
    let up = state.wait_for(|state| matches!(state, PeerState::Connected | PeerState::Closed(_))).await;
    matches!(up.as_deref(), Ok(PeerState::Connected))
}

/// Waits for the end: the value, or the news that there will be no other.
async fn is_over(state: &mut watch::Receiver<PeerState>) {
    let _ = state.wait_for(|state| matches!(state, PeerState::Closed(_))).await;
}

fn observation(
    session: icescope_model::SessionId,
    counters: &Counters,
    heard: LastInbound,
    media: &Media,
    now: Monotonic,
) -> Observation {
    let mut observation =
        Observation::new(Scope::Session(session), Evidence::Packet, Lane::Peer, Lane::Peer, "rtp.counters")
            .at(now)
            .level(Level::Debug)
            .summary(format!(
                "{} RTP packets sent, {} received; {} and {} of RTCP",
                counters.rtp_out, counters.rtp_in, counters.rtcp_out, counters.rtcp_in
            ))
            .with("packetsSent", counters.rtp_out)
            .with("packetsReceived", counters.rtp_in)
            .with("rtcpPacketsSent", counters.rtcp_out)
            .with("rtcpPacketsReceived", counters.rtcp_in)
            .with("bytesSent", counters.bytes_out)
            .with("bytesReceived", counters.bytes_in);
    // RFC 7675 §5.1: consent is an answered check; it ends 30 s after the last.
    if let Some(check) = heard.check {
        observation = observation.with("consentAge", now.since(check).max(0) as f64 / 1e9);
    }
    match media {
        Media::Play { viewer, .. } => {
            for (name, value) in viewer.feedback.facts() {
                if value != Value::Null {
                    observation = observation.with(name, value);
                }
            }
            observation
        }
        Media::Ingest(meter) => {
            let stats = meter.read();
            observation
                .with("packetsLost", stats.packets_lost)
                .with("jitter", stats.jitter)
                .with("framesReceived", stats.frames_received)
                .with("keyFramesReceived", stats.key_frames_received)
        }
    }
}
