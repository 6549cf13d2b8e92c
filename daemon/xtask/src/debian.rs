//! Debian packages: which are missing, and installing them.

use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// What `build` and `run` need.
pub const BUILD: &[&str] = &[
    "ca-certificates",
    "gcc",
    "libc6-dev",
    "make",
    "pkg-config",
    "libgstreamer1.0-dev",
    "libgstreamer-plugins-base1.0-dev",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-ugly",
];

/// What the tests need on top: browsers, other people's tools that check ours, namespaces.
pub const TEST: &[&str] = &[
    "chromium",
    "coturn",
    "firefox-esr",
    "git",
    "groff-base",
    "gstreamer1.0-tools",
    "iproute2",
    "man-db",
    "nftables",
    "openssl",
    "procps",
    "python3-venv",
    "systemd",
    "tshark",
    "util-linux",
];

/// Whether packages can be installed here at all.
pub fn is_here() -> bool {
    shell::has("dpkg-query") && shell::has("apt-get")
}

/// Those of `wanted` that are not installed.
pub fn missing<'a>(wanted: &[&'a str]) -> Vec<&'a str> {
    // dpkg-query fails as a whole when it does not know one of the names, and still prints the others.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Abbrev} ${Package}\n"])
        .args(wanted)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let installed: Vec<&str> =
        output.lines().filter_map(|line| line.strip_prefix("ii").map(str::trim)).collect();
    wanted.iter().copied().filter(|name| !installed.contains(name)).collect()
}

/// Refreshes the lists of packages.
pub fn update() -> Result<()> {
    shell::run(&mut as_root(["apt-get", "update", "--quiet"]))
}

/// Installs them.
pub fn install(packages: &[&str]) -> Result<()> {
    let mut words = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet"];
    words.push("--no-install-recommends");
    words.extend(packages);
    shell::run(&mut as_root(words))
}

fn as_root<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let user = shell::ask(&mut shell::command("id", ["-u"])).unwrap_or_default();
    let sudo = (user != "0").then_some("sudo");
    let mut words = sudo.into_iter().chain(words);
    let program = words.next().unwrap_or("true");
    shell::command(program, words)
}

/// Installs those of `wanted` that are missing; elsewhere than on Debian it checks what it can and names them.
pub fn ensure(wanted: &[&str], programs: &[&str]) -> Result<()> {
    if is_here() {
        let missing = missing(wanted);
        if missing.is_empty() {
            return Ok(());
        }
        println!("  missing Debian packages: {}", missing.join(" "));
        update()?;
        return install(&missing);
    }
    let absent: Vec<&str> = programs.iter().copied().filter(|program| !shell::has(program)).collect();
    if absent.is_empty() {
        return Ok(());
    }
    bail!(
        "this system has no dpkg-query and apt-get, so nothing can be installed here; these programs are missing: {}. \
         Install what Debian has in these packages, then try again: {}",
        absent.join(", "),
        wanted.join(" ")
    )
}
