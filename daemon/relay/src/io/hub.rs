//! What all sockets share, and the way of each message through it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use icescope_model::Monotonic;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::buffer::Buffers;
use super::ports::{Opener, Port};
use super::{Link, udp};
use crate::observe::{Observer, SeenMessage};
use crate::options::Options;
use crate::server::{Note, Outcome, Reply, Server};
use crate::tuple::{FiveTuple, Now};
use crate::wire::frame::{self, Wrap};

/// What all sockets share.
pub struct Hub {
    pub(crate) options: Options,
    pub(super) buffers: Buffers,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// The server's own UDP sockets, by their address: an answer may have to come from another one (RFC 5780 §6.1).
    pub(super) udp: RwLock<HashMap<SocketAddr, Arc<UdpSocket>>>,
    /// This host's addresses as they were when last looked at.
    pub(super) addresses: RwLock<Vec<IpAddr>>,
    server: Mutex<Server<Arc<Port>>>,
    observer: Observer,
}

impl Hub {
    /// The middle of a relay without sockets.
    pub fn new(options: Options, server: Server<Arc<Port>>, observer: Observer) -> Self {
        let addresses = RwLock::new((options.addresses)());
        Self {
            options,
            buffers: Buffers::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            udp: RwLock::default(),
            addresses,
            server: Mutex::new(server),
            observer,
        }
    }

    /// The server's state. Never held across an await.
    pub fn server(&self) -> MutexGuard<'_, Server<Arc<Port>>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What turns all this into events.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Looks at this host's addresses again.
    pub fn look_again(&self) {
        let addresses = (self.options.addresses)();
        *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// A message of a client stands in `buffer` at `at`, with room around it as [`frame::wrap`] wants it. `stamp`: the kernel's time of
    /// its arrival, since the Unix epoch, where it has one.
    pub fn incoming(
        self: &Arc<Self>,
        link: &Link,
        via: FiveTuple,
        buffer: &mut [u8],
        at: Range<usize>,
        stamp: Option<Duration>,
    ) {
        let now = Now::read();
        let mut opener = Opener { hub: self, link };
        let (outcome, notes) = {
            let mut server = self.server();
            (server.handle(now, via, &buffer[at.clone()], &mut opener), server.take_notes())
        };
        let part = |payload: Range<usize>| at.start + payload.start..at.start + payload.end;
        match outcome {
            Outcome::Nothing => {}
            Outcome::Answer(reply) => {
                let arrived = stamp.and_then(Monotonic::of_wall).unwrap_or((now.monotonic, 0));
                self.answer(link, &via, arrived, &buffer[at], &reply);
            }
            Outcome::ToPeer { port, peer, payload } => port.send(&buffer[part(payload)], peer),
            Outcome::ToClient { port, payload, wrap } => deliver(port.link(), buffer, part(payload), wrap),
        }
        self.note(&notes, now.monotonic);
    }

    fn answer(&self, link: &Link, via: &FiveTuple, arrived: (Monotonic, u32), request: &[u8], reply: &Reply) {
        let sent = Monotonic::now();
        if reply.from == via.server && reply.to == via.client {
            link.send(&reply.bytes);
        } else {
            let socket = self.udp.read().unwrap_or_else(PoisonError::into_inner).get(&reply.from).cloned();
            if let Some(socket) = socket {
                udp::send(&socket, &reply.bytes, reply.to);
            }
        }
        // A stream takes it into a queue: nobody knows when it leaves.
        let off = if link.is_stream() { 0 } else { Monotonic::now().uncertainty_since(sent) };
        let (at, uncertainty) = arrived;
        let request = SeenMessage { inbound: true, at, uncertainty, bytes: request.into(), refused: false };
        let bytes = reply.bytes.clone().into();
        let answer =
            SeenMessage { inbound: false, at: sent, uncertainty: off, bytes, refused: reply.refused };
        self.observer.exchange(via, reply.holder.as_ref(), request, Some(answer));
    }

    /// Something of a peer stands in `buffer` at `at`, for the client of `via`.
    pub fn peer_sent(&self, via: &FiveTuple, peer: SocketAddr, buffer: &mut [u8], at: Range<usize>) {
        let now = Monotonic::now();
        let (taken, notes) = {
            let mut server = self.server();
            (server.peer_sent(now, via, peer, at.len()), server.take_notes())
        };
        if let Some((port, wrap)) = taken {
            deliver(port.link(), buffer, at, wrap);
        }
        self.note(&notes, now);
    }

    /// Ends what has run out. Called once a second.
    pub fn tick(&self) {
        let now = Now::read();
        let (notes, holders) = {
            let mut server = self.server();
            server.expire(now);
            (server.take_notes(), server.holders())
        };
        self.note(&notes, now.monotonic);
        self.observer.expire(now.monotonic, now.unix, &holders);
    }

    /// Changes the server's state and tells what came of it.
    pub fn change<R>(&self, change: impl FnOnce(&mut Server<Arc<Port>>) -> R) -> R {
        let (result, notes) = {
            let mut server = self.server();
            (change(&mut server), server.take_notes())
        };
        self.note(&notes, Monotonic::now());
        result
    }

    fn note(&self, notes: &[Note], at: Monotonic) {
        for note in notes {
            self.observer.note(note, at);
        }
    }
}

fn deliver(link: &Link, buffer: &mut [u8], payload: Range<usize>, wrap: Wrap) {
    let message = frame::wrap(buffer, payload, wrap, link.is_stream());
    link.send(&buffer[message]);
}
