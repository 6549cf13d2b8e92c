//! How much a relay carries, one direction after the other.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::allocation::Allocation;
use super::peer::Peer;
use crate::attempt::Throughput;
use crate::engine::tally::Token;
use crate::engine::window::{Sender, acknowledgement};

/// Datagrams in one turn, so that acknowledgements are taken between.
const TURN: usize = 8;
/// How often the sender looks for datagrams that are lost when nothing comes back.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Measures both directions, each for `time`.
pub async fn measure(
    allocation: &Allocation<'_>,
    peer: &Peer<'_>,
    peer_address: SocketAddr,
    token: Token,
    time: Duration,
) -> Throughput {
    let client = Near { allocation, peer_address };
    let sent_bps = transfer(&client, peer, token, time).await;
    // Another token: what is late of the first transfer is none of the second's.
    let mut other = token;
    other[0] ^= 0xff;
    let received_bps = transfer(peer, &client, other, time).await;
    Throughput { sent_bps, received_bps }
}

/// The allocation, as an end of the path.
struct Near<'a> {
    allocation: &'a Allocation<'a>,
    peer_address: SocketAddr,
}

trait End {
    async fn send(&self, data: &[u8]) -> bool;
    async fn receive(&self) -> Option<(SocketAddr, Vec<u8>)>;
}

impl End for Near<'_> {
    async fn send(&self, data: &[u8]) -> bool {
        self.allocation.send(self.peer_address, data).await
    }

    async fn receive(&self) -> Option<(SocketAddr, Vec<u8>)> {
        self.allocation.receive().await
    }
}

impl End for Peer<'_> {
    async fn send(&self, data: &[u8]) -> bool {
        Peer::send(self, data).await
    }

    async fn receive(&self) -> Option<(SocketAddr, Vec<u8>)> {
        Peer::receive(self).await
    }
}

/// Bits of payload per second from one end to the other.
async fn transfer(from: &impl End, to: &impl End, token: Token, time: Duration) -> f64 {
    let start = Instant::now();
    let mut sender = Sender::new(token);
    while start.elapsed() < time {
        for _ in 0..TURN {
            let Some(datagram) = sender.send(start.elapsed()) else { break };
            from.send(&datagram).await;
        }
        tokio::select! {
            biased;
            back = from.receive() => match back {
                Some((_, data)) => sender.acknowledge(&data),
                None => break,
            },
            there = to.receive() => match there {
                Some((_, data)) => if let Some(answer) = acknowledgement(token, &data) {
                    to.send(&answer).await;
                },
                None => break,
            },
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
    sender.bits_per_second(start.elapsed())
}
