//! Probes: runs with events, reports, an outcome; deadlines; grants; rest.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Bench, compile_c, options, probe, source, within};
use icescope_model::plugin::PluginState;
use icescope_model::report::Outcome;
use icescope_plugin_host::{GrantedServer, ICE_SERVERS_GRANT, PluginSpec, ProbeError, ProbeNote, ProbeRun};
use serde_json::{Value, json};
use tokio::sync::mpsc;

async fn run(bench: &Bench, args: Value) -> Result<ProbeRun, ProbeError> {
    let (events, _told) = mpsc::channel(64);
    within("the run", bench.host.run_probe("nat", args, Duration::from_secs(5), events)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_brings_events_reports_and_one_outcome() {
    let bench = Bench::settled(options(), vec![probe("nat", json!({}))]).await;
    let (events, mut told) = mpsc::channel(64);
    let args = json!({"events": 3, "reports": 2, "outcome": 2});
    let run =
        within("the run", bench.host.run_probe("nat", args, Duration::from_secs(5), events)).await.unwrap();
    assert_eq!((run.outcome, run.events_dropped), (Outcome::Failed, 0));
    let reports: Vec<_> =
        run.reports.iter().map(|report| (report.subject.as_str(), &report.document)).collect();
    assert_eq!(reports, [("subject 0", &json!({"number": 0})), ("subject 1", &json!({"number": 1}))]);
    assert_eq!((run.reports[0].probe.as_str(), run.reports[0].outcome), ("nat", Outcome::Pass));
    for number in 0..3 {
        let Some(ProbeNote::Step(event)) = told.recv().await else { panic!("step {number} is told first") };
        assert_eq!((event.parent, &event.attributes["number"]), (run.span, &json!(number)));
        assert_eq!(event.schema, "org.icescope.fixture/1");
    }
    for report in run.reports {
        assert_eq!(
            told.recv().await,
            Some(ProbeNote::Report(report)),
            "reports are told as they are made, too"
        );
    }
    assert!(told.recv().await.is_none(), "nothing is told after the run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_told_at_once_and_so_outlives_a_run_that_is_cut_short() {
    let bench = Bench::settled(options(), vec![probe("nat", json!({}))]).await;
    let (notes, mut told) = mpsc::channel(8);
    let run =
        bench.host.run_probe("nat", json!({"reports": 1, "wait": true}), Duration::from_hours(1), notes);
    let first = tokio::select! {
        run = run => panic!("it waits to be cancelled: {run:?}"),
        first = within("the report", told.recv()) => first,
    };
    assert!(matches!(&first, Some(ProbeNote::Report(report)) if report.subject == "subject 0"), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_is_known_by_both_its_names() {
    let bench = Bench::settled(options(), vec![source("bars", json!({})), probe("nat", json!({}))]).await;
    let known: Vec<_> = bench.host.probes().into_iter().map(|probe| (probe.instance, probe.name)).collect();
    assert_eq!(known, [("nat".to_owned(), "Fixture".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_is_not_said_is_unknown() {
    let bench = Bench::settled(options(), vec![probe("nat", json!({}))]).await;
    assert_eq!(run(&bench, json!({})).await.unwrap().outcome, Outcome::Unknown);
    assert_eq!(run(&bench, json!({"outcome": 99})).await.unwrap().outcome, Outcome::Unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_one_mebibyte_passes_and_a_longer_one_or_broken_json_does_not() {
    let bench = Bench::settled(options(), vec![probe("nat", json!({}))]).await;
    let passed = run(&bench, json!({"big": 1 << 20})).await.unwrap();
    assert_eq!(passed.reports[0].document.as_str().unwrap().len(), (1 << 20) - 2);
    assert_eq!(run(&bench, json!({"big": (1 << 20) + 1})).await.unwrap().reports, []);
    assert_eq!(run(&bench, json!({"bad_json": true})).await.unwrap().reports, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_winds_up_at_its_deadline_and_when_nobody_waits_any_more() {
    let bench = Bench::settled(options(), vec![probe("nat", json!({}))]).await;
    let (events, _told) = mpsc::channel(8);
    let late = bench.host.run_probe("nat", json!({"wait": true}), Duration::from_millis(100), events.clone());
    assert!(matches!(within("the deadline", late).await, Err(ProbeError::Failed { .. })));
    let dropped = bench.host.run_probe("nat", json!({"wait": true}), Duration::from_hours(1), events);
    assert!(tokio::time::timeout(Duration::from_millis(100), dropped).await.is_err());
    // The next run can only come when that one is over, and it does in the same process.
    run(&bench, json!({})).await.unwrap();
    assert_eq!(bench.state("nat", PluginState::Ready).await.restarts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_flood_in_a_run_is_cut_and_counted() {
    let bench = Bench::settled(options(), vec![probe("nat", json!({}))]).await;
    let run = run(&bench, json!({"events": 10_000, "outcome": 1})).await.unwrap();
    assert_eq!(run.outcome, Outcome::Pass);
    let status = bench.status("nat", |status| status.events_dropped > 5_000).await;
    assert!(status.events_dropped < 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_without_work_has_no_process_and_wakes_for_the_next_run() {
    let mut options = options();
    options.probe_idle = Duration::from_millis(50);
    let mut bench = Bench::settled(options, vec![probe("nat", json!({}))]).await;
    bench.happens("plugin.ready", "nat").await;
    for _ in 0..2 {
        let status = bench.status("nat", |status| status.message.is_some()).await;
        assert!(status.message.unwrap().starts_with("idle"), "resting is ready");
        assert_eq!((status.state, status.restarts), (PluginState::Ready, 0));
        assert_eq!(bench.host.processes(), []);
        assert_eq!(run(&bench, json!({"reports": 1})).await.unwrap().reports.len(), 1);
    }
}

fn server() -> GrantedServer {
    GrantedServer {
        url: "turn:turn.example.org".to_owned(),
        username: "1700000000:robot".to_owned(),
        credential: "s3cr3t".to_owned(),
        realm: String::new(),
        expires_unix_s: 1_700_000_000,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_go_only_to_whom_they_are_granted_and_their_secrets_are_taken_out_of_what_it_says() {
    for granted in [true, false] {
        let mut options = options();
        options.ice_servers = Some(Arc::new(|| vec![server()]));
        let mut spec = probe("nat", json!({}));
        if granted {
            spec.grants.push(ICE_SERVERS_GRANT.to_owned());
        }
        let bench = Bench::settled(options, vec![spec]).await;
        let run = run(&bench, json!({"servers": true})).await.unwrap();
        let expected =
            if granted { json!(["turn:turn.example.org [redacted] [redacted]"]) } else { Value::Null };
        assert_eq!(run.reports[0].document, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_probe_or_does_not_know_its_arguments_says_so() {
    let bench = Bench::settled(options(), vec![probe("nat", json!({})), source("bars", json!({}))]).await;
    let wrong = run(&bench, json!({"outcome": "good"})).await;
    assert!(matches!(&wrong, Err(ProbeError::Arguments { pointer, .. }) if pointer == "/args"), "{wrong:?}");
    for (name, words) in [("bars", "it is no probe"), ("nobody", "no probe «nobody»")] {
        let (events, _told) = mpsc::channel(1);
        let wrong = bench.host.run_probe(name, json!({}), Duration::from_secs(1), events).await.unwrap_err();
        assert!(wrong.to_string().contains(words), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_probe_in_c_reports() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile_c(folder.path(), "examples/probe-c/probe.c", &[]);
    let bench = Bench::settled(options(), vec![PluginSpec::new("nat", library.to_str().unwrap())]).await;
    let run = run(&bench, json!({})).await.unwrap();
    assert_eq!(run.reports.len(), 1, "{run:?}");
    assert_eq!(run.reports[0].schema, "org.example.host/1");
}
