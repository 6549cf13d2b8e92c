//! The tapped UDP socket.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use icescope_model::Monotonic;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::classify::{Class, classify};
use super::kick::is_probe;
use super::path::{Direction, Protocol, Stamp};
use super::segments::segments;
use super::shared_port::Port;
use super::state::{Packet, State};
use super::stream::link::Link;
use super::stun::TransactionId;
use super::translate::{self, Translations};
use super::turn::is_turn;

/// The crate's multicast DNS socket is left alone: it is no path of the session.
pub const MDNS_PORT: u16 = 5353;

/// A socket of the crate. With a shared port it has two ways out: TURN goes by the socket that the crate bound for the
/// session, all else by the shared one.
#[derive(Debug)]
pub struct TapUdp {
    inner: Arc<dyn AsyncUdpSocket>,
    port: Option<Arc<Port>>,
    state: Arc<State>,
    local: SocketAddr,
    socket: u64,
    translations: Mutex<Translations>,
    /// Streams to TURN servers, and whether there are any.
    links: Mutex<Vec<Arc<Link>>>,
    linked: AtomicBool,
    /// Datagrams that the agent is to be given once more.
    again: Mutex<VecDeque<(Vec<u8>, SocketAddr)>>,
    again_length: AtomicUsize,
}

impl TapUdp {
    /// Taps a socket.
    pub fn new(inner: Arc<dyn AsyncUdpSocket>, state: Arc<State>) -> io::Result<Self> {
        let local = inner.local_addr()?;
        Ok(Self {
            port: state.attach(local),
            socket: state.next_socket(),
            inner,
            state,
            local,
            translations: Mutex::default(),
            links: Mutex::default(),
            linked: AtomicBool::new(false),
            again: Mutex::default(),
            again_length: AtomicUsize::new(0),
        })
    }

    /// The shared port, if this datagram goes out there.
    #[inline]
    fn shared_for(&self, contents: &[u8]) -> Option<&Port> {
        self.port.as_deref().filter(|_| !is_turn(contents))
    }

    fn holds_back(&self, transmit: &Transmit<'_>) -> bool {
        self.state.holds_back(&Packet {
            direction: Direction::Outbound,
            socket: self.socket,
            local: self.local,
            remote: transmit.destination,
            protocol: Protocol::Udp,
            stamp: Stamp::Now,
            bytes: transmit.contents,
        })
    }

