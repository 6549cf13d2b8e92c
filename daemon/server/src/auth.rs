//! Who may open which session, by its secret.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use icescope_evidence::{Evidence, Session};
use subtle::{Choice, ConstantTimeEq};

use crate::call::Call;
use crate::error::Refusal;
use crate::options::Options;

/// `id.token`: joins a signalling request to a session that the page opened.
pub(crate) const SESSION_HEADER: &str = "icescope-session";

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 §2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether the request has one of the configured admin tokens. All are compared, each in constant time.
pub(crate) fn is_admin(headers: &HeaderMap, options: &Options) -> bool {
    let Some(token) = bearer(headers) else { return false };
    let any = options
        .admin_tokens
        .iter()
        .filter(|known| !known.is_empty())
        .fold(Choice::from(0), |any, known| any | known.as_bytes().ct_eq(token.as_bytes()));
    any.into()
}

/// The session of that id, if the request's bearer token opens it, or an admin asks.
pub(crate) fn owned(
    id: &str,
    headers: &HeaderMap,
    evidence: &Evidence,
    options: &Options,
) -> Result<Arc<Session>, Refusal> {
    let session = find(id, evidence)?;
    let owner = bearer(headers).is_some_and(|token| session.opens_with(token));
    if owner || is_admin(headers, options) {
        return Ok(session);
    }
    Err(Refusal::unauthorized(
        "the session opens with its own token, or an admin token, as Authorization: Bearer TOKEN; the request has none or another",
    ))
}

/// The session of that id, if the request comes from its owner, an admin, or someone on this machine: those may see the list of
/// sessions, and what is in one of them. Who shows a token is judged by it wherever it comes from.
pub(crate) fn overseen(
    id: &str,
    call: &Call,
    evidence: &Evidence,
    options: &Options,
) -> Result<Arc<Session>, Refusal> {
    if !call.headers.contains_key(header::AUTHORIZATION) && call.door.is_local_operator(&call.headers) {
        return find(id, evidence);
    }
    owned(id, &call.headers, evidence, options)
}

/// The session of that id, for reading alone: for those who oversee it, and for whom a link to it was shared with.
pub(crate) fn readable(
    id: &str,
    call: &Call,
    evidence: &Evidence,
    options: &Options,
) -> Result<Arc<Session>, Refusal> {
    let session = find(id, evidence)?;
    if bearer(&call.headers).is_some_and(|key| session.reads_with(key)) {
        return Ok(session);
    }
    overseen(id, call, evidence, options)
}

/// The session of that id.
pub(crate) fn find(id: &str, evidence: &Evidence) -> Result<Arc<Session>, Refusal> {
    id.parse().ok().and_then(|id| evidence.session(id)).ok_or_else(Refusal::unknown_session)
}

/// The session that the header `Icescope-Session` names; `None` without the header.
pub(crate) fn joined(headers: &HeaderMap, evidence: &Evidence) -> Result<Option<Arc<Session>>, Refusal> {
    let Some(value) = headers.get(SESSION_HEADER) else { return Ok(None) };
    let Some((id, token)) = value.to_str().ok().and_then(|value| value.split_once('.')) else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "bad-session-header",
            "the header Icescope-Session is ID.TOKEN, as POST /api/sessions gave them",
        ));
    };
    let session = find(id, evidence)?;
    if !session.opens_with(token) {
        return Err(Refusal::unauthorized("the token in the header Icescope-Session is not that session's"));
    }
    if session.is_closed() {
        return Err(Refusal::unknown_session());
    }
    Ok(Some(session))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_a_configured_token_makes_an_admin() {
        let options =
            Options { admin_tokens: vec![String::new(), "one".into(), "two".into()], ..Options::default() };
        for value in ["Bearer one", "bearer two", "Bearer  two"] {
            assert!(is_admin(&with(value), &options), "{value}");
        }
        for value in ["Bearer ", "Bearer three", "Bearer on", "Basic one", "one", ""] {
            assert!(!is_admin(&with(value), &options), "{value}");
        }
        assert!(!is_admin(&HeaderMap::new(), &options));
        assert!(!is_admin(&with("Bearer one"), &Options::default()));
    }
}
