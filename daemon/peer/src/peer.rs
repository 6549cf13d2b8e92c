//! The peer: all sessions, and what signalling asks of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use icescope_model::signal::{Answer, CloseReason, Offer, SignalError, Trickle, Trickled};
use icescope_model::uplink::UplinkStats;
use icescope_model::{EventSink, SessionId};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::local_addresses::LocalAddresses;
use crate::media::hub::{Hub, HubOptions};
use crate::options::Options;
use crate::session::engine::Credentials;
use crate::session::ice_servers::IceServers;
use crate::session::report::Report;
use crate::session::{Media, Session, build, figures, watchdog};
use crate::source::Sources;
use crate::tap::shared_port::{SharedPort, SharedPortError};
use crate::tap::shared_tcp::SharedTcpPort;
use crate::tls::Trust;

/// Seconds after which a client that found no room is told to try again: about how long a vanished one takes its place.
const RETRY_AFTER_S: u32 = 10;

/// Why the peer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// No DTLS key or certificate could be made.
    #[error("no DTLS certificate could be made: {0}")]
    Certificate(webrtc::error::Error),
    /// A port for all sessions could not be opened.
    #[error(transparent)]
    Port(#[from] SharedPortError),
}

/// The WebRTC peer. Cheap to clone: all clones are the same peer.
#[derive(Clone)]
pub struct Peer {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    options: RwLock<Arc<Options>>,
    sessions: Mutex<HashMap<SessionId, Place>>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) sink: EventSink,
    pub(crate) credentials: Credentials,
    pub(crate) addresses: LocalAddresses,
    pub(crate) trust: Trust,
    pub(crate) shared_port: Option<Arc<SharedPort>>,
    pub(crate) shared_tcp: Option<Arc<SharedTcpPort>>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// A session's place in the table.
enum Place {
    /// Its answer is being made.
    Taken,
    Session(Arc<Session>),
}

impl Inner {
    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Place>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget(&self, id: SessionId) {
        self.sessions().remove(&id);
    }

    fn session(&self, id: SessionId) -> Option<Arc<Session>> {
        match self.sessions().get(&id)? {
            Place::Session(session) => Some(Arc::clone(session)),
            Place::Taken => None,
        }
    }

    fn all(&self) -> Vec<Arc<Session>> {
        let sessions = self.sessions();
        let place = |place: &Place| match place {
            Place::Session(session) => Some(Arc::clone(session)),
            Place::Taken => None,
        };
        sessions.values().filter_map(place).collect()
    }
}

/// A place in the table that is given back if no session comes of it.
struct Reserved<'a> {
    inner: &'a Inner,
    id: SessionId,
    kept: bool,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.inner.forget(self.id);
        }
    }
}

fn hub_options(options: &Options) -> HubOptions {
    HubOptions {
        keep_warm: options.keep_warm,
        warm_default: options.warm_default,
        bit_rates: options.bit_rate,
    }
}

/// Reads the roots now if TLS will be spoken: not while a session waits.
fn prepare(trust: &Trust, options: &Options) {
    if IceServers::want_tls(&options.ice_servers) {
        trust.config(&options.extra_roots);
    }
}

