//! WHEP (draft-ietf-wish-whep-03): a client watches a source.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use icescope_model::signal::Direction;

use crate::app::Shared;
use crate::call::{Call, Segment};
use crate::error::Refusal;
use crate::resource;

const BASE: &str = "/whep";

/// `GET`, `HEAD` and `OPTIONS /whep`.
pub(crate) async fn discover(State(app): State<Shared>, call: Call) -> Response {
    resource::discover(&app, &call)
}

/// `POST /whep`
pub(crate) async fn default_source(
    State(app): State<Shared>,
    call: Call,
    body: Body,
) -> Result<Response, Refusal> {
    resource::create(&app, &call, body, Direction::Play { source: None }, BASE).await
}

/// `POST /whep/{source}`
pub(crate) async fn named_source(
    State(app): State<Shared>,
    Segment(source): Segment,
    call: Call,
    body: Body,
) -> Result<Response, Refusal> {
    resource::create(&app, &call, body, Direction::Play { source: Some(source) }, BASE).await
}

/// The methods of a session URL.
pub(crate) fn session_routes() -> MethodRouter<Shared> {
    get(describe).options(describe).patch(patch).delete(delete)
}

async fn describe(State(app): State<Shared>, Segment(key): Segment, call: Call) -> Result<Response, Refusal> {
    resource::describe(&app, &call, &key)
}

async fn patch(
    State(app): State<Shared>,
    Segment(key): Segment,
    call: Call,
    body: Body,
) -> Result<Response, Refusal> {
    resource::patch(&app, &call, &key, body).await
}

async fn delete(State(app): State<Shared>, Segment(key): Segment, call: Call) -> Result<Response, Refusal> {
    resource::delete(&app, &call, &key).await
}
