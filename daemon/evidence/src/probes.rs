//! Probes: their runs as they go on, and what they reported.
//!
//! The one who runs them holds a [`RunRecord`] for each run; whoever reads waits for [`Probes::revision`] to change and asks
//! for what it has not got ([`Probes::news`]). A run that somebody asks for comes out where [`Probes::take_demands`] leads.

mod run;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use icescope_model::api::ToPage;
use icescope_model::report::{Outcome, PastRun, ProbeState, Report, Trigger};
use icescope_model::{Evidence, Lane, Level, Observation, Scope, SeenBy, SessionId};
use tokio::sync::{mpsc, watch};

use run::Run;
pub use run::RunRecord;

/// Reports kept of each probe, one about each subject: more servers than anybody configures.
const MAX_REPORTS: usize = 64;
/// Runs asked for that have not begun. Each probe has one run at a time, so this is never full with fewer probes.
const MAX_DEMANDS: usize = 64;
/// Steps in one message, so that a long run does not hold up what is more urgent.
const STEPS_PER_MESSAGE: usize = 100;

/// All probes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Probes {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    revision: watch::Sender<u64>,
    demands: mpsc::Sender<RunRecord>,
}

#[derive(Debug)]
struct Inner {
    /// In the order of the configuration.
    probes: Vec<Probe>,
    last_run: u64,
    /// Grows with every change but that of steps.
    heads: u64,
    demanded: Option<mpsc::Receiver<RunRecord>>,
}

#[derive(Debug)]
struct Probe {
    instance: String,
    name: String,
    run: Option<Run>,
    reports: Vec<Arc<Report>>,
    past: VecDeque<PastRun>,
}

/// Why a run was not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunRefused {
    /// There is no such probe.
    #[error("no probe «{instance}» is configured; there are: {known}")]
    Unknown {
        /// The name that was asked for.
        instance: String,
        /// The probes there are.
        known: String,
    },
    /// It runs already.
    #[error("the probe «{instance}» runs already (run {run}): wait for its end")]
    Running {
        /// Its name.
        instance: String,
        /// The number of the run.
        run: u64,
    },
    /// Nobody takes runs: the daemon is starting or stopping.
    #[error("the probe «{instance}» cannot run now: the daemon is starting or stopping; try again")]
    NotNow {
        /// Its name.
        instance: String,
    },
}

/// How far a reader has got.
#[derive(Debug, Default)]
pub struct Position {
    heads: u64,
    steps: HashMap<String, (u64, usize)>,
}

impl Default for Probes {
    fn default() -> Self {
        let (demands, demanded) = mpsc::channel(MAX_DEMANDS);
        let inner = Inner { probes: Vec::new(), last_run: 0, heads: 0, demanded: Some(demanded) };
        let shared = Shared { inner: Mutex::new(inner), revision: watch::Sender::new(0), demands };
        Self { shared: Arc::new(shared) }
    }
}

impl Probes {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held leaves plain data behind, which is still good to read.
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the probe of this run, if it is still there, and the count of changes of heads.
    fn write(&self, instance: &str, run: u64, change: impl FnOnce(&mut u64, &mut Probe)) {
        let mut inner = self.inner();
        let Inner { probes, heads, .. } = &mut *inner;
        let runs = |probe: &Probe| probe.run.as_ref().is_some_and(|known| known.head.id == run);
        if let Some(probe) = probes.iter_mut().find(|probe| probe.instance == instance && runs(probe)) {
            change(heads, probe);
        }
        drop(inner);
        self.touch();
    }

    fn touch(&self) {
        self.shared.revision.send_modify(|revision| *revision = revision.wrapping_add(1));
    }

    /// The probes there are from now on: configured name and own name of each. One that stays keeps what is known of it.
    pub fn configure(&self, probes: Vec<(String, String)>) {
        let mut inner = self.inner();
        let same = |probe: &Probe, (instance, name): &(String, String)| {
            probe.instance == *instance && probe.name == *name
        };
        if inner.probes.len() == probes.len() && inner.probes.iter().zip(&probes).all(|(a, b)| same(a, b)) {
            return;
        }
        let mut old = std::mem::take(&mut inner.probes);
        let kept = |wanted: (String, String)| match old.iter().position(|probe| same(probe, &wanted)) {
            Some(index) => old.swap_remove(index),
            None => Probe::new(wanted),
        };
        inner.probes = probes.into_iter().map(kept).collect();
        inner.heads += 1;
        drop(inner);
        self.touch();
    }

    /// Begins a run; its record is written by whoever gets it.
    pub fn begin(&self, instance: &str, trigger: Trigger) -> Result<RunRecord, RunRefused> {
        let id = {
            let mut inner = self.inner();
            let id = inner.last_run + 1;
            let Some(probe) = inner.probes.iter_mut().find(|probe| probe.instance == instance) else {
                let known: Vec<_> = inner.probes.iter().map(|probe| probe.instance.as_str()).collect();
                return Err(RunRefused::Unknown { instance: instance.to_owned(), known: known.join(", ") });
            };
            if let Some(run) = probe.run.as_ref().filter(|run| run.head.duration.is_none()) {
                return Err(RunRefused::Running { instance: instance.to_owned(), run: run.head.id });
            }
            probe.run = Some(Run::new(id, trigger));
            inner.last_run = id;
            inner.heads += 1;
            id
        };
        self.touch();
        Ok(RunRecord::new(self.clone(), instance.to_owned(), id))
    }

