//! `icescope probe`: measures from the command line, without the daemon.

mod result;
mod select;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use icescope_config::Settings;
use icescope_model::plugin::PluginStatus;
use icescope_model::{EventSink, Monotonic};
use icescope_plugin_host::{PluginHost, PluginSpec, ProbeError, ProbeInfo, ProbeNote};
use serde_json::{Value, json};

use crate::cli::ProbeArgs;
use crate::probes::{run, targets};
use crate::table::plain;
use crate::{output, settings};
use result::{NOT_RUN, Ran};
pub use select::server;

/// A NAT may keep a binding for many minutes (RFC 4787 §4.3 asks for two at least), and each guess takes as long as it says.
const LIFETIME_TIMEOUT: Duration = Duration::from_mins(30);

/// Runs the probes and shows what they found.
pub fn probe(args: &ProbeArgs) -> ExitCode {
    let all = match measure(args) {
        Ok(all) => all,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(NOT_RUN);
        }
    };
    if args.json {
        output::write(format_args!("{:#}\n", result::document(&all)));
    } else {
        output::write(result::shown(&all));
    }
    ExitCode::from(result::exit_code(&all))
}

fn measure(args: &ProbeArgs) -> anyhow::Result<Vec<Ran>> {
    let (loaded, plugins) = select::configuration(args)?;
    let servers = Arc::new(RwLock::new(targets::servers(&loaded)));
    let options = settings::host(&servers)?;
    let specs = select::probes(&options, &loaded, plugins);
    anyhow::ensure!(
        !specs.is_empty(),
        "the configuration has no probe: add [[plugin]] tables with path = \"probe-nat\", \"probe-stun\", \"probe-turn\""
    );
    crate::run::runtime()?.block_on(async {
        let (sink, _source) = EventSink::new(64);
        let host = PluginHost::start(options, specs.clone(), sink);
        host.settled().await;
        let ran = run_named(&host, &loaded, &specs, args).await;
        host.shut_down().await;
        ran
    })
}

/// Runs those that were named, side by side.
async fn run_named(
    host: &PluginHost,
    loaded: &Settings,
    specs: &[PluginSpec],
    args: &ProbeArgs,
) -> anyhow::Result<Vec<Ran>> {
    let infos = host.probes();
    let status = host.status();
    let names: Vec<_> = specs.iter().map(|spec| (spec.name.clone(), own_name(spec, &infos))).collect();
    let wanted = select::named(&names, &args.names)?;
    let arguments = arguments(loaded, args);
    if arguments.get("servers").is_none() {
        eprintln!("note: no server is configured; name one: icescope probe --server HOST:PORT");
    }
    let timeout =
        args.timeout.unwrap_or(if args.lifetime { LIFETIME_TIMEOUT } else { loaded.probes.timeout });
    let runs = names.iter().filter(|(instance, _)| wanted.contains(&instance.as_str())).map(|name| {
        let info = infos.iter().find(|info| info.instance == name.0);
        let arguments = targets::known_to(info.map_or("", |info| &info.args_schema), arguments.clone());
        run_one(host, name, info.is_some(), &status, arguments, timeout)
    });
    Ok(join_all(runs).await)
}

/// As its library has it; of one that could not be loaded, what it is called in the configuration.
fn own_name(spec: &PluginSpec, infos: &[ProbeInfo]) -> String {
    let info = infos.iter().find(|info| info.instance == spec.name);
    info.map_or_else(|| spec.path.clone(), |info| info.name.clone())
}

fn arguments(loaded: &Settings, args: &ProbeArgs) -> Value {
    let configured = targets::probe_targets(loaded);
    let mut arguments =
        targets::arguments(loaded, if args.servers.is_empty() { &configured } else { &args.servers });
    for (name, wanted) in [("lifetime", args.lifetime), ("throughput", args.throughput)] {
        if wanted {
            arguments[name] = json!(true);
        }
    }
    arguments
}

async fn run_one(
    host: &PluginHost,
    (instance, probe): &(String, String),
    loaded: bool,
    status: &[PluginStatus],
    arguments: Value,
    timeout: Duration,
) -> Ran {
    let began = Monotonic::now();
    let (mut steps, mut reports) = (Vec::new(), Vec::new());
    let progress = std::io::stderr().is_terminal();
    let take = |note| match note {
        ProbeNote::Step(event) => {
            let step = run::step(event, began);
            if progress {
                eprintln!("{:>9.3} s  {instance}  {}", step.time as f64 / 1e6, plain(&step.summary));
            }
            steps.push(step);
        }
        ProbeNote::Report(report) => reports.push(report),
    };
    let ended = if loaded {
        run::run(host, instance, arguments, timeout, take).await
    } else {
        let told = status.iter().find(|plugin| plugin.name == *instance);
        let reason =
            told.and_then(|plugin| plugin.message.clone()).unwrap_or_else(|| "it is not up".to_owned());
        Err(ProbeError::NotReady { name: instance.clone(), reason })
    };
    let duration_us = Monotonic::now().micros_since(began);
    Ran { instance: instance.clone(), probe: probe.clone(), steps, reports, duration_us, ended }
}
