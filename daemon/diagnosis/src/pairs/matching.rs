//! Which of the browser's pairs is which of the daemon's.

use std::net::SocketAddr;

use crate::facts::Facts;
use crate::facts::attributes::{Scope, scope, socket};
use crate::facts::candidates::Candidate;
use crate::facts::checks::Pair as Seen;
use crate::facts::stats::{End, Pair as Stats};

/// Of a priority, what its type does not change: the preference of the base and the component (RFC 8445 §5.1.2.1). So it is the
/// same in a host candidate and in the PRIORITY of checks from it, whatever NAT they come through.
const PREFERENCE: u64 = 0x00ff_ffff;

/// A pair of the browser's statistics. «Local» is the browser's end here.
pub struct Told<'a> {
    pub pair: &'a Stats,
    pub local: &'a End,
    pub remote: &'a End,
}

/// One pair, as far as each end knows it.
pub struct Match<'a> {
    /// The daemon's wiretap saw it.
    pub seen: Option<&'a Seen>,
    /// The browser's statistics have it.
    pub told: Option<Told<'a>>,
    /// The wiretap saw nothing of it: what the browser sent did not come in. Else, without `seen`, nothing is known.
    pub is_unseen: bool,
}

/// All pairs of either end, each of them once.
pub fn all(facts: &Facts) -> Vec<Match<'_>> {
    let seen = &facts.checks.pairs;
    let told: Vec<Told<'_>> = facts
        .stats
        .pairs
        .iter()
        .filter_map(|pair| {
            Some(Told { pair, local: facts.stats.local(pair)?, remote: facts.stats.remote(pair)? })
        })
        .collect();
    let mut scores: Vec<(i32, usize, usize)> = Vec::new();
    for (at, one) in told.iter().enumerate() {
        for (other, pair) in seen.iter().enumerate() {
            let score = score(facts, one, pair);
            if score > 0 {
                scores.push((score, at, other));
            }
        }
    }
    // The surest first; each pair has one other half at most.
    scores.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
    let mut half_of: Vec<Option<usize>> = vec![None; told.len()];
    let mut is_taken = vec![false; seen.len()];
    for (_, at, other) in scores {
        if half_of[at].is_none() && !is_taken[other] {
            half_of[at] = Some(other);
            is_taken[other] = true;
        }
    }
    let mut found = Vec::new();
    for (told, half) in told.into_iter().zip(half_of) {
        // A check from an address that nothing explains may be of this pair.
        let stray = |(pair, taken): (&Seen, &bool)| {
            !taken && pair.received > 0 && daemon_end(facts, told.remote, pair) > 0
        };
        let is_unseen =
            half.is_none() && facts.signalling.answered.is_some() && !seen.iter().zip(&is_taken).any(stray);
        found.push(Match { seen: half.map(|at| &seen[at]), told: Some(told), is_unseen });
    }
    let alone = seen.iter().zip(&is_taken).filter(|(_, taken)| !**taken).map(|(pair, _)| pair);
    found.extend(alone.map(|pair| Match { seen: Some(pair), told: None, is_unseen: false }));
    found
}

/// How well they fit; nothing fits at 0 and below.
fn score(facts: &Facts, told: &Told<'_>, seen: &Seen) -> i32 {
    let (client, daemon) = (client_end(facts, told.local, seen), daemon_end(facts, told.remote, seen));
    if client == 0 || daemon == 0 {
        return 0;
    }
    let counted = &told.pair.counted;
    // What one end got, the other must have sent. Statistics come once a second: less than was sent says nothing.
    let steps = [(counted.requests_sent, seen.received > 0), (counted.requests_received, seen.answered > 0)];
    let back = [(counted.responses_received, seen.replied > 0), (counted.requests_received, seen.sent > 0)];
    let mut score = (client + daemon) * 10;
    for (browser, daemon) in steps {
        score += match browser {
            Some(0) if daemon => -15,
            Some(1..) if daemon => 3,
            _ => 0,
        };
    }
    for (browser, daemon) in back {
        score += match browser {
            Some(1..) if !daemon => -30,
            Some(1..) => 3,
            _ => 0,
        };
    }
    // The daemon's checks to an address outside come out of its NAT: not under its inner address.
    let outside = |text: &str| socket(text).is_some_and(|at| scope(at.ip()) == Scope::Public);
    let inside = told.remote.address.parse().is_ok_and(|ip| scope(ip) == Scope::Private);
    if inside && outside(&seen.remote) && seen.mapped.is_none() && seen.received == 0 {
        score -= 12;
    }
    score
}

/// How surely the browser's candidate is where the daemon's packets go and come from: 0 (it is not) to 5.
pub fn client_end(facts: &Facts, end: &End, seen: &Seen) -> i32 {
    if !is_over(seen, &end.protocol) {
        return 0;
    }
    if !end.address.is_empty() && endpoint(&end.address, end.port) == seen.remote {
        return 5;
    }
    // A relayed address is exact, or another one.
    if end.kind == "relay" {
        return 0;
    }
    let client = facts.candidates.client();
    let faces = || client.iter().filter(|candidate| is_face(candidate, end));
    if faces().any(|face| face.endpoint() == seen.remote) {
        return 4;
    }
    if client.iter().any(|candidate| candidate.endpoint() == seen.remote) {
        return 0;
    }
    match preferred(facts, seen) {
        Some(preferred) if Some(preferred) == end.priority.map(|priority| priority & PREFERENCE) => return 4,
        Some(_) => return 0,
        None => {}
    }
    let Some(remote) = seen.remote_socket() else { return 0 };
    if end.address.is_empty() || is_name(&end.address) {
        return if u64::from(remote.port()) == end.port {
            3
        } else {
            i32::from(same_address(faces(), remote))
        };
    }
    i32::from(same_address(faces(), remote))
}

