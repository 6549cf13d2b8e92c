//! A WebRTC peer that does what a test tells it, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use icescope_evidence::{BoxFuture, Peer};
use icescope_model::SessionId;
use icescope_model::media::SourceError;
use icescope_model::signal::{
    Answer, CloseReason, Direction, LocalCandidates, Offer, PeerLink, PeerState, SignalError, Trickle,
    Trickled,
};
use icescope_model::uplink::UplinkStats;
use tokio::sync::{Semaphore, watch};

pub const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:dmn1\r\na=ice-pwd:daemondaemondaemondaem1\r\n\
    a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=sendonly\r\n";

pub struct FakePeer {
    inner: Mutex<Inner>,
    /// Answers wait for a permit of this.
    pub gate: Semaphore,
}

#[derive(Default)]
pub struct Inner {
    pub refuse_offer: Option<SignalError>,
    pub refuse_trickle: Option<SignalError>,
    pub offers: Vec<Offer>,
    pub trickles: Vec<(SessionId, Trickle)>,
    pub closed: Vec<(SessionId, CloseReason)>,
    pub links: HashMap<SessionId, Link>,
}

pub struct Link {
    pub candidates: watch::Sender<LocalCandidates>,
    pub state: watch::Sender<PeerState>,
    pub remote_ufrag: String,
}

impl FakePeer {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), gate: Semaphore::new(Semaphore::MAX_PERMITS) })
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The peer gathers: these are its candidates from now on.
    pub fn gather(&self, session: SessionId, ufrag: &str, ports: &[u16], complete: bool) {
        self.lock().links[&session].candidates.send_replace(local(ufrag, ports, complete));
    }

    pub fn set_state(&self, session: SessionId, state: PeerState) {
        self.lock().links[&session].state.send_replace(state);
    }
}

pub fn candidate(port: u16) -> String {
    format!("candidate:1 1 udp 1 192.0.2.1 {port} typ host")
}

pub fn local(ufrag: &str, ports: &[u16], complete: bool) -> LocalCandidates {
    LocalCandidates {
        ufrag: ufrag.into(),
        pwd: "daemondaemondaemondaem2".into(),
        candidates: ports.iter().copied().map(candidate).collect(),
        complete,
    }
}

impl Peer for FakePeer {
    fn answer(&self, session: SessionId, offer: Offer) -> BoxFuture<'_, Result<Answer, SignalError>> {
        Box::pin(async move {
            self.gate.acquire().await.unwrap().forget();
            let remote_ufrag = offer.sdp.split("a=ice-ufrag:").nth(1).map(|rest| rest[..4].to_owned());
            let mut inner = self.lock();
            inner.offers.push(offer.clone());
            if let Some(error) = inner.refuse_offer.clone() {
                return Err(error);
            }
            if let Direction::Play { source: Some(name) } = &offer.direction
                && name != "bars"
            {
                return Err(SourceError::Unknown { name: name.clone(), known: "bars".into() }.into());
            }
            let Some(remote_ufrag) = remote_ufrag else {
                return Err(SignalError::BadOffer("no ice-ufrag".into()));
            };
            let link = Link {
                candidates: watch::Sender::new(local("dmn1", &[5000], false)),
                state: watch::Sender::new(PeerState::Connecting),
                remote_ufrag,
            };
            let handed = PeerLink { candidates: link.candidates.subscribe(), state: link.state.subscribe() };
            inner.links.insert(session, link);
            Ok(Answer { sdp: ANSWER.into(), link: handed })
        })
    }

    fn trickle(&self, session: SessionId, trickle: Trickle) -> BoxFuture<'_, Result<Trickled, SignalError>> {
        Box::pin(async move {
            let mut inner = self.lock();
            inner.trickles.push((session, trickle.clone()));
            if let Some(error) = inner.refuse_trickle.clone() {
                return Err(error);
            }
            let link = inner.links.get_mut(&session).ok_or(SignalError::UnknownSession)?;
            match trickle.ufrag.filter(|ufrag| *ufrag != link.remote_ufrag) {
                None => Ok(Trickled::Added),
                Some(ufrag) => {
                    link.remote_ufrag = ufrag;
                    let restarted = local("dmn2", &[6000], false);
                    link.candidates.send_replace(restarted.clone());
                    Ok(Trickled::Restarted(restarted))
                }
            }
        })
    }

    fn close(&self, session: SessionId, reason: CloseReason) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut inner = self.lock();
            inner.closed.push((session, reason.clone()));
            if let Some(link) = inner.links.get(&session) {
                link.state.send_replace(PeerState::Closed(reason));
            }
        })
    }

    fn uplink(&self, _session: SessionId) -> Option<UplinkStats> {
        Some(UplinkStats { mime_type: "video/VP8".into(), ..UplinkStats::default() })
    }
}
