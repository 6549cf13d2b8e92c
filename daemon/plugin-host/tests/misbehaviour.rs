//! Every call × every way to misbehave, in a process of its own: the daemon and a healthy plugin go on, and what
//! happened is told.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod common;

use std::time::Duration;

use common::{Bench, LIMIT, backoff, options, probe, source, unit, within};
use icescope_model::media::{Control, MediaMessage};
use icescope_model::plugin::PluginState;
use icescope_plugin_host::PluginSpec;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

const CALLS: [&str; 7] = ["create", "formats", "start", "control", "stop", "destroy", "run"];

/// A fatal way to misbehave, the kind of observation that it makes, and what its words contain.
struct Way {
    how: &'static str,
    kind: &'static str,
    words: &'static str,
}

const WAYS: [Way; 6] = [
    Way { how: "panic", kind: "plugin.crashed", words: "panicked" },
    Way { how: "abort", kind: "plugin.crashed", words: "SIGABRT" },
    Way { how: "segfault", kind: "plugin.crashed", words: "SIGSEGV" },
    Way { how: "exit", kind: "plugin.crashed", words: "code 3" },
    Way { how: "loop", kind: "plugin.hung", words: "did not return" },
    Way { how: "join", kind: "plugin.hung", words: "did not return" },
];

fn bad(call: &str, how: &str) -> PluginSpec {
    let config = json!({"call": call, "how": how});
    if call == "run" { probe("bad", config) } else { source("bad", config) }
}

/// Does what makes the plugin come to its bad call.
async fn provoke(bench: &Bench, call: &str) -> JoinSet<()> {
    let mut taker = JoinSet::new();
    match call {
        "start" | "control" | "stop" => {
            let mut stream = bench.host.open_stream("bad", 0).unwrap();
            if call != "start" {
                unit(&mut stream).await;
            }
            stream.control.send(Control::BitRate { target: 1, max: 1 });
            if call != "stop" {
                taker.spawn(async move { while stream.messages.recv().await.is_some() {} });
            }
        }
        "run" => {
            let (events, _told) = mpsc::channel(8);
            let run = bench.host.run_probe("bad", json!({}), Duration::from_millis(200), events);
            assert!(within("the run", run).await.is_err());
        }
        "destroy" => {
            let healthy = bench.host.status().remove(0);
            assert_eq!(healthy.name, "healthy");
            within("the reload", bench.host.apply(vec![source("healthy", json!({}))])).await;
        }
        _ => {}
    }
    taker
}

/// A healthy plugin beside the bad one, whose frames somebody takes all the time.
struct Healthy {
    units: watch::Receiver<u64>,
    _taker: JoinSet<()>,
}

impl Healthy {
    fn watch(bench: &Bench) -> Self {
        let mut stream = bench.host.open_stream("healthy", 0).unwrap();
        let (count, units) = watch::channel(0);
        let mut taker = JoinSet::new();
        taker.spawn(async move {
            // Anything but frames ends the count: then `goes_on` fails.
            while let Some(MediaMessage::Unit(_) | MediaMessage::Format(_)) = stream.messages.recv().await {
                count.send_modify(|count| *count += 1);
            }
        });
        Self { units, _taker: taker }
    }

    /// Its frames come on, and it was never interrupted.
    async fn goes_on(&mut self, bench: &Bench) {
        let now = *self.units.borrow_and_update();
        let more = within("healthy frames", self.units.wait_for(|count| *count > now + 20)).await;
        assert!(more.is_ok(), "the healthy plugin was interrupted");
        let status = bench.state("healthy", PluginState::Ready).await;
        assert_eq!((status.restarts, status.message), (0, None));
    }
}

async fn row(call: &str, way: &Way) {
    let mut options = options();
    options.backoff = backoff(2);
    let mut bench = Bench::settled(options, vec![source("healthy", json!({})), bad(call, way.how)]).await;
    let mut healthy = Healthy::watch(&bench);
    let what = format!("{} in {call}", way.how);
    let stream = provoke(&bench, call).await;
    let told = tokio::time::timeout(LIMIT, bench.happens(way.kind, way.words)).await;
    let told = told.unwrap_or_else(|_| panic!("{what} was not told"));
    assert!(told.summary.starts_with("bad: "), "{}", told.summary);
    if way.how != "panic" {
        assert!(told.summary.contains(&format!("`{call}`")), "{what}: {}", told.summary);
    }
    healthy.goes_on(&bench).await;
    match call {
        // What has to be done again for it to happen again.
        "stop" | "run" => {
            bench.status("bad", |status| status.state == PluginState::Ready && status.restarts == 1).await;
            provoke(&bench, call).await;
        }
        "destroy" => return within("shutting down", bench.host.shut_down()).await,
        _ => {}
    }
    let status = bench.state("bad", PluginState::Disabled).await;
    let message = status.message.unwrap_or_default();
    assert!(
        message.contains("2 crashes") && message.contains("SIGHUP") && message.contains(way.words),
        "{message}"
    );
    bench.happens("plugin.disabled", "bad").await;
    healthy.goes_on(&bench).await;
    drop(stream);
    within("shutting down", bench.host.shut_down()).await;
}

async fn all_calls(how: &str) {
    common::fixtures();
    let way = WAYS.iter().find(|way| way.how == how).unwrap();
    for call in CALLS {
        // `destroy` returns nothing: a caught panic has no way to be told.
        if (call, how) != ("destroy", "panic") {
            row(call, way).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_each_call() {
    all_calls("panic").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_in_each_call() {
    all_calls("abort").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segmentation_fault_in_each_call() {
    all_calls("segfault").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_in_each_call() {
    all_calls("exit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_in_each_call() {
    all_calls("loop").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_is_never_joined_in_each_call() {
    all_calls("join").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_tried_again_and_never_disables() {
    for call in ["create", "formats", "start"] {
        let mut bench = Bench::settled(options(), vec![bad(call, "error")]).await;
        let stream = provoke(&bench, call).await;
        bench.happens("plugin.failed", "").await;
        if call == "start" {
            // One format that does not start leaves the plugin up: there may be others.
            let status = bench.status("bad", |status| status.message.is_some()).await;
            assert_eq!((status.state, status.restarts), (PluginState::Ready, 0));
            bench.happens("plugin.failed", "fails as it was told").await;
        } else {
            let status = bench.status("bad", |status| status.restarts >= 4).await;
            assert_ne!(status.state, PluginState::Disabled, "{call}");
        }
        drop(stream);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_is_an_answer_and_the_probe_stays_up() {
    let bench = Bench::settled(options(), vec![bad("run", "error")]).await;
    for _ in 0..4 {
        provoke(&bench, "run").await;
    }
    let status = bench.state("bad", PluginState::Ready).await;
    assert_eq!(status.restarts, 0);
}
