//! `icescope probe`, as it is on the command line.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{plugin, probe_in_c};
use serde_json::Value;

fn icescope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_icescope"))
        .arg("probe")
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A configuration with the probe in C by the name `host`.
fn configured(folder: &Path, more: &str) -> PathBuf {
    let path = folder.join("icescope.toml");
    std::fs::write(&path, plugin("host", &probe_in_c(folder)) + more).unwrap();
    path
}

#[test]
fn a_probe_runs_and_reports_in_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), "[ice]\nservers = [{ urls = [\"stun:192.0.2.1\"] }]\n");
    let output = icescope(&["--json", "--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let [report] = document["reports"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!((&report["instance"], &report["probe"]), (&"host".into(), &"Host facts, in C".into()));
    assert_eq!((&report["outcome"], &report["schema"]), (&"pass".into(), &"org.example.host/1".into()));
    assert!(report["result"]["clockResolutionNs"].is_u64(), "{report}");
    let first = &report["events"][0];
    assert_eq!(first["schema"], "org.example.host.clock/1");
    assert!(first["time"].is_i64() && first["attributes"]["resolution"].is_number(), "{first}");
    assert_eq!(text(&output.stderr), "", "progress is for terminals");
}

#[test]
fn people_get_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), "");
    let output = icescope(&["Host facts, in C", "--config", config.to_str().unwrap()]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", text(&output.stderr));
    let note = text(&output.stderr);
    assert!(note.contains("no server is configured") && note.contains("--server HOST:PORT"), "{note}");
    assert!(shown.starts_with("PROBE  ABOUT  OUTCOME  TIME\nhost   host   pass "), "{shown}");
}

#[test]
fn one_that_cannot_run_says_so_and_keeps_nobody_from_running() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), &plugin("gone", Path::new("/nowhere/gone.so")));
    let output = icescope(&["--json", "--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let outcomes: Vec<_> =
        document["reports"].as_array().unwrap().iter().map(|report| report["outcome"].clone()).collect();
    assert_eq!(outcomes, ["pass", "unknown"]);
    let message = document["reports"][1]["message"].as_str().unwrap();
    assert!(message.contains("/nowhere/gone.so"), "{message}");
}

#[test]
fn what_cannot_be_begun_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), "");
    let config = config.to_str().unwrap();
    let bad = folder.path().join("bad.toml");
    std::fs::write(&bad, "[probes]\nschedule = \"now\"\n").unwrap();
    let none = folder.path().join("none.toml");
    std::fs::write(&none, "").unwrap();
    for (arguments, words) in [
        (vec!["gnat", "--config", config], "there is no probe «gnat»; there are: host (Host facts, in C)"),
        (vec!["--server", "http://x", "--config", config], "write HOST:PORT"),
        (vec!["--timeout", "5", "--config", config], "500ms, 10s or 5min"),
        (vec!["--config", bad.to_str().unwrap()], "probes.schedule"),
        (vec!["--config", none.to_str().unwrap()], "has no probe: add [[plugin]]"),
        (vec!["--config", "/nowhere/icescope.toml"], "cannot be read"),
    ] {
        let output = icescope(&arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: «{words}» is not in:\n{said}");
    }
}

#[test]
fn a_newcomer_needs_no_configuration() {
    if Path::new("/etc/icescope/icescope.toml").exists() {
        eprintln!("SKIPPED: this machine has a configuration at the default path");
        return;
    }
    // A daemon as it is unpacked: the binary, and the plugin directory beside it, with stand-ins for the three probes.
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let library = probe_in_c(folder.path());
    for name in ["nat", "stun", "turn"] {
        std::fs::copy(&library, plugins.join(format!("libicescope_probe_{name}.so"))).unwrap();
    }
    let binary = folder.path().join("icescope");
    let built = env!("CARGO_BIN_EXE_icescope");
    if std::fs::hard_link(built, &binary).is_err() {
        std::fs::copy(built, &binary).unwrap();
    }
    let output =
        Command::new(binary).args(["probe", "--json", "--server", "192.0.2.1:3478"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let instances: Vec<_> =
        document["reports"].as_array().unwrap().iter().map(|report| report["instance"].clone()).collect();
    assert_eq!(instances, ["nat", "stun", "turn"]);
}
