//! The plugin: which servers, both families side by side, one document for each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use icescope_plugin_sdk::{Error, Evidence, Host as PluginHost, Lane, Outcome, Probe, Request, Run};
use icescope_probe_kit::args::{Args, Family, Server};
use icescope_probe_kit::dns::{self, Resolved};
use icescope_probe_kit::observe::Observer;
use icescope_probe_kit::runtime::{self, Context};
use icescope_probe_kit::stream::TrustAnchors;
use icescope_probe_kit::url::{Host, Protocol};

use crate::config::Config;
use crate::document::{Document, Given, SCHEMA, observation_text};
use crate::engine::Engine;
use crate::engine::server::Target;
use crate::engine::streams::Carrier;
use crate::engine::test::{State, TestId};
use crate::io::{self, Streams};
use crate::lifetime::Lifetime;

/// Longer bindings than the ladder's end need no measuring: no application waits so long between two packets.
const LONGEST_LIFETIME: Duration = Duration::from_mins(17);

/// The plugin.
#[derive(Debug)]
pub struct NatProbe {
    config: Config,
    anchors: TrustAnchors,
}

impl Probe for NatProbe {
    type Config = Config;
    type Args = Args;

    fn create(config: Config, _: PluginHost) -> Result<Self, Error> {
        config.check()?;
        let anchors = TrustAnchors::load(config.ca_file.as_deref())
            .map_err(|error| Error::config("/ca-file", error.to_string()))?;
        Ok(Self { config, anchors })
    }

    fn run(&mut self, request: Request<Args>, run: &Run<'_>) -> Result<Outcome, Error> {
        let args = request.args;
        let servers = args.servers(run)?;
        if servers.is_empty() {
            run.event("icescope.nat.run/1").summary(Args::NO_SERVERS).outcome(Outcome::Skipped).emit();
            return Ok(Outcome::Skipped);
        }
        runtime::block_on(run, async |context| self.measure(context, &args, &servers).await)
    }
}

impl NatProbe {
    async fn measure(&self, context: Context<'_>, args: &Args, servers: &[Server]) -> Result<Outcome, Error> {
        let start = Instant::now();
        let limit = context.budget(self.config.timeout());
        let look_ups = servers.iter().map(|server| async move {
            let found = dns::resolve(&server.url.host, limit / 2).await;
            (server, found)
        });
        let resolved = join_all(look_ups).await;
        let families = args.families.iter().map(|family| {
            let one = One {
                probe: self,
                context,
                family: *family,
                resolved: &resolved,
                granted: args.servers.is_empty(),
                lifetime: args.lifetime,
            };
            async move { one.measure(start).await }
        });
        let outcomes = join_all(families).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(overall(&outcomes))
    }
}

/// The best of what was measured: a host without IPv6 is not ill.
fn overall(outcomes: &[Outcome]) -> Outcome {
    [Outcome::Failed, Outcome::Pass, Outcome::Unknown]
        .into_iter()
        .find(|outcome| outcomes.contains(outcome))
        .unwrap_or(Outcome::Skipped)
}

/// One family.
struct One<'a> {
    probe: &'a NatProbe,
    context: Context<'a>,
    family: Family,
    resolved: &'a [(&'a Server, Resolved)],
    /// The servers are those that the host grants, not chosen for this run.
    granted: bool,
    /// Measure the binding lifetime as well.
    lifetime: bool,
}

