//! A record's file: read within bounds, and told what is wrong with it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};
use icescope_model::api::SessionRecord;
use serde_json::Value;

/// A record of the most events that a daemon keeps has a few megabytes.
const LARGEST: u64 = 64 << 20;
/// The numbers that JavaScript counts with exactly (2^53 µs are 285 years): a time beyond is none.
const FARTHEST: i64 = 1 << 53;
/// What to read instead.
const EXPECTED: &str = "a session's record is what the page exports and GET /api/sessions/{id} gives";

/// What a file is called in messages.
pub fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The JSON document in a file.
pub fn document(path: &Path, name: &str) -> anyhow::Result<Value> {
    let bytes = if is_standard_input(path) {
        bytes(std::io::stdin().lock(), name)?
    } else {
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        bytes(file, name)?
    };
    parsed(&bytes, name)
}

fn bytes(input: impl Read, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("{name} cannot be read"))?;
    if bytes.len() as u64 > LARGEST {
        bail!("{name} has more than {} MB: {EXPECTED}, a few megabytes", LARGEST >> 20);
    }
    Ok(bytes)
}

/// Reads bytes as JSON.
pub fn parsed(bytes: &[u8], name: &str) -> anyhow::Result<Value> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        bail!("{name} is compressed: unpack it first (gunzip)");
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        bail!("{name} is empty: {EXPECTED}");
    }
    serde_json::from_slice(bytes).with_context(|| format!("{name} is no JSON document: {EXPECTED}"))
}

/// Reads a document as a record.
pub fn record(document: &Value, name: &str) -> anyhow::Result<SessionRecord> {
    if document.get("PeerConnections").is_some() {
        bail!("{name} is a dump of chrome://webrtc-internals, which has one end only: import it in the page");
    }
    if !document.is_object() {
        bail!("{name} is no session's record, but {}: {EXPECTED}", what(document));
    }
    let record = serde_path_to_error::deserialize(document).map_err(|error| {
        let place = pointer(error.path());
        let place = if place.is_empty() { "at its top".to_owned() } else { format!("at {place}") };
        anyhow::anyhow!("{name} is no session's record: {place}: {}", error.inner())
    })?;
    in_time(&record, name)?;
    Ok(record)
}

fn in_time(record: &SessionRecord, name: &str) -> anyhow::Result<()> {
    let events =
        record.events.iter().enumerate().map(|(index, event)| (format!("/events/{index}/time"), event.time));
    let until = record.until.map(|until| ("/until".to_owned(), until));
    let odd = events.chain(until).find(|(_, time)| !(-FARTHEST..=FARTHEST).contains(time));
    match odd {
        Some((place, time)) => {
            bail!("{name} is no session's record: at {place}: {time} µs is more than a lifetime")
        }
        None => Ok(()),
    }
}

fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A place in a document, as RFC 6901 writes it.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => "/?".to_owned(),
    };
    path.iter().map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn head() -> Value {
        json!({
            "id": "0".repeat(32), "openedUnixMs": 0, "state": "closed", "closed": null,
            "events": 0, "eventsDropped": 0, "uplink": null
        })
    }

    fn refused(document: &Value) -> String {
        record(document, "a.json").unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_document_is_told_where_it_is_wrong() {
        let bad_time = json!({"session": head(), "events": [{"sequence": 0, "time": "now"}]});
        let said = refused(&bad_time);
        assert!(said.starts_with("a.json is no session's record: at /events/0/time: invalid type"), "{said}");
        let mut odd = json!({"session": head(), "events": []});
        odd["session"]["state"] = json!("gone");
        assert!(refused(&odd).contains("at /session/state: unknown variant `gone`"), "{}", refused(&odd));
        let event = json!({
            "sequence": 0, "time": i64::MAX, "uncertainty": 0, "seenBy": "daemon", "from": "web", "to": "web", "kind": "x",
            "evidence": "api", "level": "info", "summary": "", "attributes": {}
        });
        let said = refused(&json!({"session": head(), "events": [event]}));
        assert!(said.contains("at /events/0/time: 9223372036854775807 µs"), "{said}");
        let said = refused(&json!({"session": head()}));
        assert!(said.contains("missing field `events`"), "{said}");
    }

    #[test]
    fn another_kind_of_document_is_named() {
        assert!(refused(&json!([1])).contains("but a list: a session's record is what the page exports"));
        assert!(refused(&json!({"PeerConnections": {}})).contains("chrome://webrtc-internals"));
        let newer = json!({"format": "icescope.session/2", "session": head(), "events": []});
        let said = refused(&newer);
        assert!(said.contains("at /format: ") && said.contains("reads «icescope.session/1»"), "{said}");
    }

    #[test]
    fn a_broken_text_is_told_its_line_and_column() {
        let said = |bytes: &[u8]| format!("{:#}", parsed(bytes, "a.json").unwrap_err());
        assert!(
            said(b"{\n  \"session\": }").contains("line 2 column 14"),
            "{}",
            said(b"{\n  \"session\": }")
        );
        assert!(said(b"  \n").contains("a.json is empty"), "{}", said(b"  \n"));
        assert!(said(&[0x1f, 0x8b, 8]).contains("gunzip"));
        assert!(said("[".repeat(1_000).as_bytes()).contains("recursion limit"));
    }

    #[test]
    fn what_is_too_large_is_not_read_to_its_end() {
        let said = bytes(std::io::repeat(b' '), "a.json").unwrap_err().to_string();
        assert!(said.starts_with("a.json has more than 64 MB"), "{said}");
    }
}
