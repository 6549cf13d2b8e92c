//! The files that are shipped: `config/icescope.toml` and `config/examples`.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use icescope_config::keys::{Apply, KEYS};
use icescope_config::{Environment, Plugin, Settings, load, parse};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config");

fn shipped() -> String {
    fs::read_to_string(format!("{CONFIG}/icescope.toml")).unwrap()
}

/// What the daemon would ask of the plugin itself.
fn check_plugins(settings: &Settings) {
    let schema = format!("{CONFIG}/../plugins/video-gstreamer/src/schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for plugin in settings.plugins.iter().filter(|plugin| plugin.path == "video-gstreamer") {
        let wrong: Vec<String> = schema.iter_errors(&plugin.config).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", plugin.name);
    }
}

/// What measures.
const PROBES: [(&str, &str); 3] = [("nat", "probe-nat"), ("stun", "probe-stun"), ("turn", "probe-turn")];

/// What a line of the shipped file is.
enum Line<'a> {
    /// `[ice]`
    Header(&'a str),
    /// `#udp-port = 0`: a default.
    Default(&'a str),
    /// `# e.g. public-url = "…"`
    Example(&'a str),
    /// `plays = "bars"`
    Active(&'a str),
    /// Words, or nothing.
    Words(&'a str),
}

fn line(line: &str) -> Line<'_> {
    match line {
        _ if line.starts_with('[') => Line::Header(line),
        _ if line.starts_with("# e.g. ") => Line::Example(&line["# e.g. ".len()..]),
        _ if line.starts_with("# ") || line == "#" || line.is_empty() => Line::Words(line),
        _ if line.starts_with('#') => Line::Default(&line[1..]),
        _ => Line::Active(line),
    }
}

/// A folder with the secrets and certificates that the examples name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("admin.token", "0123456789abcdef0123456789abcdef\n"),
        ("turn.password", "a-password\n"),
        ("turn.secret", "a-shared-secret\n"),
        ("authority.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("fullchain.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("privkey.pem", "-----BEGIN PRIVATE KEY-----\n"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

fn parse_in(folder: &Path, text: &str) -> Settings {
    let environment = Environment { credentials_directory: Some(folder.to_owned()) };
    parse(&folder.join("icescope.toml"), text.to_owned(), &environment)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_shipped_file_plays_colour_bars_measures_and_is_the_default_otherwise() {
    let mut settings = load(Path::new(CONFIG).join("icescope.toml").as_path())
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert!(settings.warnings().is_empty());
    check_plugins(&settings);
    let [Plugin { name, path, config, .. }, probes @ ..] = settings.plugins.as_slice() else {
        panic!("no plugin")
    };
    for (probe, (name, path)) in probes.iter().zip(PROBES) {
        assert_eq!((probe.name.as_str(), probe.path.as_str()), (name, path));
        assert_eq!(
            probe.grants,
            ["icescope.ice-servers/1"],
            "{name} asks TURN servers with their credentials"
        );
    }
    assert_eq!(probes.len(), PROBES.len());
    assert_eq!((name.as_str(), path.as_str()), ("bars", "video-gstreamer"));
    assert_eq!(config["pipeline"], "videotestsrc is-live=true pattern=smpte");
    assert_eq!(
        (&config["width"], &config["height"], &config["framerate"]),
        (&640.into(), &480.into(), &30.into())
    );
    assert_eq!(settings.source.plays.as_deref(), Some("bars"));
    settings.plugins.clear();
    settings.source.plays = None;
    assert_eq!(settings, Settings::default());
}

#[test]
fn every_default_in_the_shipped_file_is_the_default() {
    let mut text = String::new();
    let mut defaults = 0;
    for words in shipped().lines() {
        match line(words) {
            Line::Default(key) => {
                defaults += 1;
                writeln!(text, "{key}").unwrap();
            }
            Line::Header(header) if !header.contains("plugin.config") => writeln!(text, "{header}").unwrap(),
            // A plugin has no defaults for its name and its path.
            Line::Active(key) if key.starts_with("name =") || key.starts_with("path =") => {
                writeln!(text, "{key}").unwrap();
            }
            _ => {}
        }
    }
    assert!(defaults > 30, "only {defaults} defaults");
    let mut settings = parse_in(Path::new("."), &text);
    assert_eq!(settings.plugins.len(), 1 + PROBES.len());
    for plugin in &settings.plugins {
        let bare = format!("[[plugin]]\nname = \"{}\"\npath = \"{}\"\n", plugin.name, plugin.path);
        assert_eq!(*plugin, parse_in(Path::new("."), &bare).plugins[0]);
    }
    settings.plugins.clear();
    assert_eq!(settings, Settings::default());
}

#[test]
fn every_example_line_in_the_shipped_file_is_accepted_and_changes_something() {
    let folder = folder();
    let mut header = "";
    let mut examples = 0;
    let text = shipped();
    // The certificate and its key make sense only together.
    let tls = "[server]\ntls.certificate = \"./fullchain.pem\"\ntls.key = \"./privkey.pem\"\n";
    assert_ne!(parse_in(folder.path(), tls), Settings::default());
    for words in text.lines() {
        match line(words) {
            Line::Header(words) => header = words,
            Line::Example(key) if key.starts_with("tls.") => assert!(tls.contains(key), "{key}"),
            Line::Example(key) => {
                examples += 1;
                let base = match header {
                    "[[plugin]]" => "[[plugin]]\nname = \"bars\"\npath = \"video-gstreamer\"\n".to_owned(),
                    _ => format!("{header}\n"),
                };
                let changed = parse_in(folder.path(), &format!("{base}{key}\n"));
                assert_ne!(changed, parse_in(folder.path(), &base), "{key}");
            }
            _ => {}
        }
    }
    assert!(examples > 8, "only {examples} examples");
}

/// The keys of the shipped file, with what its words say about them.
fn marked_keys() -> Vec<(String, Option<Apply>)> {
    let text = shipped();
    let mut found: Vec<(String, Option<Apply>)> = Vec::new();
    let (mut header, mut words, mut fresh) = (String::new(), String::new(), true);
    for text in text.lines() {
        let key = match line(text) {
            Line::Words(more) => {
                if fresh {
                    words.clear();
                }
                fresh = false;
                words.push_str(more);
                continue;
            }
            Line::Header(name) => {
                let list = if name.starts_with("[[") { "[]" } else { "" };
                header = format!("{}{list}", name.trim_matches(['[', ']']));
                // Words above a header count until others come below it.
                fresh = true;
                continue;
            }
            Line::Default(key) | Line::Example(key) | Line::Active(key) => key,
        };
        fresh = true;
        let path = format!("{header}.{}", key.split(" =").next().unwrap());
        let apply = match (words.contains("«reload»"), words.contains("«restart»")) {
            (true, false) => Some(Apply::Reload),
            (false, true) => Some(Apply::Restart),
            _ => None,
        };
        found.push((path, apply));
    }
    found
}

#[test]
fn every_key_stands_in_the_shipped_file_marked_as_the_daemon_treats_it() {
    let found = marked_keys();
    for key in KEYS {
        // The keys of a server are explained above their list, and a plugin's own table is its plugin's matter.
        let path = match key.path.split_once("servers[].") {
            Some((before, name)) => {
                assert!(shipped().contains(name), "{} is not explained", key.path);
                format!("{before}servers")
            }
            None if key.path == "plugin[].config" => "plugin.config.pipeline".to_owned(),
            None => key.path.to_owned(),
        };
        let marks: BTreeSet<_> =
            found.iter().filter(|(other, _)| *other == path).map(|(_, mark)| format!("{mark:?}")).collect();
        assert_eq!(marks, BTreeSet::from([format!("{:?}", Some(key.apply))]), "{}", key.path);
    }
}

#[test]
fn every_example_file_is_accepted() {
    let folder = folder();
    let examples: Vec<PathBuf> =
        fs::read_dir(format!("{CONFIG}/examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(examples.len() >= 3);
    for path in examples {
        let text = fs::read_to_string(&path).unwrap();
        let settings = parse_in(folder.path(), &text);
        assert!(settings.warnings().is_empty(), "{}: {:?}", path.display(), settings.warnings());
        check_plugins(&settings);
        let plays = settings.source.plays.as_deref();
        assert!(
            settings.plugins.iter().any(|plugin| plays == Some(&plugin.name)),
            "{} plays nothing",
            path.display()
        );
    }
}
