//! What WHEP (draft-ietf-wish-whep-03) and WHIP (RFC 9725) have in common: POST makes a session, PATCH trickles or
//! restarts ICE, DELETE ends it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use icescope_evidence::Session;
use icescope_model::api::IceServer;
use icescope_model::signal::{CloseReason, Direction, LocalCandidates, SignalError, Trickle, Trickled};
use icescope_model::{Lane, Monotonic};

use crate::app::Shared;
use crate::call::Call;
use crate::doors::body;
use crate::error::Refusal;
use crate::exchange::{self, between};
use crate::resources::Resource;
use crate::sdp;
use crate::sdpfrag;

const SDP: &str = "application/sdp";
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// POST: 201 with the answer. `base` is `/whep` or `/whip`.
pub(crate) async fn create(
    app: &Shared,
    call: &Call,
    body: Body,
    direction: Direction,
    base: &str,
) -> Result<Response, Refusal> {
    let answered = exchange::offer(app, call, body, direction, SDP, exchange::text).await?;
    let session = &answered.session;
    let key = app.resources().insert(&app.evidence, session, sdp::shape(&answered.sdp), answered.joined);
    exchange::note_sent(&answered, call, StatusCode::CREATED);
    let location = format!("{base}/sessions/{key}");
    let mut response = (StatusCode::CREATED, answered.sdp.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(sdpfrag::MEDIA_TYPE));
    headers.insert(header::ETAG, etag(session.generation()));
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(header::LOCATION, location);
    }
    link_servers(headers, &(app.options().ice_servers)(&call.door.host.host.plain(), Some(session.id())));
    Ok(response)
}

/// GET, HEAD and OPTIONS of an endpoint: no content, but what it takes and which ICE servers it names (WHEP -03 wants a
/// 2xx without content for GET, and 200 with `Accept-Post` for OPTIONS).
pub(crate) fn discover(app: &Shared, call: &Call) -> Response {
    let status =
        if call.method == axum::http::Method::OPTIONS { StatusCode::OK } else { StatusCode::NO_CONTENT };
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS, POST"));
    headers.insert(ACCEPT_POST, HeaderValue::from_static(SDP));
    link_servers(headers, &(app.options().ice_servers)(&call.door.host.host.plain(), None));
    response
}

/// GET, HEAD and OPTIONS of a session URL.
pub(crate) fn describe(app: &Shared, call: &Call, key: &str) -> Result<Response, Refusal> {
    open_session(app, key)?;
    let status =
        if call.method == axum::http::Method::OPTIONS { StatusCode::OK } else { StatusCode::NO_CONTENT };
    let mut response = status.into_response();
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH"));
    response.headers_mut().insert(ACCEPT_PATCH, HeaderValue::from_static(sdpfrag::MEDIA_TYPE));
    Ok(response)
}

/// PATCH: 204 for candidates, 200 with the daemon's fragment for an ICE restart.
pub(crate) async fn patch(app: &Shared, call: &Call, key: &str, body: Body) -> Result<Response, Refusal> {
    let (resource, session) = open_session(app, key)?;
    let result = async {
        let trickle = read_fragment(app, call, body).await?;
        check_generation(&call.headers, session.generation())?;
        hand_over(app, call, &resource, &session, trickle).await
    }
    .await;
    if let Err(refusal) = &result {
        call.note_refusal(&session, refusal);
    }
    result
}

/// DELETE: 200, and the session is closed. The entity-tag does not matter here.
pub(crate) async fn delete(app: &Shared, call: &Call, key: &str) -> Result<Response, Refusal> {
    let (_, session) = open_session(app, key)?;
    // Of two at one time only one gets it.
    let taken = app.resources().remove(key);
    taken.ok_or_else(Refusal::unknown_session)?;
    session.observe(call.arrival(session.id(), "signalling.delete").summary("The client ends the session"));
    session.observe(
        between(&session, Lane::Signalling, Lane::Peer, "signalling.delete").summary("End of the session"),
    );
    session.close(CloseReason::Deleted).await;
    session.observe(
        call.answered(session.id(), "signalling.delete", StatusCode::OK).summary("Session ended, 200 OK"),
    );
    Ok(StatusCode::OK.into_response())
}

