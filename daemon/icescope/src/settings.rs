//! The configuration's words in the words of each part.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use icescope_config as config;
use icescope_config::{LogFormat, Settings};
use icescope_model::api::IceServer;
use icescope_model::plugin::Isolation;
use icescope_plugin_host::{GrantedServer, Options as HostOptions, PluginSpec};
use icescope_relay::Relay;

use crate::{credentials, log, relay};

/// How long a time-limited TURN credential is good for: longer than any first look, shorter than a day. The daemon's own are
/// made anew long before they end.
pub const CREDENTIAL_LIFETIME: Duration = Duration::from_hours(6);

/// What evidence keeps.
pub fn evidence(settings: &Settings) -> icescope_evidence::Options {
    icescope_evidence::Options {
        max_sessions: settings.limits.sessions,
        max_events: settings.limits.events_per_session,
        retry_after_s: seconds(settings.limits.retry_after),
        ..icescope_evidence::Options::default()
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1)
}

/// The peer's set-up.
pub fn peer(settings: &Settings) -> icescope_peer::Options {
    let ice = &settings.ice;
    let families = match (ice.families.ipv4, ice.families.ipv6) {
        (true, false) => icescope_peer::Families::V4,
        (false, true) => icescope_peer::Families::V6,
        _ => icescope_peer::Families::Both,
    };
    let addresses = ice.addresses.iter();
    let rates = settings.limits.source_bit_rate;
    icescope_peer::Options {
        interfaces: ice.interfaces.include.clone(),
        exclude_interfaces: ice.interfaces.exclude.clone(),
        families,
        udp_port: ice.udp_port,
        tcp_port: ice.tcp_port,
        addresses: addresses
            .map(|address| icescope_peer::MappedAddress { local: address.local, public: address.public })
            .collect(),
        ice_servers: ice.servers.iter().map(own_server).collect(),
        policy: match ice.policy {
            config::Policy::All => icescope_peer::Policy::All,
            config::Policy::Relay => icescope_peer::Policy::Relay,
        },
        mdns: match ice.mdns {
            config::MulticastDns::Auto => icescope_peer::Mdns::Auto,
            config::MulticastDns::Off => icescope_peer::Mdns::Off,
        },
        connect_timeout: ice.timeouts.connect,
        disconnected: ice.timeouts.disconnected,
        vanished: ice.timeouts.vanished,
        max_sessions: settings.limits.sessions,
        max_remote_candidates: settings.limits.remote_candidates,
        candidates_per_second: settings.limits.candidates_per_second,
        extra_roots: extra_roots(ice.ca_certificates.as_deref()),
        bit_rate: icescope_peer::BitRates { min: rates.min, start: rates.start, max: rates.max },
        allow_loopback: settings.limits.allow_loopback_candidates,
        ..icescope_peer::Options::default()
    }
}

/// What is trusted beside the system's roots.
fn extra_roots(text: Option<&str>) -> Vec<Vec<u8>> {
    text.map_or_else(Vec::new, |text| {
        icescope_peer::roots_from_pem(text.as_bytes()).unwrap_or_else(|error| {
            tracing::warn!("ice.ca-file: {error}; TURN servers are checked against the system's roots alone");
            Vec::new()
        })
    })
}

fn own_server(server: &config::IceServer) -> icescope_peer::IceServer {
    let (username, credential) = credential(server).unwrap_or_default();
    icescope_peer::IceServer {
        urls: server.urls.iter().map(ToString::to_string).collect(),
        username,
        credential,
    }
}

/// User name and password of a server as of now; `None` for one that needs none.
fn credential(server: &config::IceServer) -> Option<(String, String)> {
    match &server.credential {
        config::Credential::Open => None,
        config::Credential::Static { username, password } => {
            Some((username.clone(), password.expose().to_owned()))
        }
        config::Credential::TimeLimited { username, secret } => {
            Some(credentials::time_limited(secret.expose(), username.as_deref(), expiry()))
        }
    }
}

/// When a credential that is made now ends, in seconds since the Unix epoch.
fn expiry() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + CREDENTIAL_LIFETIME).as_secs()
}

/// The peer's set-up with the embedded relay, where it runs and the peer needs it.
pub fn peer_with(settings: &Settings, relay: Option<&Relay>) -> icescope_peer::Options {
    let mut options = peer(settings);
    options.ice_servers.extend(relay.and_then(|relay| crate::relay::for_peer(relay, settings)));
    options
}

