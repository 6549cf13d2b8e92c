//! Datagrams through the relay and back: round trips, loss, and where they come from.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::allocation::Allocation;
use super::peer::Peer;
use crate::engine::tally::{self, Tally, Token};

/// Between two datagrams: the packet time of audio, so that it is no burst.
const EVERY: Duration = Duration::from_millis(20);
/// How long the last one may take: a relay on the other side of the earth takes a third of it.
const LAST: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// Sent and come back.
    pub tally: Tally,
    /// Datagrams that the peer got.
    pub arrived: u32,
    /// Where the peer got them from, if not from the relayed address.
    pub strange_source: Option<SocketAddr>,
}

/// Sends `count` numbered datagrams to the peer, which sends each back.
pub async fn exchange(
    allocation: &Allocation<'_>,
    peer: &Peer<'_>,
    peer_address: SocketAddr,
    token: Token,
    count: u32,
) -> Seen {
    let start = Instant::now();
    let mut seen = Seen { tally: Tally::new(token), arrived: 0, strange_source: None };
    let mut due = interval(EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = start + EVERY * count + LAST;
    loop {
        let sent_all = seen.tally.sent() >= count;
        if sent_all && seen.tally.is_complete() {
            return seen;
        }
        tokio::select! {
            // What has come is taken before more is sent: waiting here would count as round trip time.
            biased;
            back = allocation.receive() => match back {
                Some((_, data)) => seen.tally.receive(&data, start.elapsed()),
                None => return seen,
            },
            there = peer.receive() => match there {
                Some((from, data)) if tally::is_ping(token, &data) => {
                    seen.arrived += 1;
                    if from.ip() != peer.relayed().ip() {
                        seen.strange_source = Some(from);
                    }
                    peer.send(&data).await;
                }
                Some(_) => {}
                None => return seen,
            },
            _ = due.tick(), if !sent_all => {
                let ping = seen.tally.send(start.elapsed());
                allocation.send(peer_address, &ping).await;
                if seen.tally.sent() == count {
                    end = Instant::now() + LAST;
                }
            }
            () = sleep_until(end) => return seen,
        }
    }
}
