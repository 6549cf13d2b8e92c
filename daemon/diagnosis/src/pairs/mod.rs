//! Both ends' views of each candidate pair, joined.
//!
//! The daemon knows transport addresses, the browser its candidates; between them may be mDNS names, NATs and relays. What joins
//! them is what both tell: the addresses, the ports, the PRIORITY of checks, the mapped addresses of answers. What cannot be
//! joined stands alone, and the other end's count is unknown.

mod ends;
mod matching;
mod words;

use icescope_model::pair::{DaemonCounters, JoinedPair, PairState, SelectedBy};

use crate::facts::checks::Pair as Seen;
use crate::facts::states::Selected;
use crate::facts::{Facts, MOST_EVIDENCE};
use matching::Match;

/// Pairs at most: beyond them come only those over which nothing went.
const MOST_PAIRS: usize = 64;

/// Every pair that either end has formed or sent a check over. Those that work come first.
pub fn pairs(facts: &Facts) -> Vec<JoinedPair> {
    let matches = matching::all(facts);
    let mut pairs: Vec<JoinedPair> = matches.iter().map(|found| pair(facts, found)).collect();
    pairs.sort_by_key(|pair| {
        let chosen = pair.selected_by.daemon || pair.selected_by.browser;
        let state = match pair.state {
            PairState::Succeeded => 0,
            PairState::InProgress => 1,
            PairState::Failed => 2,
            PairState::Waiting => 3,
            PairState::Unknown => 4,
        };
        (!chosen, state)
    });
    pairs.truncate(MOST_PAIRS);
    pairs
}

fn pair(facts: &Facts, found: &Match<'_>) -> JoinedPair {
    let (local, remote) = (ends::local(facts, found), ends::remote(facts, found));
    let daemon = found.seen.map(counted).or_else(|| found.is_unseen.then(DaemonCounters::default));
    let browser = found.told.as_ref().map(|told| told.pair.counted.clone());
    let nominated = found.seen.is_some_and(|seen| seen.nominated)
        || browser.as_ref().and_then(|counted| counted.nominated).unwrap_or(false);
    let selected_by = SelectedBy {
        daemon: facts.states.daemon_pair.as_ref().is_some_and(|pair| by_daemon(found, pair, &remote)),
        browser: facts.states.browser_pair.as_ref().is_some_and(|pair| by_browser(found, pair)),
    };
    let is_over = facts.states.daemon_ice.as_ref().is_some_and(|said| said.text == "failed");
    let loss = words::loss(daemon.as_ref(), browser.as_ref());
    let state = words::state(daemon.as_ref(), browser.as_ref(), selected_by, is_over);
    let summary = words::summary(found, &local, &remote, daemon.as_ref(), browser.as_ref());
    let evidence = evidence(found);
    JoinedPair { local, remote, state, nominated, selected_by, daemon, browser, loss, summary, evidence }
}

fn counted(seen: &Seen) -> DaemonCounters {
    DaemonCounters {
        requests_sent: seen.sent,
        responses_received: seen.answered,
        requests_received: seen.received,
        responses_sent: seen.replied,
        retransmissions_sent: seen.sent_again,
        retransmissions_received: seen.received_again,
        role_conflicts: seen.conflicts,
        errors: seen.errors.clone(),
        first_time: seen.first,
        last_time: seen.last,
        current_round_trip_time: seen.round_trip,
        min_round_trip_time: seen.round_trips.map(|(least, _)| least),
        max_round_trip_time: seen.round_trips.map(|(_, most)| most),
    }
}

/// The daemon names its candidate, which may be the outside of the socket that the checks were seen on, and the client's, which
/// may be a name.
fn by_daemon(found: &Match<'_>, pair: &Selected, remote: &icescope_model::pair::PairCandidate) -> bool {
    let Some(seen) = found.seen else { return false };
    let theirs = (pair.remote.as_str(), pair.remote_port);
    let is_there = matching::endpoint(&pair.remote, pair.remote_port) == seen.remote
        || theirs == (remote.address.as_str(), u64::from(remote.port));
    is_there && matching::is_socket_of(&pair.local, pair.local_port, seen)
}

fn by_browser(found: &Match<'_>, pair: &Selected) -> bool {
    let Some(told) = &found.told else { return false };
    let same = |address: &str, port: u64, end: &crate::facts::stats::End| {
        end.port == port && (end.address.is_empty() || end.address == address || address.is_empty())
    };
    told.local.kind == pair.local_kind
        && same(&pair.local, pair.local_port, told.local)
        && same(&pair.remote, pair.remote_port, told.remote)
}

fn evidence(found: &Match<'_>) -> Vec<u64> {
    let told = found.told.as_ref().map(|told| told.pair.at);
    let seen = found.seen.into_iter().flat_map(|seen| {
        let sent = seen.sent_at.iter().take(2);
        let received = seen.received_at.iter().take(2);
        sent.chain(received).chain(&seen.answered_at).chain(&seen.nominated_at).copied()
    });
    let mut evidence: Vec<u64> = seen.chain(told).collect();
    evidence.sort_unstable();
    evidence.dedup();
    evidence.truncate(MOST_EVIDENCE);
    evidence
}