impl One<'_> {
    async fn measure(&self, start: Instant) -> Result<Outcome, Error> {
        let run = self.context.run();
        let (targets, hosts, given) = self.targets();
        let limit = self.context.budget(self.probe.config.timeout()).saturating_sub(start.elapsed());
        let mut engine = Engine::new(self.family == Family::Ipv6, targets, limit);
        let streams = Streams { hosts, anchors: &self.probe.anchors };
        let observer = Observer::new(run, Lane::Stun);
        io::measure(&mut engine, &streams, &observer, &|engine, test| settled(run, engine, test)).await;
        let measured = start.elapsed();
        let lifetime = if self.lifetime { Some(self.lifetime(&engine, &observer).await) } else { None };
        let document = Document::new(&engine, &given, measured, lifetime.as_ref());
        run.report(SCHEMA, document.family(), document.outcome(), &document)?;
        run.event("icescope.nat.report/1")
            .summary(document.summary())
            .outcome(document.outcome())
            .with("family", document.family())
            .emit();
        Ok(document.outcome())
    }

    async fn lifetime(&self, engine: &Engine, observer: &Observer<'_>) -> Lifetime {
        let run = self.context.run();
        let Some(server) = engine.capable_server() else {
            return Lifetime { seconds: None, because: "no server that speaks RFC 5780 answered".into() };
        };
        // The first binding is tried without a wait, and each round ends with questions.
        let longest = self.context.budget(LONGEST_LIFETIME).mul_f64(0.6);
        let round_trip = server.pace.largest();
        let progress = |wait: Duration, is_alive: bool| {
            let word = if is_alive { "alive" } else { "gone" };
            run.event("icescope.nat.lifetime/1")
                .summary(format!("an idle binding is {word} after {:.1} s", wait.as_secs_f64()))
                .seen(Evidence::Api, Lane::Peer, Lane::Stun)
                .with("family", self.family.as_str())
                .with("idle", wait)
                .with("alive", is_alive)
                .emit();
        };
        io::lifetime(server.address(), round_trip, longest, observer, &progress).await
    }

    /// Each address once; and of each URI, which that is or why there is none.
    fn targets(&self) -> (Vec<Target>, Vec<Host>, Vec<Given>) {
        let mut targets: Vec<Target> = Vec::new();
        let (mut hosts, mut given) = (Vec::new(), Vec::new());
        let mut places: BTreeMap<(SocketAddr, Option<Carrier>), usize> = BTreeMap::new();
        for (server, found) in self.resolved {
            let place = self.target(server, found).map(|target| {
                *places.entry((target.address, target.carrier)).or_insert_with(|| {
                    targets.push(target);
                    hosts.push(server.url.host.clone());
                    targets.len() - 1
                })
            });
            given.push(Given { url: server.url.text.clone(), place });
        }
        (targets, hosts, given)
    }

    fn target(&self, server: &Server, found: &Resolved) -> Result<Target, String> {
        let family = self.family.as_str();
        let Some(ip) = found.family(self.family == Family::Ipv6).next() else {
            return Err(match &found.error {
                Some(error) => error.clone(),
                None => format!("{} has no {family} address", server.url.host),
            });
        };
        let address = SocketAddr::new(ip, server.url.port);
        let source = io::source_towards(address)
            .map_err(|error| format!("this host has no route to {ip} ({family}): {error}"))?;
        // The daemon's own relay, say. Whoever names such a server in the arguments wants it asked all the same.
        if self.granted && source == ip {
            return Err(format!("{ip} is this very host: no NAT is on the way there"));
        }
        let carrier = match server.url.protocol {
            // DTLS shares its port with TLS, and its host answers plain STUN at other ports, if at all.
            Protocol::Tls | Protocol::Dtls => Some(Carrier::Tls),
            Protocol::Tcp => Some(Carrier::Tcp),
            Protocol::Udp => None,
        };
        Ok(Target { url: server.url.text.clone(), address, source, carrier })
    }
}

/// Tells the host of a test that came to its end.
fn settled(run: &Run<'_>, engine: &Engine, test: TestId) {
    let Some(test) = engine.tests().get(test) else { return };
    let (name, text) = observation_text(test);
    let outcome = match test.state {
        State::Answered => Outcome::Pass,
        // Silence is what most filters do: a result, not a failure.
        State::Silent | State::Unsure | State::Asking => Outcome::Unknown,
        State::Dropped => return,
    };
    run.event("icescope.nat.test/1")
        .summary(text)
        .outcome(outcome)
        .seen(Evidence::Api, Lane::Peer, Lane::Stun)
        .with("test", name)
        .with("localAddress", test.local.to_string())
        .with("remoteAddress", test.to.to_string())
        .with("requestsSent", test.sent.len() as u64)
        .with("responsesReceived", test.heard.len() as u64)
        .emit();
}
