//! What a refused request is told: a status, and [`ApiError`] as JSON.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use icescope_model::api::ApiError;
use icescope_model::media::SourceError;
use icescope_model::signal::SignalError;

/// Why the server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options name no address.
    #[error("no address to listen on: name at least one in listen of [server], such as \"127.0.0.1:8085\"")]
    NoAddress,
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; {}", listen_remedy(source))]
    Listen {
        /// The address that was tried.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("TLS cannot use {}: {reason}; name a PEM certificate chain and its private key in tls of [server]", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn listen_remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program has the port: stop it, or choose another port in listen of [server]"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "no interface of this host has the address: correct listen of [server]"
        }
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege: choose a higher one in listen of [server]"
        }
        _ => "correct listen of [server]",
    }
}

/// A refusal on its way to the client.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The session is not there, or is over.
    pub(crate) fn unknown_session() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown-session",
            "no such session: it is over, was forgotten, or never was; open a new one",
        )
    }

    /// A token is missing or wrong.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// The body is of another media type than the endpoint takes.
    pub(crate) fn media_type(wanted: &'static str, found: Option<&str>) -> Self {
        let found = found.map_or_else(|| "none".to_owned(), |found| format!("«{}»", shorten(found)));
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "wrong-media-type",
            format!("the body must have the Content-Type {wanted}, and the request has {found}"),
        )
    }
}

/// Text of a client as it may stand in a message: not longer than a line.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(ApiError { code: self.code.to_owned(), message: self.message });
        let mut response = (self.status, body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<SignalError> for Refusal {
    fn from(error: SignalError) -> Self {
        let message = error.to_string();
        match error {
            SignalError::BadOffer(_) => Self::new(StatusCode::BAD_REQUEST, "bad-offer", message),
            SignalError::BadCandidate(_) => Self::new(StatusCode::BAD_REQUEST, "bad-candidate", message),
            // WHEP -03 gives 406 another meaning (a counter-offer as SDP), so this is 422.
            SignalError::NoCommonFormat { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "no-common-format",
                format!(
                    "{message}; configure a source that makes one of the offered formats, or offer one of the source's"
                ),
            ),
            SignalError::Source(source) => refused_source(&source, message),
            SignalError::TooManySessions { retry_after_s, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-sessions", message)
                    .retry_after(retry_after_s.into())
            }
            SignalError::TooManyCandidates { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too-many-candidates", message)
            }
            SignalError::UnknownSession => Self::unknown_session(),
            SignalError::AlreadyAnswered => Self::new(
                StatusCode::CONFLICT,
                "already-answered",
                format!("{message}: open another session for another connection"),
            ),
            SignalError::Internal(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message),
        }
    }
}

fn refused_source(source: &SourceError, message: String) -> Refusal {
    match source {
        SourceError::Unknown { .. } => Refusal::new(StatusCode::NOT_FOUND, "unknown-source", message),
        SourceError::Starting { retry_after_s, .. } => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "source-starting", message)
                .retry_after(u64::from(*retry_after_s))
        }
        // Nothing gets better by waiting here, so no Retry-After.
        SourceError::Failed { .. } => Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "source-failed",
            format!("{message}; it is tried again when the configuration is reloaded"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_text_in_messages_is_bounded() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten(&"ä".repeat(500)).chars().count(), 121);
    }

    #[test]
    fn every_refusal_of_the_peer_has_its_status() {
        let unknown = SourceError::Unknown { name: "x".into(), known: "bars".into() };
        let starting = SourceError::Starting { name: "x".into(), retry_after_s: 3 };
        let failed = SourceError::Failed { name: "x".into(), reason: "crashed".into() };
        let table = [
            (SignalError::BadOffer("no m= line".into()), 400, "bad-offer", None),
            (SignalError::BadCandidate("no port".into()), 400, "bad-candidate", None),
            (
                SignalError::NoCommonFormat { offered: "AV1".into(), available: "VP8".into() },
                422,
                "no-common-format",
                None,
            ),
            (SignalError::Source(unknown), 404, "unknown-source", None),
            (SignalError::Source(starting), 503, "source-starting", Some("3")),
            (SignalError::Source(failed), 503, "source-failed", None),
            (
                SignalError::TooManySessions { limit: 2, retry_after_s: 5 },
                503,
                "too-many-sessions",
                Some("5"),
            ),
            (SignalError::TooManyCandidates { limit: 50 }, 422, "too-many-candidates", None),
            (SignalError::UnknownSession, 404, "unknown-session", None),
            (SignalError::AlreadyAnswered, 409, "already-answered", None),
            (SignalError::Internal("out of sockets".into()), 500, "internal", None),
        ];
        for (error, status, code, retry_after) in table {
            let refusal = Refusal::from(error.clone());
            assert_eq!((refusal.status.as_u16(), refusal.code), (status, code), "{error}");
            let response = refusal.into_response();
            let header = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(header, retry_after, "{error}");
        }
    }
}
