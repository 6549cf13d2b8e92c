//! How a test asks for a lab: with root, or in a user namespace of its own; or it says loudly that it was skipped.

use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::error::Error;
use crate::lab::Lab;

/// With the value `require`, a test that cannot have a lab fails. CI sets it.
pub const ENVIRONMENT: &str = "ICESCOPE_LAB";

/// Set for the second start of a test, inside its user namespace.
const INSIDE: &str = "ICESCOPE_LAB_INSIDE";

/// Runs the body of a test with a lab.
///
/// Without root the test (the thread bears its name) is started once more, alone, in a user namespace, where it is root.
///
/// # Panics
///
/// As the body does; if the lab breaks; and if no lab can be had though it is required.
pub fn with_lab(body: impl FnOnce(&Arc<Lab>)) {
    if rustix::process::geteuid().is_root() {
        match Lab::new() {
            Ok(lab) => body(&lab),
            Err(Error::NotAllowed(why)) => skip(&why),
            Err(broken) => panic!("the lab could not be made: {broken}"),
        }
    } else if std::env::var_os(INSIDE).is_some() {
        skip("the user namespace did not make this process root");
    } else {
        in_user_namespace();
    }
}

fn in_user_namespace() {
    const ENTER: [&str; 6] = ["--pdeathsig", "KILL", "unshare", "--user", "--map-root-user", "--"];
    let enter = |words: &[&std::ffi::OsStr]| {
        let mut command = Command::new("setpriv");
        command.args(ENTER).args(words).stdin(Stdio::null());
        command
    };
    let allowed = enter(&["unshare".as_ref(), "--net".as_ref(), "true".as_ref()]).output();
    match allowed {
        Err(error) => return skip(&format!("setpriv (util-linux) could not be started: {error}")),
        Ok(output) if !output.status.success() => {
            return skip(String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(_) => {}
    }
    let (Ok(program), Some(test)) = (std::env::current_exe(), test_name()) else {
        return skip("this test does not know its name: run it without --test-threads=1, or as root");
    };
    let words = [program.as_os_str(), test.as_str().as_ref(), "--exact".as_ref(), "--nocapture".as_ref()];
    let output = enter(&words).env(INSIDE, "1").output().expect("setpriv could be started before");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "inside a user namespace:\n{said}");
    assert!(said.contains("1 passed"), "the test was not found inside the user namespace:\n{said}");
    eprint!("{said}");
}

/// The name of the running test: its thread bears it, or it is the one that was asked for by name.
fn test_name() -> Option<String> {
    let thread = std::thread::current();
    if let Some(name) = thread.name().filter(|&name| name != "main") {
        return Some(name.to_owned());
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    arguments.iter().any(|one| one == "--exact").then_some(())?;
    arguments.into_iter().find(|one| !one.starts_with('-'))
}

fn skip(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var_os(ENVIRONMENT).is_none_or(|value| value != "require"),
        "{name} needs network namespaces ({ENVIRONMENT}=require), and cannot have them: {why}"
    );
    eprintln!("SKIPPED: {name} did not run, for this machine allows no network namespaces: {why}");
}
