//! A plugin's configuration against the plugin's JSON Schema.

use serde_json::Value;

use crate::error::CheckProblem;

/// More problems than these are not told at once.
const MAX_PROBLEMS: usize = 32;

/// Checks `value` against a JSON Schema; an empty schema allows everything.
pub(crate) fn check(schema: &str, value: &Value) -> Result<(), Vec<CheckProblem>> {
    if schema.trim().is_empty() {
        return Ok(());
    }
    let broken = |error: String| {
        vec![CheckProblem {
            pointer: String::new(),
            message: format!("the plugin's own JSON Schema is broken: {error}"),
        }]
    };
    let schema: Value = serde_json::from_str(schema).map_err(|error| broken(error.to_string()))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| broken(error.to_string()))?;
    let problems: Vec<_> = validator
        .iter_errors(value)
        .take(MAX_PROBLEMS)
        .map(|error| CheckProblem { pointer: error.instance_path().to_string(), message: error.to_string() })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// All problems in one line.
pub(crate) fn in_words(problems: &[CheckProblem]) -> String {
    let words: Vec<_> = problems
        .iter()
        .map(|problem| match problem.pointer.as_str() {
            "" => problem.message.clone(),
            pointer => format!("{pointer}: {}", problem.message),
        })
        .collect();
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCHEMA: &str = r#"{
        "type": "object", "additionalProperties": false,
        "properties": {"size": {"type": "array", "items": {"type": "integer", "minimum": 1}}}
    }"#;

    #[test]
    fn each_problem_has_its_pointer() {
        let problems = check(SCHEMA, &json!({"size": [640, 0]})).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].pointer, "/size/1");
        assert!(problems[0].message.contains("minimum"), "{}", problems[0].message);
        assert_eq!(check(SCHEMA, &json!({"size": "big", "seize": 1})).unwrap_err().len(), 2);
        assert_eq!(check(SCHEMA, &json!({"size": [640, 480]})), Ok(()));
    }

    #[test]
    fn no_schema_allows_everything_and_a_broken_one_nothing() {
        assert_eq!(check("", &json!({"any": 1})), Ok(()));
        for schema in ["{", r#"{"type": "nonsense"}"#] {
            let problems = check(schema, &json!({})).unwrap_err();
            assert!(problems[0].message.contains("own JSON Schema"), "{}", problems[0].message);
        }
    }
}
