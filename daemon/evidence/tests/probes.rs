//! Probes' runs and reports, as those see them who run them and those who read.
#![allow(clippy::unwrap_used)]

use icescope_evidence::{Position, Probes, RunRefused};
use icescope_model::api::ToPage;
use icescope_model::report::{Outcome, ProbeState, ProbeStep, Report, Trigger};
use icescope_model::{Attributes, Evidence, Lane, Level};
use serde_json::json;

fn configured() -> Probes {
    let probes = Probes::default();
    probes.configure(
        [("nat", "probe-nat"), ("stun", "probe-stun")].map(|(a, b)| (a.into(), b.into())).to_vec(),
    );
    probes
}

fn step(number: i64) -> ProbeStep {
    ProbeStep {
        time: number,
        level: Level::Info,
        schema: "icescope.stun.transaction/1".into(),
        summary: format!("step {number}"),
        span: 0,
        parent: 1,
        outcome: None,
        from: Lane::Peer,
        to: Lane::Stun,
        evidence: Evidence::Packet,
        attributes: Attributes::new(),
    }
}

fn report(subject: &str, unix_ms: i64) -> Report {
    Report {
        probe: "nat".into(),
        schema: "icescope.nat/1".into(),
        subject: subject.into(),
        outcome: Outcome::Pass,
        unix_ms,
        document: json!({ "made": unix_ms }),
    }
}

fn nat(probes: &Probes) -> ProbeState {
    probes.states().into_iter().find(|probe| probe.instance == "nat").unwrap()
}

fn subjects(state: &ProbeState) -> Vec<(&str, i64)> {
    state.reports.iter().map(|report| (report.subject.as_str(), report.unix_ms)).collect()
}

#[test]
fn steps_and_reports_are_there_as_they_come() {
    let probes = configured();
    let run = probes.begin("nat", Trigger::Start).unwrap();
    run.step(&step(1));
    run.report(report("ipv4", 1));
    let state = nat(&probes);
    let head = state.run.as_ref().unwrap();
    assert_eq!((head.id, head.trigger, head.duration, head.outcome), (1, Trigger::Start, None, None));
    assert_eq!(head.steps, [step(1)]);
    assert_eq!(subjects(&state), [("ipv4", 1)]);
    run.finish(Outcome::Failed, vec![report("ipv4", 1)], 3);
    let state = nat(&probes);
    let head = state.run.as_ref().unwrap();
    assert_eq!((head.outcome, head.steps_dropped), (Some(Outcome::Failed), 3));
    assert!(head.duration.is_some());
    assert_eq!(
        state.past.iter().map(|run| (run.id, run.outcome)).collect::<Vec<_>>(),
        [(1, Some(Outcome::Failed))]
    );
}

#[test]
fn a_whole_run_replaces_what_was_reported_and_one_cut_short_only_adds() {
    let probes = configured();
    let first = vec![report("ipv4", 1), report("ipv6", 1)];
    probes.begin("nat", Trigger::Demand).unwrap().finish(Outcome::Pass, first, 0);
    let cut = probes.begin("nat", Trigger::Demand).unwrap();
    cut.report(report("ipv4", 2));
    cut.fail("its time was over".into());
    let state = nat(&probes);
    assert_eq!(subjects(&state), [("ipv4", 2), ("ipv6", 1)]);
    assert_eq!(state.run.unwrap().error.as_deref(), Some("its time was over"));
    probes.begin("nat", Trigger::Demand).unwrap().finish(Outcome::Pass, vec![report("ipv4", 3)], 0);
    assert_eq!(subjects(&nat(&probes)), [("ipv4", 3)]);
    assert_eq!(probes.newest("icescope.nat/1", "ipv4").unwrap().unix_ms, 3);
    assert_eq!(probes.newest("icescope.nat/1", "ipv6"), None);
}

