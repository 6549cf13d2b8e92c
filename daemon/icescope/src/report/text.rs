//! A judged record as a text for a person.

use std::fmt::Write as _;

use icescope_model::verdict::{Finding, Side, StageState, Verdict, VerdictOutcome};
use icescope_model::{Event, SeenBy};
use serde::Serialize;

use super::judged::Judged;
use super::{ends, time};
use crate::table::{plain, shown as table};

/// All of it; the timeline on request.
pub fn shown(judged: &Judged, timeline: bool) -> String {
    let mut text = head(judged);
    text.push_str(&verdict(judged));
    text.push_str(&findings(judged));
    for (title, body) in ends::tables(judged) {
        if !body.is_empty() {
            let _ = write!(text, "\n{title}\n{}", indented(&body));
        }
    }
    if timeline {
        let _ = write!(text, "\nTimeline\n{}", indented(&events(&judged.record.events)));
    }
    text
}

/// The word that a value has in JSON.
pub fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

fn head(judged: &Judged) -> String {
    let (record, session) = (&judged.record, &judged.record.session);
    let mut text = format!("Session {}\n", session.id);
    let opened = time::utc(session.opened_unix_ms);
    let _ = writeln!(text, "  opened {opened}; told until {} after that", time::seconds(judged.until));
    let _ = match &session.closed {
        Some(closed) => writeln!(text, "  closed: {} ({})", plain(&closed.reason), plain(&closed.code)),
        None => writeln!(text, "  {} when the record was read", word(session.state)),
    };
    let seen = [SeenBy::Browser, SeenBy::Daemon, SeenBy::Relay, SeenBy::Plugin]
        .map(|seer| (word(seer), judged.seen_by(seer)))
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(seer, count)| format!("{count} by the {seer}"));
    let seen: Vec<String> = seen.collect();
    let _ = writeln!(text, "  {} events seen: {}", record.events.len(), seen.join(", "));
    if session.events_dropped > 0 {
        let dropped = session.events_dropped;
        let _ = writeln!(
            text,
            "  {dropped} events were not kept: what repeats while a connection is up is kept for its end"
        );
    }
    let _ = match record.clock {
        Some(clock) if clock.estimates > 0 => {
            let off = f64::from(clock.uncertainty) / 1_000.0;
            writeln!(text, "  the browser's clock is known to ± {off:.2} ms")
        }
        Some(_) => writeln!(
            text,
            "  the browser's clock was never measured: its times may be off, each says by how much"
        ),
        None => Ok(()),
    };
    if record.redacted {
        text.push_str("  addresses and names are pseudonyms\n");
    }
    text
}

fn verdict(judged: &Judged) -> String {
    let verdict = &judged.verdict;
    let mut text = format!("\n{}\n", heading(verdict));
    let _ = writeln!(text, "  {}", plain(&verdict.summary));
    if !verdict.advice.is_empty() {
        let _ = writeln!(text, "  What to change: {}", plain(&verdict.advice));
    }
    if let Some(cause) = &verdict.cause {
        let _ = writeln!(text, "  More about it: icescope explain {}", plain(cause));
    }
    for state in [StageState::Reached, StageState::Broken, StageState::Open, StageState::NotReached] {
        let stages = verdict.stages.iter().filter(|progress| progress.state == state);
        let stages: Vec<String> = stages.map(|progress| word(progress.stage)).collect();
        if !stages.is_empty() {
            let _ = writeln!(text, "  {}: {}", word(state).replace('-', " "), stages.join(", "));
        }
    }
    text.push_str(&indented(&cited(judged, &verdict.evidence)));
    if judged.differs()
        && let Some(before) = &judged.before
    {
        let _ = writeln!(text, "  Note: the record's own verdict is another one. {}", heading(before));
        let _ = writeln!(text, "    {}", plain(&before.summary));
        text.push_str("    It was made by the daemon of its time, over all events; this one by this version, over those that were kept.\n");
    }
    text
}

fn heading(verdict: &Verdict) -> String {
    let stage = word(verdict.stage);
    let cause = verdict.cause.as_deref().map(|cause| format!(", cause {}", plain(cause))).unwrap_or_default();
    match verdict.outcome {
        VerdictOutcome::Connected => match &verdict.path {
            Some(path) => format!("CONNECTED, {}", word(path.kind)),
            None => "CONNECTED".to_owned(),
        },
        VerdictOutcome::Failed => {
            format!("FAILED at {stage}{cause} ({}, {})", word(verdict.certainty), side(verdict.side))
        }
        VerdictOutcome::Pending => format!("NOT DECIDED, at {stage}{cause}"),
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "on the browser's side",
        Side::Daemon => "on the daemon's side",
        Side::Server => "at a server",
        Side::Both => "on both sides",
        Side::Unknown => "it is not known on whose side",
    }
}

fn findings(judged: &Judged) -> String {
    let findings = &judged.verdict.findings;
    if findings.is_empty() {
        return String::new();
    }
    let mut text = "\nWhat else was found\n".to_owned();
    for Finding { cause, stage, certainty, weight, summary, advice, evidence, .. } in findings {
        let (weight, certainty, stage) = (word(weight), word(certainty), word(stage));
        let _ = writeln!(text, "  {} ({weight}, {certainty}) at {stage}: {}", plain(cause), plain(summary));
        if !advice.is_empty() {
            let _ = writeln!(text, "    {}", plain(advice));
        }
        text.push_str(&indented(&indented(&cited(judged, evidence))));
    }
    text
}

/// The events that show something.
fn cited(judged: &Judged, numbers: &[u64]) -> String {
    let events = judged.record.events.iter().filter(|event| numbers.contains(&event.sequence));
    let events: Vec<&Event> = events.collect();
    if events.is_empty() { String::new() } else { format!("shown by\n{}", indented(&lines(&events))) }
}

fn events(events: &[Event]) -> String {
    lines(&events.iter().collect::<Vec<_>>())
}

fn lines(events: &[&Event]) -> String {
    let row = |event: &&Event| {
        let off = match event.uncertainty {
            // What would be written as 0.0 is not said.
            0..50 => String::new(),
            off => format!(" ± {:.1} ms", f64::from(off) / 1_000.0),
        };
        let (from, to) = (word(event.from), word(event.to));
        let way = if from == to { from } else { format!("{from} → {to}") };
        let cells = [
            format!("#{}", event.sequence),
            format!("{}{off}", time::seconds(event.time)),
            word(event.seen_by),
            way,
            event.kind.clone(),
            event.summary.clone(),
        ];
        (cells, None)
    };
    let rows = events.iter().map(row).collect();
    table(["#", "TIME", "SEEN BY", "WHERE", "KIND", "WHAT"], rows)
}
