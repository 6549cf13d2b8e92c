//! Why checks cannot reach the daemon or the browser at all: what the addresses alone tell.

use std::net::IpAddr;

use icescope_model::verdict::{Side, Stage};

use super::checks::settled;
use super::loss::{Loss, same_public};
use crate::course::Course;
use crate::facts::Facts;
use crate::facts::attributes::{Scope, scope};
use crate::facts::candidates::{Candidate, events, has};
use crate::fault::Fault;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    if course.reached(Stage::Checks) || !settled(facts, course) {
        return;
    }
    let loss = Loss::of(facts);
    if loss.daemon_received > 0 {
        return;
    }
    bridge(facts, found);
    isolation(facts, &loss, found);
    page_elsewhere(facts, found);
    local_network(facts, found);
    hairpin(facts, found);
    port_shut(facts, &loss, found);
}

fn private_only(list: &[Candidate]) -> bool {
    !list.is_empty()
        && list.iter().all(|candidate| {
            matches!(candidate.scope(), Some(Scope::Private | Scope::Loopback | Scope::LinkLocal))
        })
}

fn prefix(ip: IpAddr) -> Option<[u8; 3]> {
    match ip {
        IpAddr::V4(v4) => v4.octets().first_chunk().copied(),
        IpAddr::V6(_) => None,
    }
}

/// Docker's default bridge and its neighbours: 172.17/16 to 172.31/16, the daemon's only addresses.
fn bridge(facts: &Facts, found: &mut Vec<Fault>) {
    let daemon = &facts.candidates.daemon;
    let on_bridge = |candidate: &Candidate| matches!(candidate.ip(), Some(IpAddr::V4(v4)) if v4.octets()[0] == 172 && (17..32).contains(&v4.octets()[1]));
    let v4: Vec<&Candidate> = daemon.iter().filter(|candidate| candidate.family() == Some("ipv4")).collect();
    if v4.is_empty() || !v4.iter().all(|candidate| on_bridge(candidate)) || !private_only(daemon) {
        return;
    }
    let ours: Vec<_> = v4.iter().filter_map(|candidate| candidate.ip().and_then(prefix)).collect();
    let near = facts.candidates.client().iter().filter_map(Candidate::ip).filter_map(prefix);
    if near.into_iter().any(|theirs| ours.contains(&theirs)) {
        return;
    }
    let summary = format!(
        "The daemon offers only {}, which looks like a container's bridge: nobody outside that host reaches it.",
        v4[0].address
    );
    found.push(Fault::fatal("B10", Stage::Checks, summary).of(Side::Daemon).shown_by(events(v4)));
}

/// The page came by an address that is not among the daemon's candidates.
fn page_elsewhere(facts: &Facts, found: &mut Vec<Fault>) {
    let Some(host) = facts.page.host() else { return };
    let daemon = &facts.candidates.daemon;
    let origin = facts.page.origin.as_ref().map(|origin| origin.at);
    let address: Option<IpAddr> = host.parse().ok();
    if daemon.iter().any(|candidate| candidate.ip() == address && address.is_some()) || !private_only(daemon)
    {
        return;
    }
    let inside = |ip: IpAddr| matches!(scope(ip), Scope::Private | Scope::Shared);
    let fault = match address {
        Some(ip) if inside(ip) => {
            let summary = format!(
                "The page was reached at {ip}, and the daemon does not offer that address: it is of a VPN or an interface that is left out."
            );
            Fault::fatal("B15", Stage::Checks, summary).with("address", host)
        }
        _ => {
            let summary = format!(
                "The page came by {host}, through a tunnel or proxy that carries HTTP only, and the daemon's own addresses are private: the media has no way."
            );
            Fault::fatal("A2", Stage::Checks, summary).with("address", host)
        }
    };
    found.push(fault.of(Side::Daemon).shown_by(origin).shown_by(events(daemon).into_iter().take(4)));
}

