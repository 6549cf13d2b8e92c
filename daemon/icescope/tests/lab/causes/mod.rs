//! Causes of the catalogue, provoked for real: each attempt must fail, or connect, with the right name for what was done to it.
//!
//! `ICESCOPE_LAB_ONLY=D2` runs one cause; `ICESCOPE_RECORD_DIR=FOLDER` keeps each record, as evidence for daemon/diagnosis.

mod dtls;
mod gathering;
mod media;
mod network;
mod page;
mod scene;
mod turn;
mod watch;

use std::path::PathBuf;

use icescope_model::verdict::{Verdict, VerdictOutcome};

use super::rig;
use scene::{Scene, World};
use watch::{Expected, Told};

/// One way to provoke a cause.
pub struct Provoked {
    how: &'static str,
    expected: Expected,
    lay: fn(&World) -> Scene,
}

pub const fn provoked(how: &'static str, expected: Expected, lay: fn(&World) -> Scene) -> Provoked {
    Provoked { how, expected, lay }
}

fn all() -> Vec<Provoked> {
    let families = [page::all(), gathering::all(), network::all(), turn::all(), dtls::all(), media::all()];
    let only = std::env::var("ICESCOPE_LAB_ONLY").ok();
    let wanted = |one: &Provoked| {
        only.as_ref().is_none_or(|only| {
            only.split(',').any(|only| one.expected.id() == only || one.how.contains(only))
        })
    };
    families.into_iter().flatten().filter(wanted).collect()
}

fn keep(one: &Provoked, told: &Told) {
    let Some(folder) = std::env::var_os("ICESCOPE_RECORD_DIR").map(PathBuf::from) else { return };
    let name: String =
        one.how.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let text = serde_json::to_string(&told.record).expect("a record is JSON");
    std::fs::write(folder.join(format!("{}-{name}.json", one.expected.id())), text).expect("it is written");
}

fn words(verdict: &Verdict) -> String {
    let mut text = format!(
        "{:?} {} {:?}: {}",
        verdict.outcome,
        verdict.cause.as_deref().unwrap_or("-"),
        verdict.stage,
        verdict.summary
    );
    for finding in &verdict.findings {
        text.push_str(&format!(
            "\n      {:?} {} {:?}: {}",
            finding.weight, finding.cause, finding.stage, finding.summary
        ));
    }
    text
}

/// Attempts at a time: most of the time each of them waits.
fn threads() -> usize {
    std::env::var("ICESCOPE_LAB_THREADS").ok().and_then(|count| count.parse().ok()).unwrap_or(6)
}

#[test]
fn provoked_causes_are_named_rightly() {
    rig::in_lab(|lab| {
        let world = World::new(lab);
        let all = all();
        let began = std::time::Instant::now();
        let told = rig::pool(threads(), &all, |one| {
            let scene = (one.lay)(&world);
            let told = watch::attempt(scene, one.expected);
            match &told {
                Ok(told) => {
                    keep(one, told);
                    let right = one.expected.holds(&told.verdict());
                    println!(
                        "{} {} «{}»: {}",
                        if right { "right" } else { "WRONG" },
                        one.expected.id(),
                        one.how,
                        words(&told.verdict())
                    );
                }
                Err(error) => println!("ERROR {} «{}»: {error}", one.expected.id(), one.how),
            }
            told
        });
        println!("{} s", began.elapsed().as_secs());
        let wrong = all
            .iter()
            .zip(&told)
            .filter(|(one, told)| told.as_ref().map_or(true, |told| !one.expected.holds(&told.verdict())))
            .count();
        let _ = VerdictOutcome::Failed;
        assert_eq!(wrong, 0);
    });
}