fn open_session(app: &Shared, key: &str) -> Result<(Arc<Resource>, Arc<Session>), Refusal> {
    let resource = app.resources().find(key).ok_or_else(Refusal::unknown_session)?;
    let session = app.evidence.session(resource.session).filter(|session| !session.is_closed());
    Ok((resource, session.ok_or_else(Refusal::unknown_session)?))
}

async fn read_fragment(app: &Shared, call: &Call, body: Body) -> Result<Trickle, Refusal> {
    body::require_type(&call.headers, sdpfrag::MEDIA_TYPE)
        .map_err(|refusal| refusal.header(ACCEPT_PATCH, HeaderValue::from_static(sdpfrag::MEDIA_TYPE)))?;
    let bytes = body::read(body, app.options().body_limit).await?;
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad-fragment", message);
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| bad(format!("the fragment is not UTF-8 text: {error}")))?;
    sdpfrag::parse(text).map_err(|error| bad(error.to_string()))
}

/// The ETag of an ICE generation.
fn etag(generation: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{generation}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// `If-Match` must name the current generation, or any by `*` (RFC 9110 §13.1.1, RFC 6585 §3).
fn check_generation(headers: &HeaderMap, generation: u64) -> Result<(), Refusal> {
    let current = etag(generation);
    let mut tags = headers
        .get_all(header::IF_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|tag| !tag.is_empty())
        .peekable();
    if tags.peek().is_none() {
        let message = "a PATCH names the ICE generation that it is for: If-Match with the ETag of the last answer, or * for an ICE restart";
        return Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, "if-match-required", message));
    }
    if tags.any(|tag| tag == b"*" || tag == current.as_bytes()) {
        return Ok(());
    }
    let message =
        format!("the PATCH is for another ICE generation than the current one, which is \"{generation}\"");
    Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "stale-generation", message)
        .header(header::ETAG, current))
}

async fn hand_over(
    app: &Shared,
    call: &Call,
    resource: &Resource,
    session: &Arc<Session>,
    trickle: Trickle,
) -> Result<Response, Refusal> {
    note_fragment(session, call, &trickle);
    let began = Monotonic::now();
    let task = app.tasks.spawn({
        let session = Arc::clone(session);
        async move { session.trickle(trickle).await }
    });
    let done = task.await.unwrap_or_else(|error| Err(SignalError::Internal(error.to_string())));
    match done.map_err(Refusal::from)? {
        Trickled::Added => {
            let status = StatusCode::NO_CONTENT;
            session.observe(
                call.answered(session.id(), "signalling.candidate.accepted", status)
                    .summary("Candidates accepted, 204"),
            );
            Ok(status.into_response())
        }
        Trickled::Restarted(local) => {
            let wait = if resource.joined { Duration::ZERO } else { app.options().gather_wait };
            let local = gathered(session, local, wait).await;
            note_restart(session, call, &local, began);
            let mut response = sdpfrag::write(&resource.shape, &local).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(sdpfrag::MEDIA_TYPE));
            headers.insert(header::ETAG, etag(session.generation()));
            Ok(response)
        }
    }
}

/// Waits, at most so long, until the daemon's candidates of the new generation are all there.
async fn gathered(session: &Session, first: LocalCandidates, wait: Duration) -> LocalCandidates {
    let mut revision = session.revision();
    let newest = |known: LocalCandidates| {
        let now = session.candidates();
        if now.ufrag == known.ufrag { now } else { known }
    };
    let mut known = newest(first);
    let deadline = tokio::time::Instant::now() + wait;
    while !known.complete {
        match tokio::time::timeout_at(deadline, revision.changed()).await {
            Ok(Ok(())) => known = newest(known),
            _ => break,
        }
    }
    known
}

