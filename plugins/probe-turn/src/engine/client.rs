//! The client side of RFC 8656 for one allocation: requests with what the server has said so far, and what its answers
//! mean. When to send again is the business of `transaction`.

use std::net::SocketAddr;

use icescope_probe_kit::attributes::turn::{
    ChannelNumber, Data, LifeTime, RequestedTrasport, XorPeerAddress,
};
use icescope_probe_kit::message::{
    BuildError, Checked, Class, Credentials, Hash, Key, Message, Method, Request,
};

use crate::credential::Credential;

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Binding, which needs no credentials.
    Binding,
    /// Allocate, relaying UDP.
    Allocate,
    /// Refresh: seconds; 0 releases.
    Refresh(u32),
    /// CreatePermission for the peer's address.
    Permission(SocketAddr),
    /// ChannelBind: the channel's number and its peer.
    ChannelBind(u16, SocketAddr),
}

impl Ask {
    /// Its method.
    pub fn method(self) -> Method {
        match self {
            Self::Binding => Method::Binding,
            Self::Allocate => Method::Allocate,
            Self::Refresh(_) => Method::Refresh,
            Self::Permission(_) => Method::CreatePermission,
            Self::ChannelBind(..) => Method::ChannelBind,
        }
    }
}

/// What a success response grants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grant {
    /// XOR-RELAYED-ADDRESS.
    pub relayed: Option<SocketAddr>,
    /// XOR-MAPPED-ADDRESS.
    pub mapped: Option<SocketAddr>,
    /// LIFETIME, in seconds.
    pub lifetime: Option<u32>,
}

/// What an answer means for what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Granted(Grant),
    /// 401 to a request without credentials: the realm and the nonce are known now; ask again.
    Challenged {
        /// The reason phrase.
        reason: String,
    },
    /// 438: a newer nonce is known now; ask again.
    NewNonce,
    /// 300: ask there.
    Elsewhere(SocketAddr),
    /// An error response that leaves nothing to try.
    Refused {
        /// ERROR-CODE.
        code: u16,
        /// The reason phrase.
        reason: String,
        /// What else there is to say.
        detail: Option<String>,
    },
    /// The credential does not go into a request; why.
    Unusable(String),
    /// The answer is not what the RFC asks for.
    Invalid(String),
}

/// One client of one server: what it knows.
pub struct Client {
    credential: Credential,
    challenge: Option<Credentials>,
    /// The question under way has been repeated with a new nonce already.
    renewed: bool,
    realm: Option<String>,
    software: Option<String>,
}

/// A request: its bytes, and whether it carries credentials.
#[derive(Debug)]
pub struct Sent {
    /// The message.
    pub bytes: Vec<u8>,
    /// It carries credentials.
    pub authenticated: bool,
}

impl std::fmt::Debug for Client {
    /// Without credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("challenged", &self.challenge.is_some())
            .field("realm", &self.realm)
            .field("software", &self.software)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that knows nothing of its server yet.
    pub fn new(credential: Credential) -> Self {
        Self { credential, challenge: None, renewed: false, realm: None, software: None }
    }

