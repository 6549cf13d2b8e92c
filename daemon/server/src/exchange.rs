//! Offer in, answer out: the core of WHEP, WHIP and `/offer`, and its events in the session's record.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use icescope_evidence::Session;
use icescope_model::signal::{CloseReason, Direction, Offer};
use icescope_model::{Evidence, Lane, Monotonic, Observation, Scope};

use crate::app::Shared;
use crate::auth;
use crate::call::Call;
use crate::doors::{body, rated_address};
use crate::error::Refusal;
use crate::sdp::{self, OfferFacts};

/// An offer that was answered.
pub(crate) struct Answered {
    pub(crate) session: Arc<Session>,
    pub(crate) sdp: String,
    /// The client opened the session itself, so it hears of later candidates on the session's live channel.
    pub(crate) joined: bool,
}

/// The session that the request names, if any. A refusal that follows is noted in it.
pub(crate) async fn offer(
    app: &Shared,
    call: &Call,
    body: Body,
    direction: Direction,
    media_type: &'static str,
    sdp_of: impl FnOnce(&Bytes) -> Result<String, Refusal>,
) -> Result<Answered, Refusal> {
    let joined = auth::joined(&call.headers, &app.evidence)?;
    let result = async {
        body::require_type(&call.headers, media_type)?;
        let bytes = body::read(body, app.options().body_limit).await?;
        let sdp = sdp_of(&bytes)?;
        check(&sdp)?;
        answer(app, call, joined.clone(), sdp, direction).await
    }
    .await;
    if let (Err(refusal), Some(session)) = (&result, &joined) {
        call.note_refusal(session, refusal);
    }
    result
}

/// The body as an SDP.
pub(crate) fn text(bytes: &Bytes) -> Result<String, Refusal> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "bad-offer", "the offer is not UTF-8 text"))
}

fn check(sdp: &str) -> Result<(), Refusal> {
    if sdp.starts_with("v=0\r\n") || sdp.starts_with("v=0\n") {
        return Ok(());
    }
    let message = "the offer is no SDP: it does not begin with the line v=0 (RFC 8866 §5.1)";
    Err(Refusal::new(StatusCode::BAD_REQUEST, "bad-offer", message))
}

async fn answer(
    app: &Shared,
    call: &Call,
    joined: Option<Arc<Session>>,
    sdp: String,
    direction: Direction,
) -> Result<Answered, Refusal> {
    let (session, joined) = if let Some(session) = joined {
        (session, true)
    } else {
        app.admit(rated_address(&call.door))?;
        (app.evidence.open().map_err(Refusal::from)?, false)
    };
    let facts = sdp::offer_facts(&sdp);
    note_offer(&session, call, &facts, sdp.len(), &direction);
    // Only a session's own page can be told of later candidates; for all others WHEP and WHIP want them in the answer.
    let gather_for = if joined && facts.trickle { Duration::ZERO } else { app.options().gather_wait };
    let offer = Offer { sdp, direction, gather_for };
    let result = in_own_task(app, Arc::clone(&session), offer).await;
    match result {
        Ok(sdp) => Ok(Answered { session, sdp, joined }),
        Err(refusal) => {
            if !joined {
                call.note_refusal(&session, &refusal);
                session.close(CloseReason::Failed(refusal.message.clone())).await;
            }
            Err(refusal)
        }
    }
}

/// The peer's work goes on when the client's connection breaks meanwhile: half an answer would leave it in pieces.
async fn in_own_task(app: &Shared, session: Arc<Session>, offer: Offer) -> Result<String, Refusal> {
    let task = app.tasks.spawn(async move {
        let began = Monotonic::now();
        let answer = session.answer(offer).await?;
        note_answer(&session, began, &answer);
        Ok::<_, icescope_model::signal::SignalError>(answer)
    });
    match task.await {
        Ok(result) => result.map_err(Refusal::from),
        Err(error) => {
            tracing::error!("the task that answered an offer did not end: {error}");
            let message = "the daemon failed while it answered the offer; its log says more";
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message))
        }
    }
}

fn note_offer(session: &Session, call: &Call, facts: &OfferFacts, bytes: usize, direction: &Direction) {
    let (what, source) = match direction {
        Direction::Play { source } => ("play", source.as_deref()),
        Direction::Ingest => ("ingest", None),
    };
    let summary = format!("Offer ({bytes} bytes, {} candidates)", facts.candidates);
    let mut arrival = call
        .arrival(session.id(), "signalling.offer")
        .summary(summary.clone())
        .with("bytes", bytes)
        .with("direction", what)
        .with("trickle", facts.trickle)
        .with("candidates", facts.candidates)
        .with("media", facts.media.clone())
        .with("codecs", facts.codecs.clone());
    if let Some(source) = source {
        arrival = arrival.with("source", source);
    }
    if let Some(ufrag) = &facts.ufrag {
        arrival = arrival.with("usernameFragment", ufrag.as_str());
    }
    session.observe(arrival);
    session.observe(between(session, Lane::Signalling, Lane::Peer, "signalling.offer").summary(summary));
}

fn note_answer(session: &Session, began: Monotonic, text: &str) {
    let now = Monotonic::now();
    let candidates = session.candidates().candidates.len();
    let mut answer = between(session, Lane::Peer, Lane::Signalling, "signalling.answer")
        .at(now)
        .summary(format!("Answer ({} bytes)", text.len()))
        .with("bytes", text.len())
        .with("candidates", candidates)
        .with("durationUs", now.micros_since(began));
    for (name, value) in sdp::handshake(text) {
        answer = answer.with(name, value);
    }
    session.observe(answer);
}

/// The answer leaves for the client.
pub(crate) fn note_sent(answered: &Answered, call: &Call, status: StatusCode) {
    let sent = call
        .answered(answered.session.id(), "signalling.answer", status)
        .summary(format!("Answer, {status}"))
        .with("bytes", answered.sdp.len());
    answered.session.observe(sent);
}

/// An observation of what signalling and the peer say to each other, now.
pub(crate) fn between(session: &Session, from: Lane, to: Lane, kind: &'static str) -> Observation {
    Observation::new(Scope::Session(session.id()), Evidence::Api, from, to, kind)
}
