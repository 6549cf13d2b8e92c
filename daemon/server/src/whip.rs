//! WHIP (RFC 9725): a client sends its own picture, which is measured and discarded.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use icescope_model::signal::Direction;

use crate::app::Shared;
use crate::call::Call;
use crate::error::Refusal;
use crate::resource;

/// `POST /whip`
pub(crate) async fn ingest(State(app): State<Shared>, call: Call, body: Body) -> Result<Response, Refusal> {
    resource::create(&app, &call, body, Direction::Ingest, "/whip").await
}
