//! The binding lifetime, measured: a second socket asks the server to answer on the first one's mapping (RFC 5780 §4.6).

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use icescope_probe_kit::message::{Request, ResponsePortWidth};
use icescope_probe_kit::observe::Watch;
use icescope_probe_kit::transaction::Schedule;
use icescope_probe_kit::udp::Socket;

use crate::lifetime::{Lifetime, Search};

/// How often the answer is asked for before the binding counts as gone: a way that loses one in ten each way fails all of
/// them once in 600 000 times, and two bindings are asked.
const ASKED: usize = 8;
/// Fresh bindings per wait.
const REPEATS: usize = 2;
/// For a plain answer.
const ANSWER: Duration = Duration::from_secs(3);

/// What one binding showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Alive,
    Gone,
    Nothing(String),
}

/// Measures against `server`, with waits up to `longest`; `progress` hears of each wait that was tried.
pub async fn lifetime(
    server: SocketAddr,
    round_trip: Duration,
    longest: Duration,
    watch: &dyn Watch,
    progress: &dyn Fn(Duration, bool),
) -> Lifetime {
    let nothing = |because: String| Lifetime { seconds: None, because };
    let trial = Trial { server, round_trip, watch };
    // Without a wait the binding lives: this shows whether the server does what it is asked for.
    match trial.run(Duration::ZERO).await {
        Shown::Alive => {}
        Shown::Gone => {
            return nothing(format!(
                "{server} does not answer on another port (RESPONSE-PORT, RFC 5780 §7.5)"
            ));
        }
        Shown::Nothing(why) => return nothing(why),
    }
    let mut search = Search::new(longest);
    loop {
        let waits = search.round();
        if waits.is_empty() {
            return search.result();
        }
        if let Err(why) = round(&trial, &mut search, &waits, progress).await {
            return nothing(why);
        }
    }
}

/// All waits of a round side by side; those that a shorter one made needless are given up.
async fn round(
    trial: &Trial<'_>,
    search: &mut Search,
    waits: &[Duration],
    progress: &dyn Fn(Duration, bool),
) -> Result<(), String> {
    let mut trials: FuturesUnordered<_> = waits
        .iter()
        .flat_map(|wait| std::iter::repeat_n(*wait, REPEATS))
        .map(|wait| async move { (wait, trial.run(wait).await) })
        .collect();
    let mut open: Vec<(Duration, usize)> = waits.iter().map(|wait| (*wait, REPEATS)).collect();
    let mut why = None;
    while open.iter().any(|(wait, _)| !search.is_needless(*wait)) {
        let Some((wait, shown)) = trials.next().await else { break };
        let Some(place) = open.iter().position(|(other, _)| *other == wait) else { continue };
        match shown {
            // One that came is enough; one that did not come has to be repeated.
            Shown::Alive => {
                search.note(wait, true);
                progress(wait, true);
                open.remove(place);
            }
            Shown::Gone => {
                open[place].1 -= 1;
                if open[place].1 == 0 {
                    search.note(wait, false);
                    progress(wait, false);
                    open.remove(place);
                }
            }
            Shown::Nothing(cause) => {
                open.remove(place);
                why = Some(cause);
            }
        }
    }
    why.map_or(Ok(()), Err)
}

/// How bindings are tried.
struct Trial<'a> {
    server: SocketAddr,
    round_trip: Duration,
    watch: &'a dyn Watch,
}

impl Trial<'_> {
    async fn run(&self, wait: Duration) -> Shown {
        self.attempt(wait).await.unwrap_or_else(Shown::Nothing)
    }

    async fn attempt(&self, wait: Duration) -> Result<Shown, String> {
        let binding = Socket::bind_towards(self.server).await.map_err(|error| error.to_string())?;
        let mapped = self.mapped(&binding).await?;
        tokio::time::sleep(wait).await;
        let asker = Socket::bind_towards(self.server).await.map_err(|error| error.to_string())?;
        if self.mapped(&asker).await?.ip() != mapped.ip() {
            return Err("two sockets have different public addresses".to_owned());
        }
        // The plain answers before and after show that the server lives and the way is open.
        let is_alive = self.is_answered_on(&binding, &asker, mapped.port()).await?;
        self.mapped(&asker).await?;
        Ok(if is_alive { Shown::Alive } else { Shown::Gone })
    }

    async fn mapped(&self, socket: &Socket) -> Result<SocketAddr, String> {
        let request = Request::binding().encode().map_err(|error| error.to_string())?;
        // Well above the round trip: a second answer that came late would refresh the binding.
        let rto = (self.round_trip * 3).max(Duration::from_millis(300));
        let schedule = Schedule { rto, ..Schedule::within(ANSWER.max(rto * 4)) };
        let exchange = socket.transact(&request, self.server, schedule, self.watch).await;
        let mapped = exchange.answer.and_then(|answer| answer.message.mapped());
        mapped.map(|mapped| mapped.address).ok_or_else(|| format!("{} stopped answering", self.server))
    }

    /// Asks from `asker` for answers at the mapping of `binding`.
    async fn is_answered_on(&self, binding: &Socket, asker: &Socket, port: u16) -> Result<bool, String> {
        let interval = (self.round_trip / 4).max(Duration::from_millis(30));
        let patience = self.round_trip * 3 + Duration::from_millis(150);
        let asking = async {
            let mut expected = Vec::new();
            for number in 0..ASKED {
                // Servers differ in how they read it.
                let width = if number % 2 == 0 { ResponsePortWidth::Two } else { ResponsePortWidth::Four };
                let request = Request::binding().response_port(port, width);
                let bytes = request.encode().map_err(|error| error.to_string())?;
                let mut answer = binding.expect(request.transaction_id());
                asker.send(&bytes, self.server).await.map_err(|error| error.to_string())?;
                if tokio::time::timeout(interval, answer.next()).await.is_ok() {
                    return Ok(true);
                }
                expected.push(answer);
            }
            let mut late = FuturesUnordered::new();
            for answer in &mut expected {
                late.push(answer.next());
            }
            Ok(tokio::time::timeout(patience, late.next()).await.is_ok())
        };
        asking.await
    }
}
