//! The release build of everything: the page, the plugins, the daemon that carries the page.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{setup, shell};

/// What the page is made of; everything else in web/ only tests it.
const PAGE: &[&str] =
    &["index.html", "package.json", "package-lock.json", "public", "src", "tsconfig.json", "vite.config.ts"];

/// `cargo xtask build`.
pub fn command(arguments: &[String]) -> Result<ExitCode> {
    match arguments {
        [] => everything()?,
        [rust] if rust == "--rust" => release()?,
        other => bail!("`cargo xtask build` takes --rust or nothing, not {other:?}"),
    }
    println!("built: {} and the plugins in {}", binary().display(), plugins().display());
    Ok(ExitCode::SUCCESS)
}

/// Sets up what is missing and builds.
pub fn everything() -> Result<()> {
    setup::ensure(setup::Group::Build)?;
    page()?;
    release()
}

/// The daemon's release build.
pub fn binary() -> PathBuf {
    shell::target().join("release/icescope")
}

/// Where its plugins are.
pub fn plugins() -> PathBuf {
    shell::target().join("release/plugins")
}

/// Builds web/dist when its sources have changed. The daemon's build embeds it, so it comes first.
pub fn page() -> Result<()> {
    let web = shell::root().join("web");
    let stamp = shell::target().join("page-built-from");
    let sources = sources_of(&web)?;
    if web.join("dist/index.html").exists() && fs::read_to_string(&stamp).is_ok_and(|built| built == sources)
    {
        return Ok(());
    }
    shell::run(shell::command("npm", ["run", "--silent", "build"]).current_dir(&web))?;
    fs::create_dir_all(shell::target())?;
    fs::write(&stamp, sources).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// A mark that differs when any of the page's sources does (their content, not their dates: a clone has new dates).
fn sources_of(web: &Path) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    let mut waiting: Vec<PathBuf> =
        PAGE.iter().map(|name| web.join(name)).filter(|path| path.exists()).collect();
    while let Some(path) = waiting.pop() {
        path.hash(&mut hasher);
        if path.is_dir() {
            let mut inside: Vec<PathBuf> = fs::read_dir(&path)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<_, _>>()?;
            inside.sort();
            waiting.extend(inside);
        } else {
            fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

/// Builds all Rust in release, the C examples, and puts the plugins together.
pub fn release() -> Result<()> {
    shell::run(&mut shell::cargo(["build", "--release", "--workspace", "--locked"]))?;
    let folder = plugins();
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    for library in plugin_libraries()? {
        let built = shell::target().join("release").join(&library);
        install(&built, &folder.join(&library))?;
    }
    for example in c_examples()? {
        compile(&example, &folder)?;
    }
    Ok(())
}

/// A new file under the old name: a daemon that runs keeps the one it loaded.
fn install(from: &Path, to: &Path) -> Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new)
        .with_context(|| format!("{} cannot be copied to {}", from.display(), new.display()))?;
    fs::rename(&new, to).with_context(|| format!("{} cannot be renamed to {}", new.display(), to.display()))
}

/// File names of the plugins written in Rust. Fixtures misbehave on purpose and stay where cargo put them.
fn plugin_libraries() -> Result<Vec<String>> {
    let text = shell::ask(&mut shell::cargo(["metadata", "--no-deps", "--format-version", "1", "--locked"]))
        .context("`cargo metadata` failed")?;
    let metadata: Value = serde_json::from_str(&text).context("`cargo metadata` printed no JSON")?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` names no packages")?;
    let mut libraries = Vec::new();
    for package in packages {
        if package["manifest_path"].as_str().unwrap_or_default().contains("/plugins/fixtures/") {
            continue;
        }
        for target in package["targets"].as_array().into_iter().flatten() {
            let kinds = target["crate_types"].as_array();
            if kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib")) {
                let name = target["name"].as_str().unwrap_or_default().replace('-', "_");
                libraries.push(format!("lib{name}.so"));
            }
        }
    }
    Ok(libraries)
}

/// Folders of plugins/examples that hold C.
fn c_examples() -> Result<Vec<PathBuf>> {
    let examples = shell::root().join("plugins/examples");
    let mut found = Vec::new();
    for entry in fs::read_dir(&examples).with_context(|| format!("{} cannot be read", examples.display()))? {
        let folder = entry?.path();
        if folder.is_dir() && !c_files(&folder)?.is_empty() {
            found.push(folder);
        }
    }
    Ok(found)
}

fn c_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Compiles an example in C against the plugin header alone: `probe-c` becomes `libprobe_c.so`.
fn compile(example: &Path, folder: &Path) -> Result<()> {
    let name = example.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    let library = folder.join(format!("lib{name}.so"));
    let files = c_files(example)?;
    let newest = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let header = shell::root().join("plugins/abi/include/icescope_plugin.h");
    let built = newest(&library);
    if built.is_some() && files.iter().chain([&header]).all(|source| newest(source) < built) {
        return Ok(());
    }
    let new = library.with_extension("new");
    let mut cc = shell::command("cc", ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]);
    cc.args(["-I", "plugins/abi/include", "-o"]).arg(&new).args(&files);
    shell::run(&mut cc)?;
    fs::rename(&new, &library).with_context(|| format!("{} cannot be renamed", new.display()))
}
