//! `/api/sessions`: opening, listing, reading, and the live channel's stand-in for where WebSockets are blocked.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use icescope_evidence::redact;
use icescope_model::Monotonic;
use icescope_model::api::{FromPage, SessionOpened, SessionSummary, ToPage};
use icescope_model::share::SharedSession;
use serde::Deserialize;

use crate::app::Shared;
use crate::auth;
use crate::call::{Call, Segment};
use crate::doors::{body, rated_address};
use crate::error::Refusal;
use crate::live::messages;

/// `POST /api/sessions`: opens a session for a page. A body is not looked at.
pub(crate) async fn open(
    State(app): State<Shared>,
    call: Call,
) -> Result<(StatusCode, Json<SessionOpened>), Refusal> {
    app.admit(rated_address(&call.door))?;
    let session = app.evidence.open().map_err(Refusal::from)?;
    session.observe(call.arrival(session.id(), "signalling.session").summary("The page opens a session"));
    let opened = SessionOpened {
        id: session.id(),
        token: session.token().reveal().to_owned(),
        ice_servers: (app.options().ice_servers)(&call.door.host.host.plain(), Some(session.id())),
        live: format!("/api/sessions/{}/live", session.id()),
    };
    Ok((StatusCode::CREATED, Json(opened)))
}

/// `GET /api/sessions`: all sessions, for those on this machine and for admins.
pub(crate) async fn list(
    State(app): State<Shared>,
    call: Call,
) -> Result<Json<Vec<SessionSummary>>, Refusal> {
    if call.door.is_local_operator(&call.headers) || auth::is_admin(&call.headers, &app.options()) {
        return Ok(Json(app.evidence.sessions()));
    }
    Err(Refusal::unauthorized(
        "the list of sessions is for the daemon's own machine (by a loopback address) and for admins: send one of the tokens of [server] as Authorization: Bearer TOKEN",
    ))
}

/// How the record is to be given.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// With pseudonyms in the place of addresses and names.
    #[serde(default)]
    redact: bool,
}

/// `GET /api/sessions/{id}?redact=true`: the whole record, as it is or redacted.
pub(crate) async fn record(
    State(app): State<Shared>,
    Segment(id): Segment,
    wanted: Result<Query<Wanted>, QueryRejection>,
    call: Call,
) -> Result<Response, Refusal> {
    let record = auth::readable(&id, &call, &app.evidence, &app.options())?.record();
    let Query(Wanted { redact }) = wanted.map_err(|rejection| {
        let message = format!("redact is true or false: {}", rejection.body_text());
        Refusal::new(StatusCode::BAD_REQUEST, "bad-query", message)
    })?;
    if !redact {
        return Ok(Json(record).into_response());
    }
    // A long record takes tens of milliseconds: other sessions' packets do not wait for it.
    let redacted = tokio::task::spawn_blocking(move || redact::redacted(&record)).await;
    let failed = |error: &dyn std::fmt::Display| {
        let message = format!("the record could not be redacted: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    };
    let document = redacted.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    Ok(Json(document).into_response())
}

/// `POST /api/sessions/{id}/share`: the key of a link that lets others read the session. A body is not looked at.
pub(crate) async fn share(
    State(app): State<Shared>,
    Segment(id): Segment,
    call: Call,
) -> Result<Json<SharedSession>, Refusal> {
    let session = auth::overseen(&id, &call, &app.evidence, &app.options())?;
    Ok(Json(SharedSession { id: session.id(), key: session.share().reveal().to_owned() }))
}

/// Where the page has got to.
#[derive(Debug, Deserialize)]
pub(crate) struct Position {
    /// The first event number that it has not got yet.
    #[serde(default)]
    next: u64,
}

/// `POST /api/sessions/{id}/events?next=N`: a batch of the live channel's messages each way. The body is an array of
/// [`FromPage`] (without `hello`: the token stands in `Authorization`), the answer an array of [`ToPage`]: the answers to
/// those, the daemon's candidates known so far, the session's head, and its events from `next` on. An empty array only reads: who
/// may read the record may follow it so.
pub(crate) async fn exchange(
    State(app): State<Shared>,
    Segment(id): Segment,
    position: Result<Query<Position>, QueryRejection>,
    call: Call,
    body: Body,
) -> Result<Json<Vec<ToPage>>, Refusal> {
    let received = Monotonic::now();
    let readable = auth::readable(&id, &call, &app.evidence, &app.options())?;
    body::require_type(&call.headers, "application/json")?;
    let bytes = body::read(body, app.options().body_limit).await?;
    let batch: Vec<FromPage> = serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!("the body is no JSON array of live messages: {error}");
        Refusal::new(StatusCode::BAD_REQUEST, "bad-messages", message)
    })?;
    let session = if batch.is_empty() {
        readable
    } else {
        auth::owned(&id, &call.headers, &app.evidence, &app.options())?
    };
    let Query(Position { next }) = position.map_err(|rejection| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "bad-query",
            format!("next is an event number: {}", rejection.body_text()),
        )
    })?;
    let mut answers: Vec<ToPage> =
        batch.into_iter().filter_map(|message| messages::take(&session, message, received)).collect();
    answers.extend(messages::candidates(&session.candidates(), &mut messages::Told::default()));
    answers.push(ToPage::Session { session: session.summary() });
    let events = session.events_since(next, messages::EVENTS_PER_MESSAGE);
    if !events.is_empty() {
        answers.push(ToPage::Events { events });
    }
    Ok(Json(answers))
}
