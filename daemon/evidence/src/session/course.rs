//! The course of a session: its offer is answered, its connection followed, its candidates handed over, until it is over.

use std::sync::Arc;

use icescope_model::api::{Closed, SessionState};
use icescope_model::signal::{
    CloseReason, Direction, Offer, PeerLink, PeerState, SignalError, Trickle, Trickled,
};
use icescope_model::{Evidence, Lane, Level, Monotonic, Observation, Scope};

use super::Session;

impl Session {
    /// Answers the session's first offer.
    pub async fn answer(self: &Arc<Self>, offer: Offer) -> Result<String, SignalError> {
        {
            let mut inner = self.inner();
            if inner.state == SessionState::Closed {
                return Err(SignalError::UnknownSession);
            }
            if inner.answering || inner.link.is_some() {
                return Err(SignalError::AlreadyAnswered);
            }
            inner.answering = true;
            inner.ingest = offer.direction == Direction::Ingest;
        }
        let result = self.peer.answer(self.id, offer).await;
        let closed_meanwhile = {
            let mut inner = self.inner();
            inner.answering = false;
            if let Ok(answer) = &result {
                inner.link = Some(answer.link.clone());
                inner.generation = 1;
            }
            inner.closed.is_some()
        };
        if closed_meanwhile {
            self.peer.close(self.id, CloseReason::Deleted).await;
            return Err(SignalError::UnknownSession);
        }
        let answer = result?;
        let session = Arc::clone(self);
        self.tasks.spawn(async move { session.follow(answer.link).await });
        self.touch();
        Ok(answer.sdp)
    }

    /// Follows what the peer tells until the connection is closed.
    async fn follow(self: Arc<Self>, mut link: PeerLink) {
        let mut candidates_open = true;
        loop {
            let state = link.state.borrow_and_update().clone();
            if self.apply(&state) {
                return;
            }
            tokio::select! {
                changed = link.state.changed() => if changed.is_err() {
                    let last = link.state.borrow().clone();
                    if !self.apply(&last) {
                        self.mark_closed(&CloseReason::Failed("the peer gave the session up without a reason".to_owned()));
                    }
                    return;
                },
                changed = link.candidates.changed(), if candidates_open => {
                    candidates_open = changed.is_ok();
                    self.touch();
                }
            }
        }
    }

    /// Takes over the peer's state; true once that is the end.
    fn apply(&self, state: &PeerState) -> bool {
        let next = match state {
            PeerState::Connecting => SessionState::Connecting,
            PeerState::Connected => SessionState::Connected,
            PeerState::Disconnected => SessionState::Disconnected,
            PeerState::Closed(reason) => {
                self.mark_closed(reason);
                return true;
            }
        };
        let mut inner = self.inner();
        if inner.state == SessionState::Closed {
            return true;
        }
        if inner.state != next {
            inner.state = next;
            inner.judge.head_changed();
            if next == SessionState::Connected {
                let now = self.axis(Monotonic::now());
                inner.record.connected(now);
            }
            drop(inner);
            self.touch();
        }
        false
    }

    pub(crate) fn mark_closed(&self, reason: &CloseReason) {
        let now = Monotonic::now();
        {
            let mut inner = self.inner();
            if inner.closed.is_some() {
                return;
            }
            inner.state = SessionState::Closed;
            inner.closed = Some(Closed { code: reason.code().to_owned(), reason: reason.describe() });
            inner.closed_at = Some(now);
            let placed = inner.browser.give_up_waiting(self.axis(now));
            inner.push(placed);
        }
        self.note_reports(self.opened_unix_ms);
        let level = match reason {
            CloseReason::Deleted | CloseReason::ClosedByRemote | CloseReason::ShuttingDown => Level::Info,
            _ => Level::Warn,
        };
        // The line that says how it turned out comes with the verdict.
        tracing::debug!(session = %self.id, code = reason.code(), "session closed: {}", reason.describe());
        self.observe(
            Observation::new(
                Scope::Session(self.id),
                Evidence::Api,
                Lane::Peer,
                Lane::Peer,
                "session.closed",
            )
            .at(now)
            .level(level)
            .summary(format!("Session closed: {}", reason.describe()))
            .with("code", reason.code()),
        );
    }

    /// Hands over candidates of the client, or its ICE restart.
    pub async fn trickle(&self, trickle: Trickle) -> Result<Trickled, SignalError> {
        {
            let inner = self.inner();
            if inner.link.is_none() || inner.closed.is_some() {
                return Err(SignalError::UnknownSession);
            }
        }
        let done = self.peer.trickle(self.id, trickle).await?;
        if matches!(done, Trickled::Restarted(_)) {
            self.inner().generation += 1;
        }
        self.touch();
        Ok(done)
    }

    /// Ends the session.
    pub async fn close(&self, reason: CloseReason) {
        self.mark_closed(&reason);
        // Without an answer, too: the peer's side may have begun with the session. While one is made, its end closes it.
        let answering = self.inner().answering;
        if !answering {
            self.peer.close(self.id, reason).await;
        }
    }
}
