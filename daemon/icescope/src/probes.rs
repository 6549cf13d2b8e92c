//! Running probes: when they come up, on schedule, and when somebody asks.
//!
//! Each run is a task of its own, and each probe has a process of its own: one that asks a dead server delays nobody.

pub mod near;
mod pace;
pub mod run;
pub mod targets;
#[cfg(test)]
mod tests;

use std::time::Duration;

use icescope_config::Settings;
use icescope_evidence::{Probes, RunRecord};
use icescope_model::report::Trigger;
use icescope_plugin_host::{PluginHost, ProbeInfo, ProbeNote};
use icescope_relay::Relay;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use pace::Pace;

/// What the configuration says about running probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    at_start: bool,
    schedule: Option<Duration>,
    timeout: Duration,
    arguments: Value,
    /// The same, and the embedded relay.
    with_relay: Value,
}

impl Plan {
    /// The plan of a configuration.
    pub fn of(settings: &Settings, relay: Option<&Relay>) -> Self {
        let config = settings.probes;
        let mut all = targets::probe_targets(settings);
        let arguments = targets::arguments(settings, &all);
        all.extend(relay.into_iter().flat_map(|relay| near::urls(relay.listening())));
        Self {
            at_start: config.at_start,
            schedule: config.schedule,
            timeout: config.timeout,
            with_relay: targets::arguments(settings, &all),
            arguments,
        }
    }

    fn arguments_of(&self, probe: &ProbeInfo) -> Value {
        let arguments = if near::is_for(&probe.name) { &self.with_relay } else { &self.arguments };
        targets::known_to(&probe.args_schema, arguments.clone())
    }
}

/// The task that runs the probes.
#[derive(Debug)]
pub struct Prober {
    plan: watch::Sender<Plan>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Prober {
    /// Begins once the plugins are up; never waits.
    pub fn start(host: PluginHost, probes: Probes, plan: Plan) -> Self {
        let stop = CancellationToken::new();
        let current = plan.clone();
        let (plan, planned) = watch::channel(plan);
        let runner =
            Runner { host, probes, plan: current, planned, known: Vec::new(), running: JoinSet::new() };
        let task = tokio::spawn(runner.work(stop.clone()));
        Self { plan, stop, task }
    }

    /// Another plan from now on.
    pub fn replan(&self, plan: Plan) {
        self.plan.send_if_modified(|current| {
            let changed = *current != plan;
            *current = plan;
            changed
        });
    }

    /// Gives up what runs.
    pub async fn shut_down(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!("the task that runs the probes ended badly: {error}");
        }
    }
}

struct Runner {
    host: PluginHost,
    probes: Probes,
    plan: Plan,
    planned: watch::Receiver<Plan>,
    known: Vec<Known>,
    /// The probe that ran, and whether it could be run to its end.
    running: JoinSet<(String, bool)>,
}

struct Known {
    info: ProbeInfo,
    pace: Pace,
    due: Option<(Instant, Trigger)>,
}

impl Runner {
    async fn work(mut self, stop: CancellationToken) {
        let Some(mut demands) = self.probes.take_demands() else { return };
        let mut states = self.host.watch();
        // What measures waits for what plays: a start is no time for either to be slow.
        tokio::select! {
            () = stop.cancelled() => return,
            () = self.host.settled() => {}
        }
        self.look();
        loop {
            let due = self.known.iter().filter_map(|known| known.due).map(|(at, _)| at).min();
            tokio::select! {
                () = stop.cancelled() => return,
                changed = states.changed() => match changed {
                    Ok(()) => self.look(),
                    Err(_) => return,
                },
                Ok(()) = self.planned.changed() => self.replan(),
                Some(run) = demands.recv() => self.begin(run),
                Some(ended) = self.running.join_next() => match ended {
                    Ok((instance, ran)) => self.ended(&instance, ran),
                    Err(error) => tracing::error!("a probe's run ended badly: {error}"),
                },
                () = sleep_until(due) => self.begin_due(),
            }
        }
    }

