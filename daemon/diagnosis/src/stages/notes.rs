//! What is worth a word although it broke nothing: harmless noise, and what makes a path fragile.

use icescope_model::report::Report;
use icescope_model::verdict::{PathKind, Side, Stage};

use super::loss::same_public;
use super::nat;
use crate::course::Course;
use crate::facts::Facts;
use crate::facts::attributes::Scope;
use crate::facts::candidates::Candidate;
use crate::fault::Fault;
use crate::nat_table::Direct;
use crate::path;

/// Consent checks go every 4 s to 6 s (RFC 7675 §5.1): a binding that does not outlive three of them is not safe. RFC 4787 §4.3
/// asks for two minutes.
const NEAR_KEEP_ALIVE: u64 = 18;

pub fn faults(facts: &Facts, course: &Course, reports: &[Report], found: &mut Vec<Fault>) {
    challenge(facts, found);
    no_translation(facts, found);
    credential_ends(facts, found);
    if course.up.is_some() {
        detour(facts, found);
        needless_relay(facts, reports, found);
        short_binding(facts, reports, found);
    }
}

/// The 401 that every TURN exchange begins with (RFC 8489 §9.2.3).
fn challenge(facts: &Facts, found: &mut Vec<Fault>) {
    let challenges = facts.servers.all.iter().flat_map(|server| &server.errors);
    let evidence: Vec<u64> = challenges
        .filter(|error| error.code == 401 && !error.refused && !error.realm.is_empty())
        .map(|error| error.at)
        .collect();
    if evidence.is_empty() {
        return;
    }
    let summary =
        "The first 401 of a TURN server is its challenge, which the client answers: this is harmless.";
    found.push(Fault::harmless("D1", Stage::Servers, summary).of(Side::Server).proven().shown_by(evidence));
}

/// A server saw the address that the daemon has itself.
fn no_translation(facts: &Facts, found: &mut Vec<Fault>) {
    let own = |candidate: &Candidate| {
        let host = |other: &&Candidate| other.kind == "host" && other.endpoint() == candidate.endpoint();
        facts.candidates.daemon.iter().any(|other| host(&other))
    };
    if facts.candidates.daemon.iter().any(|candidate| candidate.kind == "srflx" && !own(candidate)) {
        return;
    }
    for server in facts.servers.of_side(Side::Daemon) {
        let same = server.mapped.iter().find(|(local, mapped, _)| local == mapped);
        if let Some((local, _, at)) = same {
            let summary = format!(
                "{} sees the daemon at its own address {local}: there is no NAT, and a server-reflexive candidate would be the same once more.",
                server.address
            );
            found.push(
                Fault::harmless("B3", Stage::Servers, summary).of(Side::Daemon).proven().shown_by([*at]),
            );
            return;
        }
    }
}

/// The session will outlive its TURN credential.
fn credential_ends(facts: &Facts, found: &mut Vec<Fault>) {
    let Some((server, expires, at)) = &facts.servers.ending else { return };
    let summary = format!(
        "The credential for {server} ends (Unix time {expires}) before the allocation is refreshed with it: the relayed path may end then."
    );
    let fault = Fault::degraded("D3", Stage::Servers, summary).of(Side::Server).proven();
    found.push(fault.with("server", server.as_str()).shown_by([*at]));
}

/// Connected over the outside although both are in one network.
fn detour(facts: &Facts, found: &mut Vec<Fault>) {
    let (Some(path), Some((theirs, ours))) = (path::of(facts), same_public(facts)) else { return };
    let Some(pair) = path::selected(facts) else { return };
    let inside =
        |address: &str| address.parse().is_ok_and(|ip| crate::facts::attributes::scope(ip) == Scope::Private);
    if path.kind == PathKind::Direct && (inside(&pair.local) && inside(&pair.remote)) {
        return;
    }
    let summary = format!(
        "Both ends are behind {}, and yet the packets go {}: they could stay in the local network.",
        ours.address,
        if path.kind == PathKind::Relayed {
            "through a relay"
        } else {
            "out through the router and back in (hairpinning, which many routers cannot)"
        }
    );
    let fault = Fault::degraded("C8", Stage::Nomination, summary).of(Side::Both);
    found.push(fault.shown_by([theirs.at, ours.at, pair.at]));
}

/// A relay carries it although a direct path was not even possible to try, or should work.
fn needless_relay(facts: &Facts, reports: &[Report], found: &mut Vec<Fault>) {
    let Some(path) = path::of(facts).filter(|path| path.kind == PathKind::Relayed) else { return };
    let only_relays = |list: &[crate::facts::candidates::Candidate]| {
        !list.is_empty() && list.iter().all(|candidate| candidate.kind == "relay")
    };
    let (client, daemon) = (facts.candidates.client(), &facts.candidates.daemon);
    let pair = path::selected(facts).map(|pair| pair.at);
    for (list, whose, side) in [(client, "client", Side::Client), (daemon, "daemon", Side::Daemon)] {
        if only_relays(list) {
            let summary = format!(
                "The {whose} offers relayed addresses only, so no direct path was tried: its ICE policy is «relay», or nothing else was found."
            );
            let fault = Fault::harmless("D24", Stage::Candidates, summary).of(side);
            found.push(fault.with("end", whose).shown_by(list.first().map(|c| c.at)).shown_by(pair));
            return;
        }
    }
    if path.protocol != "udp" {
        return;
    }
    let Some((direct, words, evidence)) = nat::meeting(facts, reports) else { return };
    let fault = match direct {
        Direct::Works => {
            let summary =
                format!("A direct path should have worked between these NATs, and did not: {words}.");
            Fault::degraded("D24", Stage::Checks, summary).with("end", "client")
        }
        Direct::Cannot => {
            let summary =
                format!("Between these NATs no direct path can be, so the relay is needed: {words}.");
            let both = [nat::daemons(facts, reports), nat::clients(facts)];
            let both = both.iter().all(|nat| nat.behaviour.is_dependent());
            Fault::harmless(if both { "C1" } else { "C2" }, Stage::Checks, summary)
        }
        Direct::Unknown => return,
    };
    found.push(fault.of(Side::Both).shown_by(pair).shown_by(evidence));
}

/// A binding that the daemon's NAT forgets soon: a pause of the packets that is a little longer ends the path.
fn short_binding(facts: &Facts, reports: &[Report], found: &mut Vec<Fault>) {
    let nat = nat::daemons(facts, reports);
    let through = path::of(facts).is_some_and(|path| path.protocol == "udp");
    let Some(lifetime) = nat.lifetime.filter(|lifetime| through && *lifetime <= NEAR_KEEP_ALIVE) else {
        return;
    };
    let summary = format!(
        "The daemon's NAT forgets an idle binding after {lifetime} s, and consent checks keep it alive every few seconds: two that are lost may end the path."
    );
    let pair = path::selected(facts).map(|pair| pair.at);
    found
        .push(Fault::degraded("E5", Stage::Checks, summary).of(Side::Daemon).shown_by(pair).shown_by(nat.at));
}
