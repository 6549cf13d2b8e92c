//! The daemon's runs of probes, with the example in C in this very process.

use std::path::Path;
use std::process::Command;

use icescope_evidence::Probes;
use icescope_model::EventSink;
use icescope_model::plugin::Isolation;
use icescope_model::report::{Outcome, ProbeState};
use icescope_plugin_host::{Options, PluginSpec};
use serde_json::json;

use super::*;

/// Nothing that is waited for takes this long unless it is broken.
const LIMIT: Duration = Duration::from_secs(30);

struct Scene {
    host: PluginHost,
    probes: Probes,
    prober: Prober,
    folder: tempfile::TempDir,
}

fn plan() -> Plan {
    Plan { at_start: false, schedule: None, timeout: LIMIT, arguments: json!({}), with_relay: json!({}) }
}

/// The example of a probe in C.
const EXAMPLE: &str = "../../plugins/examples/probe-c/probe.c";
/// One that waits until it is told to stop.
const WAITING: &str = "tests/common/waiting.c";

/// Compiles a probe for this process.
fn compile(folder: &Path, name: &str, source: &str) -> PluginSpec {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let spec = compiled(folder, name);
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", "-I"])
        .arg(here.join("../../plugins/abi/include"));
    cc.arg("-o").arg(&spec.path).arg(here.join(source));
    assert!(cc.status().expect("cc runs").success());
    spec
}

/// One that was compiled before.
fn compiled(folder: &Path, name: &str) -> PluginSpec {
    let path = folder.join(format!("{name}.so")).display().to_string();
    PluginSpec { isolation: Isolation::InProcess, ..PluginSpec::new(name, path) }
}

impl Scene {
    fn start(plan: Plan) -> Self {
        Self::with(plan, [("one", EXAMPLE), ("two", EXAMPLE)])
    }

