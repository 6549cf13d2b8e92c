//! The path of a connection that is up, and the verdict over it.

use std::fmt::Write;

use icescope_model::verdict::{Certainty, PathKind, Side, Stage, Verdict, VerdictPath};

use crate::course::Course;
use crate::facts::Facts;
use crate::facts::attributes::family;
use crate::facts::candidates::Candidate;
use crate::facts::checks::Pair;
use crate::facts::states::Selected;
use crate::stages::loss::endpoint;

/// The selected pair, from the daemon's end: by its own word, else by the browser's.
pub fn selected(facts: &Facts) -> Option<Selected> {
    let turned = |pair: &Selected| Selected {
        local_kind: pair.remote_kind.clone(),
        remote_kind: pair.local_kind.clone(),
        local: pair.remote.clone(),
        local_port: pair.remote_port,
        remote: pair.local.clone(),
        remote_port: pair.local_port,
        ..pair.clone()
    };
    let browser = facts.states.browser_pair.as_ref();
    let Some(daemon) = &facts.states.daemon_pair else { return browser.map(turned) };
    let mut pair = daemon.clone();
    if let Some(browser) = browser {
        // What the daemon learned from checks alone (prflx), the browser knows by its right name.
        if pair.remote_kind == "prflx" && !browser.local_kind.is_empty() {
            pair.remote_kind.clone_from(&browser.local_kind);
        }
        pair.relay_protocol.clone_from(&browser.relay_protocol);
    }
    Some(pair)
}

/// The path, once a pair is selected.
pub fn of(facts: &Facts) -> Option<VerdictPath> {
    let pair = selected(facts)?;
    let relayed = pair.local_kind == "relay" || pair.remote_kind == "relay";
    let address = [&pair.local, &pair.remote].into_iter().find_map(|text| text.parse().ok());
    let daemons_relay = || {
        let through = facts.checks.pairs.iter().find(|check| check.relay.is_some() && check.is_valid())?;
        let server =
            facts.servers.all.iter().find(|server| Some(&server.address) == through.relay.as_ref())?;
        Some(server.protocol.clone())
    };
    let clients_relay = || facts.stats.relay_protocol(&pair.remote, pair.remote_port);
    let relay_protocol = if pair.local_kind == "relay" {
        daemons_relay()
    } else {
        pair.relay_protocol.clone().or_else(clients_relay)
    };
    Some(VerdictPath {
        kind: if relayed { PathKind::Relayed } else { PathKind::Direct },
        local_candidate_type: pair.local_kind,
        remote_candidate_type: pair.remote_kind,
        protocol: pair.protocol,
        family: address.map(|address| family(address).to_owned()),
        relay_protocol: relay_protocol.filter(|_| relayed),
    })
}

/// The verdict over a connection that is up.
pub fn connected(facts: &Facts, course: &Course) -> Verdict {
    let path = of(facts);
    let mut summary = path.as_ref().map_or_else(|| "Connected".to_owned(), words);
    if let Some(seconds) = round_trip(facts) {
        // Writing into a String cannot fail.
        let _ = write!(summary, ", round trip {:.1} ms", seconds * 1e3);
    }
    summary.push('.');
    if let Some(why) = why(facts, path.as_ref()) {
        summary.push(' ');
        summary.push_str(&why);
    }
    if let Some(quality) = quality(facts) {
        summary.push(' ');
        summary.push_str(&quality);
    }
    if course.lost {
        summary.push_str(" Nothing is heard of the other end at the moment.");
    }
    let pairs = [&facts.states.daemon_pair, &facts.states.browser_pair];
    let state = facts.dtls.connected().map(|said| said.at).or(facts.states.connected.map(|(_, at)| at));
    let mut evidence: Vec<u64> = pairs.into_iter().flatten().map(|pair| pair.at).chain(state).collect();
    evidence.sort_unstable();
    let stage = Stage::ALL.into_iter().rfind(|stage| course.reached(*stage)).unwrap_or_default();
    Verdict { stage, side: Side::Both, certainty: Certainty::Proven, summary, evidence, ..Verdict::default() }
}

