//! Tables on the terminal.

/// A text of others (a server's name for its software, say) as it may stand on a terminal: nothing in it steers one.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// One line for each row, its cells below those of the rows before, and below it what is to be said about it.
pub fn shown<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: Vec<([String; COLUMNS], Option<String>)>,
) -> String {
    let rows: Vec<_> = std::iter::once((head.map(str::to_owned), None)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|(row, _)| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |(row, note): &([String; COLUMNS], Option<String>)| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{:width$}", plain(cell)));
        let line = cells.collect::<Vec<_>>().join("  ");
        let note = note.as_ref().map_or_else(String::new, |note| format!("  {}\n", plain(note)));
        format!("{}\n{note}", line.trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\r\n\u{9b}c ä"), "a�[2Jb���c ä");
        let rows = vec![(["\x1b".to_owned()], Some("\x07".to_owned()))];
        assert_eq!(shown(["A"], rows), "A\n�\n  �\n");
    }

    #[test]
    fn cells_stand_below_each_other_and_lines_have_no_blanks_at_their_end() {
        let row = |row: [&str; 2]| row.map(str::to_owned);
        let rows = vec![(row(["Ä.ä", ""]), Some("why".to_owned())), (row(["a", "b"]), None)];
        assert_eq!(shown(["A", "B"], rows), "A    B\nÄ.ä\n  why\na    b\n");
    }
}
