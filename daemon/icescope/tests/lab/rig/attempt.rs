//! One attempt: from the page's opening to the final verdict.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use icescope_model::api::SessionRecord;
use icescope_model::verdict::Verdict;
use icescope_natlab::Tunnel;
use serde::Deserialize;
use serde_json::{Value, json};

use super::browser::{BrowserEnd, Page};
use super::config::LISTEN;
use super::daemon::DaemonEnd;

/// What an attempt is to be like.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Settings of the page's connections: members of RTCConfiguration, and `transport`; see [`BrowserEnd::open`].
    pub forced: Value,
    /// Runs in the page before its own scripts.
    pub script: Option<String>,
    /// Granted to the page, as `camera`.
    pub permissions: Vec<&'static str>,
    /// How long a decision may take: RFC 8863 waits 39.5 s for one that is not certain.
    pub longest: Duration,
}

impl Default for Wish {
    fn default() -> Self {
        let longest = Duration::from_mins(1);
        Self { forced: json!({}), script: None, permissions: Vec::new(), longest }
    }
}

/// What both ends say of an attempt in the end.
#[derive(Debug, Clone)]
pub struct Told {
    /// The session's record, closed.
    pub record: SessionRecord,
    /// The final verdict of it.
    pub verdict: Verdict,
    /// What was on screen before the page pressed Stop.
    pub page: Seen,
}

/// What was on screen.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The last verdict: `connected`, `failed`, `pending`.
    pub outcome: Option<String>,
    /// Its sentence.
    pub text: Option<String>,
    /// Each verdict that came, in order.
    pub verdicts: Vec<Shown>,
    /// Milestones in milliseconds after Start was pressed: `created`, `firstDecoded`, `firstFrame`.
    pub times: Value,
    /// Whether the kind of path was settled: [`Attempt::settled`].
    #[serde(skip)]
    pub settled: bool,
    /// What the page's console said of errors.
    #[serde(skip)]
    pub errors: Vec<String>,
}

/// A verdict that came on screen.
#[derive(Debug, Clone, Deserialize)]
pub struct Shown {
    /// Milliseconds after Start was pressed.
    pub at: f64,
    /// `connected`, `failed`, `pending`.
    pub outcome: String,
    /// `icescope explain ID`, where a cause was named.
    pub cause: Option<String>,
    /// Its sentence.
    pub text: String,
}

/// An attempt under way. The page is closed when this is dropped.
pub struct Attempt<'run> {
    daemon: &'run DaemonEnd<'run>,
    page: Page<'run>,
    longest: Duration,
    settled: bool,
    // The page's way to the daemon: it goes after the page.
    _tunnel: Tunnel,
}

/// Only a broken page takes longer to draw itself.
const DRAWN_WITHIN: Duration = Duration::from_secs(15);

/// In the page: `connected` once frames were shown, or `failed`; else null.
const DECIDED: &str = "(() => {
  const outcome = document.querySelector('#verdict')?.dataset.outcome;
  const shown = outcome === 'connected' && window.icescope.times.firstFrame !== undefined;
  return shown || outcome === 'failed' ? outcome : null;
})()";

/// In the page: whether it is settled what kind of path is used. A direct one stays direct. A relayed one gives way to a direct one
/// until that was tried often enough: so many checks of each direct pair are more than hole punching takes, and go unanswered.
const SETTLED: &str = "(async () => {
  const [connection] = window.e2e.connections;
  if (['completed', 'failed', 'closed'].includes(connection.iceConnectionState)) return true;
  const report = await connection.getStats();
  const stats = [...report.values()];
  const isRelayed = (pair) =>
    [pair.localCandidateId, pair.remoteCandidateId].some((id) => report.get(id)?.candidateType === 'relay');
  const selected = report.get(stats.find((one) => one.type === 'transport')?.selectedCandidatePairId);
  if (selected === undefined) return false;
  const direct = stats.filter((one) => one.type === 'candidate-pair' && !isRelayed(one));
  return !isRelayed(selected) || direct.every((pair) => pair.requestsSent >= 20 && pair.responsesReceived === 0);
})()";

/// Chromium checks a silent pair for some 15 s; whoever is not settled then is told as such.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

const SEEN: &str = "(() => {
  const { started, verdicts } = window.lab;
  const times = Object.entries(window.icescope.times).filter(([, at]) => at !== undefined);
  return {
    outcome: verdicts.at(-1)?.outcome ?? null,
    text: verdicts.at(-1)?.text ?? null,
    verdicts: verdicts.map((one) => ({ ...one, at: one.at - started })),
    times: Object.fromEntries(times.map(([name, at]) => [name, at - started])),
  };
})()";

