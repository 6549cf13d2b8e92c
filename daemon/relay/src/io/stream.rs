//! Clients over TCP and TLS.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::{Hub, Link};
use crate::tuple::{FiveTuple, Transport};
use crate::wire::frame::{self, HEADROOM, Next, TAILROOM};

/// What waits for a slow client at most: some 250 ms at 8 Mbit/s. The rest is dropped, as a full queue on the way would.
const WAITING: usize = 256 * 1024;
/// A connection without an allocation is closed after this: an Allocate takes a few round trips.
const UNPROVEN: Duration = Duration::from_secs(30);
/// A new connection's buffer, and what it may grow to with an allocation: the longest message there is.
const SMALL: usize = 4096;
const LARGE: usize = HEADROOM + 4 + 65_535 + 20 + TAILROOM;

/// What waits to be written to a stream.
#[derive(Debug, Default)]
pub struct Outlet {
    waiting: Mutex<Vec<u8>>,
    more: Notify,
}

impl Outlet {
    /// Adds a whole message, or drops it.
    pub fn push(&self, message: &[u8]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + message.len() <= WAITING {
            waiting.extend_from_slice(message);
            self.more.notify_one();
        }
    }

    /// Swaps what waits for an empty buffer.
    fn take(&self, empty: &mut Vec<u8>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *waiting, empty);
    }

    /// `apart`: each message in a write of its own, which is a record of TLS. Some clients (coturn's) take a record for a message.
    async fn write<W: AsyncWrite + Unpin>(&self, mut stream: W, apart: bool) -> io::Result<()> {
        let mut out = Vec::new();
        loop {
            self.more.notified().await;
            self.take(&mut out);
            let mut rest = &out[..];
            while let Next::Message { taken, .. } = frame::next(rest)
                && apart
            {
                let (message, others) = rest.split_at(taken);
                stream.write_all(message).await?;
                rest = others;
            }
            stream.write_all(rest).await?;
            stream.flush().await?;
            out.clear();
            // A burst's buffer is not kept for ever.
            out.shrink_to(SMALL);
        }
    }
}

/// Serves a client until its connection ends.
pub async fn serve<S: AsyncRead + AsyncWrite>(hub: Arc<Hub>, stream: S, via: FiveTuple) {
    let (reader, writer) = tokio::io::split(stream);
    let outlet = Arc::new(Outlet::default());
    let link = Link::Stream(Arc::clone(&outlet));
    let ended = tokio::select! {
        () = hub.stop.cancelled() => Ok(()),
        ended = read(&hub, reader, &link, via) => ended,
        ended = outlet.write(writer, via.transport == Transport::Tls) => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(client = %via.client, %error, "a connection to the relay ended");
    }
    hub.change(|server| server.disconnected(&via));
}

async fn read<R: AsyncRead + Unpin>(
    hub: &Arc<Hub>,
    mut stream: R,
    link: &Link,
    via: FiveTuple,
) -> io::Result<()> {
    let mut buffer = vec![0; SMALL];
    let mut filled = HEADROOM..HEADROOM;
    let mut proven = Instant::now();
    let mut limit = SMALL;
    loop {
        if !make_room(&mut buffer, &mut filled, limit) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a long message before an allocation"));
        }
        let end = buffer.len() - TAILROOM;
        match timeout(UNPROVEN, stream.read(&mut buffer[filled.end..end])).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(length)) => filled.end += length,
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
        take_messages(hub, link, via, &mut buffer, &mut filled)?;
        if hub.server().holds(&via) {
            proven = Instant::now();
            limit = LARGE;
        } else if proven.elapsed() >= UNPROVEN {
            return Ok(());
        }
    }
}

/// Moves what is unfinished to the front, and makes the buffer larger where that is not enough; false if it may not be.
fn make_room(buffer: &mut Vec<u8>, filled: &mut Range<usize>, limit: usize) -> bool {
    if filled.start > HEADROOM {
        buffer.copy_within(filled.clone(), HEADROOM);
        *filled = HEADROOM..HEADROOM + filled.len();
    }
    if filled.end + TAILROOM >= buffer.len() {
        // Who has been given more keeps it.
        let larger = (buffer.len() * 2).min(limit).max(buffer.len());
        buffer.resize(larger, 0);
    }
    filled.end + TAILROOM < buffer.len()
}

fn take_messages(
    hub: &Arc<Hub>,
    link: &Link,
    via: FiveTuple,
    buffer: &mut [u8],
    filled: &mut Range<usize>,
) -> io::Result<()> {
    loop {
        match frame::next(&buffer[filled.clone()]) {
            Next::More => return Ok(()),
            Next::Message { length, taken } => {
                let at = filled.start..filled.start + length;
                filled.start += taken;
                hub.incoming(link, via, buffer, at, None);
            }
            Next::Garbage => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "neither STUN nor ChannelData"));
            }
        }
    }
}
