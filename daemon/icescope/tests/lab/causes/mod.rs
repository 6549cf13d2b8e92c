//! Causes of the catalogue, provoked for real: each attempt must fail, or connect, with the right name for what was done to it.
//!
//! - `ICESCOPE_LAB_ONLY=D2,C7` runs these causes;
//! - `ICESCOPE_RECORD_DIR=FOLDER` keeps each record: what daemon/diagnosis is tested with (its tests/evidence);
//! - `ICESCOPE_LAB_VERBOSE=1` prints every finding, `ICESCOPE_LAB_THREADS` says how many attempts are under way at a time.
//!
//! Each scene has sites, a daemon and a browser of its own, for it changes them. Most of the time an attempt waits for the wait of
//! RFC 8863 to be over. In the table: when the first event was that the verdict rests on (on the session's axis), how long after
//! it the verdict named the cause, and how long after the answer it said «failed».

mod dtls;
mod gathering;
mod media;
mod network;
mod page;
mod report;
mod scene;
mod turn;
mod watch;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Instant;

use super::rig;
use report::{HEAD, Row};
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

/// One attempt; a scene that could not be laid is told like an attempt that could not be made.
fn try_it(world: &World, one: &Provoked) -> Result<Told, String> {
    let laid = std::panic::catch_unwind(AssertUnwindSafe(|| watch::attempt((one.lay)(world), one.expected)));
    laid.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        Err(words.or_else(|| panic.downcast_ref().map(|text: &&str| (*text).to_owned())).unwrap_or_default())
    })
}

fn keep(one: &Provoked, told: &Told) {
    let Some(folder) = std::env::var_os("ICESCOPE_RECORD_DIR").map(PathBuf::from) else { return };
    let name: String =
        one.how.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let text = serde_json::to_string(&told.record).expect("a record is JSON");
    std::fs::write(folder.join(format!("{}-{name}.json", one.expected.id())), text).expect("it is written");
}

/// Attempts at a time: most of the time each of them waits.
fn threads() -> usize {
    std::env::var("ICESCOPE_LAB_THREADS").ok().and_then(|count| count.parse().ok()).unwrap_or(8)
}

#[test]
fn provoked_causes_are_named_rightly_and_nothing_is_called_failed_too_early() {
    rig::in_lab(|lab| {
        let world = World::new(lab);
        let began = Instant::now();
        let rows = rig::pool(threads(), all(), |one| {
            // Where a browser or a server did not come up in time, as on a machine that is busy, nothing was tried yet.
            let told = try_it(&world, &one).or_else(|_| try_it(&world, &one));
            if let Ok(told) = &told {
                keep(&one, told);
            }
            let row = Row::new(&one, &told);
            if std::env::var_os("ICESCOPE_LAB_VERBOSE").is_some() {
                println!("{}\n{}", row.words.join("; "), row.details);
            }
            row
        });
        let head = HEAD.map(str::to_owned).to_vec();
        let table: Vec<Vec<String>> =
            std::iter::once(head).chain(rows.iter().map(|row| row.words.clone())).collect();
        println!("{}", rig::table(&table));
        let mut causes: Vec<&str> =
            rows.iter().filter_map(|row| row.words.first()).map(String::as_str).collect();
        causes.sort_unstable();
        causes.dedup();
        let (count, seconds) = (rows.len(), began.elapsed().as_secs());
        println!("{} causes in {count} scenes, in {seconds} s", causes.len());
        let wrong: Vec<&str> = rows.iter().filter(|row| !row.right).map(|row| row.details.as_str()).collect();
        assert!(wrong.is_empty(), "named wrongly:\n{}", wrong.join("\n"));
        let early: Vec<&str> = rows.iter().filter_map(|row| row.too_early.as_deref()).collect();
        assert!(
            early.is_empty(),
            "failed while there was something to wait for (RFC 8863):\n{}",
            early.join("\n")
        );
        let all = std::env::var_os("ICESCOPE_LAB_ONLY").is_none();
        assert!(!all || causes.len() >= 30, "only {} causes", causes.len());
    });
}
