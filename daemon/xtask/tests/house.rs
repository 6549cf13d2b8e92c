//! The rules of the house: who may import whom, how long a file may be, where `unsafe` may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each of our crates may import. Arrows point down only (daemon/ARCHITECTURE.md).
const EDGES: &[(&str, &[&str])] = &[
    (
        "icescope",
        &[
            "icescope-config",
            "icescope-diagnosis",
            "icescope-evidence",
            "icescope-model",
            "icescope-peer",
            "icescope-natlab",
            "icescope-plugin-host",
            "icescope-relay",
            "icescope-server",
        ],
    ),
    ("icescope-config", &[]),
    ("icescope-diagnosis", &["icescope-model"]),
    ("icescope-evidence", &["icescope-diagnosis", "icescope-model"]),
    ("icescope-fixtures", &["icescope-plugin-abi", "icescope-plugin-sdk"]),
    ("icescope-model", &[]),
    ("icescope-natlab", &[]),
    ("icescope-peer", &["icescope-model"]),
    ("icescope-plugin-abi", &[]),
    ("icescope-plugin-host", &["icescope-model", "icescope-plugin-abi"]),
    ("icescope-plugin-sdk", &["icescope-plugin-abi"]),
    ("icescope-probe-kit", &["icescope-plugin-sdk"]),
    ("icescope-relay", &["icescope-model"]),
    ("icescope-server", &["icescope-config", "icescope-evidence", "icescope-model"]),
    ("xtask", &["icescope-natlab"]),
];

/// What a plugin may import, beside its own kind's libraries.
const PLUGIN_EDGES: &[&str] = &["icescope-plugin-sdk", "icescope-probe-kit"];

/// Only tests may import these, and xtask.
const ONLY_TESTS: &[&str] = &["icescope-natlab"];

/// Crates of which we have one user each, so that each can be replaced in one place.
const ONE_USER: &[(&str, &str)] = &[
    ("axum", "icescope-server"),
    ("libloading", "icescope-plugin-host"),
    ("rtc", "icescope-peer"),
    ("webrtc", "icescope-peer"),
];

/// Folders where `unsafe` may stand: the call boundary of plugins, and plugins that misbehave on purpose.
const UNSAFE_ROOMS: &[&str] =
    &["daemon/plugin-host/", "plugins/abi/", "plugins/sdk/", "plugins/fixtures/", "plugins/examples/"];

const LONGEST_FILE: usize = 500;
const LONGEST_MAIN: usize = 50;
const MEASURED: &[&str] = &["rs", "ts", "tsx", "css", "c", "h", "mjs", "py"];
const GENERATED: &[&str] = &["web/src/generated/"];
/// Lists that are read in one place, such as all words of the page for who translates them: data, not code.
const LISTS: &[&str] = &["web/src/texts.ts"];
const TOP: &[&str] =
    &["CHANGELOG.md", "Cargo.lock", "Cargo.toml", "README.md", "config", "daemon", "plugins", "web"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("xtask lies two folders down")
        .to_path_buf()
}

/// Every file that belongs to the project: committed, or new and not ignored.
fn files() -> Vec<String> {
    let git = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(git.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&git.stderr));
    let listing = String::from_utf8(git.stdout).expect("file names are UTF-8");
    let names: Vec<String> =
        listing.lines().map(str::to_owned).filter(|name| root().join(name).is_file()).collect();
    assert!(names.len() > 30, "git names only {} files: the rules would hold nothing", names.len());
    names
}

fn text(name: &str) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(name)).ok()?).ok()
}

fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Name, kind (`normal`, `dev`, `build`) and path inside the workspace of each dependency.
fn dependencies(package: &Value) -> Vec<(String, String, bool)> {
    let list = package["dependencies"].as_array().expect("dependencies are listed");
    list.iter()
        .map(|one| {
            let kind = one["kind"].as_str().unwrap_or("normal").to_owned();
            (word(one, "name").to_owned(), kind, one["path"].is_string())
        })
        .collect()
}

