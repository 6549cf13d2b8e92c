//! `icescope report`, as the built binary does it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn recorded(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../diagnosis/tests/evidence/{name}.json"))
}

fn report(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_icescope"))
        .arg("report")
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn of(name: &str, arguments: &[&str]) -> Output {
    report(&[&[recorded(name).to_str().unwrap()], arguments].concat())
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn text(output: &Output) -> String {
    assert_eq!(said(output), (Some(0), String::new()));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "«{part}» is not in:\n{text}");
    }
}

#[test]
fn a_failed_session_is_told_with_its_evidence() {
    let shown = text(&of("udp-to-daemon-dropped", &[]));
    has(
        &shown,
        &[
            "Session 5e9b0a2640c3c3ed3a076b7ece339b94\n  opened 2026-11-22 22:16:35 UTC",
            "\nFAILED at checks, cause E1 (proven, on the daemon's side)\n",
            "What to change: Open UDP to the daemon",
            "icescope explain E1",
            "reached: page, signalling, servers, candidates, families\n",
            "broken: checks\n",
            "#99 ",
            "\nWhat else was found\n",
            "\nCandidates\n",
            "[2001:db8::1]:35766",
            "\nCandidate pairs, as both ends saw them\n",
            "The browser sent 55 checks to 192.0.2.1:59341, the daemon received none",
            "\nServers\n",
            "192.0.2.1:3478",
        ],
    );
    assert!(!shown.contains("\nTimeline\n"), "{shown}");
}

#[test]
fn the_timeline_has_every_event() {
    let record: Value = serde_json::from_slice(&fs::read(recorded("no-candidates")).unwrap()).unwrap();
    let shown = text(&of("no-candidates", &["--timeline"]));
    let timeline = shown.split_once("\nTimeline\n").unwrap().1;
    let events = record["events"].as_array().unwrap();
    assert_eq!(timeline.lines().count(), events.len() + 1);
    for (line, event) in timeline.lines().skip(1).zip(events) {
        has(line, &[&format!("#{} ", event["sequence"]), event["kind"].as_str().unwrap()]);
    }
}

#[test]
fn json_is_the_record_with_the_new_verdict_and_its_pairs() {
    let document: Value = serde_json::from_str(&text(&of("udp-to-daemon-dropped", &["--json"]))).unwrap();
    assert_eq!(document["format"], "icescope.session/1");
    assert_eq!(document["session"]["verdict"]["cause"], "E1");
    assert!(!document["pairs"].as_array().unwrap().is_empty());
    let schema = serde_json::from_str(&text(&report(&["--schema"]))).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn what_another_version_added_stays_in_the_json() {
    let directory = tempfile::tempdir().unwrap();
    let mut record: Value = serde_json::from_slice(&fs::read(recorded("no-candidates")).unwrap()).unwrap();
    record["format"] = "icescope.session/1.7".into();
    record["later"] = "is kept".into();
    let path = directory.path().join("record.json");
    fs::write(&path, record.to_string()).unwrap();
    let document: Value = serde_json::from_str(&text(&report(&[path.to_str().unwrap(), "--json"]))).unwrap();
    assert_eq!(document["later"], "is kept");
}

#[test]
fn another_verdict_than_the_recorded_one_is_noted() {
    let directory = tempfile::tempdir().unwrap();
    let mut record: Value = serde_json::from_str(&text(&of("no-candidates", &["--json"]))).unwrap();
    let path = directory.path().join("record.json");
    let path = path.to_str().unwrap();
    fs::write(path, record.to_string()).unwrap();
    assert!(!text(&report(&[path])).contains("Note:"), "its own verdict is the same");
    record["session"]["verdict"]["cause"] = "G1".into();
    fs::write(path, record.to_string()).unwrap();
    has(&text(&report(&[path])), &["Note: the record's own verdict is another one. FAILED", "cause G1"]);
}

#[test]
fn redacted_it_shows_no_address_of_the_record() {
    for arguments in [&["--redact", "--timeline"][..], &["--redact", "--json"]] {
        let shown = text(&of("relayed-daemon-tcp", arguments));
        for address in ["192.0.2.", "2001:db8::2", ".local:"] {
            let pseudonym = |at: usize| shown[..at].ends_with("mdns-1") || shown[..at].ends_with("mdns-2");
            let left: Vec<&str> = shown
                .match_indices(address)
                .filter(|(at, _)| !(address == ".local:" && pseudonym(*at)))
                .map(|(at, _)| shown[at..].lines().next().unwrap())
                .collect();
            assert!(left.is_empty(), "{arguments:?}: {left:#?}");
        }
        has(&shown, &["240.0.0."]);
    }
    has(&text(&of("relayed-daemon-tcp", &["--redact"])), &["addresses and names are pseudonyms"]);
}

#[test]
fn it_reads_standard_input_and_writes_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.txt");
    let mut child = Command::new(env!("CARGO_BIN_EXE_icescope"))
        .args(["report", "-", "--output", path.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(recorded("no-candidates")).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((said(&output), output.stdout), ((Some(0), String::new()), Vec::new()));
    assert_eq!(fs::read_to_string(path).unwrap(), text(&of("no-candidates", &[])));
}

#[test]
fn what_is_no_record_is_refused_with_the_place_and_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("record.json");
    let path = path.to_str().unwrap();
    for (content, parts) in [
        ("{\"session\": }", &["is no JSON document", "line 1 column 13", "what the page exports"][..]),
        ("[]", &["is no session's record, but a list"]),
        ("{\"format\": \"icescope.session/2\"}", &["at /format", "«icescope.session/1»"]),
        ("", &["is empty"]),
    ] {
        fs::write(path, content).unwrap();
        let (code, said) = said(&report(&[path]));
        assert_eq!(code, Some(1), "{said}");
        has(&said, &[&["error: ", path], parts].concat());
    }
    let (code, said) = said(&report(&["/nowhere/record.json"]));
    assert_eq!(code, Some(1));
    has(&said, &["/nowhere/record.json cannot be read", "No such file"]);
    assert_eq!(report(&[]).status.code(), Some(2), "without a file it is wrong usage");
}
