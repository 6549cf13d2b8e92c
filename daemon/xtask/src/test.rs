//! `cargo xtask test`: every test there is, in an order that tells the cheap faults first.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::steps::{self, Choice, Outcome, Step};
use crate::{build, lab, setup, shell};

/// What web/e2e/run.mjs and service.sh exit with when this machine allows no network namespaces.
const SKIPPED: i32 = 77;

/// `cargo xtask test`.
pub fn command(arguments: &[String]) -> Result<ExitCode> {
    let choice = Choice::parse(arguments)?;
    let mut steps = vec![
        Step::new("setup", "what is missing here is installed", || setup::ensure(setup::Group::Test)),
        Step::new("page", "the page: types, build, size", build::page),
    ];
    steps.extend(rust());
    steps.extend(web());
    steps.extend(lab::steps(choice.grid));
    steps.push(Step::new("release", "release build of daemon and plugins", build::release));
    steps.push(Step {
        name: "service".to_owned(),
        about: "installed as a service under a real systemd of its own".to_owned(),
        action: Box::new(service),
    });
    steps.extend(end_to_end()?);
    steps::run(&steps, &choice)
}

fn rust() -> Vec<Step> {
    vec![
        Step::new("format", "rustfmt", || shell::run(&mut shell::cargo(["fmt", "--all", "--check"]))),
        Step::new("licences", "cargo-deny: licences, bans, sources", || {
            shell::run(&mut shell::cargo([
                "deny",
                "--log-level",
                "error",
                "check",
                "licenses",
                "bans",
                "sources",
            ]))
        }),
        Step::new("house", "import rules, file sizes, where unsafe may stand", || {
            shell::run(&mut shell::cargo(["test", "--quiet", "--locked", "--package", "xtask"]))
        }),
        Step::new("clippy", "lints", || {
            let check =
                ["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "--deny", "warnings"];
            shell::run(&mut shell::cargo(check))
        }),
        Step::new("rust", "unit and integration tests", rust_tests),
        Step::new("rust-docs", "examples in the documentation", || {
            shell::run(&mut shell::cargo(["test", "--workspace", "--doc", "--locked", "--quiet"]))
        }),
        Step::new(
            "generated",
            "the page's types and the record's schema are those of daemon/model",
            generated,
        ),
    ]
}

fn rust_tests() -> Result<()> {
    // Plugins are libraries that no test links: they are built first, so that tests find them.
    shell::run(&mut shell::cargo(["build", "--workspace", "--locked", "--quiet"]))?;
    let nextest = shell::ask(&mut shell::cargo(["nextest", "--version"])).is_some();
    if nextest {
        let quiet = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--status-level", "fail"];
        return shell::run(
            shell::cargo(quiet)
                .args(["--final-status-level", "slow", "--filterset", lab::WITHOUT_BROWSERS])
                .env("ICESCOPE_LAB", lab::is_required()),
        );
    }
    let all = ["test", "--workspace", "--all-targets", "--locked", "--no-fail-fast", "--quiet"];
    // Without the variable ICESCOPE_LAB_BROWSER those that need a browser in the lab do nothing.
    shell::run(shell::cargo(all).env("ICESCOPE_LAB", lab::is_required()))
}

/// daemon/model's tests write the page's types and the record's JSON Schema: what they wrote must be what is committed.
fn generated() -> Result<()> {
    const WRITTEN: [&str; 2] = ["web/src/generated", "daemon/model/schemas"];
    shell::run(&mut shell::cargo(["test", "--quiet", "--locked", "--package", "icescope-model", "--lib"]))?;
    let changed = shell::ask(shell::command("git", ["status", "--porcelain", "--"]).args(WRITTEN))
        .context("`git status` failed: is this a clone?")?;
    if !changed.is_empty() {
        bail!("daemon/model differs from what is generated from it; commit what its tests wrote:\n{changed}");
    }
    Ok(())
}

fn web() -> Vec<Step> {
    let npm = |script: &'static str| {
        move || {
            shell::run(
                shell::command("npm", ["run", "--silent", script]).current_dir(shell::root().join("web")),
            )
        }
    };
    vec![
        Step::new("web-lint", "Biome", npm("lint")),
        Step::new("web-types", "TypeScript", npm("check")),
        Step::new("web-unit", "Vitest", npm("test")),
        Step::new("web-page", "the built page in Chromium against a stand-in daemon", npm("test:page")),
    ]
}

/// One step for each file of web/e2e that ends in `.test.mjs`; its first line says what it shows.
fn end_to_end() -> Result<Vec<Step>> {
    let folder = shell::root().join("web/e2e");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    let mut steps = Vec::new();
    for file in files {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let about = text.lines().next().unwrap_or_default().trim_start_matches(['/', ' ']).to_owned();
        let stem = file.file_name().unwrap_or_default().to_string_lossy().replace(".test.mjs", "");
        steps.push(Step { name: format!("e2e-{stem}"), about, action: Box::new(move || run_e2e(&stem)) });
    }
    Ok(steps)
}

fn service() -> Result<Outcome> {
    in_namespaces(&mut shell::command("bash", ["daemon/xtask/service.sh"]))
}

fn run_e2e(stem: &str) -> Result<Outcome> {
    in_namespaces(&mut shell::command("node", ["web/e2e/run.mjs", stem]))
}

/// Runs what needs namespaces, and says so where there are none.
fn in_namespaces(command: &mut Command) -> Result<Outcome> {
    let status = command.stdin(Stdio::null()).status().context("it could not be started")?;
    match status.code() {
        Some(0) => Ok(Outcome::Passed),
        // A build server has to run them: there, skipped is failed.
        Some(SKIPPED) if std::env::var_os("CI").is_none() => {
            Ok(Outcome::Skipped("this machine allows no network namespaces".to_owned()))
        }
        _ => bail!("`{}` ended with {status}", shell::written(command)),
    }
}