    fn received(&self, local: SocketAddr, bufs: &mut [IoSliceMut<'_>], meta: &[RecvMeta]) {
        for (buffer, meta) in bufs.iter_mut().zip(meta) {
            let length = meta.len.min(buffer.len());
            for segment in buffer[..length].chunks_mut(meta.stride.max(1)) {
                self.receive(local, meta, segment);
            }
        }
    }

    #[inline]
    fn receive(&self, local: SocketAddr, meta: &RecvMeta, datagram: &mut [u8]) {
        let again = self.state.pass(&Packet {
            direction: Direction::Inbound,
            socket: self.socket,
            local,
            remote: meta.addr,
            protocol: Protocol::Udp,
            stamp: Stamp::received(meta.timestamp),
            bytes: datagram,
        });
        self.give_again(again, meta.addr);
        if classify(datagram) == Class::Stun {
            lock(&self.translations).inbound(datagram, Monotonic::now());
        }
    }

    fn give_again(&self, again: Vec<Vec<u8>>, from: SocketAddr) {
        if !again.is_empty() {
            let mut waiting = lock(&self.again);
            waiting.extend(again.into_iter().map(|bytes| (bytes, from)));
            self.again_length.store(waiting.len(), Release);
        }
    }

    /// The stream that stands for a destination, opened if there is none yet or no more; `None` if it is a real one.
    fn link_to(&self, destination: SocketAddr, message: &[u8]) -> Option<Arc<Link>> {
        let streams = self.state.streams()?;
        let server = streams.at(destination)?;
        let mut links = lock(&self.links);
        links.retain(|link| link.nowhere != destination || !link.gives_way_to(message));
        if let Some(link) = links.iter().find(|link| link.nowhere == destination) {
            return Some(Arc::clone(link));
        }
        let ends = (self.local.ip(), destination);
        let link = Arc::new(Link::open(&self.state, server, ends, &streams.tasks));
        links.push(Arc::clone(&link));
        drop(links);
        self.linked.store(true, Release);
        // The driver waits for this socket already: it must ask again to be woken by the stream, too.
        self.state.kicks.request(1);
        Some(link)
    }

    /// A message from a stream, into the first buffer.
    fn take_from_stream(
        &self,
        cx: &mut Context<'_>,
        probe: bool,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> bool {
        if !self.linked.load(Acquire) {
            return false;
        }
        let links = lock(&self.links).clone();
        for link in links {
            if let Poll::Ready(arrived) = link.poll_recv(cx, probe) {
                meta[0] = fill(&mut bufs[0], &arrived.bytes, link.nowhere);
                self.give_again(link.received(&arrived), link.nowhere);
                return true;
            }
        }
        false
    }

    /// A datagram that was kept, into the first buffer.
    fn once_more(&self, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> bool {
        if self.again_length.load(Acquire) == 0 {
            return false;
        }
        let Some((bytes, from)) = lock(&self.again).pop_front() else { return false };
        self.again_length.fetch_sub(1, AcqRel);
        meta[0] = fill(&mut bufs[0], &bytes, from);
        true
    }

    /// The zero-length datagram that makes the driver turn its loop.
    fn turn(&self, meta: &mut [RecvMeta]) {
        let mut empty = RecvMeta::default();
        (empty.addr, empty.stride) = (self.local, 1);
        meta[0] = empty;
    }
}

impl AsyncUdpSocket for TapUdp {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if transmit.segment_size.is_none() && self.holds_back(transmit) {
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        if let Some(link) = self.link_to(transmit.destination, transmit.contents) {
            let sent =
                segments(transmit.contents, transmit.segment_size).try_for_each(|message| link.send(message));
            return Poll::Ready(sent.map(|()| transmit.contents.len()));
        }
        let with_id = if translate::needs_id(transmit.contents) {
            lock(&self.translations).outbound(
                transmit.contents,
                transmit.destination,
                Monotonic::now(),
                random_id,
            )
        } else {
            None
        };
        let transmit = Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn,
            contents: with_id.as_deref().unwrap_or(transmit.contents),
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        let stamp = Stamp::sending();
        let (local, sent) = match self.shared_for(transmit.contents) {
            Some(port) => (port.local_addr(), ready!(port.poll_send(cx, &transmit))),
            None => (self.local, ready!(self.inner.poll_send(cx, &transmit))),
        };
        let stamp = stamp.sent(transmit.contents);
        let packet = |bytes| Packet {
            direction: Direction::Outbound,
            socket: self.socket,
            local,
            remote: transmit.destination,
            protocol: Protocol::Udp,
            stamp,
            bytes,
        };
        match &sent {
            Ok(_) => {
                for segment in segments(transmit.contents, transmit.segment_size) {
                    self.state.pass(&packet(segment));
                }
            }
            Err(error) => self.state.not_sent(&packet(transmit.contents), error),
        }
        Poll::Ready(sent)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if bufs.is_empty() || meta.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let probe = is_probe(cx);
        if !probe && self.state.kicks.take() {
            self.turn(meta);
            return Poll::Ready(Ok(1));
        }
        if self.once_more(bufs, meta) {
            return Poll::Ready(Ok(1));
        }
        if self.take_from_stream(cx, probe, bufs, meta) {
            return Poll::Ready(Ok(1));
        }
        if let Some(port) = &self.port
            && port.poll_recv(cx, probe, &mut bufs[0], &mut meta[0]).is_ready()
        {
            self.received(port.local_addr(), &mut bufs[..1], &meta[..1]);
            return Poll::Ready(Ok(1));
        }
        match self.inner.poll_recv(cx, bufs, meta) {
            Poll::Ready(Ok(count)) => {
                self.received(self.local, bufs, &meta[..count.min(meta.len())]);
                Poll::Ready(Ok(count))
            }
            Poll::Pending if !probe => {
                self.state.kicks.park(self.socket, cx);
                // One that came before the waker was there woke nobody.
                if !self.state.kicks.take() {
                    return Poll::Pending;
                }
                self.turn(meta);
                Poll::Ready(Ok(1))
            }
            other => other,
        }
    }

    fn max_gso_segments(&self) -> usize {
        self.port.as_ref().map_or_else(|| self.inner.max_gso_segments(), |port| port.max_gso_segments())
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}

impl Drop for TapUdp {
    fn drop(&mut self) {
        self.state.kicks.forget(self.socket);
    }
}

/// Copies a datagram into a buffer; cut at the buffer's end, as the kernel does.
pub fn fill(buffer: &mut [u8], bytes: &[u8], from: SocketAddr) -> RecvMeta {
    let length = bytes.len().min(buffer.len());
    buffer[..length].copy_from_slice(&bytes[..length]);
    let mut meta = RecvMeta::default();
    (meta.addr, meta.len, meta.stride) = (from, length, length.max(1));
    meta
}

fn random_id() -> TransactionId {
    let mut id = [0; 12];
    if getrandom::fill(&mut id).is_err() {
        // Unique in this process at least; an id of zeros would be worse.
        id[..8].copy_from_slice(&Monotonic::now().0.to_be_bytes());
    }
    id
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
