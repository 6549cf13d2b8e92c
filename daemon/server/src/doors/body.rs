//! Reading a request's body, within bounds.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::error::Refusal;

/// An offer is there within one round trip; what trickles in for longer holds a connection for nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// So much of a body that is too large is read and thrown away: a connection that is closed on unread data is reset,
/// and the client would see that instead of the refusal.
const MOST_DISCARDED: usize = 1 << 20;

/// Reads the whole body: 413 beyond `limit` bytes, 408 when it does not come, 400 when it breaks off.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > limit.max(MOST_DISCARDED) as u64 {
        return Err(too_large(limit));
    }
    tokio::time::timeout(PATIENCE, collect(body, limit)).await.unwrap_or_else(|_| {
        let message = format!("the request's body did not arrive within {} s", PATIENCE.as_secs());
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", message))
    })
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let message = format!("the request's body broke off: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, "bad-body", message)
        })?;
        length += chunk.len();
        if length <= limit {
            whole.extend_from_slice(&chunk);
        } else if length > limit.max(MOST_DISCARDED) {
            break;
        }
    }
    if length > limit { Err(too_large(limit)) } else { Ok(whole.freeze()) }
}

fn too_large(limit: usize) -> Refusal {
    let message = format!("the request's body is larger than {limit} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", message)
}

/// The body's media type in lower case, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Refuses (415) a body of another media type.
pub(crate) fn require_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Refusal> {
    let found = media_type(headers);
    if found.as_deref() == Some(wanted) { Ok(()) } else { Err(Refusal::media_type(wanted, found.as_deref())) }
}
