//! The grid: behaviours of the browser's end by behaviours of the daemon's end, with and without TURN. The API's verdict of each
//! cell is held against what theory expects.
//!
//! The ordinary run does a fixed selection; with `ICESCOPE_LAB_BROWSER=all` all cells are done. `ICESCOPE_LAB_ONLY` picks cells
//! by a part of their names, as `EIM APDF, ports kept | public | with TURN`, for whoever mends one.

mod picture;
mod theory;
mod world;

use std::time::{Duration, Instant};

use icescope_model::verdict::{PathKind, VerdictOutcome};

use self::theory::{Ending, expected};
use self::world::{End, World};
use crate::rig::{self, BrowserEnd, DaemonEnd, Told, Wish, pool};

/// Attempts at a time. Most of a hopeless one is waiting; more at a time would make healthy ones slow.
const AT_A_TIME: usize = 6;

/// The daemon gives up after 45 s (RFC 8863 asks for 39.5 s); the rest is for a busy machine.
const DECIDED_WITHIN: Duration = Duration::from_secs(90);

/// One attempt of the grid, done.
pub struct Cell {
    row: usize,
    column: usize,
    with_turn: bool,
    expected: Ending,
    /// None: the attempt itself went wrong, or was not decided.
    found: Option<Ending>,
    /// What both ends say, for a cell that disagrees.
    said: String,
}

impl Cell {
    fn agrees(&self) -> bool {
        self.found == Some(self.expected)
    }
}

fn found(told: &Told) -> Option<Ending> {
    let kind = told.verdict.path.as_ref().map(|path| path.kind);
    match (told.verdict.outcome, kind) {
        (VerdictOutcome::Connected, Some(PathKind::Direct)) => Some(Ending::Direct),
        (VerdictOutcome::Connected, Some(PathKind::Relayed)) => Some(Ending::Relayed),
        (VerdictOutcome::Failed, _) => Some(Ending::Impossible),
        _ => None,
    }
}

/// The name of a cell, and whether it is wanted.
fn name(browser: &End, daemon: &End, with_turn: bool) -> Option<String> {
    let turn = if with_turn { "with TURN" } else { "without TURN" };
    let name = format!("{} | {} | {turn}", browser.name, daemon.name);
    let wanted = std::env::var("ICESCOPE_LAB_ONLY").map_or(true, |only| name.contains(&only));
    wanted.then_some(name)
}

/// Does all wanted cells with or without TURN.
fn half(world: &World, browsers: &[BrowserEnd<'_>], daemons: &[DaemonEnd<'_>], with_turn: bool) -> Vec<Cell> {
    let mut jobs = Vec::new();
    // Column by column within a diagonal, so that attempts that run at a time have different ends.
    for step in 0..world.daemons.len() {
        for row in 0..world.browsers.len() {
            let column = (row + step) % world.daemons.len();
            jobs.extend(
                name(&world.browsers[row], &world.daemons[column], with_turn).map(|name| (row, column, name)),
            );
        }
    }
    pool(AT_A_TIME, jobs, |(row, column, name)| {
        let (browser, daemon) = (&world.browsers[row], &world.daemons[column]);
        let expected = expected(&browser.behaviour, &daemon.behaviour, with_turn, daemon.ice_tcp);
        let start = Instant::now();
        daemons[column].revive();
        let wish = Wish { longest: DECIDED_WITHIN, ..Wish::default() };
        let told = rig::attempt(&browsers[row], &daemons[column], &wish);
        let (found, said) = match told {
            Ok(told) => (found(&told), told.to_string()),
            Err(error) => (None, error),
        };
        let cell = Cell { row, column, with_turn, expected, found, said: format!("{name}\n{said}") };
        let mark = if cell.agrees() { "agrees" } else { "DISAGREES" };
        println!("{:>5.1} s  {mark}  {expected:?}  {name}", start.elapsed().as_secs_f64());
        cell
    })
}

#[test]
fn every_cell_ends_as_theory_expects() {
    rig::in_lab(|lab| {
        let start = Instant::now();
        let world = World::new(lab, rig::is_all());
        let browsers = pool(4, &world.browsers, |end| BrowserEnd::start(&end.site, &[]));
        let daemons = pool(4, &world.daemons, |end| DaemonEnd::start(&end.site, &world.config(end, false)));
        println!(
            "{} browsers and {} daemons are up after {:.1?}",
            browsers.len(),
            daemons.len(),
            start.elapsed()
        );
        let mut cells = half(&world, &browsers, &daemons, false);
        for (end, daemon) in world.daemons.iter().zip(&daemons) {
            daemon.reload(&world.config(end, true));
        }
        cells.extend(half(&world, &browsers, &daemons, true));
        println!("{}", picture::grid(&world, &cells));
        println!("{} cells in {:.0?}", cells.len(), start.elapsed());
        let wrong: Vec<&str> =
            cells.iter().filter(|cell| !cell.agrees()).map(|cell| cell.said.as_str()).collect();
        assert!(wrong.is_empty(), "{} cells disagree with theory:\n{}", wrong.len(), wrong.join("\n\n"));
        if std::env::var_os("ICESCOPE_LAB_ONLY").is_none() {
            for ending in [Ending::Direct, Ending::Relayed, Ending::Impossible] {
                assert!(cells.iter().any(|cell| cell.expected == ending), "no cell is {ending:?}");
            }
        }
    });
}
