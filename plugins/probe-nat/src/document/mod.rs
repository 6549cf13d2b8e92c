//! The document `icescope.nat/1` of one family.

mod observation;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use icescope_plugin_sdk::Outcome;
use icescope_probe_kit::clock::milliseconds;
use serde::Serialize;

pub use self::observation::{Observation, describe as observation_text};
use crate::engine::Engine;
use crate::engine::server::{Capability, capability};
use crate::engine::streams::{Carrier, StreamEnd};
use crate::engine::test::{Kind, Test};
use crate::facts::{Filtering, Finding, Mapping, Ports, Udp};
use crate::lifetime::Lifetime;
use crate::verdict::{self, View};

/// The document's schema.
pub const SCHEMA: &str = "icescope.nat/1";

/// A server that was given, and what became of it before it could be asked.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its URI.
    pub url: String,
    /// Its number in the engine, or why it has none.
    pub place: Result<usize, String>,
}

/// One server in the document.
#[derive(Debug, Clone, Serialize)]
pub struct ServerEntry {
    url: String,
    address: Option<String>,
    answered: Option<bool>,
    rfc5780: Option<bool>,
    rtt_ms: Option<f64>,
    error: Option<String>,
}

/// What works, by transport.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Works {
    udp: Vec<String>,
    tcp: Vec<String>,
    tls: Vec<String>,
}

/// Why a field is what it is.
#[derive(Debug, Clone, Serialize)]
pub struct Because {
    because: String,
    observations: Vec<usize>,
}

/// The document.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    family: &'static str,
    local_address: Option<String>,
    public_address: Option<String>,
    nat: Option<bool>,
    mapping: Mapping,
    filtering: Filtering,
    ports: Ports,
    hairpin: Option<bool>,
    lifetime_s: Option<u64>,
    cgnat: Option<bool>,
    udp: Udp,
    works: Works,
    servers: Vec<ServerEntry>,
    summary: String,
    classic_name: Option<&'static str>,
    duration_ms: f64,
    evidence: BTreeMap<&'static str, Because>,
    observations: Vec<Observation>,
    #[serde(skip)]
    outcome: Outcome,
}

impl Document {
    /// From a finished run.
    pub fn new(engine: &Engine, given: &[Given], duration: Duration, lifetime: Option<&Lifetime>) -> Self {
        let view = engine.view();
        let nat = verdict::translation::nat(&view);
        let mapping = verdict::mapping::overall(&view);
        let filtering = verdict::filtering::overall(&view);
        let ports = verdict::ports::overall(&view);
        let hairpin = verdict::hairpin::overall(&view);
        let cgnat = verdict::carrier::cgnat(&view);
        let udp = verdict::udp::overall(&view);
        let public = verdict::translation::public(&view);
        let local = public
            .map(|(server, _)| view.servers[server].target.source)
            .or_else(|| view.servers.first().map(|server| server.target.source));
        let mut document = Self {
            family: if view.ipv6 { "ipv6" } else { "ipv4" },
            local_address: local.map(|address| address.to_string()),
            public_address: public.map(|(_, mapped)| mapped.ip().to_string()),
            nat: nat.value,
            mapping: mapping.value,
            filtering: filtering.value,
            ports: ports.value,
            hairpin: hairpin.value,
            lifetime_s: lifetime.and_then(|lifetime| lifetime.seconds),
            cgnat: cgnat.value,
            udp: udp.value,
            works: works(&view),
            servers: given.iter().map(|given| entry(&view, given)).collect(),
            summary: String::new(),
            classic_name: words::classic(nat.value, mapping.value, filtering.value, udp.value),
            duration_ms: milliseconds(duration),
            evidence: BTreeMap::new(),
            observations: engine.tests().iter().filter_map(Observation::of).collect(),
            outcome: Outcome::Unknown,
        };
        if let Some(lifetime) = lifetime {
            document.note("lifetime_s", Finding::new((), lifetime.because.clone(), Vec::new()));
        }
        document.note("nat", nat);
        document.note("mapping", mapping);
        document.note("filtering", filtering);
        document.note("ports", ports);
        document.note("hairpin", hairpin);
        document.note("cgnat", cgnat);
        document.note("udp", udp);
        document.outcome = document.judge();
        document.summary = words::summary(&document);
        document
    }

