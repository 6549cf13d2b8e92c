//! One run of a probe, from its arguments to its end.

use std::time::Duration;

use icescope_model::Monotonic;
use icescope_model::report::ProbeStep;
use icescope_plugin_host::{PluginHost, ProbeError, ProbeEvent, ProbeNote, ProbeRun};
use serde_json::Value;
use tokio::sync::mpsc;

/// Notes between the plugin host and the one who takes them: a burst of steps of one run.
const NOTES: usize = 1_024;

/// Runs a probe to its end; `take` gets its steps and reports as they come.
pub async fn run(
    host: &PluginHost,
    instance: &str,
    arguments: Value,
    timeout: Duration,
    mut take: impl FnMut(ProbeNote),
) -> Result<ProbeRun, ProbeError> {
    let (notes, mut told) = mpsc::channel(NOTES);
    let running = host.run_probe(instance, arguments, timeout, notes);
    tokio::pin!(running);
    let ended = loop {
        tokio::select! {
            biased;
            Some(note) = told.recv() => take(note),
            ended = &mut running => break ended,
        }
    };
    while let Ok(note) = told.try_recv() {
        take(note);
    }
    ended
}

/// A step as it is kept and shown, in the time of its run.
pub fn step(event: ProbeEvent, began: Monotonic) -> ProbeStep {
    ProbeStep {
        time: event.at.micros_since(began),
        level: event.level,
        schema: event.schema,
        summary: event.summary,
        span: event.span,
        parent: event.parent,
        outcome: event.outcome,
        from: event.from,
        to: event.to,
        evidence: event.evidence,
        attributes: event.attributes,
    }
}