impl Peer {
    /// A peer without sessions. Must be called within a Tokio runtime.
    pub fn new(options: Options, sources: Arc<dyn Sources>, sink: EventSink) -> Result<Self, PeerError> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let hub = Hub::new(sources, hub_options(&options), tasks.clone(), stop.clone());
        let addresses = LocalAddresses::default();
        let shared_port = match options.udp_port {
            Some(port) => Some(SharedPort::bind(&addresses.list(&options), port)?),
            None => None,
        };
        let shared_tcp = match options.tcp_port {
            Some(port) => Some(SharedTcpPort::bind(&addresses.list(&options), port)?),
            None => None,
        };
        let trust = Trust::default();
        prepare(&trust, &options);
        let inner = Arc::new(Inner {
            options: RwLock::new(Arc::new(options)),
            sessions: Mutex::default(),
            hub,
            sink,
            credentials: Credentials::generate().map_err(PeerError::Certificate)?,
            addresses,
            trust,
            shared_port,
            shared_tcp,
            stop,
            tasks,
        });
        let peer = Self { inner };
        peer.warm_up();
        Ok(peer)
    }

    /// Opens the default source's stream if it is to be warm and is not yet; call it again when a source has become ready.
    pub fn warm_up(&self) {
        if let Err(error) = self.inner.hub.warm_up() {
            tracing::info!(%error, "the default source is not warmed up yet");
        }
    }

    /// Answers a session's offer.
    pub async fn answer(&self, id: SessionId, offer: Offer) -> Result<Answer, SignalError> {
        let mut place = self.reserve(id)?;
        let (answer, session, ends) = Box::pin(build::answer(&self.inner, id, offer)).await?;
        self.inner.sessions().insert(id, Place::Session(Arc::clone(&session)));
        place.kept = true;
        let options = self.inner.options();
        let report = Report { session: id, sink: self.inner.sink.clone() };
        self.inner.tasks.spawn(figures::tell(Arc::clone(&session), report));
        self.inner.tasks.spawn(watchdog::watch(Arc::clone(&self.inner), session, ends, options));
        Ok(answer)
    }

    fn reserve(&self, id: SessionId) -> Result<Reserved<'_>, SignalError> {
        let limit = self.inner.options().max_sessions;
        let mut sessions = self.inner.sessions();
        if self.inner.stop.is_cancelled() {
            return Err(SignalError::UnknownSession);
        }
        if sessions.contains_key(&id) {
            return Err(SignalError::AlreadyAnswered);
        }
        if sessions.len() >= limit {
            return Err(SignalError::TooManySessions { limit, retry_after_s: RETRY_AFTER_S });
        }
        sessions.insert(id, Place::Taken);
        Ok(Reserved { inner: &self.inner, id, kept: false })
    }

    /// Takes a fragment of the client's candidates. New credentials in it renew ICE.
    pub async fn trickle(&self, id: SessionId, fragment: Trickle) -> Result<Trickled, SignalError> {
        let session = self.inner.session(id).ok_or(SignalError::UnknownSession)?;
        let options = self.inner.options();
        let report = Report { session: id, sink: self.inner.sink.clone() };
        let mut negotiation = session.negotiation.lock().await;
        let other = fragment.ufrag.as_deref().filter(|ufrag| *ufrag != negotiation.remote_ufrag);
        let outcome = match (other, fragment.pwd.as_deref()) {
            (Some(ufrag), Some(pwd)) => {
                let renewed =
                    session.restart(&self.inner, &mut negotiation, (ufrag, pwd), &options, &report).await?;
                Trickled::Restarted(renewed)
            }
            (Some(ufrag), None) => {
                return Err(SignalError::BadCandidate(format!(
                    "ufrag «{ufrag}» belongs to no generation of this session; to renew ICE send ice-pwd, too"
                )));
            }
            (None, _) => Trickled::Added,
        };
        session.take_candidates(&mut negotiation, &fragment.candidates, &options, &report).await?;
        Ok(outcome)
    }

    /// Closes a session soon; its last state is told through its link. Nothing happens if there is none.
    pub fn close(&self, id: SessionId, reason: CloseReason) {
        if let Some(session) = self.inner.session(id) {
            session.end(reason);
        }
    }

    /// What was measured of a session's own picture; `None` if it sends none.
    pub fn uplink(&self, id: SessionId) -> Option<UplinkStats> {
        match &self.inner.session(id)?.media {
            Media::Ingest(meter) => Some(meter.read()),
            Media::Play { .. } => None,
        }
    }

    /// The default source has another name now: live viewers of the default go over to it with its first key frame.
    pub fn set_default_source(&self, name: &str) {
        self.move_viewers(name, |follows_default, _| follows_default);
        self.warm_up();
    }

    /// A source runs anew under its old name (its configuration was changed): all its viewers go over to it.
    pub fn reopen_source(&self, name: &str) {
        self.inner.hub.forget(name);
        self.move_viewers(name, |_, source| source == name);
        self.warm_up();
    }

    fn move_viewers(&self, name: &str, concerned: impl Fn(bool, &str) -> bool) {
        for session in self.inner.all() {
            let Media::Play { viewer, follows_default, .. } = &session.media else { continue };
            if concerned(*follows_default, &viewer.stream().source)
                && let Err(reason) = session.change_source(&self.inner.hub, name)
            {
                session.end(CloseReason::SourceEnded(reason));
            }
        }
    }

    /// Takes other options. Running sessions keep what they were made with; the shared UDP port stays as it is.
    pub fn reconfigure(&self, options: Options) {
        self.inner.hub.reconfigure(hub_options(&options));
        prepare(&self.inner.trust, &options);
        *self.inner.options.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(options);
        self.inner.addresses.forget();
        self.warm_up();
    }

    /// All sessions that have been answered and are not over.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.inner.all().iter().map(|session| session.id).collect()
    }

    /// Closes all sessions and waits until everything is down.
    pub async fn shut_down(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}