/// A NAT that maps per destination keeps its address.
fn same_address<'a>(mut faces: impl Iterator<Item = &'a Candidate>, remote: SocketAddr) -> bool {
    faces.any(|face| face.ip() == Some(remote.ip()))
}

/// A server-reflexive candidate of this base.
fn is_face(candidate: &Candidate, end: &End) -> bool {
    if candidate.kind != "srflx" || candidate.protocol != end.protocol || end.kind == "relay" {
        return false;
    }
    if end.kind == "srflx" {
        return candidate.address == end.address && candidate.port == end.port;
    }
    if let Some((address, port)) = candidate.related.as_ref().filter(|(_, port)| *port != 0)
        && !end.address.is_empty()
    {
        return *address == end.address && *port == end.port;
    }
    let preferences = candidate.priority.zip(end.priority);
    preferences.is_some_and(|(one, other)| one & PREFERENCE == other & PREFERENCE)
        || candidate.port == end.port
}

/// Whether checks go over that protocol between the ends. What is told of relayed ones is how the relay is spoken to, and relays
/// speak UDP to the other end (RFC 8656).
fn is_over(seen: &Seen, protocol: &str) -> bool {
    let between = if seen.relay.is_some() { "udp" } else { seen.protocol.as_str() };
    between.is_empty() || between == protocol
}

/// The preference of the base that the checks come from; none where it tells no base apart from the others.
fn preferred(facts: &Facts, seen: &Seen) -> Option<u64> {
    let preference = seen.priority? & PREFERENCE;
    let of_it = |candidate: &&Candidate| {
        candidate.kind == "host"
            && is_over(seen, &candidate.protocol)
            && candidate.priority.is_some_and(|priority| priority & PREFERENCE == preference)
    };
    (facts.candidates.client().iter().filter(of_it).count() == 1).then_some(preference)
}

/// The client's host candidate that these checks come from, by their PRIORITY or, where the address is hidden, by the port.
pub fn base_of<'a>(facts: &'a Facts, seen: &Seen) -> Option<&'a Candidate> {
    let hosts = || facts.candidates.client().iter().filter(|candidate| candidate.kind == "host");
    if let Some(preference) = preferred(facts, seen) {
        return hosts()
            .find(|host| host.priority.is_some_and(|priority| priority & PREFERENCE == preference));
    }
    let port = u64::from(seen.remote_socket()?.port());
    hosts().find(|host| host.is_mdns() && host.port == port && is_over(seen, &host.protocol))
}

/// How surely the daemon's candidate, as the browser has it, is the socket that the wiretap saw: 0 (it is not) to 6.
pub fn daemon_end(facts: &Facts, end: &End, seen: &Seen) -> i32 {
    if !is_over(seen, &end.protocol) {
        return 0;
    }
    let place = endpoint(&end.address, end.port);
    let told = !end.address.is_empty();
    // What the browser sees is told in its answers.
    let differs = seen.mapped.as_ref().is_some_and(|mapped| told && *mapped != place);
    if told && seen.mapped.as_ref() == Some(&place) {
        return 6;
    }
    if told && place == seen.local {
        return if differs { 2 } else { 5 };
    }
    if end.kind == "relay" || seen.relay.is_some() {
        return 0;
    }
    if !told {
        return if socket(&seen.local).is_some_and(|local| u64::from(local.port()) == end.port) {
            3
        } else {
            0
        };
    }
    let daemon = &facts.candidates.daemon;
    let known = daemon.iter().find(|candidate| candidate.endpoint() == place);
    if known.is_some_and(|candidate| is_outside_of(candidate, facts, seen)) {
        return if differs { 1 } else { 4 };
    }
    let near =
        |candidate: &Candidate| candidate.address == end.address && is_outside_of(candidate, facts, seen);
    i32::from(end.kind == "prflx" && daemon.iter().any(near))
}

/// A candidate that a NAT shows in place of this socket: a server-reflexive one, or one of a 1:1 NAT, which keeps the port.
pub fn is_outside_of(candidate: &Candidate, facts: &Facts, seen: &Seen) -> bool {
    if let Some((address, port)) = &candidate.related {
        return candidate.kind != "relay" && endpoint(address, *port) == seen.local;
    }
    let Some((local, ip)) = socket(&seen.local).zip(candidate.ip()) else { return false };
    candidate.kind == "host"
        && candidate.port == u64::from(local.port())
        && ip.is_ipv4() == local.is_ipv4()
        && !facts.candidates.daemon.iter().any(|other| other.endpoint() == seen.local)
}

/// Whether a candidate that the daemon names is the socket of these checks or its outside.
pub fn is_socket_of(address: &str, port: u64, seen: &Seen) -> bool {
    let place = endpoint(address, port);
    place == seen.local
        || seen.mapped.as_ref() == Some(&place)
        || (seen.relay.is_none() && socket(&seen.local).is_some_and(|local| u64::from(local.port()) == port))
}

/// An address with its port, as text.
pub fn endpoint(address: &str, port: u64) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn is_name(address: &str) -> bool {
    !address.is_empty() && address.parse::<std::net::IpAddr>().is_err()
}
