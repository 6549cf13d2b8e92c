//! The live channel: a WebSocket per page, `/api/sessions/{id}/live`.

mod channel;
pub(crate) mod messages;
mod probes;

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::app::Shared;
use crate::auth;
use crate::call::{Call, Segment};
use crate::error::Refusal;

/// A batch of browser events with their statistics stays far below this. What is larger is left out, and the page told.
const MESSAGE_LIMIT: usize = 256 * 1024;
/// What is larger still is not even read: it ends the channel.
const HARD_LIMIT: usize = 4 * MESSAGE_LIMIT;

/// Read buffer of a channel; the default of 128 KiB is for streams, and each open page would cost it.
const READ_BUFFER: usize = 4 * 1024;

/// `GET /api/sessions/{id}/live`. A session that is not there is told by a close code: a page cannot see the status of a
/// WebSocket's HTTP answer, and would take it for a network fault.
pub(crate) async fn upgrade(
    State(app): State<Shared>,
    Segment(id): Segment,
    call: Call,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|rejection| {
        let message = format!("the live channel is a WebSocket: {}", rejection.body_text());
        Refusal::new(StatusCode::UPGRADE_REQUIRED, "websocket-required", message)
            .header(header::UPGRADE, HeaderValue::from_static("websocket"))
            .header(header::CONNECTION, HeaderValue::from_static("upgrade"))
    })?;
    let permit = Arc::clone(&app.live_channels).try_acquire_owned().map_err(|_| {
        let message = "as many live channels are open as the daemon serves; close other pages";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-live-channels", message).retry_after(5)
    })?;
    let session = auth::find(&id, &app.evidence).ok();
    // The tracker's token keeps a stop waiting until the channel has said good-bye.
    let owned = app.tasks.token();
    let upgrade =
        upgrade.max_message_size(HARD_LIMIT).max_frame_size(HARD_LIMIT).read_buffer_size(READ_BUFFER);
    Ok(upgrade.on_upgrade(async move |socket| {
        channel::serve(app, session, call, socket).await;
        drop((permit, owned));
    }))
}
