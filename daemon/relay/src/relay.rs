//! The running relay, as the daemon holds it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use icescope_model::{EventSink, Monotonic, SessionId};

use crate::auth::{Authority, Credentials, Holder};
use crate::io::{self, Hub, Listening};
use crate::observe::Observer;
use crate::options::{Options, Policy};
use crate::server::{Limits, Server};
use crate::tuple::Now;

/// The longest REALM: with it, the first challenge is at most 1.5 times the smallest Allocate request, IP header included.
pub const LONGEST_REALM: usize = 8;
/// How long a stop waits for tasks under way; none of them waits for anything but its socket.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Why the relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// An address cannot be listened on.
    #[error(
        "the embedded relay cannot listen on {address} over {transport}: {source}; name another address in relay.listen or relay.tls-listen"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What was to carry the messages.
        transport: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// No address is left to listen on.
    #[error("the embedded relay has no address to listen on: name one in relay.listen")]
    NoAddress,
    /// The realm is too long.
    #[error(
        "the realm «{0}» is longer than {LONGEST_REALM} bytes: answers to strangers would grow too large"
    )]
    Realm(String),
    /// Certificate or key cannot be used.
    #[error("the embedded relay cannot use {}: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The kernel gave no random bytes for the relay's secrets.
    #[error("the embedded relay has no secrets: the kernel's random generator does not answer: {0}")]
    Random(getrandom::Error),
}

impl RelayError {
    /// Whether somebody else has the port.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse)
    }
}

/// The running relay. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    hub: Arc<Hub>,
    policy: Arc<RwLock<Policy>>,
    listening: Arc<[Listening]>,
}

impl Relay {
    /// Listens, and serves from now on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// An address cannot be listened on, or the certificate cannot be used.
    pub fn start(options: Options, sink: EventSink) -> Result<Self, RelayError> {
        if options.realm.len() > LONGEST_REALM {
            return Err(RelayError::Realm(options.realm));
        }
        let bound = io::bind(&options)?;
        let listening: Arc<[Listening]> = bound.listening().into();
        let authority = Authority::new(random()?, random()?, options.realm.clone());
        let policy = options.policy.clone();
        let limits = Limits { quota: policy.quota, allocations: options.max_allocations };
        let mut server = Server::new(authority, limits, u64::from_be_bytes(random()?));
        server.set_discovery(bound.discovery());
        server.rules.set_allowed(policy.allow_peers.clone());
        let observer = Observer::new(sink, Arc::clone(&options.describe));
        let hub = Arc::new(Hub::new(options, server, observer));
        hub.tasks.spawn(io::serve(Arc::clone(&hub), bound));
        Ok(Self { hub, policy: Arc::new(RwLock::new(policy)), listening })
    }

    /// What was listened on at the start.
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// Credentials for a session's client, good for the configured time; without a session nobody's, whose events nobody sees.
    pub fn credentials(&self, session: Option<SessionId>) -> Credentials {
        let Now { unix, .. } = Now::read();
        let expires = unix + self.policy.read().unwrap_or_else(PoisonError::into_inner).lifetime.as_secs();
        let random = random().map_or(0, u64::from_be_bytes);
        let holder = match session {
            Some(session) => self.hub.observer().id_of(session, random, expires, unix),
            None => Holder::Client(format!("{random:016x}").into()),
        };
        self.hub.server().authority.mint(&holder, expires)
    }

    /// Credentials for the daemon's own peer, which may reach any peer but those that nobody may.
    pub fn own_credentials(&self, lifetime: Duration) -> Credentials {
        let expires = Now::read().unix + lifetime.as_secs();
        self.hub.server().authority.mint(&Holder::Daemon, expires)
    }

    /// A session's client has this server-reflexive candidate over UDP: what was seen of that address is the session's.
    pub fn claim(&self, session: SessionId, mapped: SocketAddr) {
        self.hub.observer().claim(session, mapped, Monotonic::now());
    }

    /// The daemon's own candidates in a session so far: clients may reach them through the relay.
    pub fn set_candidates(&self, session: SessionId, candidates: Vec<SocketAddr>) {
        self.hub.server().rules.set_candidates(session, candidates);
    }

    /// Whether clients may reach this address because it is one of the daemon's own candidates.
    pub fn has_candidate(&self, candidate: SocketAddr) -> bool {
        self.hub.server().rules.is_candidate(candidate)
    }

    /// A session is over: its allocations end, its credentials are no more, and what it could reach is closed.
    pub fn forget(&self, session: SessionId) {
        let known = self.hub.observer().id_of_session(session);
        self.hub.change(|server| {
            server.rules.set_candidates(session, Vec::new());
            if let Some((holder, until)) = known {
                server.evict(&holder, until);
            }
        });
        self.hub.observer().forget(session);
    }

    /// Takes a new policy.
    pub fn reconfigure(&self, policy: Policy) {
        let limits = Limits { quota: policy.quota, allocations: self.hub.options.max_allocations };
        self.hub.change(|server| {
            server.set_limits(limits);
            server.rules.set_allowed(policy.allow_peers.clone());
        });
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// How many allocations there are now.
    pub fn allocations(&self) -> usize {
        self.hub.server().allocations()
    }

    /// What is under it.
    #[cfg(test)]
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Stops listening and relaying.
    pub async fn shut_down(&self) {
        self.hub.stop.cancel();
        self.hub.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.hub.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.hub.tasks.len(), "the relay's tasks did not end in time");
        }
    }
}

fn random<const N: usize>() -> Result<[u8; N], RelayError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(RelayError::Random)?;
    Ok(bytes)
}