    fn with(plan: Plan, plugins: [(&str, &str); 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let specs = plugins.map(|(name, source)| compile(folder.path(), name, source)).to_vec();
        let (sink, _source) = EventSink::new(64);
        let host = PluginHost::start(Options::new("/nowhere".into(), Vec::new()), specs, sink);
        let probes = Probes::default();
        let prober = Prober::start(host.clone(), probes.clone(), plan);
        Self { host, probes, prober, folder }
    }

    /// Waits until the probes are as wanted.
    async fn until(&self, wanted: impl Fn(&[ProbeState]) -> bool) -> Vec<ProbeState> {
        let mut revision = self.probes.revision();
        let found = async {
            loop {
                let states = self.probes.states();
                if wanted(&states) {
                    return states;
                }
                revision.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, found)
            .await
            .unwrap_or_else(|_| panic!("this never came: {:#?}", self.probes.states()))
    }

    async fn end(self) {
        self.prober.shut_down().await;
        self.host.shut_down().await;
    }
}

fn runs(state: &ProbeState) -> usize {
    state.past.len()
}

fn trigger(state: &ProbeState) -> Option<Trigger> {
    state.run.as_ref().map(|run| run.trigger)
}

#[tokio::test]
async fn every_probe_runs_when_it_comes_up_and_its_steps_and_reports_are_kept() {
    let scene = Scene::start(Plan { at_start: true, ..plan() });
    let states = scene.until(|states| states.len() == 2 && states.iter().all(|state| runs(state) == 1)).await;
    for state in &states {
        let run = state.run.as_ref().unwrap();
        assert_eq!(
            (state.probe.as_str(), run.trigger, run.outcome),
            ("Host facts, in C", Trigger::Start, Some(Outcome::Pass))
        );
        assert_eq!(run.steps[0].schema, "org.example.host.clock/1");
        assert!(run.steps[0].time >= 0);
        assert_eq!(
            (state.reports[0].schema.as_str(), &state.reports[0].probe),
            ("org.example.host/1", &state.instance)
        );
    }
    scene.end().await;
}

#[tokio::test]
async fn one_that_is_asked_for_runs_and_the_others_do_not() {
    let scene = Scene::start(plan());
    scene.until(|states| states.len() == 2).await;
    let id = scene.probes.demand("two").unwrap();
    let states = scene.until(|states| runs(&states[1]) == 1).await;
    assert_eq!((states[1].past[0].id, trigger(&states[1])), (id, Some(Trigger::Demand)));
    assert_eq!(states[0].run, None);
    scene.end().await;
}

#[tokio::test]
async fn a_schedule_runs_them_again_and_again_until_it_is_taken_away() {
    let scene = Scene::start(plan());
    scene.until(|states| states.len() == 2).await;
    scene.prober.replan(Plan { schedule: Some(Duration::from_millis(5)), ..plan() });
    let states = scene.until(|states| states.iter().all(|state| runs(state) >= 3)).await;
    assert!(states.iter().all(|state| trigger(state) == Some(Trigger::Schedule)), "{states:?}");
    scene.prober.replan(plan());
    // When the runs that were under way have ended, no other follows: the next one is the one that is asked for.
    let mut asked = scene.probes.demand("one");
    while asked.is_err() {
        scene.until(|states| states[0].run.as_ref().is_some_and(|run| run.duration.is_some())).await;
        asked = scene.probes.demand("one");
    }
    let id = asked.unwrap();
    let states = scene.until(|states| states[0].past.last().is_some_and(|run| run.id == id)).await;
    assert_eq!(trigger(&states[0]), Some(Trigger::Demand));
    scene.end().await;
}

#[tokio::test]
async fn other_servers_are_asked_at_once() {
    let scene = Scene::start(Plan { at_start: true, ..plan() });
    scene.until(|states| states.len() == 2 && states.iter().all(|state| runs(state) == 1)).await;
    let arguments = json!({ "servers": ["stun:192.0.2.1"] });
    scene.prober.replan(Plan { at_start: true, arguments, ..plan() });
    scene.until(|states| states.iter().all(|state| runs(state) == 2)).await;
    scene.end().await;
}

#[tokio::test]
async fn a_probe_that_is_taken_out_is_forgotten_and_one_that_is_added_runs() {
    let scene = Scene::start(Plan { at_start: true, ..plan() });
    scene.until(|states| states.len() == 2 && states.iter().all(|state| runs(state) == 1)).await;
    let folder = scene.folder.path();
    scene.host.apply(vec![compile(folder, "three", EXAMPLE), compiled(folder, "one")]).await;
    let states = scene.until(|states| states[0].instance == "three" && runs(&states[0]) == 1).await;
    assert_eq!(states.iter().map(|state| state.instance.as_str()).collect::<Vec<_>>(), ["three", "one"]);
    scene.end().await;
}

#[tokio::test]
async fn one_that_waits_for_a_dead_server_delays_nobody_and_ends_in_time() {
    let plan = Plan { at_start: true, timeout: Duration::from_millis(300), ..plan() };
    let scene = Scene::with(plan, [("waiting", WAITING), ("two", EXAMPLE)]);
    let states = scene.until(|states| states.len() == 2 && runs(&states[1]) == 1).await;
    assert_eq!(
        states[0].run.as_ref().map(|run| run.duration),
        Some(None),
        "the other one waits all the while"
    );
    let states = scene.until(|states| runs(&states[0]) == 1).await;
    let run = states[0].run.as_ref().unwrap();
    assert_eq!(run.outcome, None, "what could not be run to its end has not failed");
    assert!(run.error.as_ref().unwrap().contains("«waiting»"), "{run:?}");
    scene.end().await;
}

#[tokio::test]
async fn a_daemon_that_stops_waits_for_no_run() {
    let scene = Scene::with(
        Plan { at_start: true, timeout: LIMIT * 100, ..plan() },
        [("waiting", WAITING), ("two", EXAMPLE)],
    );
    scene.until(|states| states.len() == 2 && states[0].run.is_some()).await;
    let probes = scene.probes.clone();
    tokio::time::timeout(LIMIT, scene.end()).await.expect("it ends");
    assert!(probes.states()[0].run.as_ref().unwrap().error.as_ref().unwrap().contains("given up"));
}
