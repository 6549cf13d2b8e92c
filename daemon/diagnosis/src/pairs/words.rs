//! How a pair stands, which way its checks are lost, and the sentence that says so.

use icescope_model::pair::{BrowserCounters, DaemonCounters, PairCandidate, PairLoss, PairState, SelectedBy};

use super::matching::{Match, endpoint};

/// One packet may be under way or lost by chance; three in a row say something of the path (an agent's checks of one pair are
/// half a second and more apart, RFC 8445 §14.3).
const TELLING: u64 = 3;

/// Whether packets come through, one way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    Lost,
    Unknown,
}

/// Which way nothing comes through.
pub fn loss(daemon: Option<&DaemonCounters>, browser: Option<&BrowserCounters>) -> PairLoss {
    match (to_daemon(daemon, browser), to_browser(daemon, browser)) {
        (Way::Lost, Way::Lost) => PairLoss::Both,
        (Way::Lost, _) => PairLoss::ToDaemon,
        (_, Way::Lost) => PairLoss::ToBrowser,
        (Way::Open, Way::Open) => PairLoss::None,
        _ => PairLoss::Unknown,
    }
}

/// Whether an answer went round: then both ways are open.
fn went_round(daemon: Option<&DaemonCounters>, browser: Option<&BrowserCounters>) -> bool {
    daemon.is_some_and(|counted| counted.responses_received > 0)
        || browser.and_then(|counted| counted.responses_received).is_some_and(|count| count > 0)
}

fn to_daemon(daemon: Option<&DaemonCounters>, browser: Option<&BrowserCounters>) -> Way {
    let Some(counted) = daemon else {
        return if went_round(daemon, browser) { Way::Open } else { Way::Unknown };
    };
    if counted.requests_received > 0 || went_round(daemon, browser) {
        return Way::Open;
    }
    let sent = |figure: fn(&BrowserCounters) -> Option<u64>| browser.and_then(figure).unwrap_or(0);
    let sent = sent(|counted| counted.requests_sent).saturating_add(sent(|counted| counted.responses_sent));
    if sent >= TELLING { Way::Lost } else { Way::Unknown }
}

fn to_browser(daemon: Option<&DaemonCounters>, browser: Option<&BrowserCounters>) -> Way {
    let asked = browser.and_then(|counted| counted.requests_received);
    let answered = browser.and_then(|counted| counted.responses_received);
    if asked.is_some_and(|count| count > 0) || went_round(daemon, browser) {
        return Way::Open;
    }
    let Some(counted) = daemon else { return Way::Unknown };
    let unanswered = answered == Some(0) && u64::from(counted.responses_sent) >= TELLING;
    let unheard = asked == Some(0) && u64::from(counted.requests_sent) >= TELLING;
    if unanswered || unheard { Way::Lost } else { Way::Unknown }
}

/// How it stands, in the words of webrtc-stats.
pub fn state(
    daemon: Option<&DaemonCounters>,
    browser: Option<&BrowserCounters>,
    selected: SelectedBy,
    is_over: bool,
) -> PairState {
    let told = browser.and_then(|counted| counted.state.as_deref());
    if went_round(daemon, browser) || selected.daemon || selected.browser || told == Some("succeeded") {
        return PairState::Succeeded;
    }
    let tried = daemon.is_some_and(|counted| counted.requests_sent + counted.requests_received > 0)
        || browser.and_then(|counted| counted.requests_sent).is_some_and(|count| count > 0);
    match told {
        Some("failed") => PairState::Failed,
        _ if tried && is_over => PairState::Failed,
        _ if tried => PairState::InProgress,
        Some("in-progress") => PairState::InProgress,
        Some(_) => PairState::Waiting,
        None => PairState::Unknown,
    }
}

/// What was sent and what arrived, in one sentence.
pub fn summary(
    found: &Match<'_>,
    local: &PairCandidate,
    remote: &PairCandidate,
    daemon: Option<&DaemonCounters>,
    browser: Option<&BrowserCounters>,
) -> String {
    let unsent = browser.is_none_or(|counted| counted.requests_sent.unwrap_or(0) == 0 && !is_heard(counted))
        && daemon.is_some_and(|counted| counted.requests_sent + counted.requests_received == 0);
    if unsent {
        return "Neither end has sent a check over this pair.".to_owned();
    }
    let there = |end: &PairCandidate| match (&end.seen_as, end.address.is_empty()) {
        (Some(seen), _) => seen.clone(),
        (None, true) => "an address that the browser hides".to_owned(),
        (None, false) => endpoint(&end.address, end.port.into()),
    };
    let client = if found.told.is_some() { "browser" } else { "client" };
    let mut parts = Vec::new();
    if let Some(sent) = browser.and_then(|counted| counted.requests_sent) {
        let got = daemon.map_or_else(
            || "what of them came in is not known".to_owned(),
            |counted| format!("the daemon received {}", number(counted.requests_received.into())),
        );
        parts.push(format!("the browser sent {} to {}, {got}", checks(sent), there(local)));
    } else if let Some(counted) = daemon {
        let got = number(counted.requests_received.into());
        parts.push(format!("the daemon received {got} of the {client}'s checks from {}", there(remote)));
    }
    if let Some(counted) = daemon {
        let sent = format!("the daemon sent {} to {}", checks(counted.requests_sent.into()), there(remote));
        let got = browser.and_then(|counted| counted.requests_received);
        parts.push(match (counted.requests_sent, got) {
            (0, None | Some(0)) => "the daemon sent none".to_owned(),
            (_, Some(got)) => format!("{sent}, the browser received {}", number(got)),
            (_, None) if counted.responses_received == 0 => format!("{sent}, none was answered"),
            (_, None) if counted.responses_received == 1 => format!("{sent}, 1 was answered"),
            (_, None) => format!("{sent}, {} were answered", counted.responses_received),
        });
    }
    let mut sentence = parts.join("; ");
    if let Some(first) = sentence.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    if sentence.is_empty() { "Nothing was counted on this pair.".to_owned() } else { sentence + "." }
}

fn is_heard(counted: &BrowserCounters) -> bool {
    let heard = [counted.requests_received, counted.responses_received];
    heard.into_iter().flatten().any(|count| count > 0)
}

fn checks(count: u64) -> String {
    match count {
        0 => "no checks".to_owned(),
        1 => "1 check".to_owned(),
        more => format!("{more} checks"),
    }
}

fn number(count: u64) -> String {
    if count == 0 { "none".to_owned() } else { count.to_string() }
}
