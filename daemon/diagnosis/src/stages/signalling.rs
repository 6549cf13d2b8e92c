//! Signalling: did offer, answer and candidates go across?

use icescope_model::verdict::{Side, Stage};

use crate::course::Course;
use crate::facts::Facts;
use crate::fault::Fault;

/// A pause before the offer that is no gathering any more but a fixed wait.
const WAITED: i64 = 2_000_000;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    refused(facts, course, found);
    trickle(facts, found);
    not_taken(facts, found);
    fixed_wait(facts, found);
}

fn refused(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let Some(last) = facts.signalling.refusals.iter().rfind(|refusal| refusal.method != "PATCH") else {
        return;
    };
    if course.answered.is_some() {
        return;
    }
    let text = &last.said.text;
    let fault = match last.code.as_str() {
        "no-common-format" => {
            Fault::fatal("G1", Stage::Signalling, format!("Offer and source share no video format: {text}."))
                .of(Side::Both)
        }
        // The peer's own words (daemon/peer): it has nothing to offer.
        "internal" if text.contains("no usable network address") => {
            let summary = format!("The daemon has no address to offer: {text}.");
            Fault::fatal("A8", Stage::Signalling, summary).of(Side::Daemon)
        }
        _ => Fault::fatal(
            "A7",
            Stage::Signalling,
            format!("The daemon refused the offer with {} ({}): {text}.", last.status, last.code),
        )
        .of(if last.status >= 500 { Side::Daemon } else { Side::Client }),
    };
    found.push(fault.proven().with("message", text.as_str()).shown_by([last.said.at]));
}

fn trickle(facts: &Facts, found: &mut Vec<Fault>) {
    let signalling = &facts.signalling;
    let patches = signalling.refusals.iter().filter(|refusal| refusal.method == "PATCH");
    let evidence: Vec<u64> = patches
        .map(|refusal| refusal.said.at)
        .chain(signalling.stale.iter().copied())
        .chain(signalling.not_sent.iter().map(|said| said.at))
        .collect();
    if evidence.is_empty() {
        return;
    }
    let why = signalling.refusals.iter().rfind(|refusal| refusal.method == "PATCH").map_or_else(
        || signalling.not_sent.last().map_or("stale generation".to_owned(), |said| said.text.clone()),
        |refusal| format!("{} {}", refusal.status, refusal.code),
    );
    let summary = format!(
        "The client's later candidates were refused ({why}): the daemon has only those that came before."
    );
    found
        .push(Fault::degraded("A3", Stage::Signalling, summary).of(Side::Client).proven().shown_by(evidence));
}

fn not_taken(facts: &Facts, found: &mut Vec<Fault>) {
    let refused = &facts.signalling.not_taken;
    let Some(first) = refused.first() else { return };
    let all = !facts.candidates.daemon.is_empty() && refused.len() >= facts.candidates.daemon.len();
    let summary = format!(
        "The browser refused {} of the daemon's {} candidates, the first being «{}».",
        refused.len(),
        facts.candidates.daemon.len(),
        first.text
    );
    found.push(
        Fault::degraded("A4", Stage::Candidates, summary)
            .fatal_if(all)
            .of(Side::Client)
            .proven()
            .shown_by(refused.iter().map(|said| said.at)),
    );
}

/// The offer was held back although nothing more was gathered.
fn fixed_wait(facts: &Facts, found: &mut Vec<Fault>) {
    let (Some((sent, sent_at)), Some((created, created_at))) = (facts.signalling.sent, facts.page.created)
    else {
        return;
    };
    let before = facts.candidates.browser.iter().filter(|candidate| candidate.time <= sent);
    let last = before.map(|candidate| candidate.time).max().unwrap_or(created);
    if sent - last < WAITED {
        return;
    }
    let summary = format!(
        "The offer was sent {:.1} s after the last candidate before it: the page waits for a fixed time.",
        (sent - last) as f64 / 1e6
    );
    let fault = Fault::degraded("A6", Stage::Signalling, summary);
    found.push(fault.of(Side::Client).shown_by([created_at, sent_at]));
}
