//! Delimited text as `pandas.read_csv` sees it.

use crate::{
    Block, Blocks, SizingError,
    column::Column,
    look::{Look, count},
    observed::{Measured, Observed},
    sizes::FileKind,
};
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::collections::{HashMap, HashSet};
use tidegate_formats::UTF8_BOM;

/// How a file is written.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    pub kind: FileKind,
    pub delimiter: u8,
    pub escape: Option<u8>,
    /// What is missing besides pandas' own words.
    pub missing: Option<&'static [u8]>,
    /// The names of columns; those of the first record where none are given.
    pub names: Option<Vec<String>>,
}

/// Reads a sample of delimited text.
///
/// # Errors
/// [`SizingError::NoRecord`] without a record.
pub(crate) fn observe(blocks: &Blocks, dialect: &Dialect) -> Result<Observed, SizingError> {
    let head = without_bom(blocks.head());
    let mut reader = reader(head, dialect);
    let mut record = ByteRecord::new();
    let mut names = dialect.names.clone().unwrap_or_default();
    let has_header = dialect.names.is_none();
    let mut header = 0;
    if has_header && next(&mut reader, &mut record) {
        names = unique(&record);
        header = reader.position().byte();
    }
    let fields = if next(&mut reader, &mut record) { record.len() } else { names.len() };
    let index_columns = if has_header { fields.saturating_sub(names.len()) } else { 0 };
    let index_names = (0..index_columns).map(|place| format!("(index {place})"));
    let mut columns: Vec<Column> = index_names.chain(names).map(Column::new).collect();
    let mut measured = Vec::new();
    let mut too_wide = 0;
    for (place, block) in blocks.blocks.iter().enumerate() {
        let start = if place == 0 { usize::try_from(header).unwrap_or_default() } else { 0 };
        let bytes = records_of(blocks, block, place == 0).get(start..).unwrap_or_default();
        let mut seen = Measured { records: 0, bytes: count(bytes.len()) };
        too_wide += see(&mut columns, bytes, &mut seen, dialect);
        measured.push(seen);
    }
    if measured.iter().all(|block| block.records == 0) {
        return Err(SizingError::NoRecord);
    }
    Ok(Observed {
        kind: dialect.kind,
        notes: notes(blocks, index_columns, too_wide, dialect),
        columns,
        index_columns,
        blocks: measured,
        size: blocks.size,
        header,
        is_whole: blocks.is_whole(),
        objects: 0.0,
        delimiter: dialect.delimiter,
        has_header,
    })
}

/// Counts the records of a run of bytes in; returns how many have too many fields.
fn see(columns: &mut [Column], bytes: &[u8], seen: &mut Measured, dialect: &Dialect) -> u64 {
    let mut reader = reader(bytes, dialect);
    let mut record = ByteRecord::new();
    let mut too_wide = 0;
    while next(&mut reader, &mut record) {
        if record.len() > columns.len() {
            too_wide += 1;
            continue;
        }
        seen.records += 1;
        let mut fields = record.iter();
        for column in columns.iter_mut() {
            match fields.next() {
                Some(field) if dialect.missing == Some(field) => column.see_look(Look::Missing, field),
                Some(field) => column.see(field),
                None => column.see_missing(1),
            }
        }
    }
    too_wide
}

/// Returns the whole records of a block, as far as lines tell: from its first line end on, if it is not the first, to its
/// last, if the file goes on.
pub(crate) fn records_of<'a>(blocks: &Blocks, block: &'a Block, is_first: bool) -> &'a [u8] {
    let mut bytes = block.bytes.as_slice();
    if is_first {
        bytes = without_bom(bytes);
    } else {
        let at = bytes.iter().position(|byte| *byte == b'\n');
        bytes = at.and_then(|at| bytes.get(at + 1..)).unwrap_or_default();
    }
    if block.offset + count(block.bytes.len()) < blocks.size {
        let at = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes = at.and_then(|at| bytes.get(..=at)).unwrap_or_default();
    }
    bytes
}

