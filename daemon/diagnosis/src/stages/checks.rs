//! Checks (RFC 8445 §7): did one go through and get its answer?

use icescope_model::report::Report;
use icescope_model::verdict::{Side, Stage};

use super::loss::{Loss, Way};
use super::{SETTLED, nat};
use crate::course::{Course, PATIENCE};
use crate::facts::Facts;
use crate::facts::checks::Pair;
use crate::fault::Fault;
use crate::nat_table::Direct;

pub fn faults(facts: &Facts, course: &Course, reports: &[Report], found: &mut Vec<Fault>) {
    roles(facts, course, found);
    too_early(facts, course, found);
    if course.reached(Stage::Checks) {
        return;
    }
    relay_to_itself(facts, found);
    strange_source(facts, found);
    not_sent(facts, found);
    silence(facts, course, reports, found);
}

/// Checks have run long enough for silence to say something.
pub fn settled(facts: &Facts, course: &Course) -> bool {
    let began = facts.checks.began().or(course.answered);
    began.is_some_and(|began| course.now - began >= SETTLED)
}

/// 487: both ends took the same role. Ordinary once; fatal if it never ends.
fn roles(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    let conflicts: u32 = facts.checks.pairs.iter().map(|pair| pair.conflicts).sum();
    if conflicts == 0 {
        return;
    }
    let evidence = facts.checks.pairs.iter().filter_map(|pair| pair.conflict_at);
    let summary = format!("Both ends took the same ICE role ({conflicts} answers 487).");
    let fault = if course.reached(Stage::Nomination) {
        Fault::harmless("E2", Stage::Checks, format!("{summary} They settled it: this is harmless."))
    } else {
        Fault::fatal("E2", Stage::Nomination, summary).fatal_if(conflicts > 2)
    };
    found.push(fault.of(Side::Both).proven().shown_by(evidence));
}

/// ICE was given up before a check could come (RFC 8863).
fn too_early(facts: &Facts, course: &Course, found: &mut Vec<Fault>) {
    if course.reached(Stage::Checks) {
        return;
    }
    if let (Some((failed, at)), Some((last, check))) = (facts.states.failed, facts.checks.last_received)
        && last > failed
    {
        let summary = "A check of the client came in after ICE had been called failed.";
        let fault = Fault::fatal("E3", Stage::Checks, summary).of(Side::Both).proven();
        found.push(fault.with("waited", "less than").shown_by([at, check]));
        return;
    }
    let gave_up = course.ended.as_deref().is_some_and(|code| matches!(code, "failed" | "never-connected"));
    if let (true, Some(answered)) = (gave_up, course.answered)
        && course.now - answered < PATIENCE
        && facts.checks.began().is_some()
    {
        let seconds = (course.now - answered) as f64 / 1e6;
        let summary = format!(
            "The session was given up {seconds:.1} s after the answer; RFC 8863 waits 39.5 s for late checks."
        );
        let fault = Fault::degraded("E3", Stage::Checks, summary).of(Side::Daemon).proven();
        found.push(fault.shown_by(facts.states.closed).shown_by(facts.states.failed.map(|(_, at)| at)));
    }
}

/// Both ends relay by the same server, and it does not send to itself.
fn relay_to_itself(facts: &Facts, found: &mut Vec<Fault>) {
    let relays = |list: &[crate::facts::candidates::Candidate]| -> Vec<(String, u64)> {
        list.iter().filter(|c| c.kind == "relay").map(|c| (c.address.clone(), c.at)).collect()
    };
    let (client, daemon) = (relays(facts.candidates.client()), relays(&facts.candidates.daemon));
    let both = client
        .iter()
        .find_map(|theirs| daemon.iter().find(|ours| ours.0 == theirs.0).map(|ours| (theirs, ours)));
    let Some((theirs, ours)) = both else { return };
    let silent = facts.checks.pairs.iter().find(|pair| {
        pair.relay.is_some() && pair.sent > 2 && pair.received == 0 && pair.remote.starts_with(&theirs.0)
    });
    let Some(pair) = silent else { return };
    let summary = format!(
        "Both ends relay by {}, and of the daemon's {} checks from its relay to the other none was answered: the server does not reach its own public address.",
        theirs.0, pair.sent
    );
    let fault = Fault::fatal("D21", Stage::Checks, summary).of(Side::Server);
    found.push(fault.shown_by([theirs.1, ours.1]).shown_by(pair.sent_at.iter().copied().take(3)));
}

