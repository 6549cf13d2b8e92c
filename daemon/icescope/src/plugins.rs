//! `icescope plugins`: loads what is configured and shows what it is.

use std::process::ExitCode;

use icescope_model::EventSink;
use icescope_model::api::Plugins;
use icescope_model::plugin::{Isolation, PluginState, PluginStatus};
use icescope_plugin_host::PluginHost;

use crate::cli::PluginsArgs;
use crate::{exit, output, run, settings, table};

/// Lists the plugins of a configuration; fails if one of them is not ready.
pub fn list(args: &PluginsArgs) -> ExitCode {
    let loaded = match icescope_config::load(&args.config.config) {
        Ok(loaded) => loaded,
        Err(problems) => return run::refuse(&problems),
    };
    let states = run::runtime().and_then(|runtime| {
        let options = settings::host(&settings::OwnServers::default())?;
        Ok(runtime.block_on(async {
            let (sink, _source) = EventSink::new(64);
            let host = PluginHost::start(options, settings::plugins(&loaded), sink);
            host.settled().await;
            let states = host.status();
            host.shut_down().await;
            states
        }))
    });
    let plugins = match states {
        Ok(plugins) => plugins,
        Err(error) => {
            eprintln!("error: {error:#}");
            return exit::code_of(&error);
        }
    };
    let all_ready = plugins.iter().all(|plugin| plugin.state == PluginState::Ready);
    if args.json {
        match serde_json::to_string_pretty(&Plugins { plugins }) {
            Ok(json) => output::write(format_args!("{json}\n")),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(exit::INTERNAL);
            }
        }
    } else {
        output::write(shown(&plugins));
    }
    if all_ready { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILURE) }
}

fn shown(plugins: &[PluginStatus]) -> String {
    if plugins.is_empty() {
        return "No plugin is configured: add a [[plugin]] table.\n".to_owned();
    }
    let rows = plugins.iter().map(|plugin| (row(plugin), plugin.message.clone())).collect();
    table::shown(["NAME", "STATE", "KIND", "VERSION", "RUNS IN", "FILE"], rows)
}

fn row(plugin: &PluginStatus) -> [String; 6] {
    let unknown = || "?".to_owned();
    let state = match plugin.state {
        PluginState::Starting => "starting",
        PluginState::Ready => "ready",
        PluginState::BackingOff => "backing off",
        PluginState::Disabled => "disabled",
    };
    let isolation = match plugin.isolation {
        Isolation::Process => "process",
        Isolation::InProcess => "daemon",
    };
    [
        plugin.name.clone(),
        state.to_owned(),
        plugin.kind.clone().unwrap_or_else(unknown),
        plugin.version.clone().unwrap_or_else(unknown),
        isolation.to_owned(),
        plugin.path.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_why_a_plugin_is_not_ready() {
        let plugin = PluginStatus {
            name: "bars".to_owned(),
            id: None,
            kind: None,
            version: None,
            path: "/x.so".to_owned(),
            isolation: Isolation::Process,
            state: PluginState::Disabled,
            message: Some("no such file".to_owned()),
            restarts: 0,
            frames_dropped: 0,
            events_dropped: 0,
        };
        let expected = "\
NAME  STATE     KIND  VERSION  RUNS IN  FILE
bars  disabled  ?     ?        process  /x.so
  no such file
";
        assert_eq!(shown(&[plugin]), expected);
        assert!(shown(&[]).starts_with("No plugin is configured"));
    }
}
