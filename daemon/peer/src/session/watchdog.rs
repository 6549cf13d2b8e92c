//! The task that owns a session from its answer to its end.

use std::sync::Arc;
use std::time::Duration;

use icescope_model::signal::{CloseReason, LocalCandidates, PeerState};
use icescope_model::{Level, Observation};
use rtc::statistics::stats::ice_candidate::RTCIceCandidateStats;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use webrtc::peer_connection::{
    RTCIceConnectionState, RTCPeerConnectionState, RTCStatsReportEntry, StatsSelector,
};

use super::build::Ends;
use super::handler::States;
use super::report::Report;
use super::{Media, Session};
use crate::options::Options;
use crate::peer::Inner;

/// What has been seen of a connection so far.
#[derive(Debug, Default)]
struct Course {
    /// ICE was up at some time.
    checked: bool,
    connected: bool,
    lost: bool,
}

/// What a change of states means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Nothing,
    /// It is up, for the first time.
    Up,
    Lost,
    /// It is up again.
    Back,
    Over(CloseReason),
}

impl Course {
    fn step(&mut self, states: States) -> Step {
        use RTCIceConnectionState as Ice;
        use RTCPeerConnectionState as Connection;
        self.checked |= matches!(states.ice, Ice::Connected | Ice::Completed);
        match (states.ice, states.connection) {
            // Once it was up, either failure tells the same; which of the two is told first is chance.
            (Ice::Failed, _) | (_, Connection::Failed) if self.lost => Step::Over(CloseReason::Vanished),
            (Ice::Failed, _) | (_, Connection::Failed) if self.connected => {
                Step::Over(CloseReason::Failed("ICE failed: the path broke".to_owned()))
            }
            // A handshake begins only when ICE is up: the state of the whole may be told before that of ICE.
            (_, Connection::Failed) if self.checked => {
                Step::Over(CloseReason::Failed("the DTLS handshake failed".to_owned()))
            }
            (Ice::Failed, _) | (_, Connection::Failed) => Step::Over(CloseReason::Failed(
                "ICE failed: no candidate pair answered its checks".to_owned(),
            )),
            (Ice::Closed, _) | (_, Connection::Closed) => {
                Step::Over(CloseReason::Failed("the connection's driver stopped".to_owned()))
            }
            (Ice::Disconnected, _) if self.connected && !self.lost => {
                self.lost = true;
                Step::Lost
            }
            (Ice::Connected | Ice::Completed, Connection::Connected) => {
                let step = match (self.connected, self.lost) {
                    (false, _) => Step::Up,
                    (true, true) => Step::Back,
                    (true, false) => Step::Nothing,
                };
                (self.connected, self.lost) = (true, false);
                step
            }
            _ => Step::Nothing,
        }
    }
}

/// How long gathering may go on: the crate tells its end late or, with a dead TURN server, never.
#[derive(Debug, Default)]
struct Gathering {
    ufrag: String,
    until: Option<Instant>,
}

impl Gathering {
    /// Takes note of a new generation, or of the end of this one.
    fn see(&mut self, told: &LocalCandidates, options: &Options) {
        if told.complete {
            self.until = None;
        } else if self.until.is_none() || self.ufrag != told.ufrag {
            told.ufrag.clone_into(&mut self.ufrag);
            self.until = Some(Instant::now() + options.gather_timeout);
        }
    }
}

/// Watches a session until it is over, then takes everything down.
pub(crate) async fn watch(inner: Arc<Inner>, session: Arc<Session>, ends: Ends, options: Arc<Options>) {
    let report = Report { session: session.id, sink: inner.sink.clone() };
    let reason = until_over(&inner, &session, ends, &options, &report).await;
    take_down(&inner, &session, reason, &report).await;
}

async fn until_over(
    inner: &Inner,
    session: &Session,
    mut ends: Ends,
    options: &Options,
    report: &Report,
) -> CloseReason {
    let began = Instant::now();
    let mut course = Course::default();
    let mut vanish_by = None;
    let mut remote_close = session.wire.remote_close();
    let mut candidates = session.told.candidates.subscribe();
    let mut gathering = Gathering::default();
    loop {
        gathering.see(&candidates.borrow_and_update(), options);
        let connect_by = (!course.connected).then(|| began + options.connect_timeout);
        let deadline = gathering.until.into_iter().chain(connect_by).chain(vanish_by).min();
        let stopped = tokio::select! {
            reason = ends.ending.recv() => reason.unwrap_or(CloseReason::ShuttingDown),
            changed = ends.states.changed() => {
                if changed.is_err() {
                    return CloseReason::Failed("the connection's driver stopped".to_owned());
                }
                let states = *ends.states.borrow_and_update();
                let step = course.step(states);
                match step {
                    // The agent's own end of patience is set by the first connection, which may take longer than this.
                    Step::Lost => vanish_by = Some(Instant::now() + silence(options)),
                    Step::Back => vanish_by = None,
                    _ => {}
                }
                match apply(session, step, report).await {
                    Some(reason) => reason,
                    None => continue,
                }
            }
            () = becomes_true(&mut remote_close) => CloseReason::ClosedByRemote,
            _ = candidates.changed() => continue,
            () = sleep_until(deadline.unwrap_or(began)), if deadline.is_some() => {
                let now = Instant::now();
                if vanish_by.is_some_and(|by| by <= now) {
                    CloseReason::Vanished
                } else if connect_by.is_some_and(|by| by <= now) {
                    CloseReason::NeverConnected
                } else {
                    // A dead server keeps the crate's own end of gathering away for ever.
                    session.told.candidates.send_if_modified(|told| !std::mem::replace(&mut told.complete, true));
                    continue;
                }
            }
            () = inner.stop.cancelled() => CloseReason::ShuttingDown,
        };
        return stopped;
    }
}

