//! What a plugin says and what happens to it, on the way to the log and to the evidence.

use std::sync::{Mutex, MutexGuard, PoisonError};

use icescope_model::{EventSink, Evidence, Lane, Level, Monotonic, Observation, Scope, SeenBy};
use icescope_plugin_abi as abi;

use crate::bucket::Bucket;
use crate::options::GrantedServer;
use crate::proto::{WireEvent, WireReport};
use crate::redact::Redactor;

/// One plugin's mouth.
#[derive(Debug)]
pub(crate) struct Voice {
    name: String,
    sink: EventSink,
    redactor: Mutex<Redactor>,
    prints: Mutex<Bucket>,
}

impl Voice {
    pub(crate) fn new(name: &str, sink: EventSink) -> Self {
        Self {
            name: name.to_owned(),
            sink,
            redactor: Mutex::default(),
            prints: Mutex::new(Bucket::new(20, 100)),
        }
    }

    fn redactor(&self) -> MutexGuard<'_, Redactor> {
        self.redactor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these secrets are taken out of all that the plugin says.
    pub(crate) fn learn(&self, servers: &[GrantedServer]) {
        self.redactor().learn(servers);
    }

    /// A text of the plugin's without secrets.
    pub(crate) fn clean(&self, text: String) -> String {
        self.redactor().text(text)
    }

    /// A line of the plugin's log.
    pub(crate) fn log(&self, level: u32, target: String, message: String) {
        let (plugin, source, message) = (&self.name, self.clean(target), self.clean(message));
        match level {
            0 | abi::ICS_ERROR => tracing::error!(target: "plugin", plugin, source, "{message}"),
            abi::ICS_WARN => tracing::warn!(target: "plugin", plugin, source, "{message}"),
            abi::ICS_INFO => tracing::info!(target: "plugin", plugin, source, "{message}"),
            abi::ICS_DEBUG => tracing::debug!(target: "plugin", plugin, source, "{message}"),
            _ => tracing::trace!(target: "plugin", plugin, source, "{message}"),
        }
    }

    /// A line that the plugin's process printed; too many are left out.
    pub(crate) fn printed(&self, line: &[u8]) {
        if self.prints.lock().unwrap_or_else(PoisonError::into_inner).take(Monotonic::now()) {
            self.log(abi::ICS_INFO, "stderr".to_owned(), String::from_utf8_lossy(line).trim_end().to_owned());
        }
    }

    /// Something that happened to the plugin, for the log and for every live session.
    pub(crate) fn happened(&self, kind: &'static str, level: Level, summary: String) {
        let (plugin, summary) = (&self.name, self.clean(summary));
        match level {
            Level::Error => tracing::error!(plugin, kind, "{summary}"),
            Level::Warn => tracing::warn!(plugin, kind, "{summary}"),
            Level::Info => tracing::info!(plugin, kind, "{summary}"),
            Level::Debug => tracing::debug!(plugin, kind, "{summary}"),
        }
        let observation = Observation::new(Scope::Daemon, Evidence::Api, Lane::Peer, Lane::Peer, kind);
        self.sink.send(observation.level(level).summary(summary).with("plugin", self.name.as_str()));
    }

    /// An event that the plugin emitted outside a probe's run.
    pub(crate) fn event(&self, event: WireEvent) {
        let event = self.clean_event(event);
        let evidence = evidence(event.evidence);
        let (from, to) = (lane(event.from_lane), lane(event.to_lane));
        let mut observation = Observation::new(Scope::Daemon, evidence, from, to, "plugin.event")
            .at(time(event.time_ns))
            .seen_by(SeenBy::Plugin)
            .level(level(event.level))
            .summary(event.summary);
        observation.attributes = event.attributes;
        self.sink.send(observation.with("plugin", self.name.as_str()).with("schema", event.schema));
    }

    /// A report that the plugin made outside a probe's run.
    pub(crate) fn report(&self, report: WireReport) {
        let document = self.document(&report.json);
        let summary = format!("{}: report {} about {}", self.name, report.schema, report.subject);
        let observation =
            Observation::new(Scope::Daemon, Evidence::Api, Lane::Peer, Lane::Peer, "plugin.report")
                .seen_by(SeenBy::Plugin)
                .summary(self.clean(summary))
                .with("plugin", self.name.as_str())
                .with("schema", self.clean(report.schema))
                .with("subject", self.clean(report.subject))
                .with("document", document);
        self.sink.send(observation);
    }

    /// An event without secrets.
    pub(crate) fn clean_event(&self, event: WireEvent) -> WireEvent {
        let redactor = self.redactor();
        WireEvent {
            schema: redactor.text(event.schema),
            summary: redactor.text(event.summary),
            attributes: redactor.map(event.attributes),
            ..event
        }
    }

    /// A report's document without secrets; the driver has checked that it is JSON.
    pub(crate) fn document(&self, json: &str) -> serde_json::Value {
        self.redactor().value(serde_json::from_str(json).unwrap_or_default())
    }
}

/// Unknown numbers count as detail: a newer plugin may know more levels.
pub(crate) fn level(level: u32) -> Level {
    match level {
        abi::ICS_ERROR => Level::Error,
        abi::ICS_WARN => Level::Warn,
        abi::ICS_INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// A plugin runs where the daemon's peer is: that is the lane for what names none.
pub(crate) fn lane(lane: u32) -> Lane {
    match lane {
        abi::ICS_LANE_WEB => Lane::Web,
        abi::ICS_LANE_SIGNALLING => Lane::Signalling,
        abi::ICS_LANE_STUN => Lane::Stun,
        abi::ICS_LANE_TURN => Lane::Turn,
        _ => Lane::Peer,
    }
}

/// What is not said to be a packet is not drawn as one.
pub(crate) fn evidence(evidence: u32) -> Evidence {
    if evidence == abi::ICS_EVIDENCE_PACKET { Evidence::Packet } else { Evidence::Api }
}

/// A time that the plugin left out is now.
pub(crate) fn time(ns: i64) -> Monotonic {
    if ns > 0 { Monotonic(ns) } else { Monotonic::now() }
}
