//! `cargo xtask run`: from a clone to a page that one can open.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Result, anyhow};

use crate::{build, shell};

/// Builds everything and becomes the daemon.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    build::everything()?;
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).skip_while(|word| *word == "--").collect();
    let arguments =
        if arguments.is_empty() { vec!["run", "--config", "config/icescope.toml"] } else { arguments };
    let binary = build::binary();
    let mut daemon = shell::command(&binary.to_string_lossy(), &arguments);
    if arguments.first() == Some(&"run") {
        println!();
        println!("  icescope starts. Open http://127.0.0.1:8085 and press Start; Ctrl-C stops the daemon.");
        println!();
    }
    // exec only returns when it failed.
    let error = daemon.exec();
    Err(anyhow!(error).context(format!("{} could not be started", binary.display())))
}
