//! One address by UDP.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::future::{Either, LocalBoxFuture, join, join_all, select};
use futures_util::stream::FuturesUnordered;
use icescope_probe_kit::message::Request;
use icescope_probe_kit::observe::Observer;
use icescope_probe_kit::transaction::{Retransmission, Schedule, Step};
use icescope_probe_kit::udp::{Exchange, Socket};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::document::{NetworkProblem, Path};
use crate::plan::Target;
use crate::samples;
use crate::server::Means;

/// Between two samples once the server answers: far enough apart that one burst of loss does not take all.
const PACE: Duration = Duration::from_millis(40);
/// How many times the first round trip the later ones may take, and how long at least: the pause of a mobile network that
/// changes cells. Only a lost packet makes a run wait for it.
const PATIENCE: u32 = 4;
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
/// An ICMP error may be of one moment only (a server that restarts); a second one confirms it.
const ERRORS: usize = 2;
/// Requests give up this much before their path does, so that their end is still told.
const GRACE: Duration = Duration::from_millis(20);

/// When to listen for answers from elsewhere too: after the second request (RFC 8489 §6.2.1: at 500 ms), for a server that
/// answers as it should has answered by then.
const ELSEWHERE: Duration = Duration::from_millis(600);

/// Requests that wait for their answers.
type Pending<'a> = FuturesUnordered<LocalBoxFuture<'a, Exchange>>;

/// Asks until the first answer comes, as often as RFC 8489 §6.2.1 would, and then for the other samples. Each request is
/// a transaction of its own, so that every answer has a sure round trip time.
pub async fn measure(target: Target, means: Means<'_>, observer: &Observer<'_>) -> Path {
    let mut path = Path::new(target.address, target.protocol, target.extra);
    let socket = match Socket::connect(target.address).await {
        Ok(socket) => socket,
        Err(error) => {
            path.network_error = Some(NetworkProblem::from(&error));
            return path;
        }
    };
    path.local_address = Some(socket.local_address());
    let asking = Asking { socket: &socket, target, observer };
    let mut pending = Pending::new();
    let (mut exchanges, answered_from) = asking.here_or_elsewhere(means.left(), &mut pending).await;
    path.answered_from = answered_from;
    if let Some(rtt) = exchanges.iter().find_map(|exchange| exchange.rtt) {
        let patience = (rtt * PATIENCE).max(LEAST_PATIENCE);
        let sent = (pending.len() + exchanges.len()) as u32;
        let more = asking.more(means.samples.saturating_sub(sent), patience, means.left());
        // Requests of before the first answer may still get theirs.
        let (more, late) = join(more, until(Instant::now() + patience.min(means.left()), &mut pending)).await;
        exchanges.extend(more);
        exchanges.extend(late);
    }
    exchanges.sort_by_key(|exchange| exchange.sent_ns.first().copied());
    samples::fill(&mut path, &exchanges, pending.len() as u32);
    path
}

/// What comes of `pending` until `end`.
async fn until(end: Instant, pending: &mut Pending<'_>) -> Vec<Exchange> {
    let mut done = Vec::new();
    while let Ok(Some(exchange)) = timeout_at(end, pending.next()).await {
        done.push(exchange);
    }
    done
}

/// One socket towards one server.
#[derive(Clone, Copy)]
struct Asking<'a> {
    socket: &'a Socket,
    target: Target,
    observer: &'a Observer<'a>,
}

impl<'a> Asking<'a> {
    /// One request, no second.
    async fn once(self, limit: Duration) -> Exchange {
        // A Binding request without attributes has nothing in it that could not be written.
        let Ok(request) = Request::binding().encode() else { return Exchange::default() };
        self.socket.transact(&request, self.target.address, Schedule::once(limit), self.observer).await
    }

    /// What is done when the first answer is there, or nothing more is to be expected.
    async fn until_answered(self, limit: Duration, pending: &mut Pending<'a>) -> Vec<Exchange> {
        let start = Instant::now();
        let mut requests = Retransmission::new(Schedule::within(limit));
        let mut done: Vec<Exchange> = Vec::new();
        loop {
            let wake = match requests.poll(start.elapsed()) {
                Step::Send { wake, .. } => {
                    let left = limit.saturating_sub(start.elapsed() + GRACE);
                    pending.push(self.once(left).boxed_local());
                    wake
                }
                Step::Wait { wake } => wake,
                Step::GiveUp => return done,
            };
            tokio::select! {
                Some(exchange) = pending.next() => {
                    let answered = exchange.answer.is_some();
                    done.push(exchange);
                    if answered || done.iter().filter(|one| one.error.is_some()).count() >= ERRORS {
                        return done;
                    }
                }
                () = sleep_until(start + wake) => {}
            }
        }
    }

    /// As `until_answered`, and meanwhile from where else an answer came.
    async fn here_or_elsewhere(
        self,
        limit: Duration,
        pending: &mut Pending<'a>,
    ) -> (Vec<Exchange>, Option<SocketAddr>) {
        let (here, elsewhere) = (pin!(self.until_answered(limit, pending)), pin!(self.elsewhere(limit)));
        match select(here, elsewhere).await {
            Either::Left((exchanges, _)) => (exchanges, None),
            Either::Right((from, here)) => (here.await, from),
        }
    }

    /// Asks from a socket that hears everybody. Clients do not: an answer from elsewhere is of no use to them.
    async fn elsewhere(self, limit: Duration) -> Option<SocketAddr> {
        sleep(ELSEWHERE).await;
        let socket = Socket::bind_towards(self.target.address).await.ok()?;
        let request = Request::binding().encode().ok()?;
        let schedule = Schedule::within(limit.saturating_sub(ELSEWHERE + GRACE));
        let exchange = socket.transact(&request, self.target.address, schedule, self.observer).await;
        exchange.answer.map(|answer| answer.from).filter(|from| *from != self.target.address)
    }

    /// The other samples, at their pace.
    async fn more(self, count: u32, patience: Duration, limit: Duration) -> Vec<Exchange> {
        let each = (1..=count).map(async |number| {
            let start = PACE * number;
            // What cannot be sent in time is not sent, and so is not lost.
            let left = limit.checked_sub(start + GRACE)?;
            sleep(start).await;
            Some(self.once(patience.min(left)).await)
        });
        join_all(each).await.into_iter().flatten().collect()
    }
}
