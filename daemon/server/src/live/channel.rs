//! One live channel, from hello to close.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use icescope_evidence::Session;
use icescope_model::api::{FromPage, SessionSummary, ToPage};
use icescope_model::plugin::PluginStatus;
use icescope_model::{Lane, Level, Monotonic};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::MESSAGE_LIMIT;
use super::messages::{self, EVENTS_PER_MESSAGE, Told};
use super::probes::ProbeFeed;
use crate::app::Shared;
use crate::call::Call;
use crate::exchange::between;

/// The page says hello as soon as the channel is open.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Pushes are at least this far apart, so that a burst of packets becomes a few messages.
const PUSH_EVERY: Duration = Duration::from_millis(20);
/// How often a silent page is asked for a sign of life, below the 30 s to 60 s after which middleboxes forget.
const PING_EVERY: Duration = Duration::from_secs(15);
/// Three unanswered ones.
const SILENCE: Duration = Duration::from_secs(45);
/// A reader that takes nothing for so long is gone. What it has not read stays in the record, not in memory of ours.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long the closing handshake may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// A session that is over has nothing more to tell after this; the page has its last statistics through by then.
const AFTER_CLOSE: Duration = Duration::from_mins(1);
/// A page that keeps talking nonsense is not ours.
const MOST_ERRORS: u32 = 20;

/// Close codes: 4000 to 4999 are the application's (RFC 6455 §7.4.2).
mod code {
    pub(super) const GOING_AWAY: u16 = 1001;
    pub(super) const NONSENSE: u16 = 4400;
    pub(super) const UNAUTHORIZED: u16 = 4401;
    pub(super) const UNKNOWN_SESSION: u16 = 4404;
    pub(super) const NO_HELLO: u16 = 4408;
    pub(super) const SESSION_OVER: u16 = 4410;
}

/// Why a channel ends: with a word to the page, or because the page is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Close(u16, &'static str),
    Gone(String),
}

/// Serves one channel until it ends.
pub(super) async fn serve(app: Shared, session: Option<Arc<Session>>, call: Call, mut socket: WebSocket) {
    let Some(session) = session else {
        say_goodbye(&mut socket, &End::Close(code::UNKNOWN_SESSION, "no such session: open a new one")).await;
        return;
    };
    let next = match hello(&app, &session, &mut socket).await {
        Ok(next) => next,
        Err(end) => {
            tracing::info!(session = %session.id(), peer = %call.door.peer, ?end, "live channel refused");
            say_goodbye(&mut socket, &end).await;
            return;
        }
    };
    session.live_connected();
    let note = |kind, summary: &str| {
        session.observe(
            call.arrival(session.id(), kind).at(Monotonic::now()).level(Level::Debug).summary(summary),
        );
    };
    note("signalling.live.open", "Live channel open");
    let end = Channel::new(&app, Arc::clone(&session), socket, next).run(&app).await;
    session.live_gone();
    let words = match &end {
        End::Close(code, reason) => format!("Live channel closed by the daemon ({code}: {reason})"),
        End::Gone(reason) => format!("Live channel gone: {reason}"),
    };
    note("signalling.live.closed", &words);
}

/// The first message opens the channel: the session's token, and where the page has got to.
async fn hello(app: &Shared, session: &Session, socket: &mut WebSocket) -> Result<u64, End> {
    let first = tokio::select! {
        () = app.stop.cancelled() => return Err(End::Close(code::GOING_AWAY, "the daemon is stopping")),
        first = timeout(HELLO_WITHIN, first_text(socket)) => first,
    };
    let text = first.map_err(|_| End::Close(code::NO_HELLO, "no hello within 5 s"))??;
    match serde_json::from_str(&text) {
        Ok(FromPage::Hello { token, next }) if session.opens_with(&token) => Ok(next),
        Ok(FromPage::Hello { .. }) => Err(End::Close(code::UNAUTHORIZED, "the token is not this session's")),
        _ => Err(End::Close(code::NONSENSE, "the first message is hello with the session's token")),
    }
}

