//! Verdicts over evidence that was recorded from real sessions: Chromium or Firefox at one end, the daemon at the other.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use icescope_diagnosis::{causes, diagnose};
use icescope_model::api::SessionRecord;
use icescope_model::verdict::{StageState, Verdict};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/evidence")
}

fn record(name: &str) -> SessionRecord {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The verdict at the end of what was recorded.
fn verdict(record: &SessionRecord) -> Verdict {
    let last = || record.events.iter().map(|event| event.time).max().unwrap_or(0);
    diagnose(record, &record.reports, record.until.unwrap_or_else(last)).0
}

/// The word that a value has in JSON.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// A verdict as lines, so that a change of it can be read.
fn lines(verdict: &Verdict) -> String {
    let mut lines = vec![
        format!("{}: {}", word(&verdict.outcome), verdict.summary),
        format!(
            "cause {} at {}, side {}, {}; evidence {:?}",
            verdict.cause.as_deref().unwrap_or("none"),
            word(&verdict.stage),
            word(&verdict.side),
            word(&verdict.certainty),
            verdict.evidence
        ),
        format!("advice: {}", verdict.advice),
    ];
    if let Some(path) = &verdict.path {
        lines.push(format!("path: {}", serde_json::to_string(path).unwrap()));
    }
    let of = |state: StageState| -> Vec<String> {
        let stages = verdict.stages.iter().filter(|progress| progress.state == state);
        stages.map(|progress| word(&progress.stage)).collect()
    };
    lines.push(format!("reached: {}", of(StageState::Reached).join(" ")));
    for finding in &verdict.findings {
        lines.push(format!(
            "finding {} {} {} at {}: {}",
            finding.cause,
            word(&finding.weight),
            word(&finding.certainty),
            word(&finding.stage),
            finding.summary
        ));
    }
    lines.join("\n")
}

#[test]
fn recorded_sessions_have_their_verdicts() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        insta::assert_snapshot!(name.clone(), lines(&verdict(&record(&name))));
    }
}

/// Whether a verdict names a cause, as what broke or beside it.
fn names(verdict: &Verdict, cause: &str) -> bool {
    verdict.cause.as_deref() == Some(cause) || verdict.findings.iter().any(|finding| finding.cause == cause)
}

#[test]
fn what_was_provoked_is_named() {
    let mut provoked = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        // `c7-no-hairpin`; others are called by what is to be seen in them.
        let Some(cause) = name.split('-').next().and_then(causes::find) else { continue };
        let verdict = verdict(&record(&name));
        assert!(names(&verdict, cause.id), "{name}:\n{}", lines(&verdict));
        provoked += 1;
    }
    assert!(provoked >= 30, "only {provoked} records of provoked causes");
}

#[test]
fn what_may_be_called_proven_was_recorded() {
    let records = fs::read_dir(folder()).unwrap().map(|entry| {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        verdict(&serde_json::from_str(&text).unwrap())
    });
    let verdicts: Vec<Verdict> = records.collect();
    for cause in causes::SHOWN {
        let shown = verdicts.iter().any(|verdict| names(verdict, cause));
        assert!(shown, "no record shows {cause}");
    }
}
