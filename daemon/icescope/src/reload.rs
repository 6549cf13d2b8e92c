//! SIGHUP: what a new configuration changes in a running daemon.

use std::path::Path;
use std::sync::PoisonError;

use icescope_model::{Evidence, Lane, Level, Observation, Scope};
use icescope_plugin_host::PluginSpec;

use crate::probes::{Plan, targets};
use crate::run::Parts;
use crate::settings;

/// Reads the file again and applies what a reload may change. A bad file changes nothing and says so.
pub async fn reload(path: &Path, parts: &mut Parts) {
    let new = match icescope_config::load(path) {
        Ok(new) => new,
        Err(problems) => {
            tracing::error!("the configuration was not reloaded; the old one stays in force:\n{problems}");
            note(
                parts,
                Level::Error,
                "config.refused",
                format!("The new configuration was refused: {}", first(&problems)),
            );
            return;
        }
    };
    for warning in new.warnings() {
        tracing::warn!("{warning}");
    }
    let reloaded = parts.settings.reload(new);
    for key in &reloaded.kept {
        tracing::warn!("{key} has changed, but takes effect only after a restart; it keeps its old value");
    }
    if let Err(error) = parts.log.set_level(&reloaded.settings.log.level) {
        tracing::error!("log.level cannot be changed: {error:#}");
    }
    apply(parts, reloaded.settings).await;
    let changed = if reloaded.applied.is_empty() {
        "nothing has changed".to_owned()
    } else {
        reloaded.applied.join(", ")
    };
    tracing::info!("configuration reloaded: {changed}");
    note(parts, Level::Info, "config.reloaded", format!("Configuration reloaded: {changed}"));
}

async fn apply(parts: &mut Parts, new: icescope_config::Settings) {
    parts.evidence.set_options(settings::evidence(&new));
    crate::relay::reload(parts.relay.as_ref(), &new);
    parts.server.reconfigure(settings::server(&new, parts.relay.as_ref()));
    parts.peer.reconfigure(settings::peer_with(&new, parts.relay.as_ref()));
    parts.own_servers.write().unwrap_or_else(PoisonError::into_inner).clone_from(&targets::servers(&new));
    let plugins = settings::plugins(&new);
    // The new source is up before viewers go over to it, and the old one stays until they have.
    parts.host.apply(with_removed(parts, &plugins)).await;
    let default = new.source.plays.clone().unwrap_or_default();
    if parts.settings.source.plays != new.source.plays {
        parts.sources.set_default(default.clone());
        parts.peer.set_default_source(&default);
    }
    parts.host.apply(plugins).await;
    parts.prober.replan(Plan::of(&new, parts.relay.as_ref()));
    parts.settings = new;
}

/// The new plugins, and those of the old that are not among them.
fn with_removed(parts: &Parts, new: &[PluginSpec]) -> Vec<PluginSpec> {
    let is_new = |name: &str| new.iter().any(|plugin| plugin.name == name);
    let removed = settings::plugins(&parts.settings).into_iter().filter(|plugin| !is_new(&plugin.name));
    new.iter().cloned().chain(removed).collect()
}

fn first(problems: &icescope_config::Problems) -> String {
    let all = problems.list();
    let rest = all.len().saturating_sub(1);
    let first = all.first().map(|problem| problem.message.clone()).unwrap_or_default();
    if rest == 0 { first } else { format!("{first} (and {rest} more, in the log)") }
}

fn note(parts: &Parts, level: Level, kind: &'static str, summary: String) {
    let observation = Observation::new(Scope::Daemon, Evidence::Api, Lane::Peer, Lane::Peer, kind);
    parts.evidence.sink().send(observation.level(level).summary(summary));
}
