//! From a configured path to a plugin that is up: verify, seal, start, load, check the configuration, create.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use icescope_model::plugin::Isolation;
use icescope_plugin_abi as abi;
use tokio_util::sync::CancellationToken;

use crate::generation::Stage;
use crate::link::{Failure, Link};
use crate::options::{GrantedServer, ICE_SERVERS_GRANT, Options, PluginSpec};
use crate::policy::Fall;
use crate::proto::{Answer, CallError, Command, Described};
use crate::seal::seal;
use crate::supervisor::{CRASHED, End, HUNG, Supervisor};
use crate::up::Up;
use crate::verify::{Stamp, verify};
use crate::voice::Voice;
use crate::{error::Refused, schema};

/// Why a plugin is not up.
pub(crate) enum NotUp {
    /// The host wants it no more.
    Stopped,
    /// It cannot work as it is configured; trying again changes nothing.
    Refused(String),
    /// It fell, this way (and kind of observation), for this reason.
    Fell(Fall, &'static str, String),
}

/// Where the library really is, and its sealed copy.
pub(crate) fn fetch(spec: &PluginSpec, options: &Options) -> Result<(PathBuf, Stamp, OwnedFd), Refused> {
    let verified = verify(&spec.path, options)?;
    let (path, stamp) = (verified.path.clone(), verified.stamp);
    Ok((path, stamp, seal(verified, spec.sha256.as_deref())?))
}

/// Starts a driver and lets it load the library.
pub(crate) async fn load(
    spec: &PluginSpec,
    isolation: Isolation,
    library: &OwnedFd,
    options: &Options,
    voice: &Arc<Voice>,
    stop: &CancellationToken,
) -> Result<(Link, Described), NotUp> {
    let mut link = Link::start(isolation, options, voice)
        .await
        .map_err(|error| NotUp::Fell(Fall::Error, "plugin.failed", format!("its process: {error}")))?;
    let command =
        Command::Load { plugin: spec.id.clone(), granted: spec.grants.clone(), log_level: log_level() };
    let answer = link.call(command, &[library.as_fd()], options.deadlines.load, stop, |_| {}).await;
    match answer {
        Ok(Answer::Loaded(described)) => Ok((link, described)),
        Ok(other) => Err(out_of_step(&other)),
        Err(Failure::Refused(error)) => {
            link.end().await;
            Err(NotUp::Refused(format!("{} is refused: {}", spec.path, error.message)))
        }
        Err(failure) => Err(fell(stop, failure)),
    }
}

/// What the log keeps of the target `plugin` decides what plugins need to say at all.
fn log_level() -> u32 {
    if tracing::enabled!(target: "plugin", tracing::Level::TRACE) {
        abi::ICS_TRACE
    } else if tracing::enabled!(target: "plugin", tracing::Level::DEBUG) {
        abi::ICS_DEBUG
    } else {
        abi::ICS_INFO
    }
}

fn out_of_step(answer: &Answer) -> NotUp {
    NotUp::Fell(Fall::Crash, CRASHED, format!("its driver gave the wrong answer: {answer:?}"))
}

fn fell(stop: &CancellationToken, failure: Failure) -> NotUp {
    match failure {
        _ if stop.is_cancelled() => NotUp::Stopped,
        Failure::Crashed(how) => NotUp::Fell(Fall::Crash, CRASHED, how),
        Failure::Hung(how) => NotUp::Fell(Fall::Crash, HUNG, how),
        Failure::Refused(error) => refused(error),
    }
}

/// What a refused `create` or `formats` means.
fn refused(error: CallError) -> NotUp {
    match error.status {
        abi::ICS_E_PANIC => NotUp::Fell(Fall::Crash, CRASHED, format!("it panicked: {}", error.message)),
        abi::ICS_E_CONFIG if error.pointer.is_empty() => {
            NotUp::Refused(format!("it refuses its configuration: {}", error.message))
        }
        abi::ICS_E_CONFIG => {
            NotUp::Refused(format!("it refuses its configuration at {}: {}", error.pointer, error.message))
        }
        abi::ICS_E_UNSUPPORTED | abi::ICS_E_INVALID => NotUp::Refused(error.message),
        _ => NotUp::Fell(Fall::Error, "plugin.failed", error.message),
    }
}

/// The servers for one run, minted now, if the plugin may have them.
pub(crate) fn mint(spec: &PluginSpec, options: &Options, voice: &Voice) -> Vec<GrantedServer> {
    let granted = spec.grants.iter().any(|grant| grant == ICE_SERVERS_GRANT);
    let servers = match &options.ice_servers {
        Some(mint) if granted => mint(),
        _ => Vec::new(),
    };
    voice.learn(&servers);
    servers
}

/// Brings the supervisor's plugin up.
pub(crate) async fn bring_up(of: &mut Supervisor) -> Result<Up, NotUp> {
    of.epoch += 1;
    let spec = of.shared.spec.clone();
    // A probe that wakes from its rest stays ready in the eyes of others.
    if !matches!(of.shared.stage(), Stage::Ready { .. }) {
        // Why it is started again stays to be read.
        of.shared.go(Stage::Starting, of.shared.status().message);
    }
    let fetched = {
        let (spec, options) = (spec.clone(), Arc::clone(&of.options));
        tokio::task::spawn_blocking(move || fetch(&spec, &options)).await
    };
    let (path, stamp, library) = match fetched {
        Ok(Ok(fetched)) => fetched,
        Ok(Err(refused)) => return Err(NotUp::Refused(refused.to_string())),
        Err(_) => return Err(NotUp::Stopped),
    };
    of.shared.found_at(path, stamp);
    let (link, described) = load(&spec, spec.isolation, &library, &of.options, &of.voice, &of.stop).await?;
    drop(library);
    of.shared.loaded(described.clone());
    let mut up = Up::new(link, described);
    let created = create(of, &mut up, &spec).await;
    if let Err(not_up) = created {
        up.link.end().await;
        return Err(not_up);
    }
    Ok(up)
}

async fn create(of: &mut Supervisor, up: &mut Up, spec: &PluginSpec) -> Result<(), NotUp> {
    if !up.is_source() && !up.is_probe() {
        let kind = &up.described.kind;
        return Err(NotUp::Refused(format!(
            "its kind «{kind}» is not known to this icescope; update icescope"
        )));
    }
    schema::check(&up.described.config_schema, &spec.config).map_err(|problems| {
        NotUp::Refused(format!("its configuration is wrong: {}", schema::in_words(&problems)))
    })?;
    let servers = mint(spec, &of.options, &of.voice);
    let command = Command::Create { config: spec.config.to_string(), servers };
    let deadline = of.options.deadlines.create;
    of.call(up, command, deadline).await.map_err(|failure| fell(&of.stop, failure))?;
    if up.is_source() {
        up.formats = formats(of, up).await?;
    }
    Ok(())
}

async fn formats(of: &Supervisor, up: &mut Up) -> Result<Vec<icescope_model::media::Format>, NotUp> {
    let deadline: Duration = of.options.deadlines.call;
    match of.call(up, Command::Formats, deadline).await {
        Ok(Answer::Formats(formats)) => formats
            .into_iter()
            .map(crate::proto::WireFormat::checked)
            .collect::<Result<_, _>>()
            .map_err(NotUp::Refused),
        Ok(other) => Err(out_of_step(&other)),
        Err(failure) => Err(fell(&of.stop, failure)),
    }
}

/// Reads the formats of a source that is up again, and tells the streams.
pub(crate) async fn read_formats(of: &Supervisor, up: &mut Up) -> Result<(), End> {
    match formats(of, up).await {
        Ok(formats) if formats == up.formats => Ok(()),
        Ok(formats) => {
            up.formats = formats;
            of.shared.go(Stage::Ready { epoch: of.epoch, formats: Arc::new(up.formats.clone()) }, None);
            Ok(())
        }
        Err(NotUp::Stopped) => Err(End::Stopped),
        Err(NotUp::Refused(reason)) => Err(End::Disabled(reason)),
        Err(NotUp::Fell(fall, kind, reason)) => Err(End::Fell(fall, kind, reason)),
    }
}
