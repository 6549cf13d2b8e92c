//! The grid as a table for people.

use super::Cell;
use std::fmt::Write;

use super::theory::Ending;
use super::world::World;
use crate::rig::table;

/// Both halves: rows are the browser's behaviours, columns the daemon's; D direct, R relayed, X impossible. A cell that disagrees
/// shows what was found, and what was expected behind «!».
pub fn grid(world: &World, cells: &[Cell]) -> String {
    let mut text = String::new();
    for (with_turn, title) in [(false, "STUN only"), (true, "STUN and TURN")] {
        let of = |row, column| {
            cells.iter().find(|cell| (cell.row, cell.column, cell.with_turn) == (row, column, with_turn))
        };
        let mut rows = vec![vec![format!("browser \\ daemon, {title}")]];
        rows[0].extend((1..=world.daemons.len()).map(|number| number.to_string()));
        for (row, browser) in world.browsers.iter().enumerate() {
            let mut line = vec![browser.name.to_owned()];
            line.extend(
                (0..world.daemons.len()).map(|column| of(row, column).map_or(String::new(), letters)),
            );
            rows.push(line);
        }
        text.push_str(&table(&rows));
        text.push('\n');
    }
    for (number, daemon) in (1..).zip(&world.daemons) {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{number:>3}  {}", daemon.name);
    }
    let agree = cells.iter().filter(|cell| cell.agrees()).count();
    text.push_str("D direct, R relayed, X not connected; «!» and what theory expects, where that differs\n");
    let _ = write!(text, "{agree} of {} cells agree with theory", cells.len());
    text
}

fn letters(cell: &Cell) -> String {
    let found = cell.found.map_or("?", letter);
    if cell.agrees() { found.to_owned() } else { format!("{found}!{}", letter(cell.expected)) }
}

const fn letter(ending: Ending) -> &'static str {
    match ending {
        Ending::Direct => "D",
        Ending::Relayed => "R",
        Ending::Impossible => "X",
    }
}
