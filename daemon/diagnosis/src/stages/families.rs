//! Families and protocols: is there any pair of candidates that could meet?

use icescope_model::verdict::{Side, Stage};

use crate::facts::Facts;
use crate::facts::attributes::Scope;
use crate::facts::candidates::{Candidate, events};
use crate::fault::Fault;

/// What a candidate can meet: its protocol and its family; none for a hidden address, which may be either.
fn kind(candidate: &Candidate) -> (&str, Option<&'static str>) {
    (candidate.protocol.as_str(), candidate.family())
}

/// Some candidate of the one end could meet one of the other.
pub fn meet(facts: &Facts) -> bool {
    let client = facts.candidates.client();
    facts.candidates.daemon.iter().any(|ours| {
        client.iter().any(|theirs| {
            let ((protocol, family), (other, others)) = (kind(ours), kind(theirs));
            protocol == other && (family.is_none() || others.is_none() || family == others)
        })
    })
}

pub fn faults(facts: &Facts, found: &mut Vec<Fault>) {
    let candidates = &facts.candidates;
    let (client, daemon) = (candidates.client(), &candidates.daemon);
    if client.is_empty() || daemon.is_empty() {
        return;
    }
    let complete = candidates.daemon_complete.is_some()
        && (candidates.browser_complete.is_some() || candidates.end_told || candidates.browser.is_empty());
    if !meet(facts) && complete {
        let summary = format!(
            "The client has only {} and the daemon only {}: no pair can be made of them.",
            names(client),
            names(daemon)
        );
        found.push(
            Fault::fatal("B13", Stage::Families, summary)
                .of(Side::Both)
                .proven()
                .shown_by(events(client).into_iter().take(4))
                .shown_by(events(daemon).into_iter().take(4)),
        );
    }
    let loopback = |candidate: &Candidate| candidate.scope() == Some(Scope::Loopback);
    if facts.page.is_browser(&["Firefox"]) && daemon.iter().all(loopback) {
        let summary = "The daemon offers only loopback addresses, and Firefox does not use those.";
        let fault = Fault::fatal("B14", Stage::Families, summary).of(Side::Daemon);
        let agent = facts.page.user_agent.as_ref().map(|agent| agent.at);
        found.push(fault.shown_by(events(daemon)).shown_by(agent));
    }
}

fn names(list: &[Candidate]) -> String {
    let mut kinds: Vec<String> = list
        .iter()
        .map(|candidate| match kind(candidate) {
            (protocol, Some("ipv6")) => format!("IPv6 over {}", protocol.to_uppercase()),
            (protocol, Some(_)) => format!("IPv4 over {}", protocol.to_uppercase()),
            (protocol, None) => format!("hidden addresses over {}", protocol.to_uppercase()),
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.join(" and ")
}
