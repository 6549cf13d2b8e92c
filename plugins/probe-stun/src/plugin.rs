//! The plugin: one run over all servers.

use futures_util::future::join_all;
use icescope_plugin_sdk::{Error, Host, Outcome, Probe, Request, Run};
use icescope_probe_kit::args::{Args, Server};
use icescope_probe_kit::runtime::{self, Context};
use icescope_probe_kit::stream::TrustAnchors;

use crate::document;
use crate::{Config, server};

/// The plugin.
#[derive(Debug)]
pub struct StunProbe {
    config: Config,
    anchors: TrustAnchors,
}

impl Probe for StunProbe {
    type Config = Config;
    type Args = Args;

    fn create(config: Config, _: Host) -> Result<Self, Error> {
        config.check()?;
        let anchors = TrustAnchors::load(config.ca_file.as_deref())
            .map_err(|error| Error::config("/ca-file", error.to_string()))?;
        Ok(Self { config, anchors })
    }

    fn run(&mut self, request: Request<Args>, run: &Run<'_>) -> Result<Outcome, Error> {
        let servers = request.args.servers(run)?;
        if servers.is_empty() {
            run.event("icescope.stun.skipped/1").summary(Args::NO_SERVERS).outcome(Outcome::Skipped).emit();
            return Ok(Outcome::Skipped);
        }
        runtime::block_on(run, async |context| self.measure(&servers, &request.args, context).await)
    }
}

impl StunProbe {
    /// All servers side by side; each is reported as soon as it is done.
    async fn measure(&self, servers: &[Server], args: &Args, context: Context<'_>) -> Result<Outcome, Error> {
        let each = servers.iter().map(|server| async {
            let document = server::measure(&server.url, args, &self.config, &self.anchors, context).await;
            let outcome = document.outcome;
            context.run().report(document::SCHEMA, &document.url, outcome.into(), &document).map(|()| outcome)
        });
        let outcomes = join_all(each).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(overall(&outcomes))
    }
}

/// The worst that is known: one server that failed is what an operator has to look at.
fn overall(outcomes: &[document::Outcome]) -> Outcome {
    let has = |outcome| outcomes.contains(&outcome);
    if has(document::Outcome::Failed) {
        Outcome::Failed
    } else if has(document::Outcome::Unknown) {
        Outcome::Unknown
    } else if has(document::Outcome::Pass) {
        Outcome::Pass
    } else {
        Outcome::Skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use document::Outcome as One;

    #[test]
    fn the_run_is_as_good_as_its_worst_server_and_skipped_only_if_all_are() {
        assert_eq!(overall(&[One::Pass, One::Failed, One::Unknown]), Outcome::Failed);
        assert_eq!(overall(&[One::Pass, One::Unknown, One::Skipped]), Outcome::Unknown);
        assert_eq!(overall(&[One::Pass, One::Skipped]), Outcome::Pass);
        assert_eq!(overall(&[One::Skipped]), Outcome::Skipped);
    }
}