    /// Takes in which probes there are. One that is new runs at once, if it is to.
    fn look(&mut self) {
        let found = self.host.probes();
        if found.iter().eq(self.known.iter().map(|known| &known.info)) {
            return;
        }
        let names = found.iter().map(|info| (info.instance.clone(), info.name.clone())).collect();
        self.probes.configure(names);
        let mut old = std::mem::take(&mut self.known);
        for info in found {
            let known = match old.iter().position(|known| known.info == info) {
                Some(index) => old.swap_remove(index),
                None => Known { info, pace: Pace::default(), due: self.first() },
            };
            self.known.push(known);
        }
        self.begin_due();
    }

    fn first(&self) -> Option<(Instant, Trigger)> {
        let now = Instant::now();
        if self.plan.at_start { Some((now, Trigger::Start)) } else { self.next(Pace::default()) }
    }

    fn next(&self, pace: Pace) -> Option<(Instant, Trigger)> {
        let pause = pace.pause(self.plan.schedule?, random());
        Some((Instant::now() + pause, Trigger::Schedule))
    }

    fn replan(&mut self) {
        let plan = self.planned.borrow_and_update().clone();
        let others = (&plan.arguments, &plan.with_relay) != (&self.plan.arguments, &self.plan.with_relay);
        self.plan = plan;
        for index in 0..self.known.len() {
            let again = others && self.plan.at_start;
            self.known[index].due = if again { self.first() } else { self.next(self.known[index].pace) };
        }
        self.begin_due();
    }

    fn begin_due(&mut self) {
        let now = Instant::now();
        let due = |known: &Known| {
            let (at, trigger) = known.due?;
            (at <= now).then(|| (known.info.instance.clone(), trigger))
        };
        let due: Vec<_> = self.known.iter().filter_map(due).collect();
        for (instance, trigger) in due {
            match self.probes.begin(&instance, trigger) {
                Ok(run) => self.begin(run),
                // It runs because somebody asked: that counts.
                Err(refused) => {
                    tracing::debug!("no scheduled run: {refused}");
                    self.wait(&instance);
                }
            }
        }
    }

    fn begin(&mut self, run: RunRecord) {
        self.wait(run.instance());
        let Some(known) = self.known.iter().find(|known| known.info.instance == run.instance()) else {
            return;
        };
        let arguments = self.plan.arguments_of(&known.info);
        self.running.spawn(one(self.host.clone(), run, arguments, self.plan.timeout));
    }

    /// Not due again before the run that begins now has ended; should its end never be told, then after its schedule.
    fn wait(&mut self, instance: &str) {
        let timeout = self.plan.timeout;
        if let Some(index) = self.known.iter().position(|known| known.info.instance == instance) {
            let next = self.next(self.known[index].pace);
            self.known[index].due = next.map(|(at, trigger)| (at + timeout, trigger));
        }
    }

    fn ended(&mut self, instance: &str, ran: bool) {
        if let Some(index) = self.known.iter().position(|known| known.info.instance == instance) {
            self.known[index].pace.ended(ran);
            self.known[index].due = self.next(self.known[index].pace);
        }
    }
}

/// One run, written down as it goes on.
async fn one(host: PluginHost, record: RunRecord, arguments: Value, timeout: Duration) -> (String, bool) {
    let instance = record.instance().to_owned();
    let began = record.began();
    let take = |note| match note {
        ProbeNote::Step(event) => record.step(&run::step(event, began)),
        ProbeNote::Report(report) => record.report(report),
    };
    let ended = run::run(&host, &instance, arguments, timeout, take).await;
    let ran = ended.is_ok();
    match ended {
        Ok(run) => {
            tracing::info!(probe = instance, outcome = ?run.outcome, "probe has run");
            record.finish(run.outcome, run.reports, run.events_dropped);
        }
        Err(error) => {
            tracing::warn!(probe = instance, "{error}");
            record.fail(error.to_string());
        }
    }
    (instance, ran)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// From 0 to 1. Without the kernel's generator there is no jitter, and nothing worse.
fn random() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
