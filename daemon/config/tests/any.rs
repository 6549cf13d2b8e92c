//! Whatever stands in a file: no panic, and every problem is in the file.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::path::Path;

use icescope_config::keys::KEYS;
use icescope_config::{Environment, Settings, parse};
use proptest::prelude::*;

fn check(text: &str) -> Result<Settings, String> {
    parse(Path::new("any.toml"), text.to_owned(), &Environment::default()).map_err(|problems| {
        let lines = text.lines().count().max(1) + 1;
        for problem in problems.list() {
            let place = problem.place.as_ref().expect("a problem of a text has a place");
            assert!((1..=lines).contains(&place.line), "{problem}");
            assert!(!problem.message.is_empty() && problem.help.is_some(), "{problem}");
            assert!(place.caret.start <= place.text.chars().count(), "{problem}");
        }
        problems.to_string()
    })
}

/// TOML values of every kind, good and bad.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("\"\"".to_owned()),
        Just("true".to_owned()),
        Just("nan".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f32>().prop_map(|number| format!("{number:?}")),
        "[0-9]{1,14}(ms|s|min|KiB|Mbit/s|x)?".prop_map(|text| format!("\"{text}\"")),
        "(stun|turn|turns|http):/?/?[a-z0-9.@:?=\\[\\]é-]{0,20}".prop_map(|text| format!("\"{text}\"")),
        "\\PC{0,12}".prop_map(|text| format!("{text:?}")),
        "\\PC{0,12}".prop_map(|text| format!("'{}'", text.replace('\'', ""))),
        "(all|relay|off|ipv4|info|process|127\\.0\\.0\\.1:0|\\./x|/dev/null)"
            .prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(|table| {
                let entries: Vec<String> =
                    table.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

/// Names of keys, most of them real ones.
fn name() -> impl Strategy<Value = String> {
    let words: Vec<String> =
        KEYS.iter().flat_map(|key| key.path.split('.')).map(|word| word.replace("[]", "")).collect();
    prop_oneof![6 => prop::sample::select(words), 1 => "[a-z-]{1,8}", 1 => "\\PC{0,6}".prop_map(|text| format!("{text:?}"))]
}

fn path() -> impl Strategy<Value = String> {
    let paths: Vec<String> = KEYS.iter().map(|key| key.path.replace("[]", "")).collect();
    prop_oneof![
        4 => prop::sample::select(paths),
        1 => prop::collection::vec(name(), 1..4).prop_map(|names| names.join(".")),
    ]
}

/// `path = value`, one line for each.
fn lines(keys: &[(String, String)]) -> String {
    let lines: Vec<String> = keys.iter().map(|(path, value)| format!("{path} = {value}\n")).collect();
    lines.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_settings_or_problems(text in "\\PC{0,200}|[\\[\\]{}=\"'#\n\t a-z.0-9-]{0,120}") {
        let _ = check(&text);
    }

    #[test]
    fn any_tables_give_settings_or_problems(keys in prop::collection::vec((path(), value()), 0..12)) {
        let _ = check(&lines(&keys));
    }

    #[test]
    fn any_plugins_give_settings_or_problems(keys in prop::collection::vec((name(), value()), 0..6), own in value()) {
        let entries = lines(&keys);
        let _ = check(&format!("[[plugin]]\n{entries}[[plugin]]\nname = \"a\"\npath = \"a\"\nconfig.x = {own}\n"));
    }

    #[test]
    fn a_pasted_password_is_never_shown(password in "[A-Za-z0-9!%&()*,:;<>?_{|}~-]{4,20}x7q", slip in 0..6_usize) {
        let server = |line: &str| format!("[[ice.servers]]\nurls = \"turn:turn.example.net\"\nusername = \"me\"\n{line}\n");
        let text = match slip {
            0 => server(&format!("credential = \"{password}\"")),
            1 => server(&format!("credential-file = \"{password}\"")),
            2 => format!("[ice]\nservers = [{{ urls = 5, password = \"{password}\" }}]\n"),
            3 => format!("[server]\ntokens = [\"{password}\", 5]\n"),
            4 => server(&format!("credential = {password}")),
            _ => format!("[server]\npublic-url = \"https://me:{password}@robot.example.net/\"\n"),
        };
        let shown = check(&text).expect_err("a password is not a setting");
        prop_assert!(!shown.contains(&password), "{shown}");
    }
}

#[test]
fn an_unknown_key_is_an_error_in_every_table() {
    let mut tables: Vec<String> =
        KEYS.iter().filter_map(|key| key.path.rsplit_once('.')).map(|(table, _)| table.to_owned()).collect();
    tables.push("ice".to_owned());
    tables.dedup();
    assert!(tables.len() > 12);
    for table in tables {
        let text = match table.as_str() {
            "plugin[]" => "[[plugin]]\nname = \"a\"\npath = \"a\"\nqwertyuiop = 1\n".to_owned(),
            _ => match table.strip_suffix("[]") {
                Some(list) => format!("{list} = [{{ urls = \"stun:a\", qwertyuiop = 1 }}]\n"),
                None => format!("[{table}]\nqwertyuiop = 1\n"),
            },
        };
        let shown = check(&text).expect_err(&table);
        assert!(shown.contains("qwertyuiop: th"), "{table}: {shown}");
    }
}
