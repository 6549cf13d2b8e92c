//! One address by TCP or TLS.

use std::time::{Duration, Instant};

use icescope_plugin_sdk::{Evidence, Lane, Level, Outcome};
use icescope_probe_kit::clock;
use icescope_probe_kit::message::Request;
use icescope_probe_kit::observe::Observer;
use icescope_probe_kit::stream::{self, Connection};
use icescope_probe_kit::udp::{Exchange, NetworkError};
use icescope_probe_kit::url::Protocol;
use tokio::time::sleep;

use crate::document::{NetworkProblem, Path};
use crate::plan::Target;
use crate::samples;
use crate::server::Means;

/// Between two samples, as over UDP.
const PACE: Duration = Duration::from_millis(40);

/// Connects and asks one request after the other over the same connection: TCP itself sends again what is lost (RFC 8489
/// §6.2.2).
pub async fn measure(target: Target, means: Means<'_>, observer: &Observer<'_>) -> Path {
    let mut path = Path::new(target.address, target.protocol, target.extra);
    let start = Instant::now();
    match connect(target, means, &mut path).await {
        Ok(connection) => {
            let took = start.elapsed();
            path.connect_ms = connection.is_some().then(|| clock::milliseconds(took));
            tell(observer, &path, took);
            if let Some(connection) = connection {
                path.local_address = Some(connection.path().local);
                let exchanges = ask(&connection, means, observer).await;
                samples::fill(&mut path, &exchanges, 0);
            } else {
                // TLS failed: something answers there, but no STUN request could be sent.
                path.reachable = Some(false);
            }
        }
        Err(error) => {
            path.network_error = Some(NetworkProblem::from(&error));
            samples::fill(&mut path, &[], 0);
            tell(observer, &path, start.elapsed());
        }
    }
    path
}

/// `None`: TCP connected and TLS failed, which the path's facts say.
async fn connect(
    target: Target,
    means: Means<'_>,
    path: &mut Path,
) -> Result<Option<Connection>, NetworkError> {
    if target.protocol == Protocol::Tcp {
        return Connection::tcp(target.address, means.left()).await.map(Some);
    }
    let (facts, connection) =
        stream::connect(target.address, means.host, means.anchors, means.left()).await?;
    path.tls = Some(facts);
    Ok(connection)
}

async fn ask(connection: &Connection, means: Means<'_>, observer: &Observer<'_>) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for number in 0..means.samples {
        if number > 0 {
            sleep(PACE.min(means.left())).await;
        }
        let Ok(request) = Request::binding().encode() else { break };
        if means.left().is_zero() {
            break;
        }
        let exchange = connection.transact(&request, means.left(), observer).await;
        let over = exchange.answer.is_none();
        exchanges.push(exchange);
        if over {
            break;
        }
    }
    exchanges
}

/// The connection as a step: what the system's calls said, not a packet that was seen.
fn tell(observer: &Observer<'_>, path: &Path, took: Duration) {
    let event = observer
        .step("icescope.stun.connect/1")
        .seen(Evidence::Api, Lane::Peer, Lane::Peer)
        .with("remoteAddress", path.address.to_string())
        .with("protocol", path.protocol)
        .with("duration", took);
    let tls = path.tls.as_ref();
    let failure = path.network_error.as_ref().map(|problem| problem.words.clone());
    let failure = failure.or_else(|| tls.and_then(|tls| tls.error.as_ref()).map(ToString::to_string));
    let at = format!("{} by {}", path.address, path.protocol.to_uppercase());
    let event = if let Some(why) = failure {
        event.level(Level::Warn).outcome(Outcome::Failed).summary(format!("{at}: {why}"))
    } else {
        let summary = format!("{at}: connected in {:.1} ms", clock::milliseconds(took));
        match tls.and_then(|tls| tls.version.as_deref()) {
            Some(version) => event.with("tlsVersion", version).summary(format!("{summary}, {version}")),
            None => event.summary(summary),
        }
        .outcome(Outcome::Pass)
    };
    event.emit();
}
