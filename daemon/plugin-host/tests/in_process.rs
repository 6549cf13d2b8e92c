//! What in-process mode promises: panics, errors, floods and hangs are contained.

mod common;

use std::time::Duration;

use common::{Bench, options, probe, source, unit, within};
use icescope_model::media::{Control, MediaMessage};
use icescope_model::plugin::{Isolation, PluginState};
use icescope_plugin_host::{PluginSpec, ProbeNote};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

fn inside(spec: PluginSpec) -> PluginSpec {
    PluginSpec { isolation: Isolation::InProcess, ..spec }
}

fn bad(config: Value) -> Vec<PluginSpec> {
    vec![inside(source("healthy", json!({}))), inside(source("bad", config))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_replaces_the_instance_and_three_disable_it() {
    for call in ["create", "start", "control"] {
        let mut bench = Bench::settled(options(), bad(json!({"call": call, "how": "panic"}))).await;
        let mut healthy = bench.host.open_stream("healthy", 0).unwrap();
        let mut taker = JoinSet::new();
        if call != "create" {
            let mut stream = bench.host.open_stream("bad", 0).unwrap();
            stream.control.send(Control::Pause);
            taker.spawn(async move { while stream.messages.recv().await.is_some() {} });
        }
        for _ in 0..3 {
            bench.happens("plugin.crashed", "panicked").await;
        }
        let status = bench.state("bad", PluginState::Disabled).await;
        assert_eq!(status.restarts, 2, "{call}");
        unit(&mut healthy).await;
        within("shutting down", bench.host.shut_down()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_tried_again() {
    let bench = Bench::settled(options(), bad(json!({"call": "create", "how": "error"}))).await;
    bench.status("bad", |status| status.restarts >= 4 && status.state != PluginState::Disabled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_call_disables_the_instance_and_a_reload_brings_it_back() {
    for call in ["create", "formats", "start", "control", "stop"] {
        let folder = tempfile::tempdir().unwrap();
        let once = folder.path().join("hung");
        let specs = bad(json!({"call": call, "how": "join", "once": once}));
        let mut bench = Bench::settled(options(), specs.clone()).await;
        let mut healthy = bench.host.open_stream("healthy", 0).unwrap();
        if ["start", "control", "stop"].contains(&call) {
            let mut stream = bench.host.open_stream("bad", 0).unwrap();
            stream.control.send(Control::KeyFrame);
            if call == "stop" {
                unit(&mut stream).await;
                drop(stream);
            } else {
                within("the end", async {
                    while !matches!(common::next(&mut stream).await, MediaMessage::Ended { .. }) {}
                })
                .await;
            }
        }
        bench.happens("plugin.hung", "its thread is left behind").await;
        let status = bench.state("bad", PluginState::Disabled).await;
        assert!(status.message.unwrap().contains("isolation = \"process\""));
        unit(&mut healthy).await;
        within("the reload", bench.host.apply(specs)).await;
        bench.state("bad", PluginState::Ready).await;
        unit(&mut bench.host.open_stream("bad", 0).unwrap()).await;
        unit(&mut healthy).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_are_cut_and_counted() {
    let mut bench = Bench::settled(options(), bad(json!({"events": 20_000, "logs": 5_000}))).await;
    let status = bench.status("bad", |status| status.events_dropped >= 16_000).await;
    assert!(status.events_dropped < 20_000, "the first ones pass");
    bench.happens("plugin.event", "flood").await;
    unit(&mut bench.host.open_stream("healthy", 0).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_runs_and_reports() {
    let bench = Bench::settled(options(), vec![inside(probe("nat", json!({})))]).await;
    let (events, mut told) = mpsc::channel(8);
    let args = json!({"events": 2, "reports": 1, "outcome": 1});
    let run =
        within("the run", bench.host.run_probe("nat", args, Duration::from_secs(5), events)).await.unwrap();
    assert_eq!(run.reports[0].document, json!({"number": 0}));
    let first = told.recv().await;
    assert!(matches!(&first, Some(ProbeNote::Step(step)) if step.parent == run.span), "{first:?}");
}
