//! probe-nat behind every behaviour of the NAT lab: right, or «unknown» where it cannot be known; never wrong.
//!
//! Each behaviour is measured once here, some of them over a far link; `ICESCOPE_LAB_RUNS=10` measures each ten times, thirty
//! times with loss and three times over a far link. The figures are printed. `ICESCOPE_LAB_ONLY` picks behaviours by a part
//! of their names.

mod nat;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use icescope_natlab::{Behaviour, Lab, Plan, behaviours, with_lab};
use nat::judge::{Judgement, judge};
use nat::table::{Row, table};
use nat::{World, run};

/// Sites that are measured at a time: more would measure this machine.
const SIDE_BY_SIDE: usize = 3;

/// How often each behaviour is measured.
fn runs() -> Option<usize> {
    std::env::var("ICESCOPE_LAB_RUNS").ok().map(|runs| runs.parse().expect("ICESCOPE_LAB_RUNS is a number"))
}

/// Only behaviours whose name holds this, for whoever mends one.
fn is_wanted(name: &str) -> bool {
    std::env::var("ICESCOPE_LAB_ONLY").map_or(true, |only| name.contains(&only))
}

/// Measures every behaviour, or each `step`th, changed by `change`.
fn measure(lab: &Arc<Lab>, runs: usize, step: usize, change: impl Fn(Plan) -> Plan + Sync) -> Vec<Row> {
    let program = nat::probe();
    let world = World::new(lab);
    let all = behaviours().into_iter().filter(|one| is_wanted(one.name)).step_by(step);
    let waiting = Mutex::new(all.enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no thread panicked").next();
                    let Some((index, mut behaviour)) = next else { return };
                    behaviour.plan = change(behaviour.plan);
                    let rows = measure_one(lab, &program, &world.urls(), &behaviour, runs);
                    done.lock().expect("no thread panicked").push((index, rows));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no thread panicked");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().flat_map(|(_, rows)| rows).collect()
}

fn measure_one(
    lab: &Arc<Lab>,
    program: &PathBuf,
    urls: &[String],
    behaviour: &Behaviour,
    runs: usize,
) -> Vec<Row> {
    let site = lab.site(behaviour.plan.clone()).expect("a site is made");
    let families = [("ipv4", &behaviour.v4), ("ipv6", &behaviour.v6)];
    let mut rows: Vec<(&str, Row)> = families
        .iter()
        .filter(|(_, facts)| facts.is_some())
        .map(|(family, _)| (*family, Row { name: format!("{}, {family}", behaviour.name), ..Row::default() }))
        .collect();
    for _ in 0..runs {
        let ran = run(program, &site, urls);
        for (family, row) in &mut rows {
            let facts =
                families.iter().find(|(name, _)| name == family).and_then(|(_, facts)| facts.as_ref());
            let document = ran.of(family);
            let fields = judge(facts.expect("only families with facts have rows"), document);
            for field in fields.iter().filter(|field| field.judgement != Judgement::Right) {
                row.notes.push(format!(
                    "{:?} {}: {} is {}, not {}: {}",
                    field.judgement,
                    row.name,
                    field.name,
                    field.found,
                    field.expected,
                    document["evidence"][field.name]["because"]
                ));
            }
            row.runs.push(fields);
            row.times.push(ran.measured());
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn notes(rows: &[Row]) -> String {
    rows.iter().flat_map(|row| row.notes.iter().cloned()).collect::<Vec<_>>().join("\n")
}

fn total(rows: &[Row], judgement: Judgement) -> usize {
    rows.iter().map(|row| row.count(judgement)).sum()
}

#[test]
fn every_behaviour_is_found_as_it_is() {
    with_lab(|lab| {
        let rows = measure(lab, runs().unwrap_or(1), 1, |plan| plan);
        println!("{}", table("near link", &rows));
        println!("{}", notes(&rows));
        assert_eq!(total(&rows, Judgement::Wrong), 0, "wrong:\n{}", notes(&rows));
        assert_eq!(
            total(&rows, Judgement::Unknown),
            0,
            "unknown though it could be known:\n{}",
            notes(&rows)
        );
    });
}

#[test]
fn lost_packets_never_make_a_finding_wrong() {
    with_lab(|lab| {
        let rows = measure(lab, runs().map_or(1, |runs| runs * 3), 1, |plan| plan.loss(10.0));
        println!("{}", table("10 % of the packets lost, each way", &rows));
        let (wrong, unknown) = (total(&rows, Judgement::Wrong), total(&rows, Judgement::Unknown));
        println!("wrong: {wrong}, unknown: {unknown}, right: {}", total(&rows, Judgement::Right));
        assert_eq!(wrong, 0, "{}", notes(&rows));
    });
}

#[test]
fn a_far_link_is_measured_as_a_near_one() {
    with_lab(|lab| {
        let (runs, step) = runs().map_or((1, 4), |runs| (runs.min(3), 1));
        let rows = measure(lab, runs, step, |plan| plan.delay(Duration::from_millis(200)));
        println!("{}", table("200 ms each way", &rows));
        println!("{}", notes(&rows));
        assert_eq!(total(&rows, Judgement::Wrong), 0, "wrong:\n{}", notes(&rows));
        assert_eq!(
            total(&rows, Judgement::Unknown),
            0,
            "unknown though it could be known:\n{}",
            notes(&rows)
        );
    });
}

#[test]
fn a_short_lifetime_is_measured_when_asked_for() {
    with_lab(|lab| {
        let program = nat::probe();
        let world = World::new(lab);
        let short = behaviours().into_iter().find_map(|one| Some((one.v4.as_ref()?.lifetime?, one.plan)));
        let (lifetime, plan) = short.expect("the catalogue has a short lifetime");
        let site = lab.site(plan).expect("a site is made");
        let arguments: Vec<String> = std::iter::once("--lifetime".to_owned()).chain(world.urls()).collect();
        let ran = run(&program, &site, &arguments);
        let document = ran.of("ipv4");
        println!("lifetime: {}, because {}", document["lifetime_s"], document["evidence"]["lifetime_s"]);
        let found = document["lifetime_s"].as_u64().expect("a lifetime was found");
        assert!(found.abs_diff(lifetime.as_secs()) <= 1, "{found} s, not {lifetime:?}");
    });
}

#[test]
fn dead_servers_and_closed_ports_are_not_blocked_udp() {
    with_lab(|lab| {
        let program = nat::probe();
        let world = World::new(lab);
        let site = lab.site(icescope_natlab::Nat::eim()).expect("a site is made");
        let (dead, _) = Lab::dead_addresses();
        let alone = run(&program, &site, &[format!("stun:{dead}:3478")]);
        assert_eq!(alone.of("ipv4")["udp"], "unknown", "{:#}", alone.of("ipv4")["evidence"]["udp"]);
        assert_eq!(alone.of("ipv4")["nat"], serde_json::Value::Null);
        let closed = run(&program, &site, &[world.closed_url()]);
        assert_eq!(closed.of("ipv4")["servers"][0]["answered"], false);
        assert_eq!(closed.of("ipv4")["udp"], "open", "{:#}", closed.of("ipv4")["evidence"]["udp"]);
        let plain = run(&program, &site, &[world.plain_url()]);
        let document = plain.of("ipv4");
        assert_eq!(document["filtering"], "unknown", "a server with one address cannot tell it");
        assert_eq!(document["mapping"], "unknown", "one destination cannot tell it");
        assert_eq!((&document["nat"], &document["ports"]), (&true.into(), &"preserved".into()));
    });
}