    /// The realm that the server named.
    pub fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }

    /// SOFTWARE, as the server said it.
    pub fn software(&self) -> Option<&str> {
        self.software.as_deref()
    }

    /// Another server, of which nothing is known.
    pub fn forget_server(&mut self) {
        self.challenge = None;
        self.renewed = false;
        self.realm = None;
    }

    /// The request for what is asked.
    ///
    /// # Errors
    /// What the server said cannot be sent back.
    pub fn request(&self, ask: Ask) -> Result<Sent, BuildError> {
        let mut request = Request::new(ask.method(), Class::Request);
        request = match ask {
            Ask::Binding => request,
            Ask::Allocate => request.with(RequestedTrasport::default()),
            Ask::Refresh(seconds) => request.with(LifeTime::from(seconds)),
            Ask::Permission(peer) => request.with(XorPeerAddress::from(peer)),
            Ask::ChannelBind(number, peer) => {
                request.with(ChannelNumber::new(number)).with(XorPeerAddress::from(peer))
            }
        };
        let challenge = self.challenge.as_ref().filter(|_| ask != Ask::Binding);
        if let Some(credentials) = challenge {
            request = request.credentials(credentials);
        }
        Ok(Sent { bytes: request.encode()?, authenticated: challenge.is_some() })
    }

    /// What the answer to the request `sent` for `ask` means.
    pub fn receive(&mut self, ask: Ask, sent: &Sent, answer: &Message) -> Next {
        if let Some(software) = answer.software() {
            self.software = Some(software);
        }
        if answer.method() != ask.method() || !answer.class().is_response() {
            return Next::Invalid(format!(
                "a {} {} came for a {} request",
                answer.method().name(),
                answer.class().name(),
                ask.method().name()
            ));
        }
        let next = match answer.error().filter(|_| answer.class() == Class::Error) {
            Some(error) => self.refused(sent, answer, error.code, error.reason),
            None if answer.class() == Class::Error => {
                Next::Invalid("an error response without ERROR-CODE".to_owned())
            }
            None => self.granted(ask, sent, answer),
        };
        self.renewed = matches!(next, Next::NewNonce);
        next
    }

    fn granted(&self, ask: Ask, sent: &Sent, answer: &Message) -> Next {
        // RFC 8489 §9.2.5: an answer without integrity, or with a wrong one, is as good as none.
        if let Some(credentials) = self.challenge.as_ref().filter(|_| sent.authenticated) {
            match answer.check_integrity(&credentials.key) {
                Checked::Good => {}
                Checked::Absent => {
                    return Next::Invalid("the success response has no MESSAGE-INTEGRITY".to_owned());
                }
                Checked::Wrong => {
                    return Next::Invalid(
                        "the MESSAGE-INTEGRITY of the success response does not hold".to_owned(),
                    );
                }
            }
        }
        let grant = Grant {
            relayed: answer.relayed_addresses().next(),
            mapped: answer.mapped().map(|mapped| mapped.address),
            lifetime: answer.lifetime(),
        };
        if ask == Ask::Allocate && grant.relayed.is_none() {
            return Next::Invalid("the success response has no XOR-RELAYED-ADDRESS".to_owned());
        }
        Next::Granted(grant)
    }

    fn refused(&mut self, sent: &Sent, answer: &Message, code: u16, reason: String) -> Next {
        if let Some(realm) = answer.realm() {
            self.realm = Some(realm.to_owned());
        }
        match code {
            300 => {
                let detail = Some("without ALTERNATE-SERVER".to_owned());
                answer.alternate_server().map_or(Next::Refused { code, reason, detail }, Next::Elsewhere)
            }
            401 if !sent.authenticated => self.learn(answer, reason, |reason| Next::Challenged { reason }),
            438 if sent.authenticated && !self.renewed => self.learn(answer, reason, |_| Next::NewNonce),
            _ => Next::Refused { code, reason, detail: malformed(answer) },
        }
    }

    /// Takes realm and nonce over (RFC 8489 §9.2.5); then it is `next`.
    fn learn(&mut self, answer: &Message, reason: String, next: impl FnOnce(String) -> Next) -> Next {
        let realm = answer.realm().or(self.realm.as_deref()).filter(|realm| !realm.is_empty());
        let (Some(realm), Some(nonce)) = (realm, answer.nonce()) else {
            let missing = if realm.is_none() { "REALM" } else { "NONCE" };
            let code = answer.error().map_or(401, |error| error.code);
            return Next::Refused { code, reason, detail: Some(format!("the answer has no {missing}")) };
        };
        let (realm, nonce) = (realm.to_owned(), nonce.to_owned());
        let Credential { username, password, .. } = &self.credential;
        // Every server takes MD5 and SHA-1, also one that offers better (RFC 8489 §9.2.4).
        match Key::long_term(username, &realm, password, Hash::Classic) {
            Ok(key) => {
                let username = username.clone();
                self.challenge = Some(Credentials { username, realm, nonce, key, hash: Hash::Classic });
                next(reason)
            }
            Err(error) => Next::Unusable(error.to_string()),
        }
    }
}

fn malformed(answer: &Message) -> Option<String> {
    answer.malformed().first().map(ToString::to_string)
}

/// A Send indication (RFC 8656 §11.1): data to a peer without a channel.
///
/// # Errors
/// The data is longer than a message can be.
pub fn send_indication(peer: SocketAddr, data: &[u8]) -> Result<Vec<u8>, BuildError> {
    Request::new(Method::Send, Class::Indication)
        .with(XorPeerAddress::from(peer))
        .with(Data::new(data))
        .encode()
}
