//! Configuration and arguments: from JSON to the author's types, with the place of what is wrong.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::Error;

/// Reads `text` as a `T`; an empty text is an empty table.
pub(crate) fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let text = if text.trim_ascii().is_empty() { b"{}" } else { text };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        Error::config(&pointer(error.path()), without_position(&error.inner().to_string()))
    })?;
    reader.end().map_err(|error| Error::config("", format!("after the JSON document: {error}")))?;
    Ok(value)
}

/// RFC 6901 §3: `~` and `/` are escaped.
fn push(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            // A variant's name is a key in serde's usual notation; where it is not, the pointer ends before it.
            Segment::Enum { variant } => push(&mut pointer, variant),
            Segment::Unknown => break,
        }
    }
    pointer
}

/// «… at line 1 column 17» means the JSON that the host made, which nobody sees: the pointer says where.
fn without_position(message: &str) -> String {
    match message.rsplit_once(" at line ") {
        Some((text, position)) if position.contains(" column ") => text.to_owned(),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    #[allow(dead_code, reason = "only read by serde")]
    struct Config {
        #[serde(default)]
        frame_rate: u32,
        #[serde(default, rename = "a/b~c")]
        odd: Vec<u8>,
    }

    fn refused(text: &str) -> (String, String) {
        let error = from_json::<Config>(text.as_bytes()).unwrap_err();
        (error.pointer().to_owned(), error.message().to_owned())
    }

    #[test]
    fn a_wrong_value_is_named_by_its_pointer() {
        let (pointer, message) = refused(r#"{"frame-rate": "x"}"#);
        assert_eq!(pointer, "/frame-rate");
        assert_eq!(message, "invalid type: string \"x\", expected u32");
        assert_eq!(refused(r#"{"a/b~c": [1, 300]}"#).0, "/a~1b~0c/1");
    }

    #[test]
    fn an_unknown_key_is_named_itself_and_not_its_table() {
        let (pointer, message) = refused(r#"{"frame-rat": 1}"#);
        assert_eq!(pointer, "/frame-rat");
        assert!(message.starts_with("unknown field `frame-rat`, expected"), "{message}");
    }

    #[test]
    fn broken_json_and_trailing_text_are_refused_and_nothing_at_all_is_an_empty_table() {
        assert_eq!(refused("{").0, "");
        assert!(refused("{} x").1.contains("after the JSON document"));
        assert_eq!(from_json::<Config>(b"").unwrap().frame_rate, 0);
    }
}
