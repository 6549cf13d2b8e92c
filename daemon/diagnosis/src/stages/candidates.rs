//! Candidates: does each end have some, and did they cross over?

use icescope_model::verdict::{PathKind, Side, Stage};

use super::SETTLED;
use crate::course::Course;
use crate::facts::Facts;
use crate::facts::attributes::{Scope, host};
use crate::facts::candidates::{Candidate, events, has};
use crate::fault::Fault;
use crate::path;

/// Gathering that goes on so long after its last candidate has stalled.
const STALLED: i64 = 5_000_000;
/// URLs that a browser takes without complaint about slow discovery, and a few more for families and transports.
const MANY_URLS: usize = 4;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    none_at_the_daemon(facts, course, found);
    none_at_the_browser(facts, found);
    not_crossed(facts, course, found);
    only_mdns(facts, course, found);
    hidden(facts, course, found);
    private_srflx(facts, found);
    slow(facts, found);
}

fn waited(course: &Course) -> bool {
    course.answered.is_some_and(|answered| course.now - answered >= SETTLED)
}

fn none_at_the_daemon(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let daemon = &facts.candidates.daemon;
    let unusable =
        |candidate: &Candidate| matches!(candidate.scope(), Some(Scope::Loopback | Scope::LinkLocal));
    let told = facts.candidates.daemon_complete.is_some() || waited(course);
    if course.answered.is_none() || !told || !daemon.iter().all(unusable) {
        return;
    }
    // On one machine loopback is all that is needed.
    let local_page = facts.page.host().is_some_and(|host| ["localhost", "127.0.0.1", "::1"].contains(&host));
    if local_page && !daemon.is_empty() {
        return;
    }
    let what = if daemon.is_empty() { "no candidates" } else { "only loopback or link-local candidates" };
    let summary = format!(
        "The daemon found {what}: no network was up, or the configuration leaves every interface out."
    );
    found.push(
        Fault::fatal("A8", Stage::Candidates, summary)
            .of(Side::Daemon)
            .proven_if(facts.candidates.daemon_complete.is_some())
            .shown_by(events(daemon))
            .shown_by(facts.candidates.daemon_complete.map(|(_, at)| at))
            .shown_by(facts.signalling.answered.map(|(_, at)| at)),
    );
}

fn none_at_the_browser(facts: &Facts, found: &mut Vec<Fault>) {
    let Some((_, at)) = facts.candidates.browser_complete else { return };
    if !facts.candidates.browser.is_empty() || !facts.page.seen || facts.signalling.offer_candidates > 0 {
        return;
    }
    let summary = "The browser's gathering ended without a single candidate: a policy, an extension or its own settings allow none, or only a relay that gave none.";
    found.push(Fault::fatal("B7", Stage::Candidates, summary).of(Side::Client).shown_by([at]));
}

fn not_crossed(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let candidates = &facts.candidates;
    let usable = |candidate: &&Candidate| candidate.protocol == "udp" && candidate.port != 9;
    let told = candidates.browser.iter().filter(usable).count();
    if told == 0 || !candidates.arrived.is_empty() || !waited(course) || facts.signalling.offer_candidates > 0
    {
        return;
    }
    let summary = format!("The browser gathered {told} candidates, and none of them reached the daemon.");
    found.push(
        Fault::fatal("A4", Stage::Candidates, summary)
            .of(Side::Client)
            .proven_if(facts.signalling.live)
            .shown_by(events(candidates.browser.iter().filter(usable))),
    );
}

/// The browser hides its addresses behind mDNS names, and has nothing else.
fn only_mdns(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let client = facts.candidates.client();
    if client.is_empty() || !client.iter().all(Candidate::is_mdns) {
        return;
    }
    let (_, received) = facts.checks.totals();
    if received > 0 || facts.checks.any_valid() || !waited(course) {
        return;
    }
    let left_out = facts.candidates.arrived.iter().find_map(|candidate| candidate.left_out.as_deref());
    let why = left_out.map_or_else(String::new, |why| format!(" ({why})"));
    let summary = format!(
        "The browser offers only mDNS names, which nobody outside its own network segment can resolve{why}."
    );
    let fault = Fault::fatal("B6", Stage::Candidates, summary).of(Side::Client);
    found.push(fault.proven_if(left_out.is_some()).shown_by(events(client)));
}

/// Only what a server saw: the browser shows no address of its own. Chromium does so on a host without IPv4, whose path is none
/// the worse for it.
fn hidden(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let browser = &facts.candidates.browser;
    let complete = facts.candidates.browser_complete.is_some();
    if browser.is_empty() || !complete || has(browser, "host") || !has(browser, "srflx") {
        return;
    }
    let summary = "The browser offers no address of its own, not even a hidden one: a policy or an extension removes them, or its host has no IPv4.";
    let is_direct = course.up.is_some() && path::of(facts).is_some_and(|path| path.kind == PathKind::Direct);
    let fault = if is_direct { Fault::harmless } else { Fault::degraded };
    found.push(fault("B7", Stage::Candidates, summary).of(Side::Client).shown_by(events(browser)));
}

/// A STUN server saw the daemon at a private address: another NAT is behind the server's place.
fn private_srflx(facts: &Facts, found: &mut Vec<Fault>) {
    for server in facts.servers.of_side(Side::Daemon) {
        for (local, mapped, at) in &server.mapped {
            let inner: Option<std::net::IpAddr> = host(mapped).parse().ok();
            let differs = host(local) != host(mapped);
            if differs && inner.map(crate::facts::attributes::scope) == Some(Scope::Private) {
                let summary = format!(
                    "The server {} sees the daemon at {}, which is a private address: the server is inside a translated network, so what it tells is of no use outside.",
                    server.address,
                    host(mapped)
                );
                let fault = Fault::degraded("C9", Stage::Candidates, summary).of(Side::Server);
                found.push(fault.with("server", server.address.as_str()).shown_by([*at]));
                return;
            }
        }
    }
}

fn slow(facts: &Facts, found: &mut Vec<Fault>) {
    let last = facts.candidates.browser.iter().max_by_key(|candidate| candidate.time);
    if let (Some((complete, at)), Some(last)) = (facts.candidates.browser_complete, last)
        && complete - last.time >= STALLED
    {
        let summary = format!(
            "The browser's gathering went on for {:.1} s after its last candidate: something that it asked did not answer.",
            (complete - last.time) as f64 / 1e6
        );
        let errors = facts.candidates.errors.iter().map(|error| error.at);
        let fault = Fault::degraded("B4", Stage::Servers, summary).of(Side::Client);
        found.push(fault.proven().shown_by([last.at, at]).shown_by(errors));
    }
    let urls = facts.page.server_urls.len();
    if let Some((_, at)) = facts.page.created.filter(|_| urls > MANY_URLS) {
        let summary = format!("The browser was given {urls} server URLs: each makes gathering longer.");
        let fault = Fault::harmless("B5", Stage::Servers, summary).of(Side::Client);
        found.push(fault.proven().with("count", urls.to_string()).shown_by([at]));
    }
}
