//! The path through an allocation: first to a socket of this host, then, where that does not work, to a second allocation
//! on the same server.

use std::net::SocketAddr;
use std::time::Duration;

use icescope_plugin_sdk::{Evidence, Lane};
use icescope_probe_kit::clock::milliseconds;
use icescope_probe_kit::message::random_transaction_id;
use tokio::time::Instant;

use super::attempt::Work;
use super::peer::{self, Peer, announce};
use super::{data, throughput};
use crate::attempt::Way;
use crate::engine::client::Ask;
use crate::engine::tally::Token;
use crate::step::{Action, Failure, Step};

/// How long a peer announces itself. By then a round trip to the other side of the earth is done several times.
const ANNOUNCE: Duration = Duration::from_secs(2);
/// The allocation that stands in for a peer, in its steps.
const SECOND: Option<u8> = Some(2);
/// Datagrams that look for which direction is closed.
const FEW: u32 = 3;

/// Sends data through the first allocation by whichever way works.
pub(super) async fn through(work: &mut Work<'_>) {
    if by_socket(work).await.is_none() && !work.facts.relays() {
        by_relay(work).await;
    }
}

fn token() -> Token {
    let mut token = Token::default();
    token.copy_from_slice(&random_transaction_id()[..8]);
    token
}

/// By a socket of this host. `None` if it did not come to the exchange of data, or nothing came back.
async fn by_socket(work: &mut Work<'_>) -> Option<()> {
    let relayed = work.facts.relayed_address?;
    let start = Instant::now();
    work.doing = Action::Permission;
    let peer = match Peer::socket(relayed).await {
        Ok(peer) => peer,
        Err(error) => {
            // This host has no address of the relay's family, perhaps: no fault of the server's.
            let step =
                Step::failed(Action::Data, milliseconds(start.elapsed()), Failure::Unreachable, error.why);
            work.push(step);
            return None;
        }
    };
    let client = work.first.as_ref()?.link().local_address();
    let expected = peer::expected_peer(peer.local_address()?, client, work.facts.mapped_address);
    let step = work.first.as_mut()?.permit(expected).await;
    let permitted = step.ok;
    work.push(step);
    if !permitted {
        return None;
    }
    work.doing = Action::Data;
    let token = token();
    let start = Instant::now();
    let Some(seen_at) =
        announce(work.first.as_ref()?, &peer, token, ANNOUNCE.min(work.settings.timeout)).await
    else {
        let back = data::exchange(work.first.as_ref()?, &peer, expected, token, FEW).await;
        let ms = milliseconds(start.elapsed());
        let detail = format!(
            "nothing that this host sent to {relayed} came out of the relay; of {FEW} datagrams from the relay to this host \
             {} arrived",
            back.arrived
        );
        work.facts.strange_source = back.strange_source;
        work.facts.data = Some(back.tally.data(Way::PeerSocket));
        work.push(Step { peer: Some(expected), ..Step::failed(Action::Data, ms, Failure::Timeout, detail) });
        return None;
    };
    work.facts.heard_socket = true;
    exchange(work, &peer, seen_at, Way::PeerSocket, token).await
}

/// By a second allocation on the same server.
async fn by_relay(work: &mut Work<'_>) -> Option<()> {
    let relayed = work.facts.relayed_address?;
    let address = work.facts.alternate_server.or(work.facts.server_address)?;
    let link = work.link(address, SECOND).await?;
    let second = work.allocation(link).numbered(SECOND);
    work.doing = Action::Allocate;
    let told = work.second.insert(second).ask(Ask::Allocate).await;
    for step in told.steps {
        work.push(step);
    }
    let far = told.grant?.relayed?;
    work.doing = Action::Permission;
    for (second, peer) in [(false, far), (true, relayed)] {
        let allocation = if second { &mut work.second } else { &mut work.first };
        let step = allocation.as_mut()?.permit(peer).await;
        let permitted = step.ok;
        work.push(step);
        if !permitted {
            return None;
        }
    }
    // Taken out while it plays the peer, and put back to be released.
    let mut second = work.second.take()?;
    second.bind(relayed).await;
    let token = token();
    let done = exchange(work, &Peer::Relay(&second, relayed), far, Way::RelayToRelay, token).await;
    work.second = Some(second);
    done
}

/// Binds a channel to the peer and sends data to and fro.
async fn exchange(
    work: &mut Work<'_>,
    peer: &Peer<'_>,
    peer_address: SocketAddr,
    way: Way,
    token: Token,
) -> Option<()> {
    work.doing = Action::ChannelBind;
    let step = work.first.as_mut()?.bind(peer_address).await;
    work.push(step);
    work.doing = Action::Data;
    let start = Instant::now();
    let seen = data::exchange(work.first.as_ref()?, peer, peer_address, token, work.settings.packets).await;
    let ms = milliseconds(start.elapsed());
    let found = seen.tally.data(way);
    work.facts.data = Some(found);
    work.facts.strange_source = seen.strange_source;
    tell(work, found.sent, seen.arrived, found.received, peer_address);
    let detail = format!("{} sent, {} at the peer, {} back", found.sent, seen.arrived, found.received);
    let step = if found.received > 0 {
        Step::passed(Action::Data, ms).detail(detail)
    } else {
        Step::failed(Action::Data, ms, Failure::Timeout, detail)
    };
    work.push(Step { peer: Some(peer_address), ..step });
    if found.received == 0 {
        return None;
    }
    if let Some(time) = work.settings.throughput {
        work.doing = Action::Throughput;
        let start = Instant::now();
        let found = throughput::measure(work.first.as_ref()?, peer, peer_address, token, time).await;
        work.facts.throughput = Some(found);
        let detail = format!("{:.1} Mbit/s out, {:.1} back", found.sent_bps / 1e6, found.received_bps / 1e6);
        work.push(Step::passed(Action::Throughput, milliseconds(start.elapsed())).detail(detail));
    }
    Some(())
}

/// The datagrams as one event for each direction: counters, as the daemon has them for media.
fn tell(work: &Work<'_>, sent: u32, arrived: u32, received: u32, peer_address: SocketAddr) {
    let event = |from, to, count: u32, word: &str| {
        work.observer
            .step("icescope.turn.data/1")
            .seen(Evidence::Packet, from, to)
            .summary(format!("{count} datagrams {word} {peer_address} by way of the relay"))
            .with("packets", count)
            .with("peerAddress", peer_address.to_string())
            .emit();
    };
    event(Lane::Peer, Lane::Turn, sent, "to");
    if arrived > 0 {
        event(Lane::Turn, Lane::Peer, arrived, "at");
    }
    if received > 0 {
        event(Lane::Turn, Lane::Peer, received, "back from");
    }
}
