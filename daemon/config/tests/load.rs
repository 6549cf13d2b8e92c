//! Files, secrets in files, and a plugin's own check.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test, too")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use icescope_config::{Credential, Environment, IceServer, Settings, load, parse};

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// The message, with the folder's name taken out.
fn refused(path: &Path) -> String {
    let problems = load(path).unwrap_err();
    problems.to_string().replace(path.parent().unwrap().to_str().unwrap(), "FOLDER")
}

#[test]
fn a_file_that_is_not_there_is_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        refused(&folder.path().join("icescope.toml")),
        "error: the configuration FOLDER/icescope.toml cannot be read: No such file or directory (os error 2)\n  \
         = help: name an existing file: --config PATH\n\n1 problem in FOLDER/icescope.toml"
    );
}

#[test]
fn a_file_that_everyone_may_write_is_refused_as_a_matter_of_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "icescope.toml", "", 0o666);
    assert_eq!(
        refused(&path),
        "error: everyone may write the configuration FOLDER/icescope.toml, and it names code to run\n  \
         = help: chmod o-w FOLDER/icescope.toml\n\n1 problem in FOLDER/icescope.toml"
    );
    assert!(load(&path).unwrap_err().only_permissions());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    assert_eq!(load(&path).unwrap(), Settings::default());
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "binary.toml", b"[log]\nlevel = \"\xff\"\n", 0o644);
    assert_eq!(
        refused(&path),
        "error: the configuration FOLDER/binary.toml is not UTF-8: see line 2\n  \
         = help: save it as UTF-8 (iconv -t UTF-8)\n\n1 problem in FOLDER/binary.toml"
    );
    let path = write(folder.path(), "large.toml", vec![b'#'; (1 << 20) + 1], 0o644);
    assert_eq!(
        refused(&path),
        "error: the configuration FOLDER/large.toml is larger than 1024 KiB\n  \
         = help: name the TOML file itself\n\n1 problem in FOLDER/large.toml"
    );
    assert!(!load(&path).unwrap_err().only_permissions());
}

#[test]
fn a_missing_permission_beside_another_problem_is_a_bad_configuration() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "token", "0123456789abcdef", 0o644);
    let path = write(folder.path(), "icescope.toml", "[server]\ntokens = [\"./token\"]\n", 0o644);
    assert!(load(&path).unwrap_err().only_permissions());
    let path = write(folder.path(), "icescope.toml", "[server]\ntokens = [\"./token\"]\nx = 1\n", 0o644);
    assert!(!load(&path).unwrap_err().only_permissions());
}

const SERVERS: &str = r#"
[server]
tokens = ["$CREDENTIALS_DIRECTORY/admin"]
[ice]
servers = [
  { urls = "stun:stun.example.net" },
  { urls = "turn:one.example.net", username = "me", credential-file = "./password" },
  { urls = ["turn:two.example.net", "turns:two.example.net"], username = "robot", secret-file = "$CREDENTIALS_DIRECTORY/secret" },
]
"#;

