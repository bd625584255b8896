//! Reads bytes for the tests and the fuzz targets, shows what came of them as text, and says what must hold for all bytes.

use crate::{
    Batch, BatchLimits, Block, BlockReader, ColumnType, Counts, Demand, Format, Position, Prefilter, Sample, Step,
    csv::{CsvLayout, CsvOptions},
    json::JsonLayout,
};
use arrow_array::{Array, RecordBatch, cast::AsArray, types};
use arrow_schema::DataType;
use std::sync::Arc;

/// What came of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// One text a row: the projected columns, separated by ` | `.
    pub rows: Vec<String>,
    /// Line, offset, reason and raw text.
    pub rejects: Vec<(u64, u64, String, String)>,
    pub counts: Counts,
    /// Physical lines read, the header among them.
    pub lines: u64,
}

impl Reading {
    pub fn reasons(&self) -> Vec<String> {
        self.rejects.iter().map(|(line, _, reason, _)| format!("{line}: {reason}")).collect()
    }
}

/// Returns the places of all columns of the format and of the virtual ones but `_file`.
pub fn all_columns(format: &Format) -> Vec<usize> {
    let count = format.columns().len();
    (0..count).chain(count + 1..count + 4).collect()
}

/// Reads a file in one block.
pub fn read(format: &Format, bytes: &[u8], projection: &[usize]) -> Reading {
    read_blocks(format, bytes, projection, &[])
}

/// Reads the format's own columns of a file in one block.
pub fn rows(format: &Format, bytes: impl AsRef<[u8]>) -> Reading {
    let projection: Vec<usize> = (0..format.columns().len()).collect();
    read(format, bytes.as_ref(), &projection)
}

/// Reads a file in blocks: each of `sizes` bytes is cut back to whole records, the rest is the last block.
pub fn read_blocks(format: &Format, bytes: &[u8], projection: &[usize], sizes: &[usize]) -> Reading {
    read_with(reader(format, projection), format, bytes, sizes)
}

/// Returns a reader of small batches.
pub fn reader(format: &Format, projection: &[usize]) -> BlockReader {
    BlockReader::new(format.decoder(), Batch::new(format, projection, BatchLimits { rows: 3, bytes: 1 << 20 }))
}

/// Reads a file in blocks.
pub fn read_with(mut reader: BlockReader, format: &Format, bytes: &[u8], sizes: &[usize]) -> Reading {
    let start = format.file_start(bytes);
    reader.start_file(&start);
    let mut reading = Reading { lines: start.lines, ..Reading::default() };
    let mut rest = &bytes[start.skip..];
    let mut offset = start.skip as u64;
    for size in sizes.iter().copied().chain([usize::MAX]) {
        let length = match rest.get(..size) {
            Some(part) => format.framing().whole_records(part),
            None => rest.len(),
        };
        let (part, after) = rest.split_at(length);
        let block = Block { bytes: part, offset, first_line: reading.lines + 1, file: "test".into() };
        read_block(&mut reader, &block, &mut reading);
        rest = after;
        offset += length as u64;
    }
    assert_eq!(reading.counts.rows, reading.rows.len() as u64);
    assert_eq!(reading.counts.rejects, reading.rejects.len() as u64);
    reading
}

fn read_block(reader: &mut BlockReader, block: &Block<'_>, reading: &mut Reading) {
    let mut position = Position::default();
    loop {
        let (step, counts) = reader.read(block, &mut position, &mut |reject| {
            let raw = String::from_utf8_lossy(reject.raw).into_owned();
            let line = block.first_line + reject.line_in_block;
            reading.rejects.push((line, reject.offset, reject.reason.to_string(), raw));
        });
        reading.counts.rows += counts.rows;
        reading.counts.rejects += counts.rejects;
        reading.counts.blank += counts.blank;
        reading.counts.passed_over += counts.passed_over;
        let batch = reader.take().unwrap();
        reading.rows.extend((0..batch.num_rows()).map(|row| show_row(&batch, row)));
        if step == Step::BlockDone {
            reading.lines += position.lines;
            return;
        }
    }
}

fn show_row(batch: &RecordBatch, row: usize) -> String {
    batch.columns().iter().map(|column| show(column, row)).collect::<Vec<_>>().join(" | ")
}

fn show(array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".to_owned();
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<types::Int16Type>().value(row).to_string(),
        DataType::UInt16 => array.as_primitive::<types::UInt16Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<types::Int64Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<types::UInt64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<types::Float64Type>().value(row).to_string(),
        DataType::Date32 => format!("day {}", array.as_primitive::<types::Date32Type>().value(row)),
        DataType::Timestamp(..) => {
            format!("{} us", array.as_primitive::<types::TimestampMicrosecondType>().value(row))
        }
        DataType::Struct(fields) => {
            let values = fields.iter().zip(array.as_struct().columns());
            let values: Vec<_> =
                values.map(|(field, column)| format!("{}: {}", field.name(), show(column, row))).collect();
            format!("{{{}}}", values.join(", "))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items: Vec<_> = (0..items.len()).map(|at| show(&items, at)).collect();
            format!("[{}]", items.join(", "))
        }
        other => format!("{other}?"),
    }
}