async fn first_text(socket: &mut WebSocket) -> Result<String, End> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Ok(String::new()),
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone("closed before hello".to_owned())),
            Some(Err(error)) => return Err(End::Gone(error.to_string())),
        }
    }
}

/// Says why, and lets the closing handshake end, so that the page sees the code and not a broken connection.
async fn say_goodbye(socket: &mut WebSocket, end: &End) {
    let end_of_channel = async {
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code: *code, reason: (*reason).into() };
            if socket.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        while let Some(Ok(_)) = socket.recv().await {}
    };
    // A page that does not answer is let go all the same.
    let _ = timeout(GOODBYE_WITHIN, end_of_channel).await;
}

struct Channel {
    socket: WebSocket,
    session: Arc<Session>,
    revision: watch::Receiver<u64>,
    plugins: watch::Receiver<Vec<PluginStatus>>,
    probes: ProbeFeed,
    /// The first event that the page has not got.
    next: u64,
    told: Told,
    /// The head as it was last sent, its event counters aside.
    head: Option<SessionSummary>,
    /// When something is to be pushed.
    due: Option<Instant>,
    pushed: Option<Instant>,
    heard: Instant,
    ping_at: Instant,
    closed_since: Option<Instant>,
    errors: u32,
}

impl Channel {
    fn new(app: &Shared, session: Arc<Session>, socket: WebSocket, next: u64) -> Self {
        let now = Instant::now();
        let mut plugins = app.evidence.watch_plugins();
        // The page is told them as they are now, too.
        plugins.mark_changed();
        Self {
            socket,
            revision: session.revision(),
            plugins,
            probes: ProbeFeed::new(app.evidence.probes()),
            session,
            next,
            told: Told::default(),
            head: None,
            due: Some(now),
            pushed: None,
            heard: now,
            ping_at: now + PING_EVERY,
            closed_since: None,
            errors: 0,
        }
    }

    async fn run(mut self, app: &Shared) -> End {
        let end = loop {
            if let ControlFlow::Break(end) = self.step(app).await {
                break end;
            }
        };
        say_goodbye(&mut self.socket, &end).await;
        end
    }

    /// Waits for the next thing to happen, and does what it asks for.
    async fn step(&mut self, app: &Shared) -> ControlFlow<End> {
        let silent_at = self.heard + SILENCE;
        let over_at = self.closed_since.map(|since| since + AFTER_CLOSE);
        tokio::select! {
            () = app.stop.cancelled() => ControlFlow::Break(End::Close(code::GOING_AWAY, "the daemon is stopping")),
            message = self.socket.recv() => self.take(message, Monotonic::now()).await,
            changed = self.revision.changed() => {
                if changed.is_ok() {
                    self.plan();
                }
                ControlFlow::Continue(())
            }
            () = sleep_until(self.due) => self.push().await,
            changed = self.plugins.changed() => match changed {
                Ok(()) => self.send_plugins().await,
                Err(_) => ControlFlow::Break(End::Close(code::GOING_AWAY, "the daemon is stopping")),
            },
            news = self.probes.next() => self.tell_all(&news).await,
            () = tokio::time::sleep_until(silent_at) => {
                ControlFlow::Break(End::Gone(format!("nothing heard for {} s", SILENCE.as_secs())))
            }
            () = sleep_until(over_at) => ControlFlow::Break(End::Close(code::SESSION_OVER, "the session is over")),
            () = tokio::time::sleep_until(self.ping_at) => {
                self.ping_at = Instant::now() + PING_EVERY;
                self.send(Message::Ping(Bytes::new())).await
            }
        }
    }

    /// Something has changed: push it, but not sooner than `PUSH_EVERY` after the last push.
    fn plan(&mut self) {
        let soonest = self.pushed.map(|pushed| pushed + PUSH_EVERY);
        let now = Instant::now();
        self.due.get_or_insert(soonest.map_or(now, |soonest| soonest.max(now)));
    }