    /// Asks for a run; gives its number. It begins as soon as the daemon comes to it.
    pub fn demand(&self, instance: &str) -> Result<u64, RunRefused> {
        let place = self.shared.demands.try_reserve().ok();
        let run = self.begin(instance, Trigger::Demand)?;
        let Some(place) = place else {
            run.forget();
            return Err(RunRefused::NotNow { instance: instance.to_owned() });
        };
        let id = run.id();
        place.send(run);
        Ok(id)
    }

    /// Where the runs come out that were asked for. There is one such end, for the one who runs the probes.
    pub fn take_demands(&self) -> Option<mpsc::Receiver<RunRecord>> {
        self.inner().demanded.take()
    }

    /// Changes whenever anything here does.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// All of it, with the steps.
    pub fn states(&self) -> Vec<ProbeState> {
        let with_steps = |probe: &Probe| {
            let mut state = probe.head();
            if let (Some(head), Some(run)) = (&mut state.run, &probe.run) {
                head.steps = run.steps_from(0);
            }
            state
        };
        self.inner().probes.iter().map(with_steps).collect()
    }

    /// What has changed since the reader asked last.
    pub fn news(&self, position: &mut Position) -> Vec<ToPage> {
        let inner = self.inner();
        let mut news = Vec::new();
        if position.heads != inner.heads {
            position.heads = inner.heads;
            position.steps.retain(|instance, _| inner.probes.iter().any(|probe| probe.instance == *instance));
            news.push(ToPage::Probes { probes: inner.probes.iter().map(Probe::head).collect() });
        }
        for probe in &inner.probes {
            let Some(run) = &probe.run else { continue };
            let got = position.steps.entry(probe.instance.clone()).or_default();
            if got.0 != run.head.id {
                *got = (run.head.id, 0);
            }
            while got.1 < run.steps.len() {
                let end = run.steps.len().min(got.1 + STEPS_PER_MESSAGE);
                let steps = run.steps_from(got.1).into_iter().take(STEPS_PER_MESSAGE).collect();
                let (instance, run) = (probe.instance.clone(), run.head.id);
                news.push(ToPage::ProbeSteps { instance, run, first: got.1 as u64, steps });
                got.1 = end;
            }
        }
        news
    }

    /// The newest reports of all probes, for the diagnosis.
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.shared_reports().iter().map(|report| Report::clone(report)).collect()
    }

    /// The newest reports of all probes, for whoever keeps them: sessions of one time share them.
    pub(crate) fn shared_reports(&self) -> Vec<Arc<Report>> {
        self.inner().probes.iter().flat_map(|probe| probe.reports.iter().cloned()).collect()
    }

    /// The newest report of a schema about a subject, whichever probe made it.
    pub fn newest(&self, schema: &str, subject: &str) -> Option<Report> {
        let inner = self.inner();
        let all = inner.probes.iter().flat_map(|probe| &probe.reports);
        all.filter(|report| report.schema == schema && report.subject == subject)
            .max_by_key(|report| report.unix_ms)
            .map(|report| Report::clone(report))
    }
}

impl Probe {
    fn new((instance, name): (String, String)) -> Self {
        Self { instance, name, run: None, reports: Vec::new(), past: VecDeque::new() }
    }

    fn head(&self) -> ProbeState {
        ProbeState {
            instance: self.instance.clone(),
            probe: self.name.clone(),
            run: self.run.as_ref().map(|run| run.head.clone()),
            reports: self.reports.iter().map(|report| Report::clone(report)).collect(),
            past: self.past.iter().cloned().collect(),
        }
    }

    /// One report about each subject: a newer one takes the place of the one before.
    fn put(&mut self, report: Report) {
        let same = |other: &Arc<Report>| other.schema == report.schema && other.subject == report.subject;
        match self.reports.iter().position(same) {
            Some(index) => self.reports[index] = Arc::new(report),
            None if self.reports.len() < MAX_REPORTS => self.reports.push(Arc::new(report)),
            None => tracing::warn!(
                probe = self.instance,
                "a report about {} is left out: {MAX_REPORTS} subjects are kept",
                report.subject
            ),
        }
    }
}

/// The session notes a probe's report: what it says in a line, and where to find the rest.
pub(crate) fn noted(session: SessionId, report: &Report) -> Observation {
    let said = report.document["summary"].as_str();
    let said = said.map_or_else(|| format!("{} {}", report.schema, report.subject), str::to_owned);
    let level = if report.outcome == Outcome::Failed { Level::Warn } else { Level::Info };
    Observation::new(Scope::Session(session), Evidence::Api, Lane::Peer, Lane::Peer, "probe.report")
        .seen_by(SeenBy::Plugin)
        .level(level)
        .summary(format!("Probe {}: {said}", report.probe))
        .with("probe", report.probe.as_str())
        .with("schema", report.schema.as_str())
        .with("subject", report.subject.as_str())
        .with("outcome", serde_json::json!(report.outcome))
        .with("unixMs", report.unix_ms)
}
