//! `icescope check-config`: the file's own problems, then those that its plugins find in their tables.

use std::process::ExitCode;

use icescope_config::{Problem, Settings};
use icescope_plugin_host::PluginHost;

use crate::cli::CheckArgs;
use crate::{exit, run, settings};

/// Checks a configuration without running it.
pub fn check_config(args: &CheckArgs) -> ExitCode {
    let loaded = match icescope_config::load(&args.path) {
        Ok(loaded) => loaded,
        Err(problems) => return run::refuse(&problems),
    };
    let host = match settings::host(&settings::OwnServers::default()) {
        Ok(host) => host,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(exit::INTERNAL);
        }
    };
    for warning in loaded.warnings() {
        eprintln!("{warning}\n");
    }
    let found: Vec<Problem> =
        (0..loaded.plugins.len()).flat_map(|index| plugin(&loaded, &host, index)).collect();
    if !found.is_empty() {
        return run::refuse(&loaded.problems(found));
    }
    println!("{} is good: {} plugins checked", args.path.display(), loaded.plugins.len());
    ExitCode::SUCCESS
}

fn plugin(loaded: &Settings, host: &icescope_plugin_host::Options, index: usize) -> Vec<Problem> {
    match PluginHost::check(host, &settings::plugin(&loaded.plugins[index])) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            let of_file = |problem: icescope_plugin_host::CheckProblem| {
                loaded.plugin_problem(index, &problem.pointer, &problem.message, None)
            };
            problems.into_iter().map(of_file).collect()
        }
    }
}
