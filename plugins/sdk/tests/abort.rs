//! A plugin that is built with `panic = "abort"` is refused by the compiler.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PLUGIN: &str = r#"
use icescope_plugin_sdk::{Error, Host, Outcome, Probe, Request, Run};

pub struct Nothing;

impl Probe for Nothing {
    type Config = ();
    type Args = ();

    fn create((): (), _: Host) -> Result<Self, Error> {
        Ok(Self)
    }

    fn run(&mut self, _: Request<()>, _: &Run<'_>) -> Result<Outcome, Error> {
        Ok(Outcome::Skipped)
    }
}

icescope_plugin_sdk::export! {
    probe Nothing { id: "org.example.nothing" }
}
"#;

/// Checks the plugin against a built SDK.
fn check(sdk: &Path, folder: &Path, panic: &str) -> Output {
    let source = folder.join("plugin.rs");
    std::fs::write(&source, PLUGIN).expect("the plugin's source");
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "lib",
            "--emit",
            "metadata",
            "-C",
            &format!("panic={panic}"),
        ])
        .arg("--extern")
        .arg(format!("icescope_plugin_sdk={}", sdk.display()))
        .arg("-L")
        .arg(format!("dependency={}", sdk.parent().expect("a folder").display()))
        .arg("--out-dir")
        .arg(folder)
        .arg(source)
        .output()
        .expect("rustc starts")
}

/// Builds of the SDK beside this test. Of another compiler or older there may be some too.
fn built() -> Vec<PathBuf> {
    let test = std::env::current_exe().expect("this test's file");
    let entries = std::fs::read_dir(test.parent().expect("a folder")).expect("cargo's folder");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rlib"))
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libicescope_plugin_sdk-"))
        })
        .collect()
}

#[test]
fn a_plugin_that_would_abort_is_not_compiled() {
    let folder = std::env::temp_dir().join(format!("icescope-abort-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let works = built().into_iter().find(|sdk| check(sdk, &folder, "unwind").status.success());
    let refused = works.as_deref().map(|sdk| check(sdk, &folder, "abort"));
    std::fs::remove_dir_all(&folder).unwrap();
    let refused = refused.expect("with panic = \"unwind\" the same plugin compiles");
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "it was compiled");
    assert!(message.contains("an icescope plugin has to be built with panic = \"unwind\""), "{message}");
}
