//! The two candidates of a pair, each by the best that is known of it.

use icescope_model::pair::PairCandidate;

use super::matching::{Match, base_of, endpoint, is_outside_of};
use crate::facts::Facts;
use crate::facts::attributes::{host, socket};
use crate::facts::candidates::Candidate;
use crate::facts::stats::End;

/// The daemon's candidate.
pub fn local(facts: &Facts, found: &Match<'_>) -> PairCandidate {
    let daemon = &facts.candidates.daemon;
    let told = found.told.as_ref().map(|told| told.remote).filter(|end| !end.address.is_empty());
    let place = told.map(|end| endpoint(&end.address, end.port));
    let by_word = || daemon.iter().find(|candidate| Some(candidate.endpoint()) == place);
    let by_socket = || {
        let seen = found.seen?;
        let same = daemon.iter().find(|candidate| candidate.endpoint() == seen.local);
        same.or_else(|| daemon.iter().find(|candidate| is_outside_of(candidate, facts, seen)))
    };
    let mut end = match (by_word(), told) {
        (Some(candidate), _) => of_candidate(candidate),
        // What the daemon does not know of itself: a mapping that its NAT made for the browser alone.
        (None, Some(end)) => of_end(end),
        (None, None) => by_socket().map_or_else(|| unnamed(found, true), of_candidate),
    };
    let seen = found.seen;
    if let Some(relay) = seen.and_then(|seen| seen.relay.as_ref()) {
        let server = facts.servers.all.iter().find(|server| server.address == *relay);
        end.relay_server.get_or_insert_with(|| relay.clone());
        end.relay_protocol = end.relay_protocol.or_else(|| server.map(|server| server.protocol.clone()));
    }
    let shown = place.or_else(|| seen.and_then(|seen| seen.mapped.clone()));
    end.seen_as = shown.filter(|shown| *shown != endpoint(&end.address, end.port.into()));
    end
}

/// The client's candidate.
pub fn remote(facts: &Facts, found: &Match<'_>) -> PairCandidate {
    let candidates = &facts.candidates;
    let named = |end: &End| {
        let fits = |candidate: &&Candidate| {
            (candidate.kind.as_str(), candidate.port) == (end.kind.as_str(), end.port)
                && candidate.protocol == end.protocol
                && (end.address.is_empty() || candidate.address == end.address)
        };
        candidates.client().iter().find(fits)
    };
    let exact = || {
        let seen = found.seen?;
        let mut both = candidates.browser.iter().chain(&candidates.arrived);
        both.find(|candidate| candidate.endpoint() == seen.remote).or_else(|| base_of(facts, seen))
    };
    let mut end = match &found.told {
        Some(told) => {
            let mut end = of_end(told.local);
            if let Some(candidate) = named(told.local) {
                let known = of_candidate(candidate);
                end.address = known.address;
                end.relay_server = end.relay_server.or(known.relay_server);
                end.relay_protocol = end.relay_protocol.or(known.relay_protocol);
            }
            end
        }
        None => exact().map_or_else(|| unnamed(found, false), of_candidate),
    };
    let shown = found.seen.map(|seen| seen.remote.clone());
    end.seen_as = shown.filter(|shown| *shown != endpoint(&end.address, end.port.into()));
    end
}

fn of_candidate(candidate: &Candidate) -> PairCandidate {
    let is_relay = candidate.kind == "relay";
    PairCandidate {
        candidate_type: candidate.kind.clone(),
        address: candidate.address.clone(),
        port: port(candidate.port),
        protocol: candidate.protocol.clone(),
        relay_server: Some(candidate.url.clone()).filter(|url| is_relay && !url.is_empty()),
        relay_protocol: candidate.relay_protocol.clone(),
        seen_as: None,
    }
}

fn of_end(end: &End) -> PairCandidate {
    PairCandidate {
        candidate_type: end.kind.clone(),
        address: end.address.clone(),
        port: port(end.port),
        protocol: end.protocol.clone(),
        relay_server: end.url.clone().filter(|_| end.kind == "relay"),
        relay_protocol: end.relay_protocol.clone(),
        seen_as: None,
    }
}

/// An address that checks were seen on and that no candidate has: learned from the checks alone (RFC 8445 §7.3.1.3).
fn unnamed(found: &Match<'_>, is_local: bool) -> PairCandidate {
    let Some(seen) = found.seen else { return PairCandidate::default() };
    let place = if is_local { &seen.local } else { &seen.remote };
    PairCandidate {
        candidate_type: if is_local { String::new() } else { "prflx".to_owned() },
        address: host(place).to_owned(),
        port: socket(place).map_or(0, |at| at.port()),
        protocol: if seen.relay.is_some() { "udp".to_owned() } else { seen.protocol.clone() },
        ..PairCandidate::default()
    }
}

fn port(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(0)
}
