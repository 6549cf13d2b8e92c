//! The record's page names every kind of event that the code uses, and no other.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The first words of kinds.
const SPACES: [&str; 17] = [
    "session",
    "evidence",
    "signalling",
    "page",
    "pc",
    "ice",
    "nat",
    "stun",
    "turn",
    "relay",
    "dtls",
    "rtp",
    "rtcp",
    "media",
    "probe",
    "plugin",
    "config",
];

/// Whose code makes events.
const MAKERS: [&str; 9] = [
    "daemon/peer/src",
    "daemon/relay/src",
    "daemon/server/src",
    "daemon/evidence/src",
    "daemon/icescope/src",
    "daemon/plugin-host/src",
    "daemon/model/src",
    "web/src/rtc",
    "web/src/state/controller.ts",
];

/// Texts that look like kinds: hosts of tests, the name of TURN in ALPN (RFC 7443).
const OTHERS: [&str; 3] = ["stun.example", "turn.example", "stun.turn"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.is_file() {
        found.push(folder.to_path_buf());
        return;
    }
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "ts") {
            found.push(path);
        }
    }
}

fn is_kind(text: &str) -> bool {
    let mut words = text.split('.');
    let named = words.next().is_some_and(|space| SPACES.contains(&space));
    let mut rest = words.peekable();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
    (named && rest.peek().is_some() && rest.all(is_word)) && !OTHERS.contains(&text)
}

/// The literals of a source file that are kinds; its tests, which stand at its end, are left out.
fn used(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let quoted = code.split(['"', '\'']);
    quoted.filter(|text| is_kind(text)).map(str::to_owned).collect()
}

/// `turn.tcp.{failed,closed}` are two.
fn expanded(word: &str) -> Vec<String> {
    match word.split_once('{').and_then(|(head, tail)| Some((head, tail.strip_suffix('}')?))) {
        Some((head, list)) => list.split(',').map(|part| format!("{head}{part}")).collect(),
        None => vec![word.to_owned()],
    }
}

/// The kinds in the first cells of the table.
fn told() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("daemon/model/README.md")).unwrap();
    let table = page.split("| kind | what happened |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|line| line.split('|').nth(1));
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).flat_map(expanded);
    words.collect()
}

#[test]
fn the_records_page_has_every_kind_of_event() {
    let mut sources = Vec::new();
    for maker in MAKERS {
        files(&root().join(maker), &mut sources);
    }
    let read = |path: &PathBuf| used(&fs::read_to_string(path).unwrap());
    let used: BTreeSet<String> = sources.iter().flat_map(read).collect();
    let mut told = told();
    assert!(told.remove("stats"), "it has one word only");
    assert!(used.len() > 80, "{used:?}");
    let missing: Vec<_> = used.difference(&told).collect();
    let stale: Vec<_> = told.difference(&used).collect();
    assert!(missing.is_empty(), "not in daemon/model/README.md: {missing:?}");
    assert!(stale.is_empty(), "in daemon/model/README.md, and nothing makes them: {stale:?}");
}
