//! One run, and the record that is written of it.

use std::time::{SystemTime, UNIX_EPOCH};

use icescope_model::Monotonic;
use icescope_model::report::{Outcome, PastRun, ProbeRun, ProbeStep, Report, Trigger};

use super::{Probe, Probes};

/// Steps kept of one run. A run that asks several servers over both families takes some hundred.
const MAX_STEPS: usize = 512;
/// Runs remembered of each probe: enough to see a trend.
const MAX_PAST: usize = 32;

#[derive(Debug)]
pub(super) struct Run {
    /// Without its steps.
    pub(super) head: ProbeRun,
    /// As JSON: decoded maps take several times as much memory.
    pub(super) steps: Vec<Box<str>>,
}

impl Run {
    pub(super) fn new(id: u64, trigger: Trigger) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let head = ProbeRun {
            id,
            trigger,
            started_unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
            duration: None,
            outcome: None,
            error: None,
            steps: Vec::new(),
            steps_dropped: 0,
        };
        Self { head, steps: Vec::new() }
    }

    pub(super) fn steps_from(&self, first: usize) -> Vec<ProbeStep> {
        self.steps.iter().skip(first).filter_map(|json| serde_json::from_str(json).ok()).collect()
    }
}

/// A run that goes on: the one way to write about it. Dropped, the run counts as given up.
#[derive(Debug)]
pub struct RunRecord {
    probes: Probes,
    instance: String,
    id: u64,
    began: Monotonic,
    ended: bool,
}

impl RunRecord {
    pub(super) fn new(probes: Probes, instance: String, id: u64) -> Self {
        Self { probes, instance, id, began: Monotonic::now(), ended: false }
    }

    /// The configured name of its probe.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The number of the run.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// When it began.
    pub fn began(&self) -> Monotonic {
        self.began
    }

    /// Adds a step.
    pub fn step(&self, step: &ProbeStep) {
        let json = serde_json::to_string(step);
        self.write(|heads, probe| {
            let Some(run) = &mut probe.run else { return };
            match json {
                Ok(json) if run.steps.len() < MAX_STEPS => run.steps.push(json.into_boxed_str()),
                _ => {
                    run.head.steps_dropped += 1;
                    *heads += 1;
                }
            }
        });
    }

    /// Adds a report, as it is made.
    pub fn report(&self, report: Report) {
        self.write(|heads, probe| {
            probe.put(report);
            *heads += 1;
        });
    }

    /// It came to its end. From now on its reports are those of the probe; older ones are about what it no longer asks.
    pub fn finish(mut self, outcome: Outcome, reports: Vec<Report>, steps_dropped: u64) {
        self.ended = true;
        self.close(|probe| {
            probe.reports.clear();
            for report in reports {
                probe.put(report);
            }
            if let Some(run) = &mut probe.run {
                run.head.outcome = Some(outcome);
                run.head.steps_dropped += steps_dropped;
            }
        });
    }

    /// It could not be run to its end. What was reported before stays.
    pub fn fail(mut self, error: String) {
        self.ended = true;
        self.failed(error);
    }

    fn failed(&self, error: String) {
        self.close(|probe| {
            if let Some(run) = &mut probe.run {
                run.head.error = Some(error);
            }
        });
    }

    /// It has not begun, and never will.
    pub(super) fn forget(mut self) {
        self.ended = true;
        self.write(|heads, probe| {
            probe.run = None;
            *heads += 1;
        });
    }

    fn close(&self, change: impl FnOnce(&mut Probe)) {
        let duration = Monotonic::now().micros_since(self.began);
        self.write(|heads, probe| {
            change(probe);
            *heads += 1;
            let Some(Run { head, .. }) = &mut probe.run else { return };
            head.duration = Some(duration);
            let past = PastRun {
                id: head.id,
                started_unix_ms: head.started_unix_ms,
                duration,
                outcome: head.outcome,
            };
            if probe.past.len() == MAX_PAST {
                probe.past.pop_front();
            }
            probe.past.push_back(past);
        });
    }

    fn write(&self, change: impl FnOnce(&mut u64, &mut Probe)) {
        self.probes.write(&self.instance, self.id, change);
    }
}

impl Drop for RunRecord {
    fn drop(&mut self) {
        if !self.ended {
            self.failed(
                "it was given up: the daemon stops, or the probe was taken out of the configuration"
                    .to_owned(),
            );
        }
    }
}
