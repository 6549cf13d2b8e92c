//! Whatever stands in a file: it is refused with a reason, or reported. It never makes the program panic.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::judged::Judged;
use super::{read, text};

/// Short records, so that many changes of them can be tried.
static RECORDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../diagnosis/tests/evidence");
    let names = ["no-candidates", "turns-not-trusted", "wrong-secret-browser", "vanished"];
    let read =
        |name| serde_json::from_slice(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap();
    names.map(read).into()
});

fn odd_values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|truth| json!(truth)),
        ".{0,20}".prop_map(|text| json!(text)),
        "[a-z:.\\[\\]0-9/%?@-]{0,40}".prop_map(|text| json!(text)),
        prop_oneof![Just("icescope.session/1"), Just("closed"), Just("turn"), Just("::1"), Just("1.2.3.4:5")]
            .prop_map(|text| json!(text)),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"session": [[], {"events": 1e300}]})),
    ]
}

/// Puts `with` in the place of one value, chosen by numbers: at each level one says which way to go.
fn change(value: &mut Value, way: &[usize], with: Value) {
    let Some((turn, way)) = way.split_first() else {
        *value = with;
        return;
    };
    match value {
        Value::Array(list) if !list.is_empty() => {
            let at = turn % list.len();
            change(&mut list[at], way, with);
        }
        Value::Object(map) if !map.is_empty() => {
            let at = turn % map.len();
            if let Some(inner) = map.values_mut().nth(at) {
                change(inner, way, with);
            }
        }
        _ => *value = with,
    }
}

fn try_it(document: Value, redacted: bool, timeline: bool) -> Result<(), TestCaseError> {
    match Judged::of(document, redacted, "a.json") {
        Ok(judged) => {
            let shown = text::shown(&judged, timeline);
            prop_assert!(shown.starts_with("Session "));
            prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "a text steers the terminal");
            let again = read::record(&judged.document(), "it");
            prop_assert!(again.is_ok(), "what is written can be read: {again:?}");
        }
        Err(error) => {
            let said = format!("{error:#}");
            prop_assert!(said.starts_with("a.json is no session's record"), "{said}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_record_is_refused_or_reported(
        which in 0_usize..4,
        changes in proptest::collection::vec(
            (proptest::collection::vec(0_usize..1_000, 1..6), odd_values()), 0..20,
        ),
        redacted in any::<bool>(),
        timeline in any::<bool>(),
    ) {
        let mut document = RECORDS[which].clone();
        for (way, with) in changes {
            change(&mut document, &way, with);
        }
        try_it(document, redacted, timeline)?;
    }

    #[test]
    fn events_with_any_attributes_are_reported(
        which in 0_usize..4,
        changes in proptest::collection::vec((any::<usize>(), any::<usize>(), odd_values()), 0..60),
        redacted in any::<bool>(),
    ) {
        let mut document = RECORDS[which].clone();
        for (event, attribute, with) in changes {
            if let Some(events) = document["events"].as_array_mut().filter(|events| !events.is_empty()) {
                let at = event % events.len();
                if let Some(attributes) = events[at]["attributes"].as_object_mut() {
                    let at = attribute % attributes.len().max(1);
                    if let Some(value) = attributes.values_mut().nth(at) {
                        *value = with;
                    }
                }
            }
        }
        try_it(document, redacted, true)?;
    }

    #[test]
    fn any_bytes_are_refused_with_a_reason(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let refused = match read::parsed(&bytes, "a.json") {
            Ok(document) => Judged::of(document, false, "a.json").map(drop),
            Err(error) => Err(error),
        };
        prop_assert!(refused.unwrap_err().to_string().starts_with("a.json is "));
    }
}
