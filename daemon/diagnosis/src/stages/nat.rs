//! The behaviour of both ends' NATs (RFC 4787), and whether a direct path can be at all.

use icescope_model::report::Report;
use icescope_model::verdict::{Side, Stage};
use serde_json::Value;

use super::checks::settled;
use super::loss::same_public;
use crate::course::Course;
use crate::facts::Facts;
use crate::facts::attributes::host;
use crate::facts::candidates::Candidate;
use crate::fault::Fault;
use crate::nat_table::{self, Behaviour, Direct};

/// What is known of one end's NAT, with the events that show it.
#[derive(Debug, Clone, Default)]
pub struct Nat {
    /// How it maps and filters.
    pub behaviour: Behaviour,
    /// There is one at all.
    pub translates: Option<bool>,
    /// There is a carrier's NAT in front of it.
    pub carrier: Option<bool>,
    /// UDP does not get out at all.
    pub blocked: bool,
    /// It forgets an idle binding after so many seconds.
    pub lifetime: Option<u64>,
    /// The events.
    pub at: Vec<u64>,
}

impl Nat {
    /// In words, as the end's own.
    fn words(&self, end: &str) -> String {
        let behaviour = self.behaviour.words();
        match self.translates {
            Some(false) => format!("the {end} has no NAT (its firewall counts as {behaviour})"),
            _ => format!("the {end}'s NAT is {behaviour}"),
        }
    }
}

/// The newest NAT report of IPv4.
fn report(reports: &[Report]) -> Option<&Value> {
    let of_nat = |report: &&Report| report.schema == "icescope.nat/1" && report.subject == "ipv4";
    reports.iter().filter(of_nat).max_by_key(|report| report.unix_ms).map(|report| &report.document)
}

/// The daemon's NAT: by the probe's report, else by what two servers saw of one socket.
pub fn daemons(facts: &Facts, reports: &[Report]) -> Nat {
    let value = |key: &str| report(reports).and_then(|document| document.get(key));
    let word = |key: &str| value(key).and_then(Value::as_str).unwrap_or("unknown");
    let mut nat = Nat {
        behaviour: Behaviour::read(word("mapping"), word("filtering")),
        carrier: value("cgnat").and_then(Value::as_bool),
        blocked: word("udp") == "blocked",
        lifetime: value("lifetime_s").and_then(Value::as_u64),
        translates: value("nat").and_then(Value::as_bool),
        at: facts.nat.report.into_iter().collect(),
    };
    if nat.behaviour.is_known() {
        return nat;
    }
    let servers: Vec<_> = facts.servers.of_side(Side::Daemon).collect();
    for (index, one) in servers.iter().enumerate() {
        for other in &servers[index + 1..] {
            for (local, mapped, at) in &one.mapped {
                let again =
                    other.mapped.iter().find(|(other, ..)| other == local && host(other) != host(mapped));
                if let Some((_, seen, other_at)) = again {
                    nat.behaviour = Behaviour::read(mapping(seen == mapped), word("filtering"));
                    nat.at = vec![*at, *other_at];
                }
            }
        }
    }
    nat
}

/// The client's NAT. How it filters a browser cannot measure; but where the daemon's checks to the address that was told stay
/// unanswered, it does not let everything in.
pub fn clients(facts: &Facts) -> Nat {
    let mut nat = clients_mapping(facts);
    let told = |remote: &str| {
        facts.candidates.client().iter().any(|one| one.kind == "srflx" && one.endpoint() == remote)
    };
    let unheard = facts.checks.pairs.iter().find(|pair| {
        pair.relay.is_none() && pair.sent >= 3 && pair.answered + pair.received == 0 && told(&pair.remote)
    });
    if let Some(pair) = unheard {
        nat.behaviour = nat.behaviour.shut();
        nat.at.extend(pair.sent_at.iter().take(2));
    }
    nat
}

/// What the page found out, else two server-reflexive candidates of one base, by two servers.
fn clients_mapping(facts: &Facts) -> Nat {
    if let Some(told) = &facts.nat.v4 {
        return Nat {
            behaviour: Behaviour::read(&told.mapping, "unknown"),
            translates: told.untranslated.then_some(false),
            at: vec![told.at],
            ..Nat::default()
        };
    }
    let srflx: Vec<&Candidate> = facts.candidates.browser.iter().filter(|c| c.kind == "srflx").collect();
    for (index, one) in srflx.iter().enumerate() {
        let other = srflx[index + 1..].iter().find(|other| same_base(one, other) && other.url != one.url);
        if let Some(other) = other {
            let same = (&one.address, one.port) == (&other.address, other.port);
            let behaviour = Behaviour::read(mapping(same), "unknown");
            return Nat { behaviour, at: vec![one.at, other.at], ..Nat::default() };
        }
    }
    Nat::default()
}

/// Two servers saw one socket at the same address, or not.
fn mapping(same: bool) -> &'static str {
    if same { "EIM" } else { "ADM or APDM" }
}

/// What the table says of the two, in words, and the events that show it. Nothing where an end's UDP does not get out, or where
/// both are behind one NAT: then it is not about two NATs.
pub fn meeting(facts: &Facts, reports: &[Report]) -> Option<(Direct, String, Vec<u64>)> {
    let (daemon, client) = (daemons(facts, reports), clients(facts));
    if daemon.blocked || same_public(facts).is_some() {
        return None;
    }
    let words = format!("{} and {}", client.words("browser"), daemon.words("daemon"));
    let evidence = daemon.at.iter().chain(&client.at).copied().collect();
    Some((nat_table::direct(&client.behaviour, &daemon.behaviour), words, evidence))
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
    let (ours, theirs) = (&daemon.behaviour, &client.behaviour);
    let words = format!("{} and {}", client.words("browser"), daemon.words("daemon"));
    let never = match nat_table::direct(theirs, ours) {
        Direct::Works => return carrier(&daemon, facts, found),
        Direct::Cannot => "no direct path can be between them, and there is no relay",
        // Only a NAT that lets in what comes from anywhere could have helped.
        Direct::Unknown => {
            "such NATs find a direct path only if one of them lets everything in, and none was found; there is no relay"
        }
    };
    let summary = format!("{}: {never}.", first_upper(&words));
    if ours.is_dependent() && theirs.is_dependent() {
        let fault = Fault::fatal("C1", Stage::Checks, summary).of(Side::Both);
        found.push(fault.shown_by(evidence).shown_by(symptom));
    } else if (ours.is_dependent() && theirs.is_independent())
        || (theirs.is_dependent() && ours.is_independent() && ours.filters_per_port())
    {
        let fault = Fault::fatal("C2", Stage::Checks, summary).of(Side::Both);
        found.push(fault.shown_by(evidence).shown_by(symptom));
    }
    carrier(&daemon, facts, found);
}

fn first_upper(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn carrier(daemon: &Nat, facts: &Facts, found: &mut Vec<Fault>) {
    if daemon.carrier == Some(true) {
        let summary = "The daemon is behind its carrier's NAT (CGNAT): ports cannot be forwarded to it.";
        let fault = Fault::degraded("C5", Stage::Checks, summary).of(Side::Daemon);
        found.push(fault.shown_by(symptom_of(facts)));
    }
}

fn symptom_of(facts: &Facts) -> Option<u64> {
    facts.candidates.daemon.iter().find(|candidate| candidate.kind == "srflx").map(|candidate| candidate.at)
}
