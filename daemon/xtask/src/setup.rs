//! What is missing on this machine, and installing it. Quick and silent when nothing is.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{debian, node, shell};

/// The tests' Python packages, each pinned; nothing else of Python is used.
const REQUIREMENTS: &str = "web/e2e/requirements.txt";

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What `build` and `run` need.
    Build,
    /// That, and what the tests need.
    Test,
}

/// `cargo xtask setup`.
pub fn command(arguments: &[String]) -> Result<ExitCode> {
    match arguments {
        [] => ensure(Group::Test)?,
        [group] if group == "test" => ensure(Group::Test)?,
        [group] if group == "build" => ensure(Group::Build)?,
        other => bail!("`cargo xtask setup` takes build or test, not {other:?}"),
    }
    println!("nothing is missing");
    Ok(ExitCode::SUCCESS)
}

/// Installs what is missing.
pub fn ensure(group: Group) -> Result<()> {
    debian::ensure(debian::BUILD, &["cc", "pkg-config", "gst-inspect-1.0"])?;
    node::ensure()?;
    node::ensure_packages()?;
    if group == Group::Test {
        let programs =
            ["chromium", "firefox-esr", "tshark", "ip", "nsenter", "unshare", "nft", "git", "python3"];
        debian::ensure(debian::TEST, &programs)?;
        ensure_cargo_deny()?;
        ensure_venv()?;
    }
    Ok(())
}

fn ensure_cargo_deny() -> Result<()> {
    if shell::ask(&mut shell::cargo(["deny", "--version"])).is_some() {
        return Ok(());
    }
    println!("  cargo-deny is missing (it checks licences)");
    // Its own target folder: built once, thrown away by cargo.
    shell::run(&mut shell::cargo(["install", "--locked", "--quiet", "cargo-deny"]))
}

/// Python with the tests' third-party WebRTC client, in target/venv.
fn ensure_venv() -> Result<()> {
    let wanted = std::fs::read(shell::root().join(REQUIREMENTS))
        .with_context(|| format!("{REQUIREMENTS} cannot be read"))?;
    let venv = shell::target().join("venv");
    let stamp = venv.join("installed-from.txt");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    // Debian's own Python: its venv module is the package that was checked above.
    let python =
        if std::path::Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    shell::run(shell::command(python, ["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = venv.join("bin/pip");
    let mut install =
        shell::command(&pip.to_string_lossy(), ["install", "--quiet", "--disable-pip-version-check"]);
    shell::run(install.args(["--only-binary=:all:", "-r", REQUIREMENTS]))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}
