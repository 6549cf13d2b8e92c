//! One request, as the handlers and the session's record see it.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use icescope_model::{Evidence, Lane, Monotonic, Observation, Scope, SessionId};

use crate::doors::{Door, shown_path};
use crate::error::{Refusal, shorten};

/// What the handlers need of a request besides its body.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) door: Door,
    pub(crate) method: Method,
    /// Without secrets.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let Ok::<_, Infallible>(method) = Method::from_request_parts(parts, &()).await;
        let door = parts.extensions.get::<Door>().cloned().ok_or_else(|| {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request did not pass the doors")
        })?;
        Ok(Self { door, method, path: shown_path(parts.uri.path()), headers: parts.headers.clone() })
    }
}

/// The one variable segment of a path.
#[derive(Debug)]
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(segment)) => Ok(Self(segment)),
            Err(error) => Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-path", error.body_text())),
        }
    }
}

impl Call {
    /// An observation of this request, on its way from the client to signalling, at the time it came.
    pub(crate) fn arrival(&self, session: SessionId, kind: &'static str) -> Observation {
        let observation =
            Observation::new(Scope::Session(session), Evidence::Api, Lane::Web, Lane::Signalling, kind)
                .at(self.door.began)
                .with("method", self.method.as_str())
                .with("path", self.path.as_str())
                .with("remoteAddress", self.door.peer.to_string());
        match self.user_agent() {
            Some(agent) => observation.with("userAgent", agent),
            None => observation,
        }
    }

    /// An observation of this request's answer, on its way from signalling to the client, now.
    pub(crate) fn answered(&self, session: SessionId, kind: &'static str, status: StatusCode) -> Observation {
        let now = Monotonic::now();
        Observation::new(Scope::Session(session), Evidence::Api, Lane::Signalling, Lane::Web, kind)
            .at(now)
            .with("method", self.method.as_str())
            .with("path", self.path.as_str())
            .with("status", status.as_u16())
            .with("durationUs", now.micros_since(self.door.began))
    }

    fn user_agent(&self) -> Option<String> {
        let value = self.headers.get(header::USER_AGENT)?;
        // Browsers' names are up to about 150 bytes long.
        let text: String = String::from_utf8_lossy(value.as_bytes()).chars().take(300).collect();
        Some(text)
    }

    /// Writes a refusal into the session that the request belonged to.
    pub(crate) fn note_refusal(&self, session: &icescope_evidence::Session, refusal: &Refusal) {
        let observation = self
            .answered(session.id(), "signalling.refused", refusal.status)
            .level(icescope_model::Level::Warn)
            .summary(format!("{} {} refused: {}", self.method, self.path, shorten(&refusal.message)))
            .with("code", refusal.code)
            .with("message", refusal.message.as_str());
        session.observe(observation);
    }
}
