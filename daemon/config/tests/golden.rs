//! One bad file per rule in `tests/bad`, and the whole message beside it; the same for warnings in `tests/warn`.
//! `UPDATE=1` writes the messages anew: look at the difference before committing it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use icescope_config::{Environment, Problem, parse};

/// The files in a folder of this crate's tests that end so, in order. Paths start at the crate, as the messages do.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|other| other == extension))
        .collect();
    found.sort();
    found
}

/// Git keeps no modes but «executable»: what the rules about modes need is set here.
fn set_modes() {
    for entry in fs::read_dir("tests/bad/files").unwrap() {
        let path = entry.unwrap().path();
        let public = path.ends_with("public") || path.ends_with("certificate.pem");
        let mode = if public { 0o644 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Compares with the message beside the file; gives the difference as a text.
fn compare(path: &Path, message: &str) -> Option<String> {
    let beside = path.with_extension("txt");
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&beside, message).unwrap();
        return None;
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    (expected != message).then(|| format!("{}\nexpected:\n{expected}\ngot:\n{message}\n", path.display()))
}

#[test]
fn every_rule_has_its_whole_message() {
    set_modes();
    let files = files("tests/bad", "toml");
    assert!(files.len() > 90, "only {} files", files.len());
    let different: Vec<String> = files
        .iter()
        .filter_map(|path| match parse(path, fs::read_to_string(path).unwrap(), &Environment::default()) {
            Ok(_) => Some(format!("{} is accepted", path.display())),
            Err(problems) => compare(path, &format!("{problems}\n")),
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn every_warning_has_its_whole_message_and_does_no_harm() {
    set_modes();
    let files = files("tests/warn", "toml");
    assert!(files.len() >= 3, "only {} files", files.len());
    for path in files {
        let settings = parse(&path, fs::read_to_string(&path).unwrap(), &Environment::default()).unwrap();
        let message: Vec<String> = settings.warnings().iter().map(Problem::to_string).collect();
        assert_eq!(compare(&path, &format!("{}\n", message.join("\n\n"))), None);
    }
}

#[test]
fn no_message_is_without_its_file() {
    for folder in ["tests/bad", "tests/warn"] {
        for message in files(folder, "txt") {
            assert!(message.with_extension("toml").exists(), "{} belongs to nothing", message.display());
        }
    }
}

/// What stands in the bad files as a secret, in the wrong place or in the right one.
#[test]
fn no_message_shows_a_secret() {
    let secrets = [
        "hunter2",
        "battery",
        "MC4CAQ",
        "BEGIN PRIVATE",
        "12345",
        "a-secret-for-tests-only",
        "readable-by-all",
    ];
    for path in files("tests/bad", "txt") {
        let message = fs::read_to_string(&path).unwrap();
        for secret in secrets {
            assert!(!message.contains(secret), "{} shows {secret}", path.display());
        }
    }
}
