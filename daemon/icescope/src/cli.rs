//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// WebRTC diagnostics daemon: can this browser and this host reach each other, over which paths, and if not, what broke?
#[derive(Debug, Parser)]
#[command(name = "icescope", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 success, 1 failure, 2 wrong usage (probe: see there), 70 internal error, 77 permission denied, 78 bad configuration.
Manual: icescope(1), icescope.toml(5).";

/// The daemon's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground; SIGHUP reloads the configuration, SIGTERM and SIGINT stop it
    Run(RunArgs),
    /// Check a configuration file and its plugins, and show every problem at once
    CheckConfig(CheckArgs),
    /// Load the configured plugins and show what they are: kind, version, file, state
    Plugins(PluginsArgs),
    /// Measure: the NAT in front of this host, its STUN and TURN servers. Exit codes: 0 all passed, 1 something failed,
    /// 2 something could not be run or told
    Probe(ProbeArgs),
    /// Explain a cause that a verdict names: what it is, how it is known, what to change; without one, list all
    Explain(ExplainArgs),
    /// Report on a session from its exported record: judge it anew, and show verdict, candidates, pairs and servers
    Report(ReportArgs),
    /// Internal: the child process that hosts one plugin
    #[command(hide = true)]
    PluginHost(PluginHostArgs),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// The configuration file (TOML)
    #[arg(long, value_name = "PATH", default_value = "/etc/icescope/icescope.toml")]
    pub config: PathBuf,
}

/// Arguments of `icescope check-config`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The configuration file (TOML)
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
}

/// Arguments of `icescope run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Arguments of `icescope plugins`.
#[derive(Debug, Clone, Args)]
pub struct PluginsArgs {
    /// The configuration
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `icescope probe`.
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    /// The probes to run, by their configured or their own name; without a name, all
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Ask this server instead of the configured ones: HOST:PORT (STUN), or a stun:, stuns:, turn: or turns: URL
    #[arg(long = "server", value_name = "HOST:PORT", value_parser = crate::probe::server)]
    pub servers: Vec<String>,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    /// The configuration file (TOML) [default: /etc/icescope/icescope.toml, or none: the probes beside the binary]
    #[arg(long, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// Find out how long the NAT keeps a binding that is not used: takes minutes
    #[arg(long)]
    pub lifetime: bool,
    /// Measure how much the TURN servers relay
    #[arg(long)]
    pub throughput: bool,
    /// How long a probe may take [default: timeout of [probes], 30s; with --lifetime 30min]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    icescope_config::duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "write a number with its unit, such as 500ms, 10s or 5min".to_owned())
}

/// Arguments of `icescope explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The cause's name, such as D2; or «nat»: which NATs can meet
    #[arg(value_name = "ID")]
    pub cause: Option<String>,
}

/// Arguments of `icescope report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The record, as the page exports it and GET /api/sessions/{id} gives it; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    pub file: Option<PathBuf>,
    /// Show every event, too
    #[arg(long, conflicts_with_all = ["json", "schema"])]
    pub timeline: bool,
    /// Print the record as JSON, with the verdict of this version in it
    #[arg(long, conflicts_with = "schema")]
    pub json: bool,
    /// Put pseudonyms in the place of addresses and names
    #[arg(long, conflicts_with = "schema")]
    pub redact: bool,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the JSON Schema of records
    #[arg(long)]
    pub schema: bool,
}

/// Arguments of the plugin child; made by the daemon, not by people.
#[derive(Debug, Clone, Args)]
pub struct PluginHostArgs {
    /// What the daemon hands over
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
