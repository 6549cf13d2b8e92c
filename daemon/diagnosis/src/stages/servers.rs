//! STUN and TURN servers: did they answer each end, and over each family?

use icescope_model::verdict::{Side, Stage};

use super::{SETTLED, checks};
use crate::course::Course;
use crate::facts::attributes::{Scope, host, scope, socket};
use crate::facts::candidates::{Candidate, ServerError};
use crate::facts::{Facts, servers::Server};
use crate::fault::Fault;

/// The browser's own code for a server that it could not reach (W3C webrtc-pc, RTCPeerConnectionIceErrorEvent).
const UNREACHABLE: u64 = 701;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    one_family(facts, found);
    browsers_silence(facts, found);
    daemons_silence(facts, course, found);
    rewritten(facts, found);
    several_addresses(facts, course, found);
}

/// The URL answered the browser: it gave a candidate, or one of the browser's addresses at least has no error of it. A browser
/// leaves out what a second server tells of an address once more (RFC 8445 §5.1.3).
fn gave(facts: &Facts, url: &str) -> bool {
    let browser = &facts.candidates.browser;
    if browser.iter().any(|candidate| candidate.url == url) {
        return true;
    }
    let errors: Vec<&str> =
        unreachable(facts).filter(|error| error.url == url).map(|error| error.address.as_str()).collect();
    let hosts: Vec<&Candidate> =
        browser.iter().filter(|candidate| candidate.kind == "host" && candidate.protocol == "udp").collect();
    // Hidden addresses cannot be told from those of the errors.
    let known = !hosts.is_empty() && hosts.iter().all(|host| host.ip().is_some());
    let complete = facts.candidates.browser_complete.is_some();
    let asked =
        |host: &&&Candidate| errors.iter().any(|error| error.contains(':') == host.address.contains(':'));
    known
        && complete
        && hosts.iter().filter(asked).any(|host| !errors.iter().any(|error| is_masked(error, &host.address)))
}

/// Browsers tell the address of an error with its last part hidden: `192.168.1.x`, `[2001:db8:1:x:x:x:x:x]`.
fn is_masked(masked: &str, address: &str) -> bool {
    let masked = masked.trim_matches(['[', ']']);
    masked == address
        || masked.split_once('x').is_some_and(|(front, _)| !front.is_empty() && address.starts_with(front))
}

fn unreachable(facts: &Facts) -> impl Iterator<Item = &ServerError> {
    facts.candidates.errors.iter().filter(|error| error.code == UNREACHABLE)
}

/// 701 from one address although the same URL answered another: harmless.
fn one_family(facts: &Facts, found: &mut Vec<Fault>) {
    let noise: Vec<&ServerError> = unreachable(facts).filter(|error| gave(facts, &error.url)).collect();
    let Some(first) = noise.first() else { return };
    let summary = format!(
        "{} could not be reached from one of the browser's addresses, and answered another: this is harmless.",
        first.url
    );
    found.push(
        Fault::harmless("B1", Stage::Servers, summary)
            .of(Side::Client)
            .proven()
            .shown_by(noise.iter().map(|error| error.at)),
    );
}