fn note_fragment(session: &Session, call: &Call, trickle: &Trickle) {
    let count = trickle.candidates.len();
    let end = if trickle.end_of_candidates { ", the last" } else { "" };
    let summary = format!("{count} candidate{}{end}", if count == 1 { "" } else { "s" });
    let mut arrival = call
        .arrival(session.id(), "signalling.candidate")
        .summary(summary.clone())
        .with("candidates", trickle.candidates.clone())
        .with("endOfCandidates", trickle.end_of_candidates);
    if let Some(ufrag) = &trickle.ufrag {
        arrival = arrival.with("usernameFragment", ufrag.as_str());
    }
    session.observe(arrival);
    session.observe(between(session, Lane::Signalling, Lane::Peer, "signalling.candidate").summary(summary));
}

fn note_restart(session: &Session, call: &Call, local: &LocalCandidates, began: Monotonic) {
    let restarted = between(session, Lane::Peer, Lane::Signalling, "signalling.restart")
        .summary("ICE restarted")
        .with("usernameFragment", local.ufrag.as_str())
        .with("durationUs", Monotonic::now().micros_since(began));
    session.observe(restarted);
    let sent = call
        .answered(session.id(), "signalling.restart", StatusCode::OK)
        .summary(format!("ICE restart, generation {}", session.generation()))
        .with("candidates", local.candidates.clone())
        .with("endOfCandidates", local.complete);
    session.observe(sent);
}

/// One `Link` per URL (RFC 9725 §4.6).
fn link_servers(headers: &mut HeaderMap, servers: &[IceServer]) {
    for server in servers {
        for url in &server.urls {
            if let Ok(value) = HeaderValue::from_str(&link(url, server)) {
                headers.append(header::LINK, value);
            } else {
                tracing::warn!(
                    "an ICE server has a control character in its URL or credential: it is not named to clients"
                );
            }
        }
    }
}

fn link(url: &str, server: &IceServer) -> String {
    let mut link = format!("<{}>; rel=\"ice-server\"", url.replace(['<', '>'], ""));
    let mut attribute = |name: &str, value: &str| {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        // Writing into a String cannot fail.
        let _ = write!(link, "; {name}=\"{quoted}\"");
    };
    if let Some(username) = &server.username {
        attribute("username", username);
    }
    if let Some(credential) = &server.credential {
        attribute("credential", credential);
        attribute("credential-type", "password");
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_compared_strongly() {
        let check = |values: &[&'static str]| {
            let headers: HeaderMap =
                values.iter().map(|value| (header::IF_MATCH, HeaderValue::from_static(value))).collect();
            check_generation(&headers, 2).map_err(|refusal| refusal.status.as_u16())
        };
        for values in [&["\"2\""][..], &["*"], &["\"1\", \"2\""], &["\"1\"", "\"2\""]] {
            assert_eq!(check(values), Ok(()), "{values:?}");
        }
        for values in [&["\"1\""][..], &["W/\"2\""], &["2"], &["\"22\""]] {
            assert_eq!(check(values), Err(412), "{values:?}");
        }
        for values in [&[][..], &[""], &[" , "]] {
            assert_eq!(check(values), Err(428), "{values:?}");
        }
    }

    #[test]
    fn links_quote_what_they_carry() {
        let server =
            IceServer { urls: vec![], username: Some("a\"b".into()), credential: Some("c\\d".into()) };
        assert_eq!(
            link("turn:t.example?transport=udp", &server),
            r#"<turn:t.example?transport=udp>; rel="ice-server"; username="a\"b"; credential="c\\d"; credential-type="password""#
        );
        let stun = IceServer { urls: vec![], username: None, credential: None };
        assert_eq!(link("stun:s.example", &stun), r#"<stun:s.example>; rel="ice-server""#);
    }
}
