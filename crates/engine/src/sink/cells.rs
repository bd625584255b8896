//! The values of a batch as text, for a table on a terminal.

use super::arrow_error;
use crate::EngineError;
use datafusion::arrow::{
    array::RecordBatch,
    datatypes::Schema,
    util::display::{ArrayFormatter, FormatOptions},
};

/// Returns the cells of a batch, row by row. Control characters are escaped: a log line must not steer the terminal.
///
/// # Errors
/// If a value has no text form.
pub fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, EngineError> {
    let rows = texts(batch)?.into_iter();
    Ok(rows.map(|row| row.iter().map(|cell| printable(cell)).collect()).collect())
}

fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>, EngineError> {
    let options = FormatOptions::default().with_null("NULL").with_display_error(true);
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<_, _>>()
        .map_err(arrow_error)?;
    let row = |at: usize| columns.iter().map(|column| column.value(at).to_string()).collect();
    Ok((0..batch.num_rows()).map(row).collect())
}

/// Returns the cells of a batch as [`cells`] does, with a row for each line of a text that has several, such as a plan.
///
/// # Errors
/// If a value has no text form.
pub fn lines(batch: &RecordBatch) -> Result<Vec<Vec<String>>, EngineError> {
    let mut rows = Vec::new();
    for row in texts(batch)? {
        let cells: Vec<Vec<&str>> = row.iter().map(|cell| cell.lines().collect()).collect();
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            rows.push(cells.iter().map(|cell| printable(cell.get(line).copied().unwrap_or_default())).collect());
        }
    }
    Ok(rows)
}

/// Returns for each column whether it holds numbers, which are aligned to the right.
pub fn numeric_columns(schema: &Schema) -> Vec<bool> {
    schema.fields().iter().map(|field| field.data_type().is_numeric()).collect()
}

/// Returns the text with control characters escaped.
pub fn printable(text: &str) -> String {
    // Bidirectional overrides reorder what is shown and are no control characters to Rust.
    let unsafe_on_terminal = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    if !text.contains(unsafe_on_terminal) {
        return text.to_owned();
    }
    text.chars().map(|c| if unsafe_on_terminal(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_log_line_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}b"), "a\\u{1b}]0;x\\u{7}b");
        assert_eq!(printable("plain é"), "plain é");
        assert_eq!(printable("\u{202e}gpj"), "\\u{202e}gpj");
    }
}