/// The client has only relays, and its checks come from an address that is none of them.
fn strange_source(facts: &Facts, found: &mut Vec<Fault>) {
    let client = facts.candidates.client();
    if client.is_empty() || client.iter().any(|candidate| candidate.kind != "relay") {
        return;
    }
    let stranger = facts.checks.pairs.iter().find(|pair| {
        let remote = pair.remote_socket().map(|socket| socket.ip());
        pair.received > 0 && !client.iter().any(|candidate| candidate.ip() == remote)
    });
    let Some(pair) = stranger else { return };
    let summary = format!(
        "The client relays by {}, and its checks come from {}: the relay sends from another address than it names.",
        client[0].address, pair.remote
    );
    let fault = Fault::fatal("D22", Stage::Checks, summary).of(Side::Server);
    found.push(fault.shown_by([client[0].at]).shown_by(pair.received_at.iter().copied().take(3)));
}

/// The daemon's own host does not take the packets.
fn not_sent(facts: &Facts, found: &mut Vec<Fault>) {
    let unsent = &facts.checks.not_sent;
    let Some((remote, error, _)) = unsent.first() else { return };
    // Checks of the client may come in all the same: their answers do not go out either.
    let all = facts.checks.totals().0 == 0 && unsent.len() >= 2;
    let summary = format!("The daemon's host did not send checks to {remote}: {error}.");
    let fault = Fault::degraded("C6", Stage::Checks, summary).fatal_if(all).of(Side::Daemon).proven();
    found.push(fault.with("port", "the daemon's UDP port").shown_by(unsent.iter().map(|(.., at)| *at)));
}

/// The base symptom: checks go out and nothing comes back.
fn silence(facts: &Facts, course: &Course, reports: &[Report], found: &mut Vec<Fault>) {
    let loss = Loss::of(facts);
    let any =
        loss.daemon_sent > 0 || loss.daemon_received > 0 || loss.browser_sent.is_some_and(|sent| sent > 0);
    if !any || !settled(facts, course) {
        return;
    }
    let way = loss.way();
    let lead = match way {
        Way::Both => "Checks are lost both ways",
        Way::ToDaemon => "Checks to the daemon are lost",
        Way::ToBrowser => "Checks to the browser are lost",
        Way::Unknown if replies_lost(facts) => "Checks arrive and their answers are lost",
        Way::Unknown => "No check was answered",
    };
    let side = match way {
        // A daemon that sent nothing opened no way from inside either: then the silence is nobody's in particular.
        Way::ToDaemon if loss.daemon_sent > 0 => Side::Daemon,
        Way::ToBrowser => Side::Client,
        _ => Side::Unknown,
    };
    // The symptom is proven where both ends' counts say it; whose firewall it is, never by this alone.
    let proven = matches!(way, Way::Both | Way::ToDaemon | Way::ToBrowser);
    let direction = match way {
        Way::ToDaemon => "to the daemon",
        Way::ToBrowser => "to the browser",
        _ => "between the ends",
    };
    // Where NATs are known to let packets through, it is not the NATs.
    let meeting = nat::meeting(facts, reports).filter(|(direct, ..)| *direct == Direct::Works);
    let (beside, shown) = meeting.map_or_else(Default::default, |(_, words, shown)| {
        let beside = format!(
            " Between these NATs a direct path should work, so something else drops the packets: {words}."
        );
        (beside, shown)
    });
    found.push(
        Fault::fatal("E1", Stage::Checks, format!("{lead}: {}.{beside}", loss.words()))
            .of(side)
            .proven_if(proven)
            .with("direction", direction)
            .shown_by(loss.evidence)
            .shown_by(shown),
    );
}

fn replies_lost(facts: &Facts) -> bool {
    let hears = |pair: &Pair| pair.received > 0 && pair.replied > 0;
    facts.checks.pairs.iter().any(hears)
}
