//! How far an attempt came, by what was seen to be done.

use icescope_model::api::{SessionState, SessionSummary};
use icescope_model::verdict::Stage;

use crate::facts::{Facts, stats};

/// The least time that an agent waits for checks before ICE may be called failed (RFC 8863 §4: 39.5 s).
pub const PATIENCE: i64 = 39_500_000;
/// So long after the handshake, RTP and frames are expected: a key frame is asked for at once, and sources start within this.
pub const MEDIA_WITHIN: i64 = 5_000_000;

/// How far it came.
#[derive(Debug, Clone)]
pub struct Course {
    reached: [bool; Stage::ALL.len()],
    /// When the session was opened, in Unix milliseconds.
    pub opened_unix_ms: i64,
    /// Now, on the session's axis; for a session that is over, when it ended.
    pub now: i64,
    /// When the daemon answered: from here checks may go.
    pub answered: Option<i64>,
    /// When DTLS was up.
    pub up: Option<i64>,
    /// It was up and is not any more.
    pub lost: bool,
    /// Why it is over, in a word.
    pub ended: Option<String>,
    /// The page went away while there was still something to wait for, without a word.
    pub left: bool,
}

impl Course {
    /// Reads it off the facts.
    pub fn of(facts: &Facts, head: &SessionSummary, now: i64) -> Self {
        let dtls = facts.dtls.connected().map(|said| said.time);
        let up = dtls.or(facts.states.connected.map(|(time, _)| time));
        let answered = facts.signalling.answered.map(|(time, _)| time);
        let ended = head.closed.as_ref().map(|closed| closed.code.clone());
        let broke = matches!(ended.as_deref(), Some("vanished" | "failed" | "never-connected"));
        let lost = up.is_some() && (broke || head.state == SessionState::Disconnected);
        // Who stops a session says so, and the channel of one that is over closes, too.
        let unsaid = matches!(ended.as_deref(), None | Some("failed" | "never-connected"));
        let until = [answered.map(|answered| answered + PATIENCE), facts.states.closed_time];
        let until = until.into_iter().flatten().min();
        let early = |gone: i64| until.is_none_or(|until| gone < until);
        let left = unsaid && up.is_none() && facts.page_gone().is_some_and(early);
        let opened_unix_ms = head.opened_unix_ms;
        let mut course =
            Self { reached: [false; Stage::ALL.len()], opened_unix_ms, now, answered, up, lost, ended, left };
        course.mark(facts);
        course
    }

    fn mark(&mut self, facts: &Facts) {
        let (candidates, checks) = (&facts.candidates, &facts.checks);
        let up = self.up.is_some();
        let selected = facts.states.daemon_pair.is_some() || facts.states.browser_pair.is_some();
        let valid = checks.any_valid() || facts.stats.pairs.iter().any(stats::Pair::is_valid);
        let nominated = up || selected || facts.states.ice_connected.is_some();
        let sent_at_daemon = facts.media.received.is_some();
        let arrived = facts.media.arrived.is_some()
            || facts.stats.video.is_some_and(|video| video.packets_received > 0);
        let decoded =
            facts.media.decoded.is_some() || facts.stats.video.is_some_and(|video| video.frames_decoded > 0);
        let rtp = if facts.signalling.ingest { sent_at_daemon || decoded } else { arrived || decoded };
        let server_answered = facts.servers.all.iter().any(|server| !server.is_silent())
            || candidates.browser.iter().any(|candidate| candidate.kind != "host");
        let checked = valid || nominated;
        let crossed = checked || (!candidates.daemon.is_empty() && candidates.usable().next().is_some());
        for (stage, done) in [
            (Stage::Page, facts.page.created.is_some() || facts.signalling.offered.is_some()),
            (Stage::Signalling, self.answered.is_some()),
            (Stage::Servers, server_answered),
            (Stage::Candidates, crossed),
            (Stage::Families, checked || crate::stages::families::meet(facts)),
            (Stage::Checks, checked),
            (Stage::Nomination, nominated),
            (Stage::Dtls, up),
            (Stage::Rtp, rtp),
            (Stage::Frames, decoded),
        ] {
            self.reached[stage as usize] = done;
        }
    }

    /// Whether a stage was seen to be done.
    pub fn reached(&self, stage: Stage) -> bool {
        self.reached[stage as usize]
    }

    /// The last stage whose success shows that nothing before it can be the cause.
    pub fn floor(&self) -> Option<Stage> {
        const SURE: [Stage; 6] =
            [Stage::Frames, Stage::Rtp, Stage::Dtls, Stage::Nomination, Stage::Checks, Stage::Signalling];
        SURE.into_iter().find(|stage| self.reached(*stage))
    }

    /// When checks began: the wait of RFC 8863 runs from here.
    pub fn checks_end(&self) -> Option<i64> {
        self.answered.map(|answered| answered + PATIENCE)
    }

    /// It was ended from outside before it was decided.
    pub fn was_stopped(&self) -> bool {
        matches!(
            self.ended.as_deref(),
            Some("deleted" | "closed-by-remote" | "shutting-down" | "source-ended")
        )
    }
}
