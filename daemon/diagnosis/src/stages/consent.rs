//! Consent (RFC 7675): does a connection that was up stay up?

use icescope_model::verdict::{Side, Stage};

use crate::course::Course;
use crate::facts::{Facts, checks::Pair};
use crate::fault::Fault;

/// Consent ends 30 s after the last answer (RFC 7675 §5.1); silence for half of that is worth a word.
const SILENT: i64 = 5_000_000;

/// Consent is asked for every 5 s, give or take a fifth (RFC 7675 §5.1): so long before the last answer that nothing was heard of
/// since, the network may have changed.
const BEFORE: i64 = 6_000_000;

pub fn faults(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    if !course.lost {
        return;
    }
    let last = facts
        .checks
        .pairs
        .iter()
        .filter(|pair| pair.is_valid() || pair.received > 0)
        .max_by_key(|pair| pair.last_heard);
    let Some(pair) = last else { return };
    relay_gone(facts, pair, found);
    let heard = pair.last_heard.unwrap_or(0);
    let silent = course.now.saturating_sub(heard);
    if silent < SILENT && course.ended.is_none() {
        return;
    }
    moved(facts, pair, found);
    let asked = pair.unanswered_at.len();
    let summary = format!(
        "The connection was up, and since {:.1} s nothing came from {}: {} consent checks of the daemon were not answered.",
        silent as f64 / 1e6,
        pair.remote,
        if asked == crate::facts::MOST_EVIDENCE { format!("at least {asked}") } else { asked.to_string() }
    );
    found.push(
        Fault::fatal("E5", Stage::Checks, summary)
            .proven_if(asked >= 2)
            .of(Side::Unknown)
            .shown_by(pair.unanswered_at.iter().copied())
            .shown_by(facts.states.disconnected.map(|(_, at)| at)),
    );
}

/// The browser's host lost or changed its network at that time, and ICE was not restarted on the new one.
fn moved(facts: &Facts, pair: &Pair, found: &mut Vec<Fault>) {
    let since = pair.last_heard.unwrap_or(0) - BEFORE;
    let Some(said) = facts.page.moved.iter().rfind(|said| said.time >= since) else { return };
    if facts.signalling.restarted.is_some_and(|restarted| restarted > said.at) {
        return;
    }
    let summary = format!(
        "The connection was up until {}; since then nothing came from {}, and ICE was not restarted.",
        said.text, pair.remote
    );
    let fault = Fault::fatal("E7", Stage::Checks, summary).of(Side::Client).proven();
    found.push(fault.shown_by([said.at]).shown_by(pair.unanswered_at.iter().copied()));
}

/// The path went through a relay whose refresh was not answered or refused.
fn relay_gone(facts: &Facts, pair: &Pair, found: &mut Vec<Fault>) {
    if let Some(at) = facts.servers.expired {
        let summary =
            "The allocation at the daemon's relay ended because it was not refreshed, and with it the path.";
        let fault = Fault::fatal("F8", Stage::Servers, summary).of(Side::Client);
        found.push(fault.with("server", "the daemon's relay").shown_by([at]));
    }
    let Some(relay) = &pair.relay else { return };
    let Some(server) = facts.servers.all.iter().find(|server| server.address == *relay) else { return };
    if let Some((_, at)) = server.refresh.waiting {
        let summary = format!(
            "The TURN server {relay} did not answer the daemon's Refresh, and the path through it ended."
        );
        let fault = Fault::fatal("F8", Stage::Servers, summary).of(Side::Server);
        found.push(fault.with("server", relay.as_str()).shown_by([at]));
    }
}
