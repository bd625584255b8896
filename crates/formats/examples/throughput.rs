//! Prints how fast one thread reads a file, in MB/s, with all columns and with two of them.
//!
//! Counts the processor time of the thread, as Linux tells it, so that other work on the machine matters less.
//!
//! `cargo run --release -p tidegate-formats --example throughput -- access.log`

use std::{error::Error, fs, hint::black_box, sync::Arc};
use tidegate_formats::{
    Batch, BatchLimits, Block, BlockReader, Counts, Format, FormatKind, Position, Sample, Step,
    csv::{CsvLayout, CsvOptions},
    detect,
    json::JsonLayout,
};

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: throughput FILE [COLUMN ...]")?;
    let bytes = fs::read(&path)?;
    let format = open(&bytes, &path)?;
    let count = format.columns().len();
    let wanted: Vec<usize> = std::env::args().skip(2).map(|name| place(&format, &name)).collect::<Result<_, _>>()?;
    let two = if wanted.is_empty() { vec![0, count / 2] } else { wanted };
    for projection in [(0..count).collect(), two] {
        report(&format, &bytes, &projection)?;
    }
    Ok(())
}

fn open(bytes: &[u8], path: &str) -> Result<Format, Box<dyn Error>> {
    let head = bytes.get(..1 << 18).unwrap_or(bytes);
    let samples = [Sample { bytes: head, at_start: true }];
    Ok(match detect(head, path)? {
        FormatKind::Access => Format::Access,
        FormatKind::Json => Format::Json(Arc::new(JsonLayout::infer(&samples, &[])?)),
        FormatKind::Csv => Format::Csv(Arc::new(CsvLayout::infer(&samples, &CsvOptions::default())?)),
    })
}

fn place(format: &Format, name: &str) -> Result<usize, String> {
    let found = format.columns().iter().position(|column| column.name.as_ref() == name);
    found.ok_or_else(|| format!("no column `{name}`"))
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a tool for people that reports rounded figures")]
fn report(format: &Format, bytes: &[u8], projection: &[usize]) -> Result<(), Box<dyn Error>> {
    let mut best = f64::MAX;
    let mut counts = Counts::default();
    for _ in 0..ROUNDS {
        let start = processor_seconds()?;
        counts = read(format, bytes, projection)?;
        best = best.min(processor_seconds()? - start);
    }
    println!(
        "{:>6} {:>2} columns {:>6.0} MB/s {:>4.0} ns/row, {} rows, {} rejects, {} blank",
        format.name(),
        projection.len(),
        bytes.len() as f64 / best / 1e6,
        best * 1e9 / counts.rows.max(1) as f64,
        counts.rows,
        counts.rejects,
        counts.blank,
    );
    Ok(())
}

fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

fn read(format: &Format, bytes: &[u8], projection: &[usize]) -> Result<Counts, Box<dyn Error>> {
    let limits = BatchLimits { rows: 8_192, bytes: 8 << 20 };
    let mut reader = BlockReader::new(format.decoder(), Batch::new(format, projection, limits));
    let start = format.file_start(bytes);
    reader.start_file(&start);
    let records = bytes.get(start.skip..).unwrap_or_default();
    let block = Block { bytes: records, offset: start.skip as u64, first_line: start.lines + 1, file: "file".into() };
    let mut position = Position::default();
    let mut total = Counts::default();
    loop {
        let (step, counts) = reader.read(&block, &mut position, &mut |reject| {
            black_box(reject);
        });
        black_box(reader.take()?);
        total.rows += counts.rows;
        total.rejects += counts.rejects;
        total.blank += counts.blank;
        if step == Step::BlockDone {
            return Ok(total);
        }
    }
}