/// Of the pair that is used; where none of them has its addresses (a name, a NAT), of one that was nominated.
fn round_trip(facts: &Facts) -> Option<f64> {
    let pairs = &facts.checks.pairs;
    let used = selected(facts).map(|pair| endpoint(&pair.remote, pair.remote_port));
    let used = pairs.iter().find(|pair| used.as_ref() == Some(&pair.remote) && pair.round_trip.is_some());
    used.or_else(|| pairs.iter().find(|pair| pair.nominated && pair.round_trip.is_some()))?.round_trip
}

fn words(path: &VerdictPath) -> String {
    let family = match path.family.as_deref() {
        Some("ipv4") => " over IPv4",
        Some("ipv6") => " over IPv6",
        _ => "",
    };
    let protocol = path.protocol.to_uppercase();
    if path.kind == PathKind::Relayed {
        let whose = match (path.local_candidate_type.as_str(), path.remote_candidate_type.as_str()) {
            ("relay", "relay") => "relays of both ends",
            ("relay", _) => "the daemon's relay",
            _ => "the client's relay",
        };
        let spoken = path
            .relay_protocol
            .as_ref()
            .map_or_else(String::new, |protocol| format!(", {} to the relay", protocol.to_uppercase()));
        return format!("Connected through {whose}{family}{spoken}");
    }
    let how = match (path.local_candidate_type.as_str(), path.remote_candidate_type.as_str()) {
        ("host", "host") => "host to host",
        ("host", _) => "the client's end through a NAT or by an address found in the checks",
        (_, "host") => "the daemon's end through a NAT",
        _ => "through NATs",
    };
    format!("Connected directly, {how}, {protocol}{family}")
}

/// What else was tried, and why this one won, as far as it is known.
fn why(facts: &Facts, path: Option<&VerdictPath>) -> Option<String> {
    let valid = facts.checks.pairs.iter().filter(|pair| pair.is_valid()).count();
    let silent =
        facts.checks.pairs.iter().filter(|pair| pair.sent > 0 && !pair.is_valid() && pair.received == 0);
    let silent = silent.count();
    let lost = match silent {
        0 => String::new(),
        1 => ", 1 stayed silent".to_owned(),
        more => format!(", {more} stayed silent"),
    };
    let relayed = path.is_some_and(|path| path.kind == PathKind::Relayed);
    // Through a relay at either end: the daemon's own, or the address of one of the client's.
    let through_relay = |pair: &Pair| {
        let theirs = |one: &Candidate| one.kind == "relay" && one.endpoint() == pair.remote;
        pair.relay.is_some() || facts.candidates.client().iter().any(theirs)
    };
    let (by_relay, direct): (Vec<&Pair>, Vec<&Pair>) =
        facts.checks.pairs.iter().filter(|pair| pair.is_valid()).partition(|pair| through_relay(pair));
    // RFC 8445 §5.1.2.1: relayed candidates have the least priority.
    let because = match (relayed, by_relay.is_empty(), direct.is_empty()) {
        (false, false, _) => ": a direct path goes before a relayed one",
        (true, _, true) => ": no direct one was among them",
        (true, _, false) => ", although a direct one answered, too",
        (false, true, _) => ": it has the highest priority of them, or answered first",
    };
    match valid {
        0 => None,
        1 => Some(format!("It is the only path that the daemon's checks found{lost}.")),
        more => Some(format!(
            "{more} paths answered the daemon's checks{lost}; the controlling end nominated this one{because}."
        )),
    }
}

/// How good it is, by the browser's count of what came over it.
fn quality(facts: &Facts) -> Option<String> {
    let video = facts.stats.video.filter(|video| video.packets_received > 0)?;
    let lost = match video.packets_lost {
        0 => "no packet was lost".to_owned(),
        lost => {
            let all = video.packets_received.saturating_add(lost);
            format!("{:.1} % of the packets were lost", lost as f64 * 100.0 / all as f64)
        }
    };
    // Rounded: the verdict is read, and its words should stay as they are while nothing happens.
    let frames = match video.frames_per_second.map(|rate| (rate / 5.0).round() * 5.0) {
        Some(rate) if rate > 0.0 => format!("About {rate} frames a second are decoded"),
        _ if video.frames_decoded > 0 => "Frames were decoded".to_owned(),
        _ => "No frame was decoded yet".to_owned(),
    };
    Some(format!("{frames}, {lost}."))
}
