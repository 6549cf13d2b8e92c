//! One server: its name, then all its addresses by all transports side by side.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use icescope_plugin_sdk::{Evidence, Lane, Level, Outcome as Raw, Run};
use icescope_probe_kit::args::Args;
use icescope_probe_kit::dns::{self, Resolved};
use icescope_probe_kit::observe::Observer;
use icescope_probe_kit::runtime::Context;
use icescope_probe_kit::stream::TrustAnchors;
use icescope_probe_kit::url::{Host, Protocol, ServerUrl};

use crate::document::{Document, Outcome, Path};
use crate::plan::{self, Target};
use crate::{Config, conclusion, stream_path, udp_path};

/// The schema of a server's step: once when it begins, once when it ends.
const STEP: &str = "icescope.stun.server/1";

/// How paths are measured.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// The server's host, for the name in its certificate.
    pub host: &'a Host,
    /// Round trips to measure.
    pub samples: u32,
    /// Whom to trust.
    pub anchors: &'a TrustAnchors,
    /// When to be done.
    pub end: Instant,
}

impl Means<'_> {
    /// How long is left.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
}

/// Measures one server within its own deadline.
pub async fn measure(
    url: &ServerUrl,
    args: &Args,
    config: &Config,
    anchors: &TrustAnchors,
    context: Context<'_>,
) -> Document {
    let limit = context.budget(config.timeout());
    let end = Instant::now() + limit;
    let lane = if url.scheme.is_turn() { Lane::Turn } else { Lane::Stun };
    let run = context.run();
    let span = run.new_span();
    run.event(STEP).span(span).summary(format!("measuring {url}")).with("url", &url.text).emit();
    let resolved = resolve(url, limit, &Observer::new(run, lane).within(span)).await;
    let means = Means { host: &url.host, samples: config.samples, anchors, end };
    let targets = plan::targets(url, &resolved, &args.families);
    let paths = join_all(targets.iter().map(async |target| {
        let observer = Observer::new(run, lane).within(run.new_span());
        let path = path(*target, means, &observer).await;
        tell_path(run, span, &observer, &path);
        path
    }))
    .await;
    let mut document = Document {
        url: url.text.clone(),
        host: url.host.to_string(),
        port: url.port,
        protocol: url.protocol.as_str(),
        dns: resolved,
        paths,
        summary: String::new(),
        outcome: Outcome::Unknown,
    };
    conclusion::conclude(&mut document);
    run.event(STEP)
        .span(span)
        .summary(format!("{url}: {}", document.summary))
        .with("url", &url.text)
        .outcome(document.outcome.into())
        .emit();
    document
}

/// The step that a path's packets are part of.
fn tell_path(run: &Run<'_>, server: u64, observer: &Observer<'_>, path: &Path) {
    run.event("icescope.stun.path/1")
        .span(observer.span())
        .parent(server)
        .summary(conclusion::path_in_words(path))
        .with("remoteAddress", path.address.to_string())
        .with("protocol", path.protocol)
        .outcome(conclusion::path_outcome(path).into())
        .emit();
}

async fn resolve(url: &ServerUrl, limit: Duration, observer: &Observer<'_>) -> Resolved {
    let resolved = dns::resolve(&url.host, limit).await;
    let Some(ms) = resolved.ms else { return resolved };
    let event = observer
        .step("icescope.stun.dns/1")
        .seen(Evidence::Api, Lane::Peer, Lane::Peer)
        .with("url", &url.text)
        .with("duration", Duration::from_secs_f64(ms / 1000.0));
    let event = if let Some(error) = &resolved.error {
        event.level(Level::Warn).outcome(Raw::Failed).summary(error.clone())
    } else {
        let addresses: Vec<String> = resolved.addresses.iter().map(ToString::to_string).collect();
        let addresses = addresses.join(", ");
        let summary = format!("{} is {addresses} ({ms:.1} ms)", url.host);
        event.outcome(Raw::Pass).with("addresses", addresses).summary(summary)
    };
    event.emit();
    resolved
}

async fn path(target: Target, means: Means<'_>, observer: &Observer<'_>) -> Path {
    match target.protocol {
        Protocol::Udp => udp_path::measure(target, means, observer).await,
        Protocol::Tcp | Protocol::Tls => stream_path::measure(target, means, observer).await,
        Protocol::Dtls => Path::new(target.address, target.protocol, target.extra),
    }
}
