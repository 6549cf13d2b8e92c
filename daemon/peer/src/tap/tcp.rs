//! Tapped TCP: ICE-TCP streams (RFC 6544) with the framing of RFC 4571.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use webrtc::runtime::{AsyncTcpListener, AsyncTcpStream};

use super::path::{Direction, Protocol, Stamp};
use super::shared_tcp::Door;
use super::state::{Packet, State};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// A tapped listener. With a shared port streams come by that as well.
#[derive(Debug)]
pub struct TapListener {
    inner: Arc<dyn AsyncTcpListener>,
    door: Option<Arc<Door>>,
    state: Arc<State>,
    local: SocketAddr,
}

impl TapListener {
    /// Taps a listener.
    pub fn new(inner: Arc<dyn AsyncTcpListener>, state: Arc<State>) -> io::Result<Self> {
        let local = inner.local_addr()?;
        Ok(Self { door: state.attach_tcp(local), inner, state, local })
    }
}

impl AsyncTcpListener for TapListener {
    fn accept(&self) -> Boxed<'_, (Arc<dyn AsyncTcpStream>, SocketAddr)> {
        Box::pin(async move {
            let state = Arc::clone(&self.state);
            let (stream, peer) = match &self.door {
                None => {
                    let (stream, peer) = self.inner.accept().await?;
                    (TapStream::new(stream, state)?, peer)
                }
                Some(door) => tokio::select! {
                    accepted = self.inner.accept() => {
                        let (stream, peer) = accepted?;
                        (TapStream::new(stream, state)?, peer)
                    }
                    (stream, peer) = door.accept(self.local) => {
                        (TapStream { seen_as: door.local_addr(), ..TapStream::new(stream, state)? }, peer)
                    }
                },
            };
            Ok((Arc::new(stream) as Arc<dyn AsyncTcpStream>, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

/// A tapped stream.
#[derive(Debug)]
pub struct TapStream {
    inner: Arc<dyn AsyncTcpStream>,
    state: Arc<State>,
    local: SocketAddr,
    /// The address that the other end sees: the shared port's, where it came by that.
    seen_as: SocketAddr,
    remote: SocketAddr,
    socket: u64,
    inbound: Mutex<Frames>,
    outbound: Mutex<Frames>,
}

impl TapStream {
    /// Taps a stream.
    pub fn new(inner: Arc<dyn AsyncTcpStream>, state: Arc<State>) -> io::Result<Self> {
        Ok(Self {
            local: inner.local_addr()?,
            seen_as: inner.local_addr()?,
            remote: inner.peer_addr()?,
            socket: state.next_socket(),
            inner,
            state,
            inbound: Mutex::default(),
            outbound: Mutex::default(),
        })
    }

    fn pass(&self, direction: Direction, stamp: Stamp, bytes: &[u8]) {
        let frames = match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        };
        frames.lock().unwrap_or_else(PoisonError::into_inner).feed(bytes, |frame| {
            // Nominations are not given again here: the crate answers ICE-TCP checks from the stream alone.
            self.state.pass(&Packet {
                direction,
                socket: self.socket,
                local: self.seen_as,
                remote: self.remote,
                protocol: Protocol::Tcp,
                stamp,
                bytes: frame,
            });
        });
    }
}

impl AsyncTcpStream for TapStream {
    fn read<'a, 'b>(&'a self, buf: &'b mut [u8]) -> Boxed<'b, usize>
    where
        'a: 'b,
    {
        Box::pin(async move {
            let length = self.inner.read(buf).await?;
            self.pass(Direction::Inbound, Stamp::Now, &buf[..length.min(buf.len())]);
            Ok(length)
        })
    }

    fn write_all<'a, 'b>(&'a self, buf: &'b [u8]) -> Boxed<'b, ()>
    where
        'a: 'b,
    {
        Box::pin(async move {
            let stamp = Stamp::sending();
            self.inner.write_all(buf).await?;
            self.pass(Direction::Outbound, stamp, buf);
            Ok(())
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.remote)
    }
}

/// Splits a byte stream into frames: two bytes of length, then the packet (RFC 4571 §2).
#[derive(Debug, Default)]
struct Frames {
    /// The beginning of a frame whose end has not come: at most 64 KiB and one read.
    partial: Vec<u8>,
}

impl Frames {
    fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        if self.partial.is_empty() {
            let rest = split(bytes, &mut each);
            self.partial.extend_from_slice(rest);
            return;
        }
        self.partial.extend_from_slice(bytes);
        let rest = split(&self.partial, &mut each).len();
        let whole = self.partial.len() - rest;
        self.partial.drain(..whole);
    }
}

/// Hands over all whole frames; returns what is left.
fn split<'a>(mut bytes: &'a [u8], each: &mut impl FnMut(&[u8])) -> &'a [u8] {
    while let [high, low, rest @ ..] = bytes {
        let Some((frame, after)) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))
        else {
            break;
        };
        each(frame);
        bytes = after;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_come_out_whole_however_the_stream_is_cut(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..10),
            cuts in proptest::collection::vec(1_usize..30, 1..40),
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                stream.extend((frame.len() as u16).to_be_bytes());
                stream.extend(frame);
            }
            let (mut splitter, mut seen) = (Frames::default(), Vec::new());
            let (mut rest, mut cuts) = (&stream[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                splitter.feed(now, |frame| seen.push(frame.to_vec()));
                rest = later;
            }
            prop_assert_eq!(seen, frames);
            prop_assert!(splitter.partial.is_empty());
        }
    }
}
