//! A session's observations of what the crate's API tells.

use icescope_model::{EventSink, Evidence, Lane, Level, Observation, Scope, SessionId};

use crate::remote_candidates::CandidateFacts;

/// Where a session's observations go.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) session: SessionId,
    pub(crate) sink: EventSink,
}

impl Report {
    /// An observation in the peer's own lane, told by an API.
    pub(crate) fn note(&self, kind: &'static str, summary: impl Into<String>) -> Observation {
        self.between(Lane::Peer, Lane::Peer, kind, summary)
    }

    fn between(&self, from: Lane, to: Lane, kind: &'static str, summary: impl Into<String>) -> Observation {
        Observation::new(Scope::Session(self.session), Evidence::Api, from, to, kind).summary(summary)
    }

    /// Sends one on.
    pub(crate) fn send(&self, observation: Observation) {
        self.sink.send(observation);
    }

    /// A configured server that is not used.
    pub(crate) fn skipped_server(&self, url: &str, why: &str) {
        // Probes may speak to it, so that it stands there on purpose.
        let level = if url.starts_with("stuns:") { Level::Info } else { Level::Warn };
        self.send(
            self.note("ice.server_skipped", format!("{url} is not used: {why}"))
                .level(level)
                .with("url", url)
                .with("error", why),
        );
    }

    /// One of the daemon's own candidates.
    pub(crate) fn local_candidate(
        &self,
        text: &str,
        url: &str,
        relay_protocol: Option<&'static str>,
        interface: Option<&str>,
    ) {
        let Ok(facts) = CandidateFacts::read(text) else { return };
        let summary = format!("own candidate: {} {} {}", facts.kind, facts.protocol, facts.endpoint());
        let mut note = with_candidate(self.note("ice.candidate", summary), &facts).with("candidate", text);
        if !url.is_empty() {
            note = note.with("url", url);
        }
        if let Some(protocol) = relay_protocol.filter(|_| facts.kind == "relay") {
            note = note.with("relayProtocol", protocol);
        }
        if let Some(interface) = interface {
            note = note.with("interface", interface);
        }
        self.send(note);
    }

    /// One of the other side's candidates; `left_out` says why it is not used.
    pub(crate) fn remote_candidate(&self, facts: &CandidateFacts<'_>, left_out: Option<&str>) {
        let what = format!("{} {} {}", facts.kind, facts.protocol, facts.endpoint());
        let note = match left_out {
            None => self.between(
                Lane::Web,
                Lane::Peer,
                "ice.remote_candidate",
                format!("the client's candidate: {what}"),
            ),
            Some(why) => self
                .between(Lane::Web, Lane::Peer, "ice.remote_candidate", format!("left out: {what}: {why}"))
                .level(Level::Warn)
                .with("leftOut", why),
        };
        self.send(with_candidate(note, facts));
    }
}

fn with_candidate(note: Observation, facts: &CandidateFacts<'_>) -> Observation {
    let note = note
        .with("candidateType", facts.kind)
        .with("protocol", facts.protocol.to_ascii_lowercase())
        .with("address", facts.address)
        .with("port", facts.port)
        .with("priority", facts.priority);
    match facts.tcp_type {
        Some(kind) => note.with("tcpType", kind),
        None => note,
    }
}
