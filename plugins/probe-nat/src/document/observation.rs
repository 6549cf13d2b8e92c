//! One test, as the document shows it.

use icescope_probe_kit::clock::milliseconds;
use serde::Serialize;

use super::words;
use crate::engine::test::{Kind, State, Test};

/// What was asked and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Observation {
    id: usize,
    test: &'static str,
    from: String,
    to: String,
    ttl: Option<u8>,
    begun_ms: f64,
    requests: usize,
    answers: usize,
    sources: Vec<String>,
    mapped_address: Option<String>,
    other_address: Option<String>,
    rtt_ms: Option<f64>,
    icmp: Vec<String>,
    error: Option<String>,
    result: &'static str,
    text: String,
}

impl Observation {
    /// Of a test that was sent, or would have been.
    pub fn of(test: &Test) -> Option<Self> {
        if test.sent.is_empty() && test.unsent.is_none() {
            return None;
        }
        let (sources, icmp) = heard(test);
        let error = test.answer().and_then(|answer| answer.error.as_ref());
        Some(Self {
            id: test.id,
            test: name(test.kind),
            from: test.local.to_string(),
            to: test.to.to_string(),
            ttl: test.ttl,
            begun_ms: milliseconds(test.begun),
            requests: test.sent.len(),
            answers: test.heard.len(),
            mapped_address: test.mapped().map(|mapped| mapped.to_string()),
            other_address: test.answer().and_then(|answer| answer.other).map(|other| other.to_string()),
            rtt_ms: test.round_trip().map(milliseconds),
            error: error.map(|(code, reason)| format!("{code} {reason}")).or_else(|| test.unsent.clone()),
            result: result(test.state),
            text: text(test, &sources, &icmp),
            sources,
            icmp,
        })
    }
}

/// Where answers came from, and ICMP messages, each once.
fn heard(test: &Test) -> (Vec<String>, Vec<String>) {
    let mut sources: Vec<String> = test.heard.iter().map(|heard| heard.source.to_string()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut icmp: Vec<String> = test.icmp.iter().map(|icmp| words::icmp(*icmp)).collect();
    icmp.dedup();
    (sources, icmp)
}

/// A test's name, and what came of it in one line.
pub fn describe(test: &Test) -> (&'static str, String) {
    let (sources, icmp) = heard(test);
    (name(test.kind), text(test, &sources, &icmp))
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Binding(_) => "binding",
        Kind::Filtering(_) => "filtering",
        Kind::Beside(_) => "beside",
        Kind::Recheck(_) => "recheck",
        Kind::Mapping(_) => "mapping",
        Kind::Control(_) => "filtering-control",
        Kind::Sample(_) => "port-sample",
        Kind::Hairpin => "hairpin",
        Kind::Trace => "trace",
        Kind::TraceSelf => "trace-self",
        Kind::SparePort(_) => "other-port",
        Kind::ClosedPort(_) => "closed-port",
    }
}

fn result(state: State) -> &'static str {
    match state {
        State::Asking => "open",
        State::Answered => "answered",
        State::Silent => "silent",
        State::Unsure => "unsure",
        State::Dropped => "dropped",
    }
}

/// One line: what was asked, of whom, and what came back.
fn text(test: &Test, sources: &[String], icmp: &[String]) -> String {
    let ask = match (test.ask.change_address, test.ask.change_port) {
        (true, _) => "for an answer from its other address and port",
        (false, true) => "for an answer from its other port",
        (false, false) => "for the mapped address",
    };
    let whom = match test.ttl {
        Some(ttl) => format!("{} with TTL {ttl}", test.to),
        None => test.to.to_string(),
    };
    let times = test.sent.len();
    let asked = format!("{whom} was asked {ask}, {times} time{}", if times == 1 { "" } else { "s" });
    match (test.mapped(), sources.is_empty(), icmp.is_empty()) {
        (Some(mapped), _, _) => format!("{asked}: {} is seen as {mapped}", test.local),
        (None, false, _) => format!("{asked}: heard from {}", sources.join(", ")),
        (None, true, false) => format!("{asked}: {}", icmp.join(", ")),
        (None, true, true) => format!("{asked}: no answer"),
    }
}
