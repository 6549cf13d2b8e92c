//! `icescope run`: starts the parts, joins them, and stops them.

use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use anyhow::Context;
use icescope_config::{Problems, Settings};
use icescope_evidence::Evidence;
use icescope_model::EventSink;
use icescope_peer::Peer;
use icescope_plugin_host::PluginHost;
use icescope_relay::Relay;
use icescope_server::{Handle, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::RunArgs;
use crate::probes::{Plan, Prober, near, targets};
use crate::relay::{self, Follower};
use crate::sources::{EvidencePeer, HostSources};
use crate::{exit, log, settings, systemd};

/// Observations between the observers and the records. A session's set-up is a few hundred.
const OBSERVATIONS: usize = 8_192;
/// Each connection is one task that mostly waits; two threads serve dozens of viewers and cost little memory.
const THREADS: usize = 2;

/// Runs the daemon until it is told to stop.
pub fn run(args: &RunArgs) -> ExitCode {
    let loaded = match icescope_config::load(&args.config.config) {
        Ok(loaded) => loaded,
        Err(problems) => return refuse(&problems),
    };
    let log = match log::start(&loaded.log.level, settings::log_format(&loaded)) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("error: log.level: {error}");
            return ExitCode::from(exit::CONFIGURATION);
        }
    };
    for warning in loaded.warnings() {
        tracing::warn!("{warning}");
    }
    let result = runtime().and_then(|runtime| runtime.block_on(serve(args, loaded, log)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            exit::code_of(&error)
        }
    }
}

/// Shows what is wrong with a configuration.
pub fn refuse(problems: &Problems) -> ExitCode {
    eprintln!("{problems}");
    ExitCode::from(if problems.only_permissions() { exit::PERMISSION } else { exit::CONFIGURATION })
}

/// The daemon's threads.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .context("cannot start the daemon's threads")
}

/// The running parts.
pub struct Parts {
    pub settings: Settings,
    pub log: log::Handle,
    pub host: PluginHost,
    pub own_servers: settings::OwnServers,
    pub sources: Arc<HostSources>,
    pub peer: Arc<Peer>,
    pub evidence: Evidence,
    pub server: Handle,
    pub prober: Prober,
    pub relay: Option<Relay>,
    pub follower: Option<Follower>,
}

async fn serve(args: &RunArgs, loaded: Settings, log: log::Handle) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let (sink, source) = EventSink::new(OBSERVATIONS);
    let own_servers = Arc::new(RwLock::new(targets::servers(&loaded)));
    let relay = relay::start(&loaded, &sink)?;
    let mut hosting = settings::host(&own_servers)?;
    near::grant(&mut hosting, relay.as_ref());
    let host = PluginHost::start(hosting, settings::plugins(&loaded), sink.clone());
    let sources = Arc::new(HostSources::new(host.clone(), loaded.source.plays.clone().unwrap_or_default()));
    let follower = relay.clone().map(Follower::new);
    let options = settings::peer_with(&loaded, relay.as_ref());
    let peer = Peer::new(options, Arc::clone(&sources) as _, sink.clone())
        .context("cannot set the WebRTC peer up")?;
    let peer = Arc::new(peer);
    let asked = Arc::new(EvidencePeer { peer: Arc::clone(&peer), follower: follower.clone() });
    let evidence = Evidence::start(settings::evidence(&loaded), sink, source, asked);
    let server = Server::bind(settings::server(&loaded, relay.as_ref()), evidence.clone())?;
    let handle = server.handle();
    let listening = where_to_look(&loaded, &server);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(stop.clone()));
    let watching = tokio::spawn(tell_plugins(host.clone(), evidence.clone()));
    let prober = Prober::start(host.clone(), evidence.probes().clone(), Plan::of(&loaded, relay.as_ref()));
    let mut parts = Parts {
        settings: loaded,
        log,
        host,
        own_servers,
        sources,
        peer,
        evidence,
        server: handle,
        prober,
        relay,
        follower,
    };

    tracing::info!("icescope {} listens: open {listening}", env!("CARGO_PKG_VERSION"));
    let started = tokio::select! {
        () = parts.host.settled() => true,
        () = stopped(&mut signals.terminate, &mut signals.interrupt) => false,
    };
    if started {
        systemd::ready(&format!("Open {listening}"));
        tracing::info!("plugins are up: {}", plugin_states(&parts.host));
        attend(args, &mut parts, &mut signals, &listening).await;
    }
    systemd::stopping();
    tracing::info!("stopping");
    shut_down(parts, stop, serving, watching).await;
    Ok(())
}

/// Reloads as often as it is told to; returns when it is told to stop.
async fn attend(args: &RunArgs, parts: &mut Parts, signals: &mut Signals, listening: &str) {
    let mut renewal = tokio::time::interval(settings::CREDENTIAL_LIFETIME / 6);
    // The first tick comes at once, and the credentials are fresh.
    renewal.tick().await;
    loop {
        tokio::select! {
            () = stopped(&mut signals.terminate, &mut signals.interrupt) => return,
            _ = renewal.tick() => {
                parts.peer.reconfigure(settings::peer_with(&parts.settings, parts.relay.as_ref()));
            }
            _ = signals.hangup.recv() => {
                systemd::reloading();
                crate::reload::reload(&args.config.config, parts).await;
                systemd::ready(&format!("Open {listening}"));
            }
        }
    }
}

async fn shut_down(parts: Parts, stop: CancellationToken, serving: JoinHandle<()>, watching: JoinHandle<()>) {
    parts.prober.shut_down().await;
    parts.evidence.shut_down().await;
    parts.peer.shut_down().await;
    if let Some(follower) = &parts.follower {
        follower.shut_down().await;
    }
    stop.cancel();
    if let Err(error) = serving.await {
        tracing::error!("the HTTP server ended badly: {error}");
    }
    parts.host.shut_down().await;
    watching.abort();
}

/// Plugins' states go to the page.
async fn tell_plugins(host: PluginHost, evidence: Evidence) {
    let mut states = host.watch();
    loop {
        let now = states.borrow_and_update().clone();
        evidence.set_plugins(now);
        if states.changed().await.is_err() {
            return;
        }
    }
}

fn plugin_states(host: &PluginHost) -> String {
    let states = host.status();
    let words = states.iter().map(|plugin| format!("{} {:?}", plugin.name, plugin.state).to_lowercase());
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none is configured".to_owned() } else { words.join(", ") }
}

/// The URL for a person.
fn where_to_look(settings: &Settings, server: &Server) -> String {
    if let Some(url) = &settings.server.public_url {
        return url.to_string();
    }
    let scheme = if settings.server.tls.is_some() { "https" } else { "http" };
    let urls = server.local_addrs().iter().map(|address| format!("{scheme}://{address}"));
    urls.collect::<Vec<_>>().join(" or ")
}

/// What the daemon is told from outside.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let open = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            hangup: open(SignalKind::hangup())?,
            terminate: open(SignalKind::terminate())?,
            interrupt: open(SignalKind::interrupt())?,
        })
    }
}

async fn stopped(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
