//! What is loaded and what is refused, and in which words; plugins in C.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod common;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Bench, compile, fixtures, options, source, unit, within};
use icescope_model::plugin::{Isolation, PluginState};
use icescope_plugin_host::{CheckedPlugin, PluginHost, PluginSpec};
use serde_json::json;

fn check(path: &Path) -> Result<CheckedPlugin, String> {
    let spec = PluginSpec::new("tried", path.to_str().unwrap());
    PluginHost::check(&options(), &spec).map_err(|problems| {
        assert!(problems.iter().all(|problem| problem.pointer.is_empty()));
        problems.into_iter().map(|problem| problem.message).collect()
    })
}

#[track_caller]
fn refused(path: &Path, words: &str) {
    let message = check(path).expect_err("it must be refused");
    assert!(message.contains(words), "«{message}» does not say «{words}»");
}

#[test]
fn libraries_that_are_no_plugins_of_this_contract_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    refused(&compile(folder.path(), "no_symbol.c", &[]), "does not export `icescope_module_v1`");
    refused(&compile(folder.path(), "unresolved.c", &[]), "function_that_nobody_has");
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    refused(&text, "cannot be loaded");
    for (fault, words) in [
        ("1", "it needs minor 1 of the plugin contract and this icescope speaks 0"),
        ("2", "its module table says that it is 8 bytes long"),
        ("3", "its plugin table says that it is 40 bytes long"),
        ("4", "its plugin table is null"),
        ("5", "it holds 0 plugins"),
        ("6", "which cannot be"),
        ("7", "its module table is null"),
    ] {
        refused(&compile(folder.path(), "tables.c", &[&format!("-DFAULT={fault}")]), words);
    }
}

#[test]
fn who_else_can_write_there_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("plugins");
    std::fs::create_dir(&inner).unwrap();
    let library = compile(&inner, "no_symbol.c", &[]);
    let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    mode(&inner, 0o777);
    refused(&library, &format!("the directory {} can be written by everybody", inner.display()));
    refused(&library, &format!("chmod o-w {}", inner.display()));
    mode(&inner, 0o755);
    mode(&library, 0o646);
    refused(&library, &format!("chmod o-w {}", library.display()));
    mode(&library, 0o644);
    refused(&library, "does not export");
    // A link in a directory of everybody's decides as much as the directory that it points to.
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::os::unix::fs::symlink(&library, open.join("link.so")).unwrap();
    refused(&open.join("link.so"), "does not export");
    mode(&open, 0o777);
    refused(&open.join("link.so"), &format!("chmod o-w {}", open.display()));
    refused(&inner, "is not a regular file");
    refused(&folder.path().join("nothing.so"), "No such file");
}

#[test]
fn a_bare_name_is_found_in_the_plugin_directory_and_a_pin_holds() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(folder.path(), "source.c", &[]);
    let mut options = options();
    options.plugin_dir = Some(folder.path().to_owned());
    let mut spec = PluginSpec::new("c", "source");
    let checked = PluginHost::check(&options, &spec).unwrap();
    assert_eq!(
        (checked.id.as_str(), checked.path),
        ("org.icescope.fixture.c", library.display().to_string())
    );
    spec.sha256 = Some("0".repeat(64));
    let problems = PluginHost::check(&options, &spec).unwrap_err();
    assert!(problems[0].message.contains("is pinned in the configuration"), "{}", problems[0].message);
}

#[test]
fn configuration_problems_have_their_pointer() {
    let problems =
        PluginHost::check(&options(), &source("bars", json!({"fps": 0, "formats": [1]}))).unwrap_err();
    let mut pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/formats/0", "/fps"]);
    assert_eq!(PluginHost::check(&options(), &source("bars", json!({"fps": 5}))).unwrap().version, "0.1.0");
}

#[test]
fn of_several_plugins_one_has_to_be_named_and_its_kind_to_be_known() {
    let message = check(&fixtures()).unwrap_err();
    assert!(message.contains("say by `id`") && message.contains("org.icescope.fixture.probe"), "{message}");
    let spec = PluginSpec { id: Some("org.nobody".into()), ..source("x", json!({})) };
    let problems = PluginHost::check(&options(), &spec).unwrap_err();
    assert!(problems[0].message.contains("no plugin with the id «org.nobody»"), "{}", problems[0].message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_may_be_made_within_a_runtime_and_an_unknown_kind_disables() {
    let spec = PluginSpec { id: Some("org.icescope.fixture.strange".into()), ..source("x", json!({})) };
    let mut bench = Bench::settled(options(), vec![spec]).await;
    PluginHost::check(&options(), &source("bars", json!({}))).unwrap();
    let status = bench.state("x", PluginState::Disabled).await;
    assert!(status.message.unwrap().contains("its kind «icescope.strange/9» is not known"));
    bench.happens("plugin.refused", "icescope.strange/9").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_in_c_play_with_the_header_of_minor_0_and_that_of_today() {
    for flags in [&[][..], &["-DHEADER=\"icescope_plugin.h\""]] {
        for isolation in [Isolation::Process, Isolation::InProcess] {
            let folder = tempfile::tempdir().unwrap();
            let library = compile(folder.path(), "source.c", flags);
            let spec = PluginSpec { isolation, ..PluginSpec::new("c", library.to_str().unwrap()) };
            let bench = Bench::settled(options(), vec![spec]).await;
            let mut stream = bench.host.open_stream("c", 0).unwrap();
            for number in 0..25 {
                assert_eq!(unit(&mut stream).await.data[0], number);
            }
            within("shutting down", bench.host.shut_down()).await;
        }
    }
}
