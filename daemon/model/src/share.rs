//! Letting somebody else read a session.

use serde::{Deserialize, Serialize};

use crate::SessionId;

/// Answer of `POST /api/sessions/{id}/share`: what a link needs that shows the session to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SharedSession {
    /// The session's name.
    #[cfg_attr(test, ts(type = "string"))]
    pub id: SessionId,
    /// The secret that lets its holder read the session for as long as the daemon remembers it, and do nothing else.
    pub key: String,
}
