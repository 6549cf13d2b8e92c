//! `POST /offer`: the JSON exchange of the common aiortc demos.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use icescope_model::api::{NatInfo, OfferAnswer, OfferRequest};
use icescope_model::signal::Direction;

use crate::app::Shared;
use crate::call::Call;
use crate::error::Refusal;
use crate::exchange;
use crate::nat_info;
use crate::sdp;

/// Answers an offer. Of the NAT it says what the newest report knows; it never waits for a probe.
pub(crate) async fn answer(
    State(app): State<Shared>,
    call: Call,
    body: Body,
) -> Result<Json<OfferAnswer>, Refusal> {
    let direction = Direction::Play { source: None };
    let answered = exchange::offer(&app, &call, body, direction, "application/json", read).await?;
    exchange::note_sent(&answered, &call, StatusCode::OK);
    let (schema, subject) = nat_info::REPORT;
    let report = app.evidence.probes().newest(schema, subject);
    let nat_info =
        NatInfo { has_srflx: Some(sdp::has_srflx(&answered.sdp)), ..nat_info::of(report.as_ref()) };
    Ok(Json(OfferAnswer { sdp: answered.sdp, kind: "answer".to_owned(), nat_info }))
}

fn read(body: &Bytes) -> Result<String, Refusal> {
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad-offer", message);
    let request: OfferRequest = serde_json::from_slice(body).map_err(|error| {
        bad(format!("the body is not the JSON {{\"sdp\": …, \"type\": \"offer\"}}: {error}"))
    })?;
    if request.kind == "offer" { Ok(request.sdp) } else { Err(bad("the type is not «offer»".to_owned())) }
}
