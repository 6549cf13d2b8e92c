//! The behaviour of both ends' NATs (RFC 4787), and whether a direct path can be at all.

use icescope_model::report::Report;
use icescope_model::verdict::{Side, Stage};
use serde_json::Value;

use super::checks::settled;
use crate::course::Course;
use crate::facts::Facts;
use crate::facts::attributes::host;
use crate::facts::candidates::Candidate;
use crate::fault::Fault;

/// How a NAT maps (RFC 4787 §4.1), as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mapping {
    /// One mapping for all destinations.
    Independent,
    /// Another mapping for another destination: what a server sees is of no use to a peer.
    Dependent,
    /// Not known.
    #[default]
    Unknown,
}

/// What is known of one end's NAT, with the events that show it.
#[derive(Debug, Clone, Default)]
pub struct Nat {
    /// Its mapping.
    pub mapping: Mapping,
    /// It lets in only what comes from an address and port that was sent to (APDF).
    pub filters_per_port: Option<bool>,
    /// There is a carrier's NAT in front of it.
    pub carrier: Option<bool>,
    /// The events.
    pub at: Vec<u64>,
}

/// The newest NAT report of IPv4.
fn report(reports: &[Report]) -> Option<&Value> {
    let of_nat = |report: &&Report| report.schema == "icescope.nat/1" && report.subject == "ipv4";
    reports.iter().filter(of_nat).max_by_key(|report| report.unix_ms).map(|report| &report.document)
}

/// The daemon's NAT: by the probe's report, else by what two servers saw of one socket.
pub fn daemons(facts: &Facts, reports: &[Report]) -> Nat {
    let word = |key: &str| report(reports).and_then(|document| document.get(key));
    let mapping = match word("mapping").and_then(Value::as_str) {
        Some("EIM") => Mapping::Independent,
        Some("ADM" | "APDM") => Mapping::Dependent,
        _ => Mapping::Unknown,
    };
    let filtering = word("filtering").and_then(Value::as_str);
    let mut nat = Nat {
        mapping,
        filters_per_port: filtering.filter(|word| *word != "unknown").map(|word| word == "APDF"),
        carrier: word("cgnat").and_then(Value::as_bool),
        at: Vec::new(),
    };
    if nat.mapping != Mapping::Unknown {
        return nat;
    }
    let servers: Vec<_> = facts.servers.of_side(Side::Daemon).collect();
    for (index, one) in servers.iter().enumerate() {
        for other in &servers[index + 1..] {
            for (local, mapped, at) in &one.mapped {
                let again =
                    other.mapped.iter().find(|(other, ..)| other == local && host(other) != host(mapped));
                if let Some((_, seen, other_at)) = again {
                    let same = seen == mapped;
                    nat.mapping = if same { Mapping::Independent } else { Mapping::Dependent };
                    nat.at = vec![*at, *other_at];
                }
            }
        }
    }
    nat
}

/// The client's NAT: two server-reflexive candidates of one base, by two servers.
pub fn clients(facts: &Facts) -> Nat {
    let srflx: Vec<&Candidate> = facts.candidates.browser.iter().filter(|c| c.kind == "srflx").collect();
    for (index, one) in srflx.iter().enumerate() {
        let other = srflx[index + 1..].iter().find(|other| same_base(one, other) && other.url != one.url);
        if let Some(other) = other {
            let same = (&one.address, one.port) == (&other.address, other.port);
            let mapping = if same { Mapping::Independent } else { Mapping::Dependent };
            return Nat { mapping, at: vec![one.at, other.at], ..Nat::default() };
        }
    }
    Nat::default()
}

/// Chromium hides the base's address (0.0.0.0) and, with it, tells port 0: then nothing is known.
fn same_base(one: &Candidate, other: &Candidate) -> bool {
    match (&one.related, &other.related) {
        (Some(a), Some(b)) => a == b && a.1 != 0 && a.0 != "0.0.0.0" && a.0 != "::",
        _ => false,
    }
}

pub fn faults(facts: &Facts, course: &Course, reports: &[Report], found: &mut Vec<Fault>) {
    let (daemon, client) = (daemons(facts, reports), clients(facts));
    if course.reached(Stage::Checks) || !settled(facts, course) || facts.candidates.has_relay() {
        return;
    }
    let evidence: Vec<u64> = daemon.at.iter().chain(&client.at).copied().collect();
    let symptom = facts.checks.pairs.iter().filter_map(|pair| pair.sent_at.first().copied()).take(3);
    match (daemon.mapping, client.mapping) {
        (Mapping::Dependent, Mapping::Dependent) => {
            let summary = "Both ends' NATs map each destination to another port (APDM), and there is no relay: no direct path can be found.";
            let fault = Fault::fatal("C1", Stage::Checks, summary).of(Side::Both);
            found.push(fault.shown_by(evidence).shown_by(symptom));
        }
        (Mapping::Independent, Mapping::Dependent) if daemon.filters_per_port == Some(true) => {
            let summary = "The browser's NAT maps each destination to another port (APDM) and the daemon's lets in only what comes from where it sent (APDF); there is no relay.";
            let fault = Fault::fatal("C2", Stage::Checks, summary).of(Side::Both);
            found.push(fault.shown_by(evidence).shown_by(symptom));
        }
        (Mapping::Dependent, Mapping::Independent) => {
            let summary = "The daemon's NAT maps each destination to another port (APDM), and no packet came in by the browser's; there is no relay.";
            let fault = Fault::fatal("C2", Stage::Checks, summary).of(Side::Both);
            found.push(fault.shown_by(evidence).shown_by(symptom));
        }
        _ => {}
    }
    if daemon.carrier == Some(true) {
        let summary = "The daemon is behind its carrier's NAT (CGNAT): ports cannot be forwarded to it.";
        let fault = Fault::degraded("C5", Stage::Checks, summary).of(Side::Daemon);
        found.push(fault.shown_by(symptom_of(facts)));
    }
}

fn symptom_of(facts: &Facts) -> Option<u64> {
    facts.candidates.daemon.iter().find(|candidate| candidate.kind == "srflx").map(|candidate| candidate.at)
}