impl<'run> Attempt<'run> {
    /// Opens the page, by a tunnel.
    pub fn open(
        browser: &'run BrowserEnd<'run>,
        daemon: &'run DaemonEnd<'run>,
        wish: &Wish,
    ) -> Result<Self, String> {
        let target: SocketAddr = LISTEN.parse().expect("it is an address");
        let tunnel = Tunnel::open(browser.site().host(), daemon.site().host(), target);
        let tunnel = tunnel.map_err(|error| error.to_string())?;
        let url = format!("http://{}/", tunnel.address());
        let page = browser.open(&url, &wish.forced, wish.script.as_deref(), &wish.permissions)?;
        Ok(Self { daemon, page, longest: wish.longest, settled: false, _tunnel: tunnel })
    }

    /// The page.
    pub const fn page(&self) -> &Page<'run> {
        &self.page
    }

    /// Presses Start.
    pub fn start(&self) -> Result<(), String> {
        let drawn = self.page.until("document.querySelector('#start') !== null", DRAWN_WITHIN);
        drawn.map_err(|error| {
            format!("the page is not drawn: {error}; its console: {:?}", self.page.errors())
        })?;
        self.page.evaluate("window.lab.started = performance.now()")?;
        self.page.click("#start")
    }

    /// Waits until the verdict on screen is `connected` and frames are shown, or `failed`; answers which.
    pub fn decided(&self) -> Result<String, String> {
        let outcome = self.page.until(DECIDED, self.longest)?;
        Ok(outcome.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a direct path is used, or every direct pair was checked often and in vain; answers whether it came to that.
    pub fn settled(&mut self) -> bool {
        self.settled = self.page.until(SETTLED, SETTLES_WITHIN).is_ok_and(|answer| answer == true);
        self.settled
    }

    /// The session's name and its token, once the page has opened it.
    pub fn session(&self) -> Result<(String, String), String> {
        let session = self.page.until("window.e2e.session", self.longest)?;
        let word = |key: &str| session[key].as_str().unwrap_or_default().to_owned();
        Ok((word("id"), word("token")))
    }

    /// The session's record as it is now.
    pub fn record(&self) -> Result<SessionRecord, String> {
        let (id, token) = self.session()?;
        self.daemon.record(&id, &token)
    }

    /// Presses Stop where the attempt still runs, and waits for the final verdict.
    pub fn told(self) -> Result<Told, String> {
        let (id, token) = self.session()?;
        let seen = self.page.evaluate(SEEN)?;
        let mut page: Seen =
            serde_json::from_value(seen).map_err(|error| format!("what was seen: {error}"))?;
        page.settled = self.settled;
        page.errors = self.page.errors();
        if self.page.evaluate("document.querySelector('#start').classList.contains('stop')")? == true {
            self.page.click("#start")?;
        }
        let record = self.daemon.final_record(&id, &token)?;
        keep(&record)?;
        let verdict = record.session.verdict.as_deref().cloned().ok_or("the record has no verdict")?;
        Ok(Told { record, verdict, page })
    }
}

/// One attempt: opens the page, presses Start, waits for the decision (or the wish's `longest`), lets the path settle, presses Stop.
pub fn attempt(browser: &BrowserEnd<'_>, daemon: &DaemonEnd<'_>, wish: &Wish) -> Result<Told, String> {
    let mut attempt = Attempt::open(browser, daemon, wish)?;
    attempt.start()?;
    // An undecided one is told as it is, pending: the test judges that.
    if attempt.decided().is_ok_and(|outcome| outcome == "connected") {
        attempt.settled();
    }
    attempt.told()
}

/// With `ICESCOPE_LAB_KEEP=FOLDER` every record is kept there, for whoever looks for the reason of something.
fn keep(record: &SessionRecord) -> Result<(), String> {
    let Some(folder) = std::env::var_os("ICESCOPE_LAB_KEEP") else { return Ok(()) };
    let path = std::path::Path::new(&folder).join(format!("{}.json", record.session.id));
    let text = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { outcome, cause, path, summary, findings, .. } = &self.verdict;
        writeln!(f, "{outcome:?}, cause {cause:?}, {summary}")?;
        if let Some(path) = path {
            let (local, remote) = (&path.local_candidate_type, &path.remote_candidate_type);
            writeln!(f, "  path: {:?}, daemon's {local}, client's {remote}, {}", path.kind, path.protocol)?;
        }
        for found in findings {
            writeln!(f, "  {:?} {}: {}", found.weight, found.cause, found.summary)?;
        }
        for event in self.record.events.iter().filter(|event| event.kind == "ice.candidate") {
            writeln!(f, "  {:?} {}", event.seen_by, event.summary)?;
        }
        let settled = if self.page.settled { "" } else { ", path not settled" };
        write!(f, "  on screen: {:?}{settled}; console: {:?}", self.page.outcome, self.page.errors)
    }
}