#[test]
fn crates_import_only_what_the_house_allows() {
    let edges: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = word(&package, "name").to_owned();
        let is_plugin =
            word(&package, "manifest_path").contains("/plugins/") && !edges.contains_key(name.as_str());
        let allowed = match edges.get(name.as_str()) {
            Some(allowed) => *allowed,
            None if is_plugin => PLUGIN_EDGES,
            None => {
                wrong.push(format!("{name} is new: give it its place in {}", file!()));
                continue;
            }
        };
        for (dependency, kind, ours) in dependencies(&package) {
            // Tests keep to the same arrows; a crate's tests may ask it for its own optional features.
            if ours && dependency != name && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name} imports {dependency} ({kind})"));
            }
            if ONLY_TESTS.contains(&dependency.as_str()) && kind != "dev" && name != "xtask" {
                wrong.push(format!("{name} imports {dependency}, which only tests may"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_heavy_library_has_one_user() {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        for (dependency, kind, _) in dependencies(&package) {
            if kind == "normal" {
                users.entry(dependency).or_default().insert(word(&package, "name").to_owned());
            }
        }
    }
    for (library, user) in ONE_USER {
        let found = users.get(*library).cloned().unwrap_or_default();
        assert_eq!(found, BTreeSet::from([(*user).to_owned()]), "users of {library}");
    }
}

#[test]
fn plugins_do_not_look_into_the_daemon() {
    for package in packages() {
        if word(&package, "manifest_path").contains("/plugins/") {
            let list = package["dependencies"].as_array().expect("dependencies are listed");
            for one in list {
                let path = word(one, "path");
                assert!(!path.contains("/daemon/"), "{} imports {path}", word(&package, "name"));
            }
        }
    }
}

#[test]
fn files_stay_short() {
    let mut long = Vec::new();
    for name in files() {
        let extension = Path::new(&name).extension().unwrap_or_default().to_string_lossy().into_owned();
        let is_generated = GENERATED.iter().any(|folder| name.starts_with(folder));
        if !MEASURED.contains(&extension.as_str()) || is_generated || LISTS.contains(&name.as_str()) {
            continue;
        }
        let lines = text(&name).map_or(0, |text| text.lines().count());
        let most = if name.ends_with("/main.rs") { LONGEST_MAIN } else { LONGEST_FILE };
        if lines > most {
            long.push(format!("{name}: {lines} lines, at most {most}"));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// The code of a line: without its comment and without what stands in quotes. Rough, and enough for a keyword.
fn code(line: &str) -> String {
    let line = line.replace("\\\"", "");
    let mut inside = false;
    let visible: String = line
        .char_indices()
        .take_while(|(at, _)| !line[*at..].starts_with("//"))
        .filter(|(_, character)| {
            if *character == '"' {
                inside = !inside;
            }
            !inside
        })
        .map(|(_, character)| character)
        .collect();
    visible
}

#[test]
fn unsafe_stands_only_in_its_rooms() {
    let keyword = "unsafe";
    let mut wrong = Vec::new();
    for name in files() {
        if !has_extension(&name, "rs") || UNSAFE_ROOMS.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        for (index, line) in text(&name).unwrap_or_default().lines().enumerate() {
            let code = code(line);
            let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            if words.contains(&keyword) {
                wrong.push(format!("{name}:{}", index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_outside_the_rooms_forbid_unsafe_code() {
    let mut wrong = Vec::new();
    for package in packages() {
        for target in package["targets"].as_array().expect("targets are listed") {
            let path = word(target, "src_path");
            let name = path.strip_prefix(&format!("{}/", root().display())).unwrap_or(path);
            let kinds = target["kind"].as_array().expect("a target has kinds");
            let shipped = !kinds
                .iter()
                .any(|kind| ["test", "bench", "example", "custom-build"].iter().any(|k| kind == k));
            if !shipped || UNSAFE_ROOMS.iter().any(|room| name.starts_with(room)) {
                continue;
            }
            let text = text(name).unwrap_or_default();
            if !text.contains("#![forbid(unsafe_code)]") {
                wrong.push(name.to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "without #![forbid(unsafe_code)]: {wrong:#?}");
}

#[test]
fn the_top_folder_holds_only_what_the_house_names() {
    let top: BTreeSet<String> =
        files().iter().filter_map(|name| name.split('/').next().map(str::to_owned)).collect();
    let strange: Vec<&String> = top
        .iter()
        .filter(|name| {
            !name.starts_with('.') && !name.starts_with("LICENSE") && !TOP.contains(&name.as_str())
        })
        .collect();
    assert!(strange.is_empty(), "{strange:#?}");
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    // Put together here, so that this file does not name them.
    let marks =
        [["/wo", "rk/"], ["/ro", "ot/"], ["/tmp/b", "rief"], ["../sha", "red"], ["registry.npm", "js.org"]];
    let mut wrong = Vec::new();
    for name in files() {
        let Some(text) = text(&name) else { continue };
        for mark in marks.iter().map(|parts| parts.concat()) {
            if let Some(index) = text.lines().position(|line| line.contains(&mark)) {
                wrong.push(format!("{name}:{} names {mark}", index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_rough_reader_of_code_sees_code_only() {
    assert_eq!(code("let a = \"unsafe \\\"\"; // unsafe").trim(), "let a = \";");
    assert_eq!(code("unsafe { f() }"), "unsafe { f() }");
}
