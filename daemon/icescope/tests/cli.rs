//! The built binary on the command line.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn icescope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_icescope")).args(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn file(directory: &Path, content: &str) -> PathBuf {
    let path = directory.join("icescope.toml");
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let output = icescope(&["--help"]);
    let help = text(&output.stdout);
    for word in ["run", "check-config", "plugins", "probe", "explain", "report", "78 bad"] {
        assert!(help.contains(word), "«{word}» is not in:\n{help}");
    }
    assert!(!help.contains("plugin-host"), "the plugin child is not for people:\n{help}");
}

#[test]
fn wrong_usage_has_its_own_code() {
    assert_eq!(icescope(&["fly"]).status.code(), Some(2));
    assert_eq!(icescope(&["check-config"]).status.code(), Some(2));
}

#[test]
fn a_bad_configuration_shows_every_problem_and_ends_with_78() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "[server]\nlisten = \"nowhere\"\nlisen = 1\n\n[sauce]\n");
    let path = path.to_str().unwrap();
    for arguments in
        [vec!["check-config", path], vec!["run", "--config", path], vec!["plugins", "--config", path]]
    {
        let output = icescope(&arguments);
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{arguments:?}: {shown}");
        for word in ["server.listen", "server.lisen", "sauce", "3 "] {
            assert!(shown.contains(word), "{arguments:?}: «{word}» is not in:\n{shown}");
        }
    }
}

#[test]
fn a_plugin_that_is_not_there_is_a_problem_of_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let text_of_file =
        "[[plugin]]\nname = \"bars\"\npath = \"/nowhere/bars.so\"\n\n[source]\nplays = \"bars\"\n";
    let path = file(directory.path(), text_of_file);
    let output = icescope(&["check-config", path.to_str().unwrap()]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{shown}");
    assert!(shown.contains("/nowhere/bars.so") && shown.contains("plugin"), "{shown}");
}

#[test]
fn the_plugins_that_are_not_ready_make_the_listing_fail() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "[[plugin]]\nname = \"bars\"\npath = \"/nowhere/bars.so\"\n");
    let output = icescope(&["plugins", "--json", "--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(document["plugins"][0]["name"], "bars");
    assert_eq!(document["plugins"][0]["state"], "disabled");
}

#[test]
fn a_configuration_without_problems_is_called_good() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "[server]\nlisten = \"127.0.0.1:0\"\n");
    let output = icescope(&["check-config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("is good"));
}

#[test]
fn a_cause_is_explained_and_an_unknown_one_is_wrong_usage() {
    let listed = text(&icescope(&["explain"]).stdout);
    assert!(listed.lines().any(|line| line.starts_with("D2 ")), "{listed}");
    let page = text(&icescope(&["explain", "d2"]).stdout);
    assert!(page.starts_with("# D2: ") && page.contains("## What to change"), "{page}");
    assert!(listed.contains("\nnat "), "{listed}");
    let nat = text(&icescope(&["explain", "NAT"]).stdout);
    assert!(nat.contains("| **APDM APDF** | direct | direct | relay |"), "{nat}");
    let unknown = icescope(&["explain", "Z9"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("Z9"), "{}", text(&unknown.stderr));
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_icescope"))
        .arg("explain")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}