/// Returns the layout that a file's own bytes suggest.
pub fn csv(sample: impl AsRef<[u8]>) -> Format {
    csv_with(sample, &CsvOptions::default())
}

pub fn csv_with(sample: impl AsRef<[u8]>, options: &CsvOptions) -> Format {
    let sample = Sample { bytes: sample.as_ref(), at_start: true };
    Format::Csv(Arc::new(CsvLayout::infer(&[sample], options).unwrap()))
}

/// Returns the layout that a file's own bytes suggest.
pub fn json(sample: impl AsRef<[u8]>) -> Format {
    let sample = Sample { bytes: sample.as_ref(), at_start: true };
    Format::Json(Arc::new(JsonLayout::infer(&[sample], &[]).unwrap()))
}

/// Returns the columns as `name type` with Arrow's names of the types.
pub fn schema(format: &Format) -> Vec<String> {
    format.columns().iter().map(|column| format!("{} {}", column.name, column.kind.data_type())).collect()
}

/// Reads a file whole and in blocks, with all columns and with some, and compares.
pub fn check(format: &Format, bytes: &[u8], sizes: &[usize], projection: &[usize]) {
    let all = all_columns(format);
    let whole = read(format, bytes, &all);
    assert_eq!(&read_blocks(format, bytes, &all, sizes), &whole, "blocks");

    let text = bytes.strip_prefix(crate::UTF8_BOM).unwrap_or(bytes);
    let ends = memchr::memchr_iter(b'\n', text).count() as u64;
    let last = u64::from(text.last().is_some_and(|byte| *byte != b'\n'));
    assert_eq!(whole.lines, ends + last, "lines");
    if !matches!(format, Format::Csv(_)) {
        let Counts { rows, rejects, blank, passed_over } = whole.counts;
        assert_eq!((rows + rejects + blank, passed_over), (whole.lines, 0), "records");
    }

    let some: Vec<usize> = projection.iter().filter_map(|at| all.get(*at).copied()).collect();
    let part = read(format, bytes, &some);
    assert_eq!(&part.rejects, &whole.rejects, "projection");
    assert_eq!(part.counts, whole.counts, "projection");
    for (part, whole) in part.rows.iter().zip(&whole.rows) {
        let cells: Vec<&str> = whole.split(" | ").collect();
        // A value that holds a part of the separator would need a better one; such rows are compared by their number only.
        if whole.matches('|').count() + 1 == all.len() {
            let expected: Vec<&str> = projection.iter().filter_map(|at| cells.get(*at).copied()).collect();
            assert_eq!(part, &expected.join(" | "), "projection");
        }
    }
}

/// Reads a file with a filter for a part of one of its values, and demands every row that has it.
pub fn check_prefilter(
    format: &Format,
    bytes: &[u8],
    sizes: &[usize],
    (row, column): (usize, usize),
    (from, length): (usize, usize),
) {
    let all = all_columns(format);
    let column = column % all.len();
    let place = all[column];
    let cells = read(format, bytes, &[place]).rows;
    let Some(cell) = cells.get(row % cells.len().max(1)).filter(|cell| *cell != "NULL") else { return };
    let is_text = format.columns().get(place).is_none_or(|spec| spec.kind == ColumnType::Text);
    let part: String = cell.chars().skip(from).take(length).collect();
    // What is missing holds nothing, whatever it is printed as.
    let holds = |cell: &String| cell != "NULL" && cell.contains(&part);
    let wanted = |cell: &String| if is_text { holds(cell) } else { cell == &cells[row % cells.len()] };
    let number = cell.trim_end_matches(" us").trim_start_matches("day ");
    let demand = match number.parse() {
        Ok(number) if !is_text => Demand::Between(number, number),
        _ => Demand::Holds(part.as_bytes()),
    };
    let Some(prefilter) = format.needles(place, demand).and_then(Prefilter::new) else { return };
    let reader = reader(format, &[place]).with_prefilter(Arc::new(prefilter), format.framing());
    let got = read_with(reader, format, bytes, sizes);
    let rows = |cells: &[String]| cells.iter().filter(|cell| wanted(cell)).cloned().collect::<Vec<_>>();
    assert_eq!(rows(&got.rows), rows(&cells), "{demand:?}");
    let whole = read(format, bytes, &[place]);
    assert_eq!(got.lines, whole.lines, "lines");
    assert!(got.rejects.iter().all(|reject| whole.rejects.contains(reject)), "rejects");
    if !matches!(format, Format::Csv(_)) {
        let Counts { rows, rejects, blank, passed_over } = got.counts;
        assert_eq!(rows + rejects + blank + passed_over, got.lines, "records");
    }
}