/// From the moment that a connection counts as disconnected, so long until it counts as vanished.
fn silence(options: &Options) -> Duration {
    options.vanished.saturating_sub(options.disconnected)
}

/// Returns once the value is true; never if it can no longer become so.
async fn becomes_true(value: &mut watch::Receiver<bool>) {
    if value.wait_for(|value| *value).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn apply(session: &Session, step: Step, report: &Report) -> Option<CloseReason> {
    match step {
        Step::Nothing => {}
        Step::Up | Step::Back => {
            if step == Step::Up {
                report.send(report.note("dtls.state", "DTLS: connected").with("state", "connected"));
            }
            if let Some(pair) = selected_pair(session, report).await {
                report.send(pair);
            }
            session.told.state.send_replace(PeerState::Connected);
        }
        Step::Lost => {
            session.told.state.send_replace(PeerState::Disconnected);
        }
        Step::Over(reason) => {
            if matches!(&reason, CloseReason::Failed(what) if what.contains("DTLS")) {
                report.send(
                    report.note("dtls.state", "DTLS: failed").level(Level::Error).with("state", "failed"),
                );
            }
            return Some(reason);
        }
    }
    None
}

/// The pair that the daemon's end sends over. The crate's statistics show the selected pair only.
async fn selected_pair(session: &Session, report: &Report) -> Option<Observation> {
    let stats = session.connection.get_stats(std::time::Instant::now(), StatsSelector::None).await;
    let pair = stats.candidate_pairs().find(|pair| pair.nominated)?;
    // The crate prefixes the identifiers of candidates, but not those that a pair refers to them by.
    let candidate = |id: &str| {
        stats.iter().find_map(|entry| match entry {
            RTCStatsReportEntry::LocalCandidate(candidate)
            | RTCStatsReportEntry::RemoteCandidate(candidate) => {
                candidate.stats.id.ends_with(id).then_some(candidate)
            }
            _ => None,
        })
    };
    let (local, remote) = (candidate(&pair.local_candidate_id)?, candidate(&pair.remote_candidate_id)?);
    let address = |stats: &RTCIceCandidateStats| stats.address.clone().unwrap_or_default();
    let end = |stats: &RTCIceCandidateStats, port: u16| {
        format!("{} {}:{port}", stats.candidate_type, stats.address.as_deref().unwrap_or_default())
    };
    let local_port = session.wire.port_of(local);
    let (ours, theirs) = (end(local, local_port), end(remote, remote.port));
    Some(
        report
            .note("ice.selected_pair", format!("selected by the daemon's end: {ours} ↔ {theirs}"))
            .with("localCandidateType", local.candidate_type.to_string())
            .with("localAddress", address(local))
            .with("localPort", local_port)
            .with("remoteCandidateType", remote.candidate_type.to_string())
            .with("remoteAddress", address(remote))
            .with("remotePort", remote.port)
            .with("protocol", local.protocol.clone()),
    )
}

async fn take_down(inner: &Inner, session: &Session, reason: CloseReason, report: &Report) {
    inner.forget(session.id);
    if let Media::Play { viewer, .. } = &session.media {
        viewer.stream().leave(session.id);
    }
    session.wire.shut_down();
    if session.wire.is_relayed() {
        session.farewell.ask();
        if session.connection.close().await.is_err() {
            session.wire.farewell().await;
        }
    }
    if let Err(error) = session.connection.close().await {
        tracing::warn!(session = %session.id, %error, "the connection did not close cleanly");
    }
    let level = match reason {
        CloseReason::Deleted | CloseReason::ClosedByRemote | CloseReason::ShuttingDown => Level::Info,
        _ => Level::Warn,
    };
    let note = report.note("session.closed", reason.describe()).level(level).with("reason", reason.code());
    report.send(note);
    session.told.state.send_replace(PeerState::Closed(reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(ice: RTCIceConnectionState, connection: RTCPeerConnectionState) -> States {
        States { ice, connection }
    }

    #[test]
    fn a_connection_comes_up_is_lost_comes_back_and_vanishes() {
        use RTCIceConnectionState as Ice;
        use RTCPeerConnectionState as Connection;
        let mut course = Course::default();
        assert_eq!(course.step(states(Ice::Checking, Connection::Connecting)), Step::Nothing);
        assert_eq!(
            course.step(states(Ice::Connected, Connection::Connecting)),
            Step::Nothing,
            "DTLS is not up yet"
        );
        assert_eq!(course.step(states(Ice::Connected, Connection::Connected)), Step::Up);
        assert_eq!(course.step(states(Ice::Connected, Connection::Connected)), Step::Nothing);
        assert_eq!(course.step(states(Ice::Disconnected, Connection::Disconnected)), Step::Lost);
        assert_eq!(course.step(states(Ice::Connected, Connection::Connected)), Step::Back);
        assert_eq!(course.step(states(Ice::Disconnected, Connection::Disconnected)), Step::Lost);
        assert_eq!(course.step(states(Ice::Failed, Connection::Failed)), Step::Over(CloseReason::Vanished));
    }

    #[test]
    fn failures_say_what_failed() {
        use RTCIceConnectionState as Ice;
        use RTCPeerConnectionState as Connection;
        let over = |ice, connection| match Course::default().step(states(ice, connection)) {
            Step::Over(reason) => reason.describe(),
            step => panic!("{step:?}"),
        };
        assert!(over(Ice::Failed, Connection::Failed).contains("no candidate pair"));
        assert!(
            over(Ice::Checking, Connection::Failed).contains("no candidate pair"),
            "ICE's own word is late"
        );
        assert!(over(Ice::Connected, Connection::Failed).contains("DTLS"));
    }
}
