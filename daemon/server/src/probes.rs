//! `/api/probes`: what measures, what it found, and running it again.
//!
//! Reports hold the addresses of this host and of its servers, so the door is that of the list of sessions; beside it, a page
//! whose session is open may see them, for its live channel tells them anyway. Targets are those of the configuration.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use icescope_evidence::RunRefused;
use icescope_model::api::{ProbeStarted, Probes};

use crate::app::Shared;
use crate::auth;
use crate::call::{Call, Segment};
use crate::doors::rated_address;
use crate::error::Refusal;

/// `GET /api/probes`: every probe with its run, its steps so far, and its newest reports.
pub(crate) async fn list(State(app): State<Shared>, call: Call) -> Result<Json<Probes>, Refusal> {
    enter(&app, &call)?;
    Ok(Json(Probes { probes: app.evidence.probes().states() }))
}

/// `POST /api/probes/{instance}/run`: begins a run over the configured targets. A body is not looked at.
pub(crate) async fn run(
    State(app): State<Shared>,
    Segment(instance): Segment,
    call: Call,
) -> Result<(StatusCode, Json<ProbeStarted>), Refusal> {
    enter(&app, &call)?;
    app.admit_run(rated_address(&call.door))?;
    let run = app.evidence.probes().demand(&instance)?;
    Ok((StatusCode::ACCEPTED, Json(ProbeStarted { instance, run })))
}

fn enter(app: &Shared, call: &Call) -> Result<(), Refusal> {
    let operator =
        call.door.is_local_operator(&call.headers) || auth::is_admin(&call.headers, &app.options());
    if operator || auth::joined(&call.headers, &app.evidence)?.is_some() {
        return Ok(());
    }
    Err(Refusal::unauthorized(
        "probes are for the daemon's own machine (by a loopback address), for pages with an open session (the header Icescope-Session), and for admins: send one of the tokens of [server] as Authorization: Bearer TOKEN",
    ))
}

impl From<RunRefused> for Refusal {
    fn from(error: RunRefused) -> Self {
        let message = error.to_string();
        match error {
            RunRefused::Unknown { .. } => Self::new(StatusCode::NOT_FOUND, "unknown-probe", message),
            RunRefused::Running { .. } => Self::new(StatusCode::CONFLICT, "probe-running", message),
            RunRefused::NotNow { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "probes-not-up", message).retry_after(1)
            }
        }
    }
}
