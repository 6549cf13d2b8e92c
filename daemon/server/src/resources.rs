//! The WHEP and WHIP session URLs.
//!
//! A URL is `/whep/sessions/{id}.{secret}`: the session's id, which logs and links may show, and a secret of the
//! URL's own. Whoever has it may trickle, restart and delete (the drafts' «token within the URL»), but not read the
//! session's record: that takes the session's token. Proxies log URLs, and seldom header fields.

use std::collections::HashMap;
use std::sync::Arc;

use icescope_evidence::{Evidence, Session};
use icescope_model::{SessionId, Token};
use subtle::ConstantTimeEq;

use crate::sdp::Shape;

/// What a session URL stands for.
pub(crate) struct Resource {
    pub(crate) session: SessionId,
    secret: Token,
    /// What fragments repeat of the answer.
    pub(crate) shape: Shape,
    /// The client hears of later candidates on the session's live channel.
    pub(crate) joined: bool,
}

/// All session URLs, at most one per session.
#[derive(Default)]
pub(crate) struct Resources {
    by_session: HashMap<SessionId, Arc<Resource>>,
}

impl Resources {
    /// Makes the URL's last segment for a session. Those of sessions that are over are let go meanwhile, so that there
    /// are never more than open sessions and those that ended since the last one began.
    pub(crate) fn insert(
        &mut self,
        evidence: &Evidence,
        session: &Session,
        shape: Shape,
        joined: bool,
    ) -> String {
        self.by_session.retain(|id, _| evidence.session(*id).is_some_and(|session| !session.is_closed()));
        let resource = Resource { session: session.id(), secret: Token::random(), shape, joined };
        let key = format!("{}.{}", resource.session, resource.secret.reveal());
        self.by_session.insert(resource.session, Arc::new(resource));
        key
    }

    /// What the segment stands for.
    pub(crate) fn find(&self, key: &str) -> Option<Arc<Resource>> {
        let (id, secret) = key.split_once('.')?;
        let resource = self.by_session.get(&id.parse().ok()?)?;
        let same: bool = resource.secret.reveal().as_bytes().ct_eq(secret.as_bytes()).into();
        same.then(|| Arc::clone(resource))
    }

    /// Takes the URL away; `None` when it was gone already.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Arc<Resource>> {
        let session = self.find(key)?.session;
        self.by_session.remove(&session)
    }
}