/// A public page, a private daemon: the browser asks for permission to the local network, or iOS does.
fn local_network(facts: &Facts, found: &mut Vec<Fault>) {
    let daemon = &facts.candidates.daemon;
    if !private_only(daemon) {
        return;
    }
    let only_hosts = facts.candidates.client().iter().all(|candidate| candidate.kind == "host");
    if facts.page.is_browser(&["iPhone", "iPad"]) && only_hosts {
        let summary = "An iPhone or iPad sent no check to the daemon's private addresses: iOS asks for permission to the local network.";
        let agent = facts.page.user_agent.as_ref().map(|agent| agent.at);
        found.push(Fault::fatal("B9", Stage::Checks, summary).of(Side::Client).shown_by(agent));
        return;
    }
    let chromium = facts.page.is_browser(&["Chrome/"]);
    let dropped = facts.stats.seen.filter(|_| facts.stats.remote_ends() == 0 && facts.stats.pairs.is_empty());
    if let Some(at) = dropped.filter(|_| chromium && facts.signalling.not_taken.is_empty()) {
        let summary = "The browser took the daemon's private addresses without an error, and works with none of them: Chrome's Local Network Access leaves them out silently.";
        let fault = Fault::fatal("B8", Stage::Checks, summary).of(Side::Client);
        found.push(fault.shown_by([at]).shown_by(events(daemon).into_iter().take(4)));
    }
}

/// One NAT in front of both, and only its outside is known.
fn hairpin(facts: &Facts, found: &mut Vec<Fault>) {
    let Some((theirs, ours)) = same_public(facts) else { return };
    let hosts: Vec<&Candidate> =
        facts.candidates.usable().filter(|candidate| candidate.kind == "host").collect();
    if hosts.iter().any(|candidate| candidate.ip().is_some()) && has(&facts.candidates.daemon, "host") {
        return;
    }
    let summary = format!(
        "Both ends are behind the same public address {}, their local addresses are hidden or not offered, and the router does not lead packets back in (no hairpinning).",
        ours.address
    );
    let fault = Fault::fatal("C7", Stage::Checks, summary).of(Side::Both);
    found.push(fault.with("address", ours.address.as_str()).shown_by([theirs.at, ours.at]));
}

/// The same network by its prefix, and silence in it.
fn isolation(facts: &Facts, loss: &Loss, found: &mut Vec<Fault>) {
    let private =
        |candidate: &&Candidate| candidate.kind == "host" && candidate.scope() == Some(Scope::Private);
    let pair = facts.candidates.usable().filter(private).find_map(|theirs| {
        let daemon = facts.candidates.daemon.iter().filter(private);
        let mut near = daemon.filter(|ours| {
            ours.ip().and_then(prefix).is_some() && ours.ip().and_then(prefix) == theirs.ip().and_then(prefix)
        });
        near.next().map(|ours| (theirs, ours))
    });
    let Some((theirs, ours)) = pair.filter(|_| loss.daemon_sent > 2) else { return };
    let summary = format!(
        "{} and {} are of one network, and no packet passes between them either way: the access point keeps its clients apart, or a host firewall drops UDP.",
        theirs.address, ours.address
    );
    let fault = Fault::fatal("C15", Stage::Checks, summary).of(Side::Unknown);
    found.push(fault.shown_by([theirs.at, ours.at]).shown_by(loss.evidence.iter().copied()));
}

/// The daemon's public address is known and gets nothing, and the daemon cannot open the way from inside, for it knows no
/// address of the client that it could send to.
fn port_shut(facts: &Facts, loss: &Loss, found: &mut Vec<Fault>) {
    let sent = loss.browser_sent.unwrap_or(0);
    let reachable = facts.candidates.usable().any(|candidate| candidate.scope() == Some(Scope::Public));
    let configured = |candidate: &&Candidate| {
        candidate.scope() == Some(Scope::Public) && candidate.kind != "relay" && candidate.protocol == "udp"
    };
    let Some(target) = facts.candidates.daemon.iter().find(configured) else { return };
    if sent == 0 || reachable {
        return;
    }
    let local = facts.checks.pairs.iter().map(|pair| pair.local.as_str());
    let behind_nat = target.kind == "srflx"
        || local.into_iter().all(|local| !local.starts_with(&target.address))
            && facts.candidates.daemon.iter().any(|candidate| candidate.scope() == Some(Scope::Private));
    let port = format!("UDP port {}", target.port);
    let fault = if behind_nat {
        let summary = format!(
            "The browser sent {sent} checks to {}, and none came in: the router does not forward that UDP port to the daemon.",
            target.endpoint()
        );
        Fault::fatal("C3", Stage::Checks, summary)
    } else {
        let summary = format!(
            "The browser sent {sent} checks to {}, an address of the daemon's host, and none came in: a firewall or security group drops inbound UDP.",
            target.endpoint()
        );
        Fault::fatal("C6", Stage::Checks, summary)
    };
    found.push(
        fault
            .of(Side::Daemon)
            .with("port", port)
            .shown_by([target.at])
            .shown_by(loss.evidence.iter().copied()),
    );
}
