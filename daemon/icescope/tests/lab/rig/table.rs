//! Tables for people.

/// Rows of words as a table with aligned columns; the first row is its head.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|word| word.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(word, &width)| format!("{word:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
        if index == 0 {
            text.push_str(&"-".repeat(widths.iter().map(|width| width + 2).sum::<usize>().saturating_sub(2)));
            text.push('\n');
        }
    }
    text
}

#[test]
fn columns_are_as_wide_as_their_widest_word() {
    let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "ü".to_owned()]];
    assert_eq!(table(&rows), "a     b\n-------\nlong  ü\n");
}
