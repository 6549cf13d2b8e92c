//! The manual: every key and no other, marked and with the defaults as they are; and sound to groff.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use icescope_config::keys::{Apply, KEYS};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");

fn page(name: &str) -> String {
    fs::read_to_string(format!("{CONFIG}/man/{name}")).unwrap()
}

/// roff's escapes, as they are read.
fn plain(text: &str) -> String {
    text.replace("\\-", "-").replace("\\(dq", "\"").replace("\\(Fo", "«").replace("\\(Fc", "»")
}

/// What icescope.toml(5) says of each key.
fn entries() -> BTreeMap<String, String> {
    let page = plain(&page("icescope.toml.5"));
    let entry = |part: &str| {
        let (key, words) = part.strip_prefix(".B ")?.split_once('\n')?;
        let words = words.split("\n.SH ").next()?;
        key.contains('.').then(|| (key.to_owned(), words.to_owned()))
    };
    page.split(".TP\n").filter_map(entry).collect()
}

#[test]
fn every_key_is_in_the_manual_and_no_other() {
    let manual: BTreeSet<String> = entries().into_keys().collect();
    let known: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(manual, known);
}

#[test]
fn the_manual_says_when_a_change_takes_effect() {
    let entries = entries();
    for key in KEYS {
        let words = &entries[key.path];
        let marks = (words.contains("«reload»"), words.contains("«restart»"));
        assert_eq!(marks, (key.apply == Apply::Reload, key.apply == Apply::Restart), "{}", key.path);
    }
}

/// The defaults of the shipped file, which another test compares with the daemon's own.
#[test]
fn the_manual_has_the_same_defaults_as_the_shipped_file() {
    let entries = entries();
    let shipped = fs::read_to_string(format!("{CONFIG}/icescope.toml")).unwrap();
    let (mut header, mut compared) = (String::new(), 0);
    for line in shipped.lines() {
        if line.starts_with('[') {
            let list = if line.starts_with("[[") { "[]" } else { "" };
            header = format!("{}{list}", line.trim_matches(['[', ']']));
        }
        let Some((key, value)) = line
            .strip_prefix('#')
            .filter(|line| !line.starts_with(' '))
            .and_then(|line| line.split_once(" = "))
        else {
            continue;
        };
        let Some(words) = entries.get(&format!("{header}.{key}")) else {
            assert_eq!((header.as_str(), key), ("ice", "servers"), "not in the manual");
            continue;
        };
        if let Some((_, default)) = words.split_once("Default\n.BR ") {
            let default = default.split([' ', '\n']).next().unwrap();
            assert_eq!(default, value, "{header}.{key}");
            compared += 1;
        }
    }
    assert!(compared > 25, "only {compared} defaults");
}

#[test]
fn groff_finds_nothing_wrong() {
    for name in ["icescope.1", "icescope.toml.5"] {
        let path = format!("{CONFIG}/man/{name}");
        match Command::new("groff").args(["-man", "-ww", "-z", "-Tutf8", &path]).output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success() && said.is_empty(), "{name}: {said}");
            }
            Err(error) => eprintln!("SKIPPED: {name} is not checked, for groff does not run: {error}"),
        }
    }
}
