//! The wiretap: our own [`Runtime`] around Tokio's, one per peer connection, through which every packet of the crate goes.
//!
//! It records each STUN, TURN and DTLS message of the daemon's end as an [`icescope_model::Observation`], counts RTP and
//! RTCP, and adds what the crate lacks without a fork: turns of its driver at once ([`Tap::kick`]), random transaction ids
//! for server-reflexive gathering, answers to nominations at once, the browser's close, and one UDP port for all sessions
//! ([`shared_port::SharedPort`]), and TURN over TCP and TLS ([`stream`]).
//!
//! Never recorded: values of MESSAGE-INTEGRITY, long-term user names, nonces, passwords, payload of any kind.

pub mod candidate;
mod classify;
mod counters;
mod credential;
mod demux;
pub mod describe;
mod dtls;
mod exchange;
mod fragments;
mod grace;
mod kick;
mod limit;
mod nomination;
mod pace;
mod path;
mod ports;
mod recorder;
mod segments;
mod servers;
pub mod shared_port;
pub mod shared_tcp;
mod state;
pub mod stream;
mod stun;
mod stun_facts;
mod stun_names;
mod tcp;
mod translate;
mod turn;
mod udp;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use icescope_model::{EventSink, SessionId};
use tokio::sync::watch;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

pub use counters::{Counters, LastInbound};
use path::Protocol;
use shared_port::SharedPort;
use shared_tcp::SharedTcpPort;
use state::State;
use stream::Streams;

/// What a [`Tap`] is made with.
#[derive(Debug, Clone)]
pub struct TapOptions {
    /// Whose record the observations go into.
    pub session: SessionId,
    /// Where they go.
    pub sink: EventSink,
    /// Addresses of the configured STUN servers, as far as they are known; those that the crate resolves are learned.
    pub stun_servers: Vec<SocketAddr>,
    /// Addresses of the configured TURN servers, as far as they are known; those that the crate resolves are learned.
    pub turn_servers: Vec<SocketAddr>,
    /// The UDP port that all sessions share; `None` gives the session sockets of its own.
    pub shared: Option<Arc<SharedPort>>,
    /// The user name fragment that the session's agent was given (`with_ice_credentials`): the shared ports find the
    /// session's packets by it. Empty if the agent makes its own: name that with [`Tap::add_local_ufrag`].
    pub local_ufrag: String,
    /// Answer a nomination of a pair whose own check is still under way as soon as that check has succeeded, instead of
    /// leaving the request unanswered until the browser repeats it (about 50 ms).
    pub hold_nomination: bool,
}

/// The wiretap of one peer connection. Give it to the crate with `with_runtime`.
#[derive(Debug)]
pub struct Tap {
    runtime: TokioRuntime,
    state: Arc<State>,
}

impl Tap {
    /// A wiretap that has seen nothing yet.
    pub fn new(options: TapOptions) -> Arc<Self> {
        Arc::new(Self { runtime: TokioRuntime, state: Arc::new(State::new(options)) })
    }

    /// Lets the session use a TCP port that all sessions share. To be called before the crate binds its listeners.
    pub fn share_tcp(&self, shared: Arc<SharedTcpPort>) {
        self.state.share_tcp(shared);
    }

    /// Gives the session TURN servers over TCP and TLS, and the URLs of the others. To be called before the crate gathers; it
    /// is given the servers by [`stream::Streams::url`].
    pub fn carry_turn(&self, streams: Streams) {
        self.state.carry_turn(streams);
    }

    /// Makes the crate's driver turn its loop at once, as often as it takes to bring on the wire what waits: call it after
    /// `add_ice_candidate`, which does not wake the driver (up to 200 ms).
    pub fn kick(&self) {
        self.state.kick();
    }

    /// Tells that the last RTP packet of a frame (marker) was handed to the crate. Relayed packets wait for the driver's
    /// next turn: the driver is kept turning until that packet has gone out. Costs nothing where no relay is used.
    pub fn frame_written(&self) {
        self.state.kicks.frame_written();
    }

    /// What went through so far.
    pub fn counters(&self) -> Counters {
        self.state.counters.read()
    }

    /// Becomes true when the browser has closed the connection: it sent a DTLS alert, and the crate, which alone can read
    /// it, replied with its own close_notify without having been told to close. A forged alert gets no reply.
    pub fn remote_close(&self) -> watch::Receiver<bool> {
        self.state.remote_close.subscribe()
    }

