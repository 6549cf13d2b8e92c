//! What the sockets of one tap share, and the way of each packet through it.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use icescope_model::{EventSink, Lane, Monotonic, Scope};
use tokio::sync::watch;

use super::TapOptions;
use super::classify::{Class, classify};
use super::counters::{Counting, LastInbound};
use super::credential::Grant;
use super::exchange::{Exchange, Learned, Seen};
use super::fragments::Fragments;
use super::kick::{Kicks, TURNS_TO_FLUSH_A_RELAY};
use super::path::{Direction, Path, Protocol, Stamp, monotonic_of_wall};
use super::recorder;
use super::servers::Servers;
use super::shared_port::{Port, SharedPort};
use super::shared_tcp::{Door, SharedTcpPort};
use super::stream::{Relays, Streams};
use super::stun::Message;
use super::{dtls, turn};

/// One datagram, or one frame of a TCP stream, on its way through the tap.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Which way.
    pub direction: Direction,
    /// The tap's number of the socket.
    pub socket: u64,
    /// The address of the real socket.
    pub local: SocketAddr,
    /// The address at the other end of the socket.
    pub remote: SocketAddr,
    /// The transport.
    pub protocol: Protocol,
    /// When.
    pub stamp: Stamp,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// The peer behind a relay: known, or known by its channel.
#[derive(Debug, Clone, Copy)]
enum Behind {
    Peer(SocketAddr),
    Channel(u16),
}

/// What the sockets of one tap share.
#[derive(Debug)]
pub struct State {
    pub(super) scope: Scope,
    pub(super) sink: EventSink,
    pub(super) counters: Counting,
    pub(super) kicks: Kicks,
    pub(super) servers: Servers,
    pub(super) remote_close: watch::Sender<bool>,
    pub(super) alert_sent: watch::Sender<bool>,
    pub(super) fragments: Fragments,
    pub(super) relays: Mutex<Relays>,
    shared: Option<Arc<SharedPort>>,
    shared_tcp: OnceLock<Arc<SharedTcpPort>>,
    streams: OnceLock<Streams>,
    hold_nomination: bool,
    exchange: Mutex<Exchange>,
    sockets: AtomicU64,
    closing: AtomicBool,
    alert_heard: AtomicBool,
    /// Nanoseconds of `CLOCK_MONOTONIC`; 0 is never.
    last_check: AtomicI64,
    /// Kernel time of the last media packet, nanoseconds since the Unix epoch; 0 is never.
    last_media: AtomicI64,
    /// [`Path::fingerprint`] of the way that RTP took last, inbound and outbound.
    media_paths: [AtomicU64; 2],
}

