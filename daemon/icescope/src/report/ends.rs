//! Tables of what both ends had: candidates, pairs, servers, and what the probes said.

use icescope_model::pair::{BrowserCounters, DaemonCounters, JoinedPair, PairCandidate, SelectedBy};
use icescope_model::verdict::Side;

use super::judged::Judged;
use super::text::word;
use super::time;
use crate::table::shown as table;

/// Each with its title; one without rows is empty.
pub fn tables(judged: &Judged) -> [(&'static str, String); 4] {
    [
        ("Candidates", candidates(judged)),
        ("Candidate pairs, as both ends saw them", pairs(&judged.record.pairs)),
        ("Servers", servers(judged)),
        ("What the probes had reported", reports(judged)),
    ]
}

fn filled<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: Vec<([String; COLUMNS], Option<String>)>,
) -> String {
    if rows.is_empty() { String::new() } else { table(head, rows) }
}

fn candidates(judged: &Judged) -> String {
    let candidates = &judged.facts.candidates;
    let ends = [
        ("browser", &candidates.browser),
        ("client, as told to the daemon", &candidates.arrived),
        ("daemon", &candidates.daemon),
    ];
    let rows = ends.into_iter().flat_map(|(end, list)| {
        list.iter().map(move |candidate| {
            let cells = [
                end.to_owned(),
                candidate.kind.clone(),
                candidate.protocol.clone(),
                candidate.endpoint(),
                candidate.url.clone(),
                time::seconds(candidate.time),
            ];
            (cells, candidate.left_out.as_ref().map(|why| format!("not used: {why}")))
        })
    });
    filled(["END", "TYPE", "PROTOCOL", "ADDRESS", "FROM", "AT"], rows.collect())
}

fn pairs(pairs: &[JoinedPair]) -> String {
    let row = |pair: &JoinedPair| {
        let state = word(pair.state);
        let state = if pair.nominated { format!("{state}, nominated") } else { state };
        let [daemon_sent, daemon_got, daemon_time] = daemon(pair.daemon.as_ref());
        let [browser_sent, browser_got, browser_time] = browser(pair.browser.as_ref());
        let cells = [
            end(&pair.local),
            end(&pair.remote),
            state,
            selected(pair.selected_by).to_owned(),
            daemon_sent.unwrap_or_default(),
            daemon_got.unwrap_or_default(),
            browser_sent.unwrap_or_default(),
            browser_got.unwrap_or_default(),
            daemon_time.or(browser_time).unwrap_or_default(),
            word(pair.loss),
        ];
        (cells, Some(pair.summary.clone()).filter(|summary| !summary.is_empty()))
    };
    let head = [
        "DAEMON",
        "CLIENT",
        "STATE",
        "SELECTED BY",
        "DAEMON SENT",
        "DAEMON GOT",
        "BROWSER SENT",
        "BROWSER GOT",
        "ROUND TRIP",
        "LOST",
    ];
    filled(head, pairs.iter().map(row).collect())
}

fn end(candidate: &PairCandidate) -> String {
    let address = match candidate.address.as_str() {
        "" => "hidden".to_owned(),
        address if address.contains(':') => format!("[{address}]"),
        address => address.to_owned(),
    };
    let seen = candidate.seen_as.as_ref().map(|seen| format!(" (seen as {seen})")).unwrap_or_default();
    format!("{} {} {address}:{}{seen}", candidate.candidate_type, candidate.protocol, candidate.port)
}

fn selected(by: SelectedBy) -> &'static str {
    match (by.daemon, by.browser) {
        (true, true) => "both",
        (true, false) => "daemon",
        (false, true) => "browser",
        (false, false) => "",
    }
}

/// Checks and how many of them were answered; what nobody counted is a blank.
fn checks(checks: Option<u64>, answers: Option<u64>) -> String {
    match (checks, answers) {
        (Some(checks), Some(answers)) => format!("{checks}, {answers} answered"),
        (Some(checks), None) => checks.to_string(),
        (None, _) => String::new(),
    }
}

fn round_trip(seconds: Option<f64>) -> Option<String> {
    seconds.map(|seconds| format!("{:.1} ms", seconds * 1_000.0))
}

fn daemon(counters: Option<&DaemonCounters>) -> [Option<String>; 3] {
    let Some(counters) = counters else { return [const { None }; 3] };
    let count = |number: u32| Some(u64::from(number));
    [
        Some(checks(count(counters.requests_sent), count(counters.responses_received))),
        Some(checks(count(counters.requests_received), count(counters.responses_sent))),
        round_trip(counters.current_round_trip_time),
    ]
}

fn browser(counters: Option<&BrowserCounters>) -> [Option<String>; 3] {
    let Some(counters) = counters else { return [const { None }; 3] };
    [
        Some(checks(counters.requests_sent, counters.responses_received)),
        Some(checks(counters.requests_received, counters.responses_sent)),
        round_trip(counters.current_round_trip_time),
    ]
}

fn servers(judged: &Judged) -> String {
    let rows = judged.facts.servers.all.iter().map(|server| {
        let asked = server.binding.requests + server.turn.requests + server.refresh.requests;
        let answers = server.binding.answers + server.turn.answers + server.refresh.answers;
        let mapped: Vec<&str> = server.mapped.iter().map(|(_, mapped, _)| mapped.as_str()).collect();
        let relayed: Vec<&str> = server.relayed.iter().map(|said| said.text.as_str()).collect();
        let errors =
            server.errors.iter().map(|error| format!("{} {} {}", error.kind, error.code, error.reason));
        let mut errors: Vec<String> = errors.map(|error| error.trim_end().to_owned()).collect();
        errors.sort_unstable();
        errors.dedup();
        let end = if server.side == Side::Daemon { "daemon" } else { "browser" };
        let cells = [
            end.to_owned(),
            server.address.clone(),
            server.protocol.clone(),
            checks(Some(asked.into()), Some(answers.into())),
            mapped.join(" "),
            relayed.join(" "),
        ];
        (cells, Some(errors.join("; ")).filter(|errors| !errors.is_empty()))
    });
    filled(["ASKED BY", "SERVER", "PROTOCOL", "REQUESTS", "MAPPED TO", "RELAYED BY"], rows.collect())
}

fn reports(judged: &Judged) -> String {
    let row = |report: &icescope_model::report::Report| {
        let cells =
            [report.probe.clone(), report.subject.clone(), word(report.outcome), time::utc(report.unix_ms)];
        (cells, report.document["summary"].as_str().map(str::to_owned))
    };
    filled(["PROBE", "ABOUT", "OUTCOME", "WHEN"], judged.record.reports.iter().map(row).collect())
}