fn reader<'a>(bytes: &'a [u8], dialect: &Dialect) -> Reader<&'a [u8]> {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(dialect.delimiter).escape(dialect.escape);
    builder.from_reader(bytes)
}

/// Reads a record. Bytes in memory that need not have a number of fields cannot fail.
fn next(reader: &mut Reader<&[u8]>, record: &mut ByteRecord) -> bool {
    reader.read_byte_record(record).unwrap_or(false)
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes)
}

/// Returns the names that pandas gives. The second `a` is `a.1`, or the next that no field of the header has; one without a
/// name is `Unnamed: 3`, and makes way for those with one.
fn unique(record: &ByteRecord) -> Vec<String> {
    let name = |(place, field): (usize, &[u8])| {
        if field.is_empty() { format!("Unnamed: {place}") } else { String::from_utf8_lossy(field).into_owned() }
    };
    let mut names: Vec<String> = record.iter().enumerate().map(name).collect();
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    // The next copy of each name that was met, so that thousands of equal ones are not counted from one each time.
    let mut copies: HashMap<String, usize> = HashMap::new();
    let (empty, given): (Vec<_>, Vec<_>) = names.iter_mut().zip(record).partition(|(_, field)| field.is_empty());
    for (name, _) in given.into_iter().chain(empty) {
        let copy = copies.entry(name.clone()).or_default();
        let mut unique = name.clone();
        while *copy > 0 && !taken.insert(unique.clone()) {
            unique = format!("{name}.{copy}");
            *copy += 1;
        }
        *copy = (*copy).max(1);
        *name = unique;
    }
    names
}

fn notes(blocks: &Blocks, index_columns: usize, too_wide: u64, dialect: &Dialect) -> Vec<String> {
    let mut notes = Vec::new();
    if index_columns > 0 {
        notes.push(format!(
            "rows have {index_columns} more fields than the header: pandas makes the first an index and shifts all names \
             without a word; quote the field that holds the delimiter"
        ));
    }
    if too_wide > 0 && dialect.kind == FileKind::Csv {
        notes.push(format!(
            "{too_wide} rows of the sample have too many fields: read_csv raises ParserError, unless on_bad_lines=\"skip\""
        ));
    }
    let is_utf8 = blocks.blocks.iter().all(|block| std::str::from_utf8(trimmed(&block.bytes)).is_ok());
    if !is_utf8 {
        notes.push(
            "some bytes are not UTF-8: read_csv raises UnicodeDecodeError, unless encoding_errors=\"replace\""
                .to_owned(),
        );
    }
    notes
}

/// Returns a block without what may be a part of a character at its ends.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_continued = |byte: &&u8| **byte & 0xc0 == 0x80;
    let from = bytes.iter().take(3).take_while(is_continued).count();
    let to = bytes.iter().rposition(u8::is_ascii).map_or(bytes.len(), |at| at + 1);
    bytes.get(from..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_pandas() {
        // As pandas 2.3.3 and 3.1.1 give them.
        let check = |header: &[&str], expected: &[&str]| {
            assert_eq!(unique(&ByteRecord::from(header.to_vec())), expected, "{header:?}");
        };
        check(&["a", "a", "a"], &["a", "a.1", "a.2"]);
        check(&["a", "a.1", "a", "a"], &["a", "a.1", "a.2", "a.3"]);
        check(&["a", "a", "a.1", "a.1", "a"], &["a", "a.2", "a.1", "a.1.1", "a.3"]);
        check(&["", "", "Unnamed: 1"], &["Unnamed: 0", "Unnamed: 1.1", "Unnamed: 1"]);
    }

    #[test]
    fn names_that_are_all_equal_take_no_square_of_time() {
        // With a square of it, this is some hours.
        let names = unique(&ByteRecord::from(vec!["a"; 200_000]));
        assert_eq!(names.last().map(String::as_str), Some("a.199999"));
    }
}
