//! What sessions tell the relay: the daemon's candidates, which clients may reach through it, and the server-reflexive ones of
//! the client, which claim what was seen of it.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use icescope_model::SessionId;
use icescope_model::signal::{PeerLink, PeerState};
use icescope_relay::Relay;
use tokio_util::task::TaskTracker;

/// Candidates of the daemon that are let in per session: more than any session gathers, also after some ICE restarts.
const MOST: usize = 256;

/// Tells the relay of sessions. Cheap to clone.
#[derive(Clone)]
pub struct Follower {
    relay: Relay,
    tasks: TaskTracker,
    followed: Arc<Mutex<HashSet<SessionId>>>,
}

impl Follower {
    /// A follower of no session yet.
    pub fn new(relay: Relay) -> Self {
        Self { relay, tasks: TaskTracker::new(), followed: Arc::default() }
    }

    /// The client of a session names candidates: lines of SDP, or candidate attributes.
    pub fn heard<'a>(&self, session: SessionId, lines: impl IntoIterator<Item = &'a str>) {
        for candidate in lines.into_iter().filter_map(read).filter(|candidate| candidate.kind == "srflx") {
            self.relay.claim(session, candidate.address);
        }
    }

    /// The daemon answered a session: its candidates may be reached until it is over. Those that are in the answer may be from
    /// here on: a client that is fast asks for its permissions before the task below has had its turn.
    pub fn answered(&self, session: SessionId, mut link: PeerLink) {
        self.followed().insert(session);
        let mut reached = Vec::new();
        reach(&self.relay, session, &mut link, &mut reached);
        let this = self.clone();
        self.tasks.spawn(async move {
            follow(this.relay.clone(), session, link, reached).await;
            this.followed().remove(&session);
        });
    }

    /// A session is closed. One that was answered is followed until its connection has said goodbye; but a page has relayed
    /// addresses before it offers anything, too.
    pub fn closed(&self, session: SessionId) {
        if !self.followed().contains(&session) {
            self.relay.forget(session);
        }
    }

    fn followed(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all sessions are over, which they are once the peer is shut down; then stops the relay.
    pub async fn shut_down(&self) {
        self.tasks.close();
        self.relay.shut_down().await;
        self.tasks.wait().await;
    }
}

/// Lets clients reach what the daemon has told so far. Candidates of before an ICE restart stay: media flows over them until the
/// new ones are up.
fn reach(relay: &Relay, session: SessionId, link: &mut PeerLink, reached: &mut Vec<SocketAddr>) {
    let known = link.candidates.borrow_and_update().candidates.clone();
    for candidate in known.iter().filter_map(|text| read(text)) {
        if reached.len() < MOST && !reached.contains(&candidate.address) {
            reached.push(candidate.address);
        }
    }
    relay.set_candidates(session, reached.clone());
}

async fn follow(relay: Relay, session: SessionId, mut link: PeerLink, mut reached: Vec<SocketAddr>) {
    loop {
        let goes_on = tokio::select! {
            changed = link.candidates.changed() => changed.is_ok(),
            // The value or the news that there will be none: both mean that it is over.
            _ = link.state.wait_for(|state| matches!(state, PeerState::Closed(_))) => false,
        };
        if !goes_on {
            break;
        }
        reach(&relay, session, &mut link, &mut reached);
    }
    relay.forget(session);
}

struct Candidate<'a> {
    address: SocketAddr,
    kind: &'a str,
}

/// A UDP candidate with an address in numbers (RFC 8839 §5.1).
fn read(line: &str) -> Option<Candidate<'_>> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line).strip_prefix("candidate:")?;
    let mut words = line.split_ascii_whitespace().skip(2);
    let (protocol, _priority, address, port) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let kind = words.next().filter(|word| *word == "typ").and_then(|_| words.next())?;
    let address = SocketAddr::new(address.parse::<IpAddr>().ok()?, port.parse().ok()?);
    protocol.eq_ignore_ascii_case("udp").then_some(Candidate { address, kind })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use icescope_config as config;
    use icescope_model::EventSink;
    use icescope_model::signal::{CloseReason, LocalCandidates};
    use tokio::sync::watch;

    use super::*;

    fn relay() -> Relay {
        let text = "[relay]\nlisten = \"127.0.0.1:0\"\n".to_owned();
        let settings =
            config::parse(Path::new("icescope.toml"), text, &config::Environment::default()).unwrap();
        Relay::start(super::super::options(&settings), EventSink::new(1).0).unwrap()
    }

    #[tokio::test]
    async fn what_is_in_the_answer_may_be_reached_before_the_answer_is_out() {
        let follower = Follower::new(relay());
        let line = |port: u16| format!("candidate:1 1 udp 2130706431 192.0.2.1 {port} typ host");
        let told = |ports: &[u16]| LocalCandidates {
            candidates: ports.iter().map(|port| line(*port)).collect(),
            ..LocalCandidates::default()
        };
        let candidates = watch::Sender::new(told(&[5000, 5001]));
        let state = watch::Sender::new(PeerState::Connecting);
        let link = PeerLink { candidates: candidates.subscribe(), state: state.subscribe() };
        let has = |port: u16| follower.relay.has_candidate(SocketAddr::new([192, 0, 2, 1].into(), port));
        follower.answered(SessionId::random(), link);
        assert!(has(5000) && has(5001), "no other task has had its turn");
        assert!(!has(5002));
        candidates.send_replace(told(&[5000, 5001, 5002]));
        while !has(5002) {
            tokio::task::yield_now().await;
        }
        state.send_replace(PeerState::Closed(CloseReason::Deleted));
        follower.shut_down().await;
        assert!(!has(5000), "the session is over");
    }

    #[tokio::test]
    async fn a_session_that_closes_without_an_answer_loses_its_name_at_the_relay() {
        let relay = relay();
        let follower = Follower::new(relay.clone());
        let session = SessionId::random();
        let id = || relay.credentials(Some(session)).username.split_once(':').unwrap().1.to_owned();
        let first = id();
        assert_eq!(id(), first);
        follower.closed(session);
        assert_ne!(id(), first);
        follower.shut_down().await;
    }

    #[test]
    fn candidates_are_read_from_sdp_and_from_trickle() {
        let found = |line: &str| {
            read(line).map(|candidate| (candidate.address.to_string(), candidate.kind.to_owned()))
        };
        let srflx =
            "candidate:1 1 udp 1677729535 203.0.113.7 50000 typ srflx raddr 0.0.0.0 rport 0 generation 0";
        let expected = Some(("203.0.113.7:50000".to_owned(), "srflx".to_owned()));
        assert_eq!(found(srflx), expected);
        assert_eq!(found(&format!("a={srflx}\r")), expected);
        for other in [
            "candidate:1 1 tcp 1677729535 203.0.113.7 9 typ host tcptype active",
            "candidate:1 1 udp 1677729535 2f0c.local 50000 typ host",
            "candidate:1 1 udp 5 203.0.113.7",
            "m=video 9 UDP/TLS/RTP/SAVPF 96",
            "",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
