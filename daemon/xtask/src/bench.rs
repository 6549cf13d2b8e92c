//! `cargo xtask bench`: the figures that the project holds itself to.

use std::process::ExitCode;

use anyhow::Result;

use crate::{build, setup, shell};

/// Builds what is measured and measures it; the figures and bars are in web/e2e/bench.
pub fn command(arguments: &[String]) -> Result<ExitCode> {
    setup::ensure(setup::Group::Test)?;
    build::page()?;
    build::release()?;
    shell::run(&mut shell::cargo([
        "build",
        "--release",
        "--locked",
        "--package",
        "icescope-peer",
        "--examples",
    ]))?;
    shell::run(shell::command("node", ["web/e2e/run.mjs", "--bench"]).args(arguments))?;
    Ok(ExitCode::SUCCESS)
}
