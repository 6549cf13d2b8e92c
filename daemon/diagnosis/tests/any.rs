//! What holds for every record, and what a verdict costs.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

use icescope_diagnosis::{Diagnosis, causes, diagnose};
use icescope_model::api::{Closed, SessionRecord, SessionState};
use icescope_model::verdict::{Stage, Verdict};
use icescope_model::{Event, Lane, SeenBy};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Read once: there are many, and some tests take one after the other.
fn records() -> &'static [SessionRecord] {
    static RECORDS: LazyLock<Vec<SessionRecord>> = LazyLock::new(read);
    &RECORDS
}

fn read() -> Vec<SessionRecord> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/evidence");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    files.map(|text| serde_json::from_str(&text).unwrap()).collect()
}

/// Evidence is in the record, causes are in the catalogue, stages are all told.
fn check(record: &SessionRecord, verdict: &Verdict) -> Result<(), TestCaseError> {
    let findings = verdict.findings.iter().map(|finding| (&finding.evidence, Some(&finding.cause)));
    for (evidence, cause) in findings.chain([(&verdict.evidence, verdict.cause.as_ref())]) {
        for number in evidence {
            prop_assert!(
                record.events.iter().any(|event| event.sequence == *number),
                "{number} is not in the record"
            );
        }
        if let Some(cause) = cause {
            prop_assert!(causes::find(cause).is_some(), "{cause}");
        }
    }
    let stages: Vec<Stage> = verdict.stages.iter().map(|progress| progress.stage).collect();
    prop_assert_eq!(stages, Stage::ALL);
    prop_assert!(!verdict.summary.is_empty());
    prop_assert!(!verdict.advice.contains('{'), "{}", verdict.advice);
    Ok(())
}

/// One change that a hostile or broken end could make.
#[derive(Debug, Clone)]
enum Change {
    Drop(usize),
    Swap(usize, usize),
    Time(usize, i64),
    Kind(usize, usize),
    Attribute(usize, usize, usize),
    Seer(usize, bool),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0_usize..1_000;
    prop_oneof![
        at.clone().prop_map(Change::Drop),
        (at.clone(), at.clone()).prop_map(|(one, other)| Change::Swap(one, other)),
        (at.clone(), any::<i64>()).prop_map(|(one, time)| Change::Time(one, time / 4)),
        (at.clone(), at.clone()).prop_map(|(one, kind)| Change::Kind(one, kind)),
        (at.clone(), at.clone(), at.clone()).prop_map(|(one, key, value)| Change::Attribute(one, key, value)),
        (at, any::<bool>()).prop_map(|(one, browser)| Change::Seer(one, browser)),
    ]
}

fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("é:::[]:%"),
        json!(true),
        json!([[], {}, null]),
        json!({"address": 7}),
    ]
}

fn apply(events: &mut Vec<Event>, change: &Change) {
    let count = events.len();
    if count == 0 {
        return;
    }
    match *change {
        Change::Drop(at) => drop(events.remove(at % count)),
        Change::Swap(one, other) => events.swap(one % count, other % count),
        Change::Time(at, time) => events[at % count].time = time,
        Change::Kind(at, other) => events[at % count].kind = events[other % count].kind.clone(),
        Change::Seer(at, browser) => {
            events[at % count].seen_by = if browser { SeenBy::Browser } else { SeenBy::Relay };
            events[at % count].from = Lane::Turn;
        }
        Change::Attribute(at, key, value) => {
            let attributes = &mut events[at % count].attributes;
            let keys: Vec<String> = attributes.keys().cloned().collect();
            if let Some(key) = keys.get(key % keys.len().max(1)) {
                let values = odd_values();
                attributes.insert(key.clone(), values[value % values.len()].clone());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_record_makes_it_panic_and_its_evidence_is_there(
        which in 0_usize..100,
        changes in proptest::collection::vec(change(), 0..60),
        now in any::<i64>().prop_map(|now| now / 4),
        state in 0_usize..5,
    ) {
        let mut record = records()[which % records().len()].clone();
        for change in &changes {
            apply(&mut record.events, change);
        }
        record.session.state = [
            SessionState::New,
            SessionState::Connecting,
            SessionState::Connected,
            SessionState::Disconnected,
            SessionState::Closed,
        ][state];
        record.session.closed =
            (state == 4).then(|| Closed { code: "failed".to_owned(), reason: String::new() });
        let mut diagnosis = Diagnosis::default();
        record.events.iter().for_each(|event| diagnosis.see(event));
        prop_assert!(diagnosis.pairs().iter().all(|pair| !pair.summary.is_empty()));
        let (verdict, again) = diagnose(&record, &[], now);
        check(&record, &verdict)?;
        prop_assert!(again.is_none_or(|again| again > now), "{again:?} is not after {now}");
    }
}

#[test]
fn every_moment_of_a_recorded_session_has_a_verdict() {
    for record in records() {
        let mut diagnosis = Diagnosis::default();
        let mut head = record.session.clone();
        (head.state, head.closed) = (SessionState::Connecting, None);
        for event in &record.events {
            diagnosis.see(event);
            let (verdict, _) = diagnosis.conclude(&head, &[], event.time);
            check(record, &verdict).unwrap();
        }
    }
}

#[test]
fn what_a_verdict_costs() {
    let mut record = records().iter().max_by_key(|record| record.events.len()).unwrap().clone();
    let events: Vec<Event> = record.events.iter().cycle().take(1_000).cloned().collect();
    record.events = events;
    let began = Instant::now();
    let mut diagnosis = Diagnosis::default();
    for event in &record.events {
        diagnosis.see(event);
    }
    let seen = began.elapsed();
    let rounds = 100;
    let began = Instant::now();
    for _ in 0..rounds {
        let (verdict, _) = diagnosis.conclude(&record.session, &[], 40_000_000);
        assert!(!verdict.summary.is_empty());
    }
    println!(
        "1000 events read in {} µs; a verdict over them in {} µs",
        seen.as_micros(),
        (began.elapsed() / rounds).as_micros()
    );
}
