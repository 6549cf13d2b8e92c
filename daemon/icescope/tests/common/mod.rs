//! What the tests of the built binary share.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses its part, and fails where something is missing"
)]

pub mod service;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the example of a probe in C into a folder.
pub fn probe_in_c(folder: &Path) -> PathBuf {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let library = folder.join("libprobe_c.so");
    let output = Command::new("cc")
        .args(["-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", "-I"])
        .arg(plugins.join("abi/include"))
        .arg("-o")
        .arg(&library)
        .arg(plugins.join("examples/probe-c/probe.c"))
        .output()
        .expect("cc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// A `[[plugin]]` table.
pub fn plugin(name: &str, path: &Path) -> String {
    format!("[[plugin]]\nname = \"{name}\"\npath = \"{}\"\n", path.display())
}
