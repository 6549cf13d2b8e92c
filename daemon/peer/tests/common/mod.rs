//! What the tests share: a client made of the same crate, and sources that the tests drive.
#![allow(dead_code, clippy::unwrap_used, clippy::large_futures, missing_docs)]

pub mod authority;
pub mod client;
pub mod coturn;
mod mutable;
pub mod sources;
pub mod stray;

use std::sync::Arc;
use std::time::Duration;

use icescope_model::signal::{Answer, Direction, Offer};
use icescope_model::sink::EventSource;
use icescope_model::{EventSink, Observation, SessionId};
use icescope_peer::{Options, Peer, Sources};

/// Longer than anything here takes; a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn options() -> Options {
    Options {
        allow_loopback: true,
        interfaces: vec!["lo".into()],
        families: icescope_peer::Families::V4,
        mdns: icescope_peer::Mdns::Off,
        ..Options::default()
    }
}

pub struct Rig {
    pub peer: Peer,
    pub events: EventSource,
}

/// With RUST_LOG set, what the crates say goes to the test's output.
pub fn logs() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}

pub fn rig(options: Options, sources: Arc<dyn Sources>) -> Rig {
    logs();
    let (sink, events) = EventSink::new(4096);
    Rig { peer: Peer::new(options, sources, sink).unwrap(), events }
}

impl Rig {
    /// The next observation of a kind.
    pub async fn event(&mut self, kind: &str) -> Observation {
        let wait = async {
            loop {
                let observation = self.events.next().await.unwrap();
                if observation.kind == kind {
                    return observation;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no «{kind}»"))
    }

    /// All observations up to the first that is looked for, that one included.
    pub async fn until(&mut self, what: &str, found: impl Fn(&Observation) -> bool) -> Vec<Observation> {
        let wait = async {
            let mut seen = Vec::new();
            while !seen.last().is_some_and(&found) {
                seen.push(self.events.next().await.unwrap());
            }
            seen
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"))
    }

    /// The next observation of a kind among those that are there already.
    pub fn next_now(&mut self, kind: &str) -> Option<Observation> {
        std::iter::from_fn(|| self.events.try_next()).find(|observation| observation.kind == kind)
    }

    /// Kinds seen so far.
    pub fn kinds(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_next())
            .map(|observation| observation.kind.into_owned())
            .collect()
    }

    pub async fn play(&self, id: SessionId, sdp: String) -> Answer {
        self.peer.answer(id, play(sdp)).await.unwrap()
    }
}

pub fn play(sdp: String) -> Offer {
    Offer { sdp, direction: Direction::Play { source: None }, gather_for: Duration::ZERO }
}

/// Waits until a condition holds; what is waited for has no event of its own.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