/// The HTTP server's set-up. Pages are told of the embedded relay where it runs and is meant to be used.
pub fn server(settings: &Settings, relay: Option<&Relay>) -> icescope_server::Options {
    let server = &settings.server;
    let limits = &settings.limits;
    let browser_servers = settings.ice.browser.servers.clone();
    let relay = relay.filter(|_| settings.has_relay()).cloned();
    let public = server.public_url.as_ref().map(|url| url.host.name.clone());
    let rate = f64::from(limits.new_sessions_per_second.max(1));
    icescope_server::Options {
        listen: server.listen.clone(),
        tls: server
            .tls
            .as_ref()
            .map(|tls| icescope_server::Tls { certificate: tls.certificate.clone(), key: tls.key.clone() }),
        allowed_hosts: server.allowed_hosts.iter().map(ToString::to_string).collect(),
        allowed_origins: server.allowed_origins.iter().map(ToString::to_string).collect(),
        allowed_frames: server.allowed_frames.iter().map(ToString::to_string).collect(),
        public_url: server.public_url.as_ref().map(ToString::to_string),
        admin_tokens: server.tokens.iter().map(|token| token.expose().to_owned()).collect(),
        ice_servers: Arc::new(move |host, session| {
            let relay =
                relay.iter().flat_map(|relay| relay::for_page(relay, public.as_deref(), host, session));
            browser_servers.iter().map(browser_server).chain(relay).collect()
        }),
        gather_wait: server.gather_wait,
        body_limit: limits.request_body,
        session_burst: limits.new_sessions_burst,
        session_interval: Duration::from_secs_f64(1.0 / rate),
        ..icescope_server::Options::default()
    }
}

fn browser_server(server: &config::IceServer) -> IceServer {
    let (username, credential) = credential(server).unzip();
    IceServer { urls: server.urls.iter().map(ToString::to_string).collect(), username, credential }
}

/// The daemon's own STUN and TURN servers as they are configured now, for plugins that are granted them.
pub type OwnServers = Arc<RwLock<Vec<config::IceServer>>>;

/// How plugins are hosted: by this same binary.
pub fn host(servers: &OwnServers) -> anyhow::Result<HostOptions> {
    // Survives a replacement of the file by an update while the daemon runs.
    let binary = PathBuf::from("/proc/self/exe");
    let real = std::env::current_exe().context("cannot find the daemon's own binary")?;
    let command = if binary.exists() { binary } else { real };
    let servers = Arc::clone(servers);
    let mint = move || {
        let servers = servers.read().unwrap_or_else(PoisonError::into_inner);
        servers.iter().flat_map(granted).collect()
    };
    let mut options = HostOptions::new(command, vec![OsString::from("plugin-host")]);
    options.ice_servers = Some(Arc::new(mint));
    Ok(options)
}

/// One entry for each URL, with credentials made for this run.
fn granted(server: &config::IceServer) -> Vec<GrantedServer> {
    let (username, credential) = credential(server).unwrap_or_default();
    let time_limited = matches!(server.credential, config::Credential::TimeLimited { .. });
    let expires = if time_limited { expiry() } else { 0 };
    let entry = |url: &config::IceUrl| GrantedServer {
        url: url.to_string(),
        username: username.clone(),
        credential: credential.clone(),
        realm: String::new(),
        expires_unix_s: i64::try_from(expires).unwrap_or(i64::MAX),
    };
    server.urls.iter().map(entry).collect()
}

/// The configured plugins.
pub fn plugins(settings: &Settings) -> Vec<PluginSpec> {
    settings.plugins.iter().map(plugin).collect()
}

/// One configured plugin.
pub fn plugin(plugin: &config::Plugin) -> PluginSpec {
    PluginSpec {
        id: plugin.id.clone(),
        isolation: match plugin.isolation {
            config::Isolation::Process => Isolation::Process,
            config::Isolation::InProcess => Isolation::InProcess,
        },
        sha256: plugin.sha256.clone(),
        config: plugin.config.clone(),
        grants: plugin.grants.clone(),
        ..PluginSpec::new(plugin.name.clone(), plugin.path.clone())
    }
}

/// The log's form.
pub fn log_format(settings: &Settings) -> log::Format {
    match settings.log.format {
        LogFormat::Text => log::Format::Text,
        LogFormat::Json => log::Format::Json,
    }
}
