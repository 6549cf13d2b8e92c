//! What came of the attempts, as a table, and when each verdict was there.

use icescope_model::verdict::{Verdict, VerdictOutcome};

use super::Provoked;
use super::watch::{Seen, Told};

/// Agents wait so long for checks at least, after the answer (RFC 8863 §4), in microseconds.
const PATIENCE: i64 = 39_500_000;

/// What leaves nothing to wait for where an end has nothing else, as in these scenes: an offer that was refused, a server that
/// refused the only candidates, a certificate that is another, candidates that cannot meet.
const AT_ONCE: [&str; 15] =
    ["A7", "A8", "B7", "B13", "D2", "D3", "D12", "D13", "D14", "D15", "D16", "D17", "D18", "F6", "G1"];

/// One attempt's row.
pub struct Row {
    pub right: bool,
    pub words: Vec<String>,
    /// «Failed» was said while there was something to wait for.
    pub too_early: Option<String>,
    /// For whoever looks into it.
    pub details: String,
}

pub const HEAD: [&str; 8] =
    ["cause", "by", "how", "verdict", "right", "shown after", "named after", "failed after"];

impl Row {
    pub fn new(one: &Provoked, told: &Result<Told, String>) -> Self {
        let id = one.expected.id();
        match told {
            Ok(told) => Self::of(one, told),
            Err(error) => Self {
                right: false,
                words: [id, "provoked", one.how, "none", "WRONG"].map(str::to_owned).to_vec(),
                too_early: None,
                details: format!("{id} «{}»: {error}", one.how),
            },
        }
    }

    fn of(one: &Provoked, told: &Told) -> Self {
        let (verdict, id) = (told.verdict(), one.expected.id());
        let right = one.expected.holds(&verdict);
        let named = told.seen.iter().find(|seen| names(&seen.verdict, id));
        let failed = told.seen.iter().find(|seen| seen.verdict.outcome == VerdictOutcome::Failed);
        let shown = named.and_then(|named| first_cited(told, &named.verdict, id));
        let answered = time_of(told, "signalling.answer", |_| true);
        let seconds =
            |time: Option<i64>| time.map_or("-".to_owned(), |time| format!("{:.1} s", time as f64 / 1e6));
        let since =
            |seen: Option<&Seen>, from: Option<i64>| seen.zip(from).map(|(seen, from)| seen.at - from);
        let words = vec![
            id.to_owned(),
            "provoked".to_owned(),
            one.how.to_owned(),
            format!("{:?}, {}", verdict.outcome, verdict.cause.as_deref().unwrap_or("no cause"))
                .to_lowercase(),
            if right { "right" } else { "WRONG" }.to_owned(),
            seconds(shown),
            seconds(since(named, shown)),
            seconds(since(failed, answered)),
        ];
        let too_early =
            failed.zip(answered).filter(|(failed, answered)| is_too_early(told, failed, *answered));
        let too_early = too_early.map(|(failed, answered)| {
            format!(
                "{id} «{}»: failed {:.1} s after the answer",
                one.how,
                (failed.at - answered) as f64 / 1e6
            )
        });
        Self {
            right,
            words,
            too_early: too_early.filter(|_| !AT_ONCE.contains(&id)),
            details: details(one, told),
        }
    }
}

/// Whether a verdict names a cause, as what broke or beside it.
fn names(verdict: &Verdict, id: &str) -> bool {
    verdict.cause.as_deref() == Some(id) || verdict.findings.iter().any(|finding| finding.cause == id)
}

/// When the first event was that a statement rests on, on the session's axis.
fn first_cited(told: &Told, verdict: &Verdict, id: &str) -> Option<i64> {
    let cause = verdict.cause.as_deref() == Some(id);
    let finding = verdict.findings.iter().find(|finding| finding.cause == id);
    let evidence = if cause { &verdict.evidence } else { &finding?.evidence };
    let cited = told.record.events.iter().filter(|event| evidence.contains(&event.sequence));
    cited.map(|event| event.time).min()
}

fn time_of(told: &Told, kind: &str, which: impl Fn(&icescope_model::Event) -> bool) -> Option<i64> {
    told.record.events.iter().filter(|event| event.kind == kind && which(event)).map(|event| event.time).min()
}

/// It was neither up before nor over: a path could still have been found.
fn is_too_early(told: &Told, failed: &Seen, answered: i64) -> bool {
    let state = |event: &icescope_model::Event| event.attributes.get("state") == Some(&"connected".into());
    let up = time_of(told, "dtls.state", state).is_some_and(|up| up < failed.at);
    let over = time_of(told, "session.closed", |_| true).is_some_and(|over| over <= failed.at);
    // The axis of the verdict's time begins with the millisecond in which the session was opened.
    failed.at - answered < PATIENCE - 1_000 && !up && !over
}

fn details(one: &Provoked, told: &Told) -> String {
    use std::fmt::Write;

    let verdict = told.verdict();
    let mut text = format!("{} «{}»: {:?}: {}", one.expected.id(), one.how, verdict.outcome, verdict.summary);
    for finding in &verdict.findings {
        // Writing to a string does not fail.
        let _ = write!(text, "\n    {:?} {}: {}", finding.weight, finding.cause, finding.summary);
    }
    if !one.expected.holds(&verdict) {
        let _ = write!(text, "\n{}", told.log);
    }
    text
}
