//! The plugin: which URLs, all of them side by side, one document for each.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use icescope_plugin_sdk::{Error, Host, Lane, Outcome, Probe, Request, Run};
use icescope_probe_kit::args::{Args, Family, Server};
use icescope_probe_kit::dns::{self, Resolved};
use icescope_probe_kit::observe::Observer;
use icescope_probe_kit::stream::TrustAnchors;
use icescope_probe_kit::url::Protocol;

use crate::attempt::Attempt;
use crate::config::Config;
use crate::credential::Credential;
use crate::document::{Document, Judged, SCHEMA};
use crate::io::attempt::{Settings, Target, attempt};
use crate::io::group::Groups;
use crate::io::stop::{self, Reason, Stop};
use crate::step::{Action, Failure, Step};

/// The plugin.
#[derive(Debug)]
pub struct TurnProbe {
    config: Config,
    trust: TrustAnchors,
}

impl Probe for TurnProbe {
    type Config = Config;
    type Args = Args;

    fn create(config: Config, _: Host) -> Result<Self, Error> {
        config.check()?;
        let trust = TrustAnchors::load(config.ca_file.as_deref())
            .map_err(|error| Error::config("/ca-file", error.to_string()))?;
        Ok(Self { config, trust })
    }

    fn run(&mut self, request: Request<Args>, run: &Run<'_>) -> Result<Outcome, Error> {
        let args = request.args;
        let servers = args.servers(run)?;
        let turn: Vec<Server> = servers.into_iter().filter(|server| server.url.scheme.is_turn()).collect();
        if turn.is_empty() {
            let why = "there is no TURN server to test: name one in the run's arguments, or under [ice] and grant \
                       icescope.ice-servers/1 to this plugin";
            run.event("icescope.turn.run/1").summary(why).outcome(Outcome::Skipped).emit();
            return Ok(Outcome::Skipped);
        }
        let settings = Settings {
            timeout: self.config.timeout(),
            packets: self.config.packets,
            throughput: args.throughput.then(|| self.config.throughput_time()),
            trust: self.trust.clone(),
        };
        stop::block_on(run, async |stop| {
            let groups = Groups::default();
            let urls = turn.iter().map(|server| {
                let families = &args.families;
                let one = One { server, all: &turn, settings: &settings, groups: &groups, families, run };
                let stop = stop.clone();
                async move {
                    let document = one.measure(stop).await?;
                    tell(run, &document);
                    run.report(SCHEMA, document.url(), document.outcome(), &document)?;
                    Ok::<_, Error>(document.outcome())
                }
            });
            let outcomes = join_all(urls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            // What was found is reported; that the run itself was cut short is the run's own word.
            match stop.reason() {
                Some(Reason::Cancelled) => Err(Error::cancelled()),
                _ => Ok(overall(&outcomes)),
            }
        })
    }
}

/// What a URL came to, as an event.
fn tell(run: &Run<'_>, document: &Document) {
    let summary = format!("{}: {}", document.url(), document.summary());
    let mut event = run
        .event("icescope.turn.result/1")
        .summary(summary)
        .outcome(document.outcome())
        .with("url", document.url());
    if let Some(cause) = document.cause() {
        event = event.with("cause", cause);
    }
    event.emit();
}

/// The worst of what was tried.
fn overall(outcomes: &[Outcome]) -> Outcome {
    [Outcome::Failed, Outcome::Unknown, Outcome::Pass]
        .into_iter()
        .find(|outcome| outcomes.contains(outcome))
        .unwrap_or(Outcome::Skipped)
}

/// One URL.
struct One<'a> {
    server: &'a Server,
    all: &'a [Server],
    settings: &'a Settings,
    groups: &'a Groups,
    families: &'a [Family],
    run: &'a Run<'a>,
}

impl One<'_> {
    async fn measure(&self, stop: Stop) -> Result<Document, Error> {
        let url = &self.server.url;
        let Some(credential) = self.server.granted.as_ref().and_then(Credential::of) else {
            return Ok(Document::skipped(
                url,
                "Not tested: no credential is configured for this URL.",
                "Name the server with its credential under [ice], and grant icescope.ice-servers/1 to this plugin.",
            ));
        };
        if url.protocol == Protocol::Dtls {
            let why = "Not tested: TURN over DTLS, which no browser uses.";
            return Ok(Document::skipped(url, why, "Use turns: with TCP."));
        }
        let resolved = tokio::select! {
            biased;
            _ = stop.clone().requested() => None,
            resolved = dns::resolve(&url.host, self.settings.timeout) => Some(resolved),
        };
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed();
        let mut attempts: Vec<Attempt> = Vec::new();
        let mut targets = Vec::new();
        for family in self.families {
            let addresses = resolved.as_ref().map_or(&[][..], |resolved| &resolved.addresses);
            // The first address of each family, which is the one that a browser takes.
            let Some(ip) = addresses.iter().find(|ip| Family::of(**ip) == *family) else { continue };
            for protocol in self.protocols() {
                targets.push(Target {
                    host: url.host.clone(),
                    protocol,
                    address: (*ip, url.port).into(),
                    looked_up_ms: resolved.as_ref().and_then(|resolved| resolved.ms),
                    credential: credential.clone(),
                    group: self.groups.of(&url.host.to_string(), &credential.username),
                });
            }
        }
        if targets.is_empty() {
            let step = match &resolved {
                None => Step::failed(Action::Dns, 0.0, Failure::Stopped, "the run was stopped"),
                Some(Resolved { error: Some(why), ms, .. }) => {
                    Step::failed(Action::Dns, ms.unwrap_or_default(), Failure::Name, why)
                }
                Some(_) => {
                    let why = "Not tested: the server has no address of the wanted family.";
                    return Ok(Document::skipped(url, why, "Ask for the other address family, too."));
                }
            };
            let mut nowhere = Attempt::new(url.protocol, &url.host.to_string(), None);
            nowhere.credential = Some(credential.told());
            nowhere.steps.push(step);
            attempts.push(nowhere);
        }
        let observers: Vec<_> = targets.iter().map(|target| self.observer(target)).collect();
        let tried = targets.iter().zip(&observers);
        let tried = tried.map(|(target, observer)| attempt(target, self.settings, observer, stop.clone()));
        attempts.extend(join_all(tried).await);
        let judged = attempts.into_iter().map(|attempt| Judged::new(attempt, now())).collect();
        Document::new(url, resolved, judged)
            .ok_or_else(|| Error::failed(format!("nothing was tried for {url}")))
    }

    /// What the URL names; and where it names none, TCP beside UDP, to know whether it would serve. Not if another URL
    /// of the run tries just that.
    fn protocols(&self) -> Vec<Protocol> {
        let url = &self.server.url;
        let open = url.protocol == Protocol::Udp && !url.text.contains('?');
        let tried =
            self.all.iter().map(|other| &other.url).any(|other| {
                (&other.host, other.port, other.protocol) == (&url.host, url.port, Protocol::Tcp)
            });
        if open && !tried { vec![Protocol::Udp, Protocol::Tcp] } else { vec![url.protocol] }
    }

    /// What the steps and packets of one attempt are part of, told to the host.
    fn observer(&self, target: &Target) -> Observer<'_> {
        let span = self.run.new_span();
        let (url, protocol) = (&self.server.url.text, target.protocol.as_str());
        self.run
            .event("icescope.turn.attempt/1")
            .span(span)
            .summary(format!("{url}: {} over {protocol}", target.address))
            .with("url", url)
            .with("remoteAddress", target.address.to_string())
            .with("protocol", protocol)
            .emit();
        Observer::new(self.run, Lane::Turn).within(span)
    }
}
