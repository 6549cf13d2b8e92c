//! Node.js: the machine's own if it is new enough, else one under target/ from the npm registry.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{debian, shell};

/// Vite 8 wants it.
const OLDEST: (u32, u32) = (20, 19);

fn own() -> PathBuf {
    shell::target().join("node/node_modules/.bin")
}

/// The search path with our own Node.js first, where there is one.
pub fn search_path() -> Option<OsString> {
    let own = own();
    if !own.join("node").exists() {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path))).ok()
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn present() -> Option<(u32, u32)> {
    version_of(&shell::ask(&mut shell::command("node", ["--version"]))?)
}

/// Makes sure that `node` and `npm` are there and new enough.
pub fn ensure() -> Result<()> {
    let found = present();
    if found.is_some_and(|version| version >= OLDEST) && shell::has("npm") {
        return Ok(());
    }
    let needed = format!("Node.js {}.{} or newer with npm", OLDEST.0, OLDEST.1);
    match found {
        Some((major, minor)) => println!("  Node.js {major}.{minor} is too old, the page needs {needed}"),
        None => println!("  there is no Node.js; the page needs {needed}"),
    }
    if !debian::is_here() {
        bail!("install {needed} (this system has no apt-get, so it cannot be done from here)");
    }
    if !shell::has("npm") {
        debian::update()?;
        debian::install(&["nodejs", "npm"])?;
    }
    if present().is_some_and(|version| version >= OLDEST) {
        return Ok(());
    }
    install_own().with_context(|| format!("Debian's Node.js is too old here; install {needed} by hand"))
}

/// Debian 12 has Node.js 18. Its npm can fetch a newer one: the registry has Node.js as a package.
fn install_own() -> Result<()> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("there is no package of Node.js for {other}"),
    };
    let prefix = shell::target().join("node");
    std::fs::create_dir_all(&prefix).with_context(|| format!("{} cannot be made", prefix.display()))?;
    let mut install = shell::command("npm", ["install", "--no-audit", "--no-fund", "--no-save", "--prefix"]);
    install.arg(&prefix).args([format!("node-linux-{arch}@22"), "npm@11".to_owned()]);
    shell::run(&mut install)?;
    let link = own().join("node");
    if !link.exists() {
        std::os::unix::fs::symlink(format!("../node-linux-{arch}/bin/node"), &link)
            .with_context(|| format!("{} cannot be linked", link.display()))?;
    }
    match present() {
        Some(version) if version >= OLDEST => Ok(()),
        other => bail!("npm installed Node.js into {}, but it answers {other:?}", prefix.display()),
    }
}

/// Installs web/'s packages as package-lock.json has them, only when it has changed since the last time.
///
/// Not by `npm ci`: that refuses a lock file that lacks an optional package for another platform, and npm leaves those out
/// where the registry in use does not carry them. `--no-save` keeps to the lock file and does not write it.
pub fn ensure_packages() -> Result<()> {
    let web = shell::root().join("web");
    let stamp = web.join("node_modules/.installed-from.json");
    let lock =
        std::fs::read(web.join("package-lock.json")).context("web/package-lock.json cannot be read")?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    shell::run(shell::command("npm", ["install", "--no-save", "--no-audit", "--no-fund"]).current_dir(&web))?;
    std::fs::write(&stamp, lock).with_context(|| format!("{} cannot be written", stamp.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version_of("v20.20.2"), Some((20, 20)));
        assert!(version_of("v20.9.0").is_some_and(|version| version < OLDEST));
        assert!(version_of("v24.0.0\n").is_some_and(|version| version >= OLDEST));
        assert_eq!(version_of("node"), None);
    }
}