fn with_secrets(text: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    write(&credentials, "admin", "abcdef0123456789\r\n", 0o400);
    write(&credentials, "secret", "shared by both\n", 0o440);
    write(folder.path(), "password", "swordfish", 0o600);
    let environment = Environment { credentials_directory: Some(credentials) };
    parse(&folder.path().join("icescope.toml"), text.to_owned(), &environment)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn urls(servers: &[IceServer]) -> Vec<Vec<String>> {
    servers.iter().map(|server| server.urls.iter().map(ToString::to_string).collect()).collect()
}

#[test]
fn secrets_are_read_and_never_shown() {
    let settings = with_secrets(SERVERS);
    assert_eq!(settings.server.tokens[0].expose(), "abcdef0123456789");
    let Credential::Static { username, password } = &settings.ice.servers[1].credential else { panic!() };
    assert_eq!((username.as_str(), password.expose()), ("me", "swordfish"));
    let Credential::TimeLimited { username, secret } = &settings.ice.servers[2].credential else { panic!() };
    assert_eq!((username.as_deref(), secret.expose()), (Some("robot"), "shared by both"));
    let shown = format!("{settings:?}");
    for secret in ["abcdef0123456789", "swordfish", "shared by both"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn pages_get_the_daemons_servers_but_no_static_password() {
    let settings = with_secrets(SERVERS);
    let (own, pages) = (urls(&settings.ice.servers), urls(&settings.ice.browser.servers));
    let (stun, two) = (vec!["stun:stun.example.net"], vec!["turn:two.example.net", "turns:two.example.net"]);
    assert_eq!(own, [stun.clone(), vec!["turn:one.example.net"], two.clone()]);
    assert_eq!(pages, [stun, two]);
    let warned: Vec<&str> = settings.warnings().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(warned, ["ice.servers[1]"]);
}

#[test]
fn a_list_for_pages_stands_for_itself_even_when_empty() {
    let listed = |list: &str| {
        with_secrets(&format!(
            "[ice]\nservers = [{{ urls = \"stun:a\" }}]\n[ice.browser]\nservers = {list}\n"
        ))
    };
    assert!(listed("[]").ice.browser.servers.is_empty());
    assert_eq!(urls(&listed("[{ urls = \"stuns:b\" }]").ice.browser.servers), [["stuns:b"]]);
}

const PLUGIN: &str = r#"[[plugin]]
name = "camera"
path = "video-gstreamer"

[plugin.config]
width = 640
start = 2026-11-22T10:00:00Z
"a/b~c" = [1, { deep = "x" }]
password = "swordfish"
"#;

#[test]
fn a_plugin_gets_its_table_as_json() {
    let expected = serde_json::json!({
        "width": 640, "start": "2026-11-22T10:00:00Z", "a/b~c": [1, { "deep": "x" }], "password": "swordfish"
    });
    let settings = with_secrets(PLUGIN);
    assert_eq!(settings.plugins[0].config, expected);
    assert!(!format!("{settings:?}").contains("swordfish"));
}

#[test]
fn a_json_pointer_leads_to_its_place_in_the_file() {
    let settings = with_secrets(PLUGIN);
    let at = |pointer: &str| &PLUGIN[settings.locate(0, pointer)];
    assert_eq!(at("/width"), "640");
    assert_eq!(at("/a~1b~0c/1/deep"), "\"x\"");
    assert_eq!(at("/a~1b~0c/7"), "[1, { deep = \"x\" }]");
    assert_eq!(at("/height"), "[plugin.config]");
    assert_eq!(at(""), "[plugin.config]");
    assert_eq!(settings.locate(5, "/width"), 0..0);
    let bare = with_secrets("[[plugin]]\nname = \"a\"\npath = \"a\"\n");
    assert_eq!(bare.locate(0, "/width"), 0..10);
}

#[test]
fn what_a_plugins_schema_says_is_a_problem_of_the_file() {
    let settings = with_secrets(PLUGIN);
    let problem =
        settings.plugin_problem(0, "/width", "640 is more than the maximum of 320", Some("icescope plugins"));
    let text = problem.to_string();
    let (head, tail) = text.split_once("\n --> ").unwrap();
    assert_eq!(head, "error: plugin[0].config.width: 640 is more than the maximum of 320");
    let (place, tail) = tail.split_once('\n').unwrap();
    assert!(place.ends_with("/icescope.toml:6:9"), "{place}");
    assert_eq!(tail, "  |\n6 | width = 640\n  |         ^^^\n  = help: icescope plugins");
    let odd = settings.plugin_problem(0, "/a~1b~0c/1/deep", "no", None);
    assert_eq!(odd.key, "plugin[0].config.\"a/b~c\"[1].deep");
    let report = settings.problems(vec![odd, problem]).to_string();
    assert!(
        report.find("width").unwrap() < report.find("deep").unwrap(),
        "in the order of the lines: {report}"
    );
    assert!(report.lines().next_back().unwrap().starts_with("2 problems in "), "{report}");
}

#[test]
fn what_is_about_no_place_is_about_the_plugin_or_the_key_that_is_named() {
    let settings = with_secrets(PLUGIN);
    let place = |pointer: &str, message: &str| {
        let problem = settings.plugin_problem(0, pointer, message, None);
        (problem.key, problem.place.unwrap().line)
    };
    assert_eq!(place("", "cannot be loaded"), ("plugin[0]".to_owned(), 1));
    let unexpected = "Additional properties are not allowed ('start', 'width' were unexpected)";
    assert_eq!(place("", unexpected), ("plugin[0].config.start".to_owned(), 7));
    let deep = "Additional properties are not allowed ('deep' was unexpected)";
    assert_eq!(place("/a~1b~0c/1", deep), ("plugin[0].config.\"a/b~c\"[1].deep".to_owned(), 8));
    assert_eq!(place("/width", "'width' is too large"), ("plugin[0].config.width".to_owned(), 6));
}

#[test]
fn a_schemas_words_do_not_carry_a_secret_out() {
    let settings = with_secrets(PLUGIN);
    let shown = settings
        .plugin_problem(0, "/password", "\"swordfish\" is shorter than 12 characters", None)
        .to_string();
    assert!(!shown.contains("swordfish"), "{shown}");
    assert!(shown.contains("error: plugin[0].config.password: *** is shorter than 12 characters"), "{shown}");
    assert!(shown.contains("password = ***"), "{shown}");
    // As JSON writes it, which is not how it stands in the file.
    let settings =
        with_secrets("[[plugin]]\nname = \"a\"\npath = \"a\"\n[plugin.config]\npassword = 'sword\"fish'\n");
    let quoted = serde_json::to_string("sword\"fish").unwrap();
    let shown = settings.plugin_problem(0, "/password", &format!("{quoted} is too short"), None).to_string();
    assert!(!shown.contains("fish"), "{shown}");
}
