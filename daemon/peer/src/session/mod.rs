//! One session: its peer connection, what it tells, and what ends it.
//!
//! [`build`] makes the connection and the answer ([`sdp`] its text), [`handler`] takes the crate's callbacks, [`trickle`] lets remote candidates
//! in, [`restart`] renews ICE, and [`watchdog`] owns the connection until it is over.

pub(crate) mod build;
pub(crate) mod change;
pub(crate) mod engine;
pub(crate) mod figures;
pub(crate) mod handler;
pub(crate) mod ice_servers;
pub(crate) mod report;
pub(crate) mod restart;
pub(crate) mod sdp;
pub(crate) mod trickle;
pub(crate) mod watchdog;
pub(crate) mod wire;

use std::sync::Arc;

use icescope_model::SessionId;
use icescope_model::signal::{CloseReason, LocalCandidates, PeerLink, PeerState};
use tokio::sync::{Mutex, mpsc, watch};
use webrtc::peer_connection::PeerConnection;

use crate::media::viewer::Viewer;
use crate::negotiate::Agreed;
use crate::session::trickle::Pace;
use crate::session::wire::Wire;
use crate::stage::Farewell;
use crate::uplink::meter::SharedMeter;

/// What a session carries.
pub(crate) enum Media {
    /// It plays a source.
    Play {
        viewer: Arc<Viewer>,
        agreed: Agreed,
        /// It plays whatever the default source is.
        follows_default: bool,
    },
    /// It sends a picture, which is measured.
    Ingest(SharedMeter),
}

/// What changes when ICE is renewed.
#[derive(Debug)]
pub(crate) struct Negotiation {
    /// The last remote description, without candidates.
    pub(crate) remote_sdp: String,
    /// Its user name fragment.
    pub(crate) remote_ufrag: String,
    /// Its first media section.
    pub(crate) mid: String,
    /// Remote candidates taken in this ICE generation.
    pub(crate) taken: usize,
    pub(crate) pace: Pace,
}

/// What the rest of a session and the crate's callbacks both write to.
pub(crate) struct Told {
    pub(crate) candidates: watch::Sender<LocalCandidates>,
    pub(crate) state: watch::Sender<PeerState>,
}

/// A session that has been answered.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) connection: Arc<dyn PeerConnection>,
    pub(crate) wire: Wire,
    pub(crate) told: Arc<Told>,
    pub(crate) media: Media,
    pub(crate) farewell: Farewell,
    pub(crate) negotiation: Mutex<Negotiation>,
    /// The first reason closes it.
    pub(crate) ending: mpsc::Sender<CloseReason>,
}

impl Session {
    /// What signalling follows it by.
    pub(crate) fn link(&self) -> PeerLink {
        PeerLink { candidates: self.told.candidates.subscribe(), state: self.told.state.subscribe() }
    }

    /// Closes it soon.
    pub(crate) fn end(&self, reason: CloseReason) {
        // Room for one: the first reason counts.
        let _ = self.ending.try_send(reason);
    }
}