/// 701 from everywhere.
fn browsers_silence(facts: &Facts, found: &mut Vec<Fault>) {
    let silent: Vec<&ServerError> = unreachable(facts).filter(|error| !gave(facts, &error.url)).collect();
    let Some(first) = silent.first() else { return };
    let mut urls: Vec<&str> = silent.iter().map(|error| error.url.as_str()).collect();
    urls.sort_unstable();
    urls.dedup();
    let got_any = facts.candidates.browser.iter().any(|candidate| candidate.kind != "host");
    let over_udp = |url: &&str| !url.contains("transport=tcp") && !url.starts_with("turns:");
    let evidence: Vec<u64> = silent.iter().map(|error| error.at).collect();
    if urls.len() > 1 && !got_any && urls.iter().all(over_udp) {
        let summary = format!(
            "None of the {} servers answered the browser over UDP, and none is configured over TCP or TLS.",
            urls.len()
        );
        let fault = Fault::fatal("C12", Stage::Servers, summary).of(Side::Client);
        found.push(fault.fatal_if(!facts.candidates.has_relay()).with("end", "browser").shown_by(evidence));
        return;
    }
    let daemon = facts.candidates.daemon.iter().find(|candidate| candidate.url == first.url);
    let (side, tail, and) = match daemon {
        Some(candidate) => {
            (Side::Client, "It answers the daemon, so the browser's network blocks it", vec![candidate.at])
        }
        None => (Side::Unknown, "Whether it is down or blocked cannot be told from one end", Vec::new()),
    };
    let summary =
        format!("{} answered none of the browser's addresses ({}). {tail}.", first.url, first.text.trim());
    found.push(
        Fault::fatal("B2", Stage::Servers, summary)
            .fatal_if(is_needed(facts))
            .of(side)
            .with("server", first.url.as_str())
            .shown_by(evidence.into_iter().chain(and)),
    );
}

/// Without servers' candidates the ends have only addresses of their own networks, which do not meet.
fn is_needed(facts: &Facts) -> bool {
    let candidates = &facts.candidates;
    let public = |list: &[crate::facts::candidates::Candidate]| {
        list.iter().any(|candidate| candidate.scope() == Some(Scope::Public))
    };
    !candidates.has_relay() && !public(&candidates.daemon) && !public(candidates.client())
}

fn daemons_silence(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let asked: Vec<&Server> = facts.servers.of_side(Side::Daemon).collect();
    let silent: Vec<&&Server> = asked.iter().filter(|server| settled(server, course.now)).collect();
    let Some(first) = silent.first() else { return };
    let evidence = silent.iter().flat_map(|server| server.requests());
    let udp = silent.iter().all(|server| server.protocol == "udp");
    if silent.len() == asked.len() && silent.len() > 1 && udp && facts.servers.streams_up == 0 {
        let summary = format!(
            "None of the {} servers answered the daemon over UDP: its network blocks it.",
            silent.len()
        );
        let fault = Fault::fatal("C12", Stage::Servers, summary).of(Side::Daemon);
        found.push(fault.fatal_if(!facts.candidates.has_relay()).with("end", "daemon").shown_by(evidence));
        return;
    }
    let answers_browser = facts.candidates.browser.iter().find(|candidate| {
        let of_url = candidate.url.trim_start_matches("stun:").trim_start_matches("turn:");
        !host(&first.address).is_empty() && of_url.starts_with(host(&first.address))
    });
    let (side, tail) = match answers_browser {
        Some(_) => (Side::Daemon, "It answers the browser, so the daemon's network blocks it"),
        None => (Side::Unknown, "Whether it is down or blocked cannot be told from one end"),
    };
    let requests = first.binding.sent + first.turn.sent;
    let summary = format!(
        "The server {} answered none of the daemon's {requests} requests over {}. {tail}.",
        first.address,
        first.protocol.to_uppercase()
    );
    found.push(
        Fault::fatal("B2", Stage::Servers, summary)
            .fatal_if(is_needed(facts))
            .of(side)
            .with("server", first.address.as_str())
            .shown_by(evidence.chain(answers_browser.map(|candidate| candidate.at))),
    );
}

fn settled(server: &Server, now: i64) -> bool {
    let first = server.binding.first.into_iter().chain(server.turn.first).min();
    server.is_silent() && first.is_some_and(|first| now - first >= SETTLED)
}

/// MAPPED-ADDRESS is in the clear, XOR-MAPPED-ADDRESS is not: only something between rewrites one of them.
fn rewritten(facts: &Facts, found: &mut Vec<Fault>) {
    for server in &facts.servers.all {
        let Some((plain, xored, at)) = &server.rewritten else { continue };
        let summary = format!(
            "An answer of {} came with MAPPED-ADDRESS {plain} and XOR-MAPPED-ADDRESS {xored}: something between rewrites addresses in packets.",
            server.address
        );
        let fault = Fault::degraded("C18", Stage::Servers, summary).of(server.side).proven();
        found.push(fault.with("server", server.address.as_str()).shown_by([*at]));
    }
}

