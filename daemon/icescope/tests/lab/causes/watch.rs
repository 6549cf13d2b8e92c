//! One attempt in a scene, with the verdicts that came while it went on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use icescope_model::api::{SessionRecord, SessionSummary};
use icescope_model::verdict::{Stage, Verdict, VerdictOutcome, Weight};

use super::super::rig::{DaemonEnd, Page};
use super::scene::Scene;

/// What a scene should lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The attempt fails, and this is the cause.
    Fails(&'static str),
    /// The attempt fails for something else (or for nothing that has a name), and this is found beside it.
    FailsBeside(&'static str, Weight),
    /// It connects, and this is found.
    Connects(&'static str, Weight),
}

impl Expected {
    /// The cause.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fails(id) | Self::FailsBeside(id, _) | Self::Connects(id, _) => id,
        }
    }

    /// Whether a verdict says so.
    pub fn holds(self, verdict: &Verdict) -> bool {
        let found = |id: &str, weight: Weight| {
            verdict.findings.iter().any(|finding| finding.cause == id && finding.weight == weight)
        };
        match self {
            Self::Fails(id) => {
                verdict.outcome == VerdictOutcome::Failed && verdict.cause.as_deref() == Some(id)
            }
            Self::FailsBeside(id, weight) => verdict.outcome == VerdictOutcome::Failed && found(id, weight),
            Self::Connects(id, weight) => verdict.outcome == VerdictOutcome::Connected && found(id, weight),
        }
    }
}

/// A verdict that was there while the session went on.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Microseconds on the session's axis.
    pub at: i64,
    pub verdict: Verdict,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub struct Told {
    /// The record, closed.
    pub record: SessionRecord,
    /// Each verdict on the way to the last one.
    pub seen: Vec<Seen>,
    /// The daemon's log and the page's complaints.
    pub log: String,
}

impl Told {
    /// The verdict that counts.
    pub fn verdict(&self) -> Verdict {
        self.record.session.verdict.as_deref().cloned().unwrap_or_default()
    }
}

/// An attempt is over after this: RFC 8863 waits 39.5 s, and a connection that is lost later takes its own time.
const LONGEST: Duration = Duration::from_secs(80);
/// What is found of a connection that is up is found within this: Chromium gives a silent server up after 10 s.
const PLAYS: Duration = Duration::from_secs(20);
/// What is failed may still be explained better by what comes late.
const GRACE: Duration = Duration::from_secs(4);
/// As often as verdicts are concluded.
const EVERY: Duration = Duration::from_millis(100);

/// Has the page try, and watches the verdict until it is what was expected, or decided otherwise.
pub fn attempt(mut scene: Scene, expected: Expected) -> Result<Told, String> {
    let mut act = scene.act.take();
    let daemon = scene.start_daemon();
    let browser = scene.start_browser();
    let tunnel = scene.tunnel();
    let url = format!("http://{}/", tunnel.address());
    let page = browser.open(&url, &scene.forced, scene.script, scene.permissions)?;
    let said = |error: String| format!("{error}\n{}\n{:?}", daemon.log(), page.errors());
    page.click("#start").map_err(said)?;
    let session = page.until("window.e2e.session", Duration::from_secs(15)).map_err(said)?;
    let word = |key: &str| session[key].as_str().unwrap_or_default().to_owned();
    let (id, token) = (word("id"), word("token"));
    let (began, mut seen, mut playing, mut failed) = (Instant::now(), Vec::<Seen>::new(), None, None);
    let plays_on = |since: Instant| since.elapsed() < PLAYS || !matches!(expected, Expected::Connects(..));
    while began.elapsed() < LONGEST && playing.is_none_or(plays_on) {
        std::thread::sleep(EVERY);
        let Some(now) = now(&daemon, &id) else { continue };
        if seen.last().is_none_or(|last| last.verdict != now.verdict) {
            seen.push(now.clone());
        }
        let plays = now.verdict.outcome == VerdictOutcome::Connected && now.verdict.stage == Stage::Frames;
        if let Some(act) = act.take_if(|_| plays) {
            act(&scene);
            continue;
        }
        if act.is_none() && expected.holds(&now.verdict) {
            break;
        }
        if now.verdict.outcome == VerdictOutcome::Failed {
            failed.get_or_insert_with(Instant::now);
        }
        if failed.is_some_and(|since: Instant| since.elapsed() > GRACE) {
            break;
        }
        if plays {
            playing.get_or_insert_with(Instant::now);
        }
    }
    // A session that was refused has no end of its own: the page has given it up, and it is kept for a while.
    let ended = stop(&page)? || is_closed(&daemon, &id);
    let record = if ended { daemon.final_record(&id, &token)? } else { daemon.record(&id, &token)? };
    let log = said(String::new());
    drop(page);
    Ok(Told { record, seen, log })
}

/// The session's verdict as it is now.
fn now(daemon: &DaemonEnd<'_>, id: &str) -> Option<Seen> {
    let sessions = daemon.sessions().ok()?;
    let session: SessionSummary = sessions.into_iter().find(|session| session.id.to_string() == id)?;
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let at = i64::try_from(unix.as_micros()).ok()? - session.opened_unix_ms * 1_000;
    Some(Seen { at, verdict: session.verdict.as_deref().cloned()? })
}

fn is_closed(daemon: &DaemonEnd<'_>, id: &str) -> bool {
    let closed = |session: &SessionSummary| session.id.to_string() == id && session.closed.is_some();
    daemon.sessions().is_ok_and(|sessions| sessions.iter().any(closed))
}

/// Presses Stop, if the attempt still runs; answers whether it did.
fn stop(page: &Page<'_>) -> Result<bool, String> {
    let runs = page.evaluate("document.querySelector('#start').classList.contains('stop')")? == true;
    if runs {
        page.click("#start")?;
    }
    Ok(runs)
}