    async fn take(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
        received: Monotonic,
    ) -> ControlFlow<End> {
        self.heard = Instant::now();
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(_))) => {
                return self.complain("live messages are JSON text".to_owned()).await;
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return ControlFlow::Continue(()),
            Some(Ok(Message::Close(_))) => {
                return ControlFlow::Break(End::Gone("closed by the page".to_owned()));
            }
            Some(Err(error)) => return ControlFlow::Break(End::Gone(error.to_string())),
            None => return ControlFlow::Break(End::Gone("the connection ended".to_owned())),
        };
        if text.len() > MESSAGE_LIMIT {
            let message = format!("a message of {} bytes: at most {MESSAGE_LIMIT} are taken", text.len());
            return self.complain(message).await;
        }
        match serde_json::from_str::<FromPage>(&text) {
            Ok(message) => match messages::take(&self.session, message, received) {
                Some(answer) => self.tell(&answer).await,
                None => ControlFlow::Continue(()),
            },
            Err(error) => self.complain(format!("not a live message: {error}")).await,
        }
    }

    async fn complain(&mut self, message: String) -> ControlFlow<End> {
        self.errors += 1;
        if self.errors > MOST_ERRORS {
            return ControlFlow::Break(End::Close(code::NONSENSE, "too many messages that cannot be used"));
        }
        self.tell(&messages::error(message)).await
    }

    /// Tells what the page has not got yet: candidates first, for a connection waits for them.
    async fn push(&mut self) -> ControlFlow<End> {
        self.due = None;
        let told = messages::candidates(&self.session.candidates(), &mut self.told);
        for message in told {
            self.note_candidate(&message);
            self.tell(&message).await?;
        }
        let events = self.session.events_since(self.next, EVENTS_PER_MESSAGE);
        let more = events.len() == EVENTS_PER_MESSAGE;
        if let Some(last) = events.last() {
            self.next = last.sequence + 1;
            self.tell(&ToPage::Events { events }).await?;
        }
        self.push_head().await?;
        let now = Instant::now();
        self.pushed = Some(now);
        if more {
            self.due = Some(now);
        }
        ControlFlow::Continue(())
    }

    async fn push_head(&mut self) -> ControlFlow<End> {
        let session = self.session.summary();
        if session.closed.is_some() {
            self.closed_since.get_or_insert_with(Instant::now);
        }
        // Each event changes the counters: no reason to tell the head again.
        let compared = SessionSummary { events: 0, events_dropped: 0, ..session.clone() };
        if self.head.as_ref() == Some(&compared) {
            return ControlFlow::Continue(());
        }
        self.head = Some(compared);
        self.tell(&ToPage::Session { session }).await
    }

    fn note_candidate(&self, message: &ToPage) {
        let ToPage::Candidate { candidate, username_fragment } = message else { return };
        let summary = if candidate.is_empty() { "No more candidates of the daemon" } else { candidate };
        let sent = between(&self.session, Lane::Signalling, Lane::Web, "signalling.candidate")
            .summary(summary)
            .with("candidate", candidate.as_str())
            .with("usernameFragment", username_fragment.as_str());
        self.session.observe(sent);
    }

    async fn send_plugins(&mut self) -> ControlFlow<End> {
        let plugins = self.plugins.borrow_and_update().clone();
        self.tell(&ToPage::Plugins { plugins }).await
    }

    async fn tell_all(&mut self, messages: &[ToPage]) -> ControlFlow<End> {
        for message in messages {
            self.tell(message).await?;
        }
        ControlFlow::Continue(())
    }

    async fn tell(&mut self, message: &ToPage) -> ControlFlow<End> {
        match serde_json::to_string(message) {
            Ok(text) => self.send(Message::Text(text.into())).await,
            Err(error) => {
                tracing::error!(session = %self.session.id(), "a live message cannot be written as JSON: {error}");
                ControlFlow::Continue(())
            }
        }
    }

    async fn send(&mut self, message: Message) -> ControlFlow<End> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(error)) => ControlFlow::Break(End::Gone(error.to_string())),
            Err(_) => ControlFlow::Break(End::Gone(format!(
                "the page read nothing for {} s",
                SEND_WITHIN.as_secs()
            ))),
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
