//! The unit: sound to systemd, and hardened.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::fs;
use std::process::{Command, Output};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/systemd/icescope.service");

/// Runs systemd-analyze on a copy whose daemon exists on this machine; `None` where there is no systemd-analyze.
fn analyze(arguments: &[&str]) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("icescope.service");
    let unit = fs::read_to_string(UNIT).unwrap();
    let program = "ExecStart=/usr/bin/icescope run ";
    assert!(unit.contains(program));
    fs::write(&copy, unit.replace(program, "ExecStart=/bin/true run ")).unwrap();
    match Command::new("systemd-analyze").args(arguments).arg(&copy).env("LC_ALL", "C.UTF-8").output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("SKIPPED: the unit is not checked, for systemd-analyze does not run: {error}");
            None
        }
    }
}

#[test]
fn systemd_finds_nothing_wrong() {
    let Some(output) = analyze(&["verify", "--man=no"]) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_service_is_hardened() {
    // The scale goes from 0 (shut) to 10 (open), times ten; the network is what the daemon is for.
    let Some(output) = analyze(&["security", "--offline=yes", "--threshold=15"]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_unit_does_what_the_daemon_expects() {
    let unit = fs::read_to_string(UNIT).unwrap();
    for line in [
        "Type=notify",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "RestartPreventExitStatus=2 77 78",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "DynamicUser=yes",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
}