#[test]
fn a_probe_has_one_run_at_a_time_and_every_run_a_number_of_its_own() {
    let probes = configured();
    let first = probes.begin("nat", Trigger::Schedule).unwrap();
    let busy = probes.begin("nat", Trigger::Demand).unwrap_err();
    assert_eq!(busy, RunRefused::Running { instance: "nat".into(), run: first.id() });
    let other = probes.begin("stun", Trigger::Schedule).unwrap();
    assert_ne!(first.id(), other.id());
    drop(first);
    assert!(nat(&probes).run.unwrap().error.unwrap().contains("given up"));
    assert_eq!(probes.begin("nat", Trigger::Demand).unwrap().id(), 3);
    let unknown = probes.begin("gnat", Trigger::Demand).unwrap_err().to_string();
    assert!(unknown.contains("«gnat»") && unknown.contains("nat, stun"), "{unknown}");
}

#[test]
fn a_run_that_is_asked_for_comes_out_at_the_other_end() {
    let probes = configured();
    let mut demands = probes.take_demands().unwrap();
    assert!(probes.take_demands().is_none());
    let id = probes.demand("stun").unwrap();
    assert!(matches!(probes.demand("stun"), Err(RunRefused::Running { run, .. }) if run == id));
    let run = demands.try_recv().unwrap();
    assert_eq!((run.instance(), run.id()), ("stun", id));
    drop(run);
    drop(demands);
    assert!(matches!(probes.demand("stun"), Err(RunRefused::NotNow { .. })));
    assert!(matches!(probes.demand("gnat"), Err(RunRefused::Unknown { .. })));
}

#[test]
fn a_reader_is_told_what_it_has_not_got() {
    let probes = Probes::default();
    let mut position = Position::default();
    assert_eq!(probes.news(&mut position), [], "a daemon without probes has no news");
    let probes = configured();
    let run = probes.begin("nat", Trigger::Start).unwrap();
    for number in 0..150 {
        run.step(&step(number));
    }
    let news = probes.news(&mut position);
    let [ToPage::Probes { probes: heads }, ToPage::ProbeSteps { steps: some, .. }, last] = news.as_slice()
    else {
        panic!("{news:?}")
    };
    assert!(heads[0].run.as_ref().unwrap().steps.is_empty());
    assert_eq!(some.len(), 100);
    let rest: Vec<_> = (100..150).map(step).collect();
    assert_eq!(*last, ToPage::ProbeSteps { instance: "nat".into(), run: 1, first: 100, steps: rest });
    run.step(&step(150));
    let one = vec![step(150)];
    let expected = ToPage::ProbeSteps { instance: "nat".into(), run: 1, first: 150, steps: one };
    assert_eq!(probes.news(&mut position), [expected]);
    assert_eq!(probes.news(&mut position), []);
    run.fail("x".into());
    let again = probes.begin("nat", Trigger::Demand).unwrap();
    again.step(&step(7));
    let news = probes.news(&mut position);
    assert!(
        matches!(&news[..], [ToPage::Probes { .. }, ToPage::ProbeSteps { run: 2, first: 0, .. }]),
        "{news:?}"
    );
}

#[test]
fn what_is_kept_is_bounded() {
    let probes = configured();
    for number in 0..40 {
        let run = probes.begin("nat", Trigger::Schedule).unwrap();
        (0..600).for_each(|step_number| run.step(&step(step_number)));
        run.finish(Outcome::Pass, (0..100).map(|n| report(&format!("subject {n}"), number)).collect(), 0);
    }
    let state = nat(&probes);
    let run = state.run.unwrap();
    assert_eq!((run.steps.len(), run.steps_dropped), (512, 88));
    assert_eq!((state.past.len(), state.past[0].id, state.reports.len()), (32, 9, 64));
}

#[test]
fn a_changed_configuration_keeps_what_is_known_of_those_that_stay() {
    let probes = configured();
    probes.begin("nat", Trigger::Start).unwrap().finish(Outcome::Pass, vec![report("ipv4", 1)], 0);
    let removed = probes.begin("stun", Trigger::Start).unwrap();
    let revision = probes.revision();
    probes.configure(vec![("turn".into(), "probe-turn".into()), ("nat".into(), "probe-nat".into())]);
    assert!(revision.has_changed().unwrap());
    removed.step(&step(1));
    removed.finish(Outcome::Pass, vec![report("late", 1)], 0);
    let names: Vec<_> =
        probes.states().into_iter().map(|probe| (probe.instance, probe.reports.len())).collect();
    assert_eq!(names, [("turn".to_owned(), 0), ("nat".to_owned(), 1)]);
}
