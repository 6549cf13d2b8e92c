//! icescope: a WebRTC diagnostics daemon.
#![forbid(unsafe_code)]

mod allocator;
mod check;
mod cli;
mod credentials;
mod exit;
mod explain;
mod log;
mod output;
mod plugins;
mod probe;
mod probes;
mod relay;
mod reload;
mod report;
mod run;
mod settings;
mod sources;
mod systemd;
mod table;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().command {
        cli::Command::Run(args) => run::run(&args),
        cli::Command::CheckConfig(args) => check::check_config(&args),
        cli::Command::Plugins(args) => plugins::list(&args),
        cli::Command::Probe(args) => probe::probe(&args),
        cli::Command::Explain(args) => explain::explain(&args),
        cli::Command::Report(args) => report::report(&args),
        cli::Command::PluginHost(args) => icescope_plugin_host::child_main(args.args),
    }
}