/// Two servers see one socket at two addresses: two ways out, or an address pool.
fn several_addresses(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let mut seen: Vec<(&str, &str, &str, u64)> = Vec::new();
    for server in facts.servers.of_side(Side::Daemon) {
        for (local, mapped, at) in &server.mapped {
            seen.push((local, host(mapped), &server.address, *at));
        }
    }
    let public = |text: &str| text.parse().is_ok_and(|ip| scope(ip) == Scope::Public);
    let other = seen.iter().enumerate().find_map(|(index, one)| {
        let later = &seen[index + 1..];
        let other = later.iter().find(|other| other.0 == one.0 && other.1 != one.1 && other.2 != one.2);
        other.map(|other| (*one, *other))
    });
    let Some((one, other)) = other.filter(|(one, other)| public(one.1) && public(other.1)) else {
        configured_elsewhere(facts, course, found);
        return;
    };
    let summary = format!(
        "{} sees the daemon's socket at {}, and {} sees it at {}: there are two ways out.",
        one.2, one.1, other.2, other.1
    );
    let fault = Fault::degraded("B12", Stage::Servers, summary).of(Side::Daemon);
    found.push(fault.with("address", one.1).shown_by([one.3, other.3]));
}

/// The daemon offers a public address that no server sees. It is what broke where the browser's checks went there, and none
/// came in.
fn configured_elsewhere(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let servers = facts.servers.of_side(Side::Daemon);
    let mapped: Vec<(&str, u64)> =
        servers.flat_map(|server| &server.mapped).map(|(_, mapped, at)| (host(mapped), *at)).collect();
    let same_family = |a: &str, b: &str| a.contains(':') == b.contains(':');
    // Only an address that no server told is a configured one: those that a server told carry its URL.
    let offered = facts.candidates.daemon.iter().find(|candidate| {
        candidate.scope() == Some(Scope::Public)
            && candidate.kind != "relay"
            && candidate.url.is_empty()
            && !mapped.iter().any(|(address, _)| *address == candidate.address)
            && mapped.iter().any(|(address, _)| {
                same_family(address, &candidate.address)
                    && address.parse().is_ok_and(|ip| scope(ip) == Scope::Public)
            })
            && !is_own_socket(facts, &candidate.address)
    });
    let Some(offered) = offered else { return };
    let Some((seen, at)) = mapped.iter().find(|(address, _)| same_family(address, &offered.address)) else {
        return;
    };
    let summary = format!(
        "The daemon offers {}, and a STUN server sees it at {seen}: the configured address is wrong, or of another way in.",
        offered.address
    );
    let in_vain = !course.reached(Stage::Checks)
        && checks::settled(facts, course)
        && facts.checks.totals().1 == 0
        && facts.stats.total(|pair| pair.requests_sent).is_some_and(|sent| sent > 0);
    let stage = if in_vain { Stage::Checks } else { Stage::Servers };
    let fault = Fault::degraded("B12", stage, summary).fatal_if(in_vain).of(Side::Daemon);
    found.push(fault.with("address", *seen).shown_by([offered.at, *at]));
}

/// The host itself has the address: another interface, not a wrong setting.
fn is_own_socket(facts: &Facts, address: &str) -> bool {
    let sockets = facts.checks.pairs.iter().map(|pair| pair.local.as_str());
    let asked = facts
        .servers
        .of_side(Side::Daemon)
        .flat_map(|server| server.mapped.iter().map(|(at, ..)| at.as_str()));
    sockets.chain(asked).filter(|local| socket(local).is_some()).any(|local| host(local) == address)
}
