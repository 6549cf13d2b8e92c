//! Tables on the terminal.

/// One line for each row, its cells below those of the rows before.
pub fn lines<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn cells_stand_below_each_other_and_lines_have_no_blanks_at_their_end() {
        let rows = [["A", "B"], ["Ä.ä", ""], ["a", "b"]].map(|row| row.map(str::to_owned));
        assert_eq!(super::lines(&rows), ["A    B", "Ä.ä", "a    b"]);
    }
}