    /// The subject of the report: the family.
    pub fn family(&self) -> &'static str {
        self.family
    }

    /// How the measurement turned out.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// In plain words.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    fn note<T>(&mut self, field: &'static str, finding: Finding<T>) {
        let because = Because { because: finding.because, observations: finding.evidence };
        self.evidence.insert(field, because);
    }

    fn judge(&self) -> Outcome {
        if !self.servers.iter().any(|server| server.address.is_some()) {
            return Outcome::Skipped;
        }
        match self.udp {
            Udp::Blocked => Outcome::Failed,
            Udp::Open | Udp::Partial
                if self.nat.is_some()
                    && self.mapping != Mapping::Unknown
                    && self.filtering != Filtering::Unknown =>
            {
                Outcome::Pass
            }
            _ => Outcome::Unknown,
        }
    }
}

fn works(view: &View<'_>) -> Works {
    let streams = |carrier: Carrier| {
        let answered = view.streams.iter().filter(|stream| stream.carrier == carrier && stream.is_answered());
        answered.map(|stream| stream.to.to_string()).collect::<Vec<_>>()
    };
    Works {
        udp: verdict::udp::destinations_that_work(view).iter().map(ToString::to_string).collect(),
        tcp: streams(Carrier::Tcp),
        tls: streams(Carrier::Tls),
    }
}

fn entry(view: &View<'_>, given: &Given) -> ServerEntry {
    let place = match &given.place {
        Ok(place) => *place,
        Err(why) => {
            return ServerEntry {
                url: given.url.clone(),
                address: None,
                answered: None,
                rfc5780: None,
                rtt_ms: None,
                error: Some(why.clone()),
            };
        }
    };
    let server = &view.servers[place];
    let (answered, error) = match server.target.carrier {
        None => over_udp(view, place),
        Some(carrier) => over_stream(view, place, carrier),
    };
    let (rfc5780, why_not) = match capability(place, server.address(), view.tests) {
        Capability::Capable(_) => (Some(true), None),
        Capability::Not(why) => (Some(false), Some(why)),
        Capability::Unknown => (None, None),
    };
    ServerEntry {
        url: given.url.clone(),
        address: Some(server.address().to_string()),
        answered,
        rfc5780,
        rtt_ms: server.pace.smoothed().map(milliseconds),
        // That a server has one address only is no error of it; anything else about RFC 5780 is worth a line.
        error: error.or_else(|| why_not.filter(|why| !why.contains("no OTHER-ADDRESS"))),
    }
}

fn over_udp(view: &View<'_>, place: usize) -> (Option<bool>, Option<String>) {
    let tests: Vec<&Test> = view
        .tests
        .iter()
        .filter(|test| {
            test.to == view.servers[place].address()
                && matches!(test.kind, Kind::Binding(s) | Kind::Beside(s) if s == place)
        })
        .collect();
    if let Some(answer) = tests.iter().find_map(|test| test.answer()) {
        return (Some(true), answer.error.as_ref().map(|(code, reason)| format!("{code} {reason}")));
    }
    if let Some(heard) = tests.iter().flat_map(|test| &test.heard).next() {
        return (Some(false), Some(format!("the answer came from {}, which was not asked", heard.source)));
    }
    if let Some(icmp) = tests.iter().flat_map(|test| &test.icmp).next() {
        return (Some(false), Some(words::icmp(*icmp)));
    }
    if let Some(why) = tests.iter().find_map(|test| test.unsent.clone()) {
        return (Some(false), Some(why));
    }
    let sent: usize = tests.iter().map(|test| test.sent.len()).sum();
    let settled = tests.iter().any(|test| test.is_silent());
    (settled.then_some(false), Some(format!("no answer to {sent} requests over UDP so far")))
}

fn over_stream(view: &View<'_>, place: usize, carrier: Carrier) -> (Option<bool>, Option<String>) {
    let address = view.servers[place].address();
    let stream = view.streams.iter().find(|stream| stream.to == address && stream.carrier == carrier);
    match stream.and_then(|stream| stream.ended.as_ref()) {
        Some((_, StreamEnd::Answered { .. })) => (Some(true), None),
        Some((_, StreamEnd::Refused)) => (Some(false), Some("the connection was refused".into())),
        Some((_, StreamEnd::Opened(why) | StreamEnd::Failed(why))) => (Some(false), Some(why.clone())),
        None => (None, Some("not connected when the other servers had told enough".into())),
    }
}
