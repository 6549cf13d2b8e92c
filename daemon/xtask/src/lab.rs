//! The tests in the NAT lab: which machine can have one, and the steps that put real browsers into it.

use anyhow::Result;

use crate::steps::{Outcome, Step};
use crate::{build, shell};

/// Name of the step, the test binary, the module whose tests it runs, and what they show.
const STEPS: [(&str, &str, &str, &str); 4] = [
    (
        "lab-grid",
        "lab",
        "grid::",
        "Chromium and the daemon behind every pair of behaviours: the path is as theory has it",
    ),
    ("lab-healthy", "lab", "healthy::", "healthy sessions over different paths: no false alarm"),
    ("lab-causes", "lab-causes", "causes::", "faults provoked for real: each is named rightly"),
    (
        "lab-captures",
        "lab-captures",
        "captures::",
        "the joined timeline against packet captures at both ends",
    ),
];

/// Leaves out the tests that need a browser in the lab: they have steps of their own.
pub const WITHOUT_BROWSERS: &str = "not binary(/^lab/)";

/// The steps. With `all` the grid has all its cells, and the healthy sessions their full number.
pub fn steps(all: bool) -> Vec<Step> {
    let step = |(name, binary, module, about): (&str, &'static str, &'static str, &str)| Step {
        name: name.to_owned(),
        about: about.to_owned(),
        action: Box::new(move || run(binary, module, all)),
    };
    STEPS.map(step).into()
}

/// What tests are told in `ICESCOPE_LAB`. Where a lab can be had, and on a build server, none is left out unseen.
pub fn is_required() -> &'static str {
    if is_here() || std::env::var_os("CI").is_some() {
        return "require";
    }
    println!("SKIPPED: every test in the NAT lab, for this machine allows no network namespaces");
    "optional"
}

fn is_here() -> bool {
    let namespaces = [&["--net", "true"][..], &["--user", "--map-root-user", "--net", "true"]];
    namespaces.into_iter().any(|words| shell::ask(&mut shell::command("unshare", words)).is_some())
}

fn run(binary: &str, module: &str, all: bool) -> Result<Outcome> {
    if !is_here() && std::env::var_os("CI").is_none() {
        return Ok(Outcome::Skipped("this machine allows no network namespaces".to_owned()));
    }
    // The daemon under test is the debug build: it embeds the page, and finds its plugins beside itself.
    build::page()?;
    shell::run(&mut shell::cargo(["build", "--workspace", "--locked", "--quiet"]))?;
    let mut command = if shell::ask(&mut shell::cargo(["nextest", "--version"])).is_some() {
        let wanted = format!("binary(={binary}) & test(/^{module}/)");
        let words = ["nextest", "run", "--package", "icescope", "--locked", "--no-capture", "--filterset"];
        let mut command = shell::cargo(words);
        command.arg(wanted);
        command
    } else {
        let words = ["test", "--package", "icescope", "--locked", "--test", binary, module];
        let mut command = shell::cargo(words);
        command.args(["--", "--nocapture", "--test-threads=1"]);
        command
    };
    command.env("ICESCOPE_LAB", "require").env("ICESCOPE_LAB_BROWSER", if all { "all" } else { "some" });
    shell::run(&mut command)?;
    Ok(Outcome::Passed)
}
