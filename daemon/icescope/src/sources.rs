//! Where the parts meet that do not see each other: the peer and the plugin host, evidence and the peer.

use std::sync::{Arc, PoisonError, RwLock};

use icescope_evidence::BoxFuture;
use icescope_model::SessionId;
use icescope_model::media::{Format, SourceError};
use icescope_model::signal::{Answer, CloseReason, Offer, SignalError, Trickle, Trickled};
use icescope_model::uplink::UplinkStats;
use icescope_peer::{OpenStream, Peer, Sources};
use icescope_plugin_host::PluginHost;

use crate::relay::Follower;

/// The plugin host's sources, as the peer asks for them.
pub struct HostSources {
    host: PluginHost,
    default: RwLock<String>,
}

impl HostSources {
    /// The sources of `host`, of which `default` plays where a client names none.
    pub fn new(host: PluginHost, default: String) -> Self {
        Self { host, default: RwLock::new(default) }
    }

    /// Another source plays by default from now on.
    pub fn set_default(&self, name: String) {
        *self.default.write().unwrap_or_else(PoisonError::into_inner) = name;
    }
}

impl Sources for HostSources {
    fn default_source(&self) -> String {
        self.default.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn formats(&self, name: &str) -> Result<Vec<Format>, SourceError> {
        self.host.source_formats(name)
    }

    fn open(&self, name: &str, format: usize) -> Result<OpenStream, SourceError> {
        let stream = self.host.open_stream(name, format)?;
        let control = stream.control;
        Ok((stream.messages, Box::new(move |wanted| control.send(wanted))))
    }
}

/// The peer, as evidence asks for it.
pub struct EvidencePeer {
    /// The peer.
    pub peer: Arc<Peer>,
    /// Who tells the embedded relay of sessions, where it runs.
    pub follower: Option<Follower>,
}

impl icescope_evidence::Peer for EvidencePeer {
    fn answer(&self, session: SessionId, offer: Offer) -> BoxFuture<'_, Result<Answer, SignalError>> {
        Box::pin(async move {
            if let Some(follower) = &self.follower {
                follower.heard(session, offer.sdp.lines());
            }
            let answer = self.peer.answer(session, offer).await?;
            if let Some(follower) = &self.follower {
                follower.answered(session, answer.link.clone());
            }
            Ok(answer)
        })
    }

    fn trickle(&self, session: SessionId, trickle: Trickle) -> BoxFuture<'_, Result<Trickled, SignalError>> {
        if let Some(follower) = &self.follower {
            follower.heard(session, trickle.candidates.iter().map(String::as_str));
        }
        Box::pin(self.peer.trickle(session, trickle))
    }

    fn close(&self, session: SessionId, reason: CloseReason) -> BoxFuture<'_, ()> {
        self.peer.close(session, reason);
        if let Some(follower) = &self.follower {
            follower.closed(session);
        }
        Box::pin(std::future::ready(()))
    }

    fn uplink(&self, session: SessionId) -> Option<UplinkStats> {
        self.peer.uplink(session)
    }
}