    /// The client has a candidate over UDP that is no relay's: see `grace`.
    pub fn client_direct(&self) {
        self.state.client_direct();
    }

    /// The client has this relayed candidate: see `grace`.
    pub fn client_relay(&self, address: SocketAddr) {
        self.state.client_relay(address);
    }

    /// Whether DTLS and media go out through a relay.
    pub fn is_relayed(&self) -> bool {
        self.state.kicks.media_is_relayed()
    }

    /// Whether there were allocations, all of them over streams ([`Tap::carry_turn`]), and all of these streams broke.
    pub fn has_lost_its_relays(&self) -> bool {
        self.state.relays.lock().unwrap_or_else(PoisonError::into_inner).are_lost()
    }

    /// Becomes true when an encrypted DTLS alert has gone out: as a rule the crate's close_notify.
    pub fn alert_sent(&self) -> watch::Receiver<bool> {
        self.state.alert_sent.subscribe()
    }

    /// When the browser was last heard.
    pub fn last_inbound(&self) -> LastInbound {
        self.state.last_inbound()
    }

    /// Names a user name fragment of the agent, so that the shared ports find the session: its first one, if it was not given
    /// with [`TapOptions::local_ufrag`], or the one after an ICE restart. An older one is forgotten as soon as a check under
    /// this one has succeeded.
    pub fn add_local_ufrag(&self, ufrag: &str) {
        self.state.fragments.add(ufrag);
    }

    /// Tells that the daemon itself is about to close the connection: the close_notify that the crate sends from now on is
    /// no reply to the browser's. Nothing else changes; the sockets live until the crate drops them.
    pub fn shut_down(&self) {
        self.state.shut_down();
    }
}

/// How long a server's name may take to be resolved. The crate's driver does nothing else meanwhile: a resolver that is dead
/// must not keep the session from connecting without that server.
const RESOLVED_WITHIN: Duration = Duration::from_secs(2);

impl Tap {
    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let resolved = tokio::time::timeout(RESOLVED_WITHIN, self.runtime.resolve_host(host)).await;
        let resolved = resolved.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the name server did not answer in time"))
        });
        resolved
            .inspect_err(|error| self.state.sink.send(recorder::unresolved(self.state.scope, host, error)))
    }
}

impl Runtime for Tap {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.runtime.spawn(future)
    }

    fn spawn_reactor(
        &self,
        reactor_pool_size: usize,
        future: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Box<dyn JoinHandle> {
        self.runtime.spawn_reactor(reactor_pool_size, future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let inner = self.runtime.wrap_udp_socket(socket)?;
        if inner.local_addr()?.port() == udp::MDNS_PORT {
            return Ok(inner);
        }
        Ok(Arc::new(udp::TapUdp::new(inner, Arc::clone(&self.state))?))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        let inner = self.runtime.wrap_tcp_listener(listener)?;
        Ok(Arc::new(tcp::TapListener::new(inner, Arc::clone(&self.state))?))
    }

    fn connect_tcp<'a>(
        &'a self,
        remote_addr: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        Box::pin(async move {
            let inner = self.runtime.connect_tcp(remote_addr).await?;
            Ok(Arc::new(tcp::TapStream::new(inner, Arc::clone(&self.state))?) as Arc<dyn AsyncTcpStream>)
        })
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        Box::pin(async move {
            if let Some(nowhere) = self.state.streams().and_then(|streams| streams.resolve(host)) {
                return Ok(nowhere);
            }
            let addresses = self.resolve(host).await?;
            self.state.servers.learn(&addresses);
            let named = self.state.streams().map_or(&[][..], |streams| &streams.named);
            for (_, url) in named.iter().filter(|(name, _)| name == host) {
                for address in &addresses {
                    self.state.servers.learn_url(Protocol::Udp, *address, url);
                }
            }
            Ok(addresses)
        })
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        let sleep = self.runtime.sleep(duration);
        if !self.state.kicks.relay_allocated() {
            return sleep;
        }
        // What a timer makes the crate send through a relay waits in its TURN client for the driver's next turn.
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            sleep.await;
            state.kicks.request(kick::TURNS_TO_FLUSH_A_RELAY);
        })
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.runtime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.runtime.block_on(future);
    }

    fn yield_now(&self) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.runtime.yield_now()
    }

    fn name(&self) -> &'static str {
        "wiretap on tokio"
    }
}