impl State {
    /// The state of a new tap.
    pub fn new(options: TapOptions) -> Self {
        let scope = Scope::Session(options.session);
        let fragments = Fragments::default();
        fragments.add(&options.local_ufrag);
        Self {
            scope,
            sink: options.sink,
            counters: Counting::default(),
            kicks: Kicks::default(),
            servers: Servers::new(options.stun_servers, options.turn_servers),
            remote_close: watch::Sender::new(false),
            alert_sent: watch::Sender::new(false),
            shared: options.shared,
            shared_tcp: OnceLock::new(),
            streams: OnceLock::new(),
            hold_nomination: options.hold_nomination,
            exchange: Mutex::new(Exchange::new(Monotonic::now())),
            fragments,
            relays: Mutex::default(),
            sockets: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            alert_heard: AtomicBool::new(false),
            last_check: AtomicI64::new(0),
            last_media: AtomicI64::new(0),
            media_paths: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// A number for a new socket.
    pub fn next_socket(&self) -> u64 {
        self.sockets.fetch_add(1, Relaxed)
    }

    /// The session's place on the shared port at a socket's address, if there is one.
    pub fn attach(&self, local: SocketAddr) -> Option<Arc<Port>> {
        let port = self.shared.as_ref()?.attach(local.ip())?;
        self.fragments.attach(&port);
        Some(port)
    }

    /// See [`super::Tap::share_tcp`].
    pub fn share_tcp(&self, shared: Arc<SharedTcpPort>) {
        // A second one would come too late for the first one's sessions: the first stays.
        let _ = self.shared_tcp.set(shared);
    }

    /// See [`super::Tap::carry_turn`].
    pub fn carry_turn(&self, streams: Streams) {
        // As with the shared port.
        let _ = self.streams.set(streams);
    }

    /// The TURN servers that are reached over streams.
    #[inline]
    pub fn streams(&self) -> Option<&Streams> {
        self.streams.get()
    }

    /// The session's place on the shared TCP port at a listener's address, if there is one.
    pub fn attach_tcp(&self, local: SocketAddr) -> Option<Arc<Door>> {
        let door = self.shared_tcp.get()?.attach(local.ip())?;
        self.fragments.attach(&door);
        Some(door)
    }

    /// See [`super::Tap::kick`].
    pub fn kick(&self) {
        self.kicks.request(if self.kicks.relay_allocated() { TURNS_TO_FLUSH_A_RELAY } else { 1 });
    }

    /// See [`super::Tap::shut_down`].
    pub fn shut_down(&self) {
        self.closing.store(true, Release);
    }

    /// See [`super::Tap::last_inbound`].
    pub fn last_inbound(&self) -> LastInbound {
        let check = Some(self.last_check.load(Relaxed)).filter(|at| *at != 0).map(Monotonic);
        let media = Some(self.last_media.load(Relaxed)).filter(|at| *at != 0).map(monotonic_of_wall);
        LastInbound { check, media }
    }

    /// Takes note of a packet. Returns datagrams that the agent is to be given once more.
    pub fn pass(&self, packet: &Packet<'_>) -> Vec<Vec<u8>> {
        self.counters.bytes(packet.direction, packet.bytes.len());
        match classify(packet.bytes) {
            Class::ChannelData => {
                self.counters.message(packet.direction, Class::ChannelData);
                let Some((channel, inner)) = turn::channel_data(packet.bytes) else { return Vec::new() };
                self.inside(packet, inner, Behind::Channel(channel))
            }
            class => self.message(packet, packet.bytes, class, None),
        }
    }

    /// The kernel did not take a packet. Media is left out: the ICE checks tell the same, and there are few of them.
    pub fn not_sent(&self, packet: &Packet<'_>, error: &std::io::Error) {
        let class = classify(packet.bytes);
        if !matches!(class, Class::Stun | Class::Dtls) {
            return;
        }
        let lane = Message::parse(packet.bytes)
            .map_or(Lane::Web, |message| self.servers.lane(packet.remote, &message));
        let (at, uncertainty) = packet.stamp.placed();
        let mut exchange = self.exchange();
        // Limited like what comes in: the crate does not slow down when it cannot send.
        if !self.may_record(&mut exchange, Direction::Inbound, at) {
            return;
        }
        let path = path(packet, None, &exchange);
        drop(exchange);
        let told = recorder::not_sent(self.scope, &path, (class, lane), error, at);
        self.sink.send(told.uncertain(uncertainty));
    }

    /// What travelled inside TURN. Never a level deeper: TURN inside TURN is not the session's.
    fn inside(&self, packet: &Packet<'_>, inner: &[u8], behind: Behind) -> Vec<Vec<u8>> {
        let class = classify(inner);
        if packet.direction == Direction::Inbound && matches!(class, Class::Stun | Class::Dtls) {
            self.kicks.want(TURNS_TO_FLUSH_A_RELAY);
        }
        self.message(packet, inner, class, Some(behind))
    }

    fn message(
        &self,
        packet: &Packet<'_>,
        bytes: &[u8],
        class: Class,
        behind: Option<Behind>,
    ) -> Vec<Vec<u8>> {
        let before = self.counters.message(packet.direction, class);
        match class {
            Class::Rtp | Class::Rtcp => self.media(packet, bytes, class, before == 0, behind),
            Class::Stun => return self.stun(packet, bytes, behind),
            Class::Dtls => self.dtls(packet, bytes, behind),
            Class::ChannelData | Class::Other => {}
        }
        Vec::new()
    }

    fn media(&self, packet: &Packet<'_>, bytes: &[u8], class: Class, first: bool, behind: Option<Behind>) {
        match packet.direction {
            Direction::Outbound => {
                self.kicks.sent_media(behind.is_some());
                if behind.is_some() && class == Class::Rtp && bytes[1] & 0x80 != 0 {
                    self.kicks.frame_sent();
                }
            }
            Direction::Inbound => self.last_media.store(packet.stamp.wall_nanos(), Relaxed),
        }
        let way = Path::fingerprint(packet.remote)
            ^ behind.map_or(0, |behind| match behind {
                Behind::Channel(channel) => u64::from(channel) << 47,
                Behind::Peer(peer) => Path::fingerprint(peer).rotate_left(7),
            });
        let moved = class == Class::Rtp && {
            let last = &self.media_paths[usize::from(packet.direction == Direction::Outbound)];
            last.load(Relaxed) != way && last.swap(way, Relaxed) != 0
        };
        if first || moved {
            let (at, uncertainty) = packet.stamp.placed();
            let mut exchange = self.exchange();
            let path = path(packet, behind, &exchange);
            if self.may_record(&mut exchange, packet.direction, at) {
                drop(exchange);
                let told = recorder::media(self.scope, &path, class, bytes, first, at);
                self.sink.send(told.uncertain(uncertainty));
            }
        }
    }

    fn stun(&self, packet: &Packet<'_>, bytes: &[u8], behind: Option<Behind>) -> Vec<Vec<u8>> {
        let Some(message) = Message::parse(bytes) else { return Vec::new() };
        let (at, uncertainty) = packet.stamp.placed();
        let mut exchange = self.exchange();
        let path = path(packet, behind, &exchange);
        let seen = Seen {
            message: &message,
            datagram: packet.bytes,
            socket: packet.socket,
            local: packet.local,
            outer: packet.remote,
            remote: path.remote,
            at,
        };
        let usual = if behind.is_some() { Lane::Web } else { self.servers.lane(path.remote, &message) };
        let learned = match packet.direction {
            Direction::Outbound => {
                exchange.sent(seen, usual);
                Learned::default()
            }
            Direction::Inbound => exchange.received(seen, self.hold_nomination),
        };
        let record = self.may_record(&mut exchange, packet.direction, at);
        drop(exchange);

        let direct = behind.is_none();
        if learned.allocated {
            self.kicks.allocated();
            lock(&self.relays).granted(packet.protocol);
        }
        if let Some(ufrag) = &learned.confirmed {
            self.last_check.store(at.0, Relaxed);
            self.fragments.confirmed(ufrag);
        }
        let lane = learned.lane.unwrap_or(usual);
        if packet.direction == Direction::Inbound && lane == Lane::Turn {
            self.kicks.want(TURNS_TO_FLUSH_A_RELAY);
        }
        if record {
            let steady = self.counters.has_media() && lane == Lane::Web;
            let observation =
                recorder::stun(self.scope, &path, &message, lane, learned.round_trip, steady, at);
            let mut observation = observation.uncertain(uncertainty);
            if let Some(url) = direct.then(|| self.servers.url(path.protocol, path.remote, lane)).flatten() {
                observation.attributes.insert("url".to_owned(), (*url).into());
            }
            if learned.signed && lane == Lane::Turn {
                recorder::mark_refusal(&mut observation, &message);
            }
            if let Some(grant) = learned.grant {
                observation.attributes.insert("expires".to_owned(), grant.expires.into());
            }
            self.sink.send(observation);
        }
        if let Some(grant) = learned.grant {
            self.look_at_the_end(packet, grant, &path, at);
        }
        let mut again = learned.again;
        if let Some((peer, inner)) = turn::indication(&message).filter(|_| behind.is_none()) {
            again.extend(self.inside(packet, inner, Behind::Peer(peer)));
        }
        again
    }

    /// Tells if a credential will be over when the allocation is to be refreshed with it.
    fn look_at_the_end(&self, packet: &Packet<'_>, grant: Grant, path: &Path, at: Monotonic) {
        let now = packet.stamp.wall_nanos() as u64 / 1_000_000_000;
        if self.exchange().endings.ends_early(packet.socket, packet.remote, grant, now) {
            self.sink.send(recorder::credential_ends(self.scope, path, grant, now, at));
        }
    }

    fn dtls(&self, packet: &Packet<'_>, bytes: &[u8], behind: Option<Behind>) {
        let outbound = packet.direction == Direction::Outbound;
        if outbound {
            self.kicks.sent_media(behind.is_some());
        }
        let mut told = None;
        for record in dtls::records(bytes) {
            if record.content == dtls::content::ALERT && record.encrypted() {
                self.alert(outbound);
            }
            // Data channels: counted, not recorded.
            if record.content == dtls::content::APPLICATION_DATA {
                continue;
            }
            let (path, (at, uncertainty)) =
                *told.get_or_insert_with(|| (path(packet, behind, &self.exchange()), packet.stamp.placed()));
            for observation in recorder::dtls(self.scope, &path, &record, at) {
                if self.may_record(&mut self.exchange(), packet.direction, at) {
                    self.sink.send(observation.uncertain(uncertainty));
                }
            }
        }
    }

    /// An encrypted alert went by. The browser's close is known by the crate's reply to it: the crate could read it.
    fn alert(&self, outbound: bool) {
        if !outbound {
            self.alert_heard.store(true, Release);
            return;
        }
        self.alert_sent.send_replace(true);
        if self.alert_heard.load(Acquire) && !self.closing.swap(true, AcqRel) {
            self.remote_close.send_replace(true);
        }
    }

    fn may_record(&self, exchange: &mut Exchange, direction: Direction, at: Monotonic) -> bool {
        if direction == Direction::Outbound || exchange.limit.take(at) {
            return true;
        }
        if self.counters.unrecorded() == 0 {
            self.sink.send(recorder::flooded(self.scope, at));
        }
        false
    }

    pub(super) fn exchange(&self) -> MutexGuard<'_, Exchange> {
        lock(&self.exchange)
    }
}

fn path(packet: &Packet<'_>, behind: Option<Behind>, exchange: &Exchange) -> Path {
    let direct = Path {
        direction: packet.direction,
        local: packet.local,
        remote: packet.remote,
        relay: None,
        protocol: packet.protocol,
    };
    let Some(behind) = behind else { return direct };
    let peer = match behind {
        Behind::Peer(peer) => Some(peer),
        Behind::Channel(channel) => exchange.allocations.peer(packet.socket, packet.remote, channel),
    };
    Path {
        local: exchange.allocations.relayed(packet.local, packet.remote).unwrap_or(packet.local),
        remote: peer.unwrap_or(packet.remote),
        relay: Some(packet.remote),
        ..direct
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
