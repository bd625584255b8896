//! From options to bytes.

use super::{model::Model, render::Renderer, site};
use std::io::{self, Write};

/// Bytes collected before they are written; large, because each write is a system call.
const FLUSH_AT: usize = 1 << 20;

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct DataOptions {
    /// Records, broken ones included.
    pub lines: u64,
    /// The same seed makes the same bytes.
    pub seed: u64,
    /// How the records are written.
    pub format: DataFormat,
    /// Whether some of them are broken.
    pub broken: BrokenLines,
}

/// Whether records are broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenLines {
    /// Some are, as in every real log.
    Some,
    /// None is.
    None,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// The combined log format with the request time in seconds at the end.
    Log,
    /// Comma-separated with a header; NULL is an empty field.
    Csv,
    /// One JSON object a line, the parts of the request in an object of their own.
    Ndjson,
}

impl DataFormat {
    /// Every format.
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Log, Self::Csv, Self::Ndjson];

    /// Returns the name of a file of this format.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Log => "access.log",
            Self::Csv => "access.csv",
            Self::Ndjson => "access.ndjson",
        }
    }
}

/// What was generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records, without the header of a CSV file.
    pub lines: u64,
    /// All bytes, header and line ends included.
    pub bytes: u64,
    /// Records that stand there as lines no reader of the format can read.
    pub broken: u64,
}

/// Writes an access log.
///
/// # Errors
/// Those of `out`; what was written until then stays.
pub fn generate(options: &DataOptions, out: &mut impl Write) -> io::Result<Written> {
    let paths = site::paths();
    let renderer = &mut Renderer::new(options.format, &paths);
    let kinds = paths.into_iter().map(|path| path.kind).collect();
    let model = Model::new(options.seed, options.lines, kinds, renderer.pool_sizes());

    let mut written = Written::default();
    let mut buffer = Vec::with_capacity(FLUSH_AT + FLUSH_AT / 16);
    renderer.header(&mut buffer);
    for mut record in model {
        if options.broken == BrokenLines::None {
            record.fault = None;
        }
        renderer.record(&record, &mut buffer);
        written.lines += 1;
        written.broken += u64::from(record.fault.is_some());
        if buffer.len() >= FLUSH_AT {
            out.write_all(&buffer)?;
            written.bytes += buffer.len() as u64;
            buffer.clear();
        }
    }
    out.write_all(&buffer)?;
    written.bytes += buffer.len() as u64;
    out.flush()?;
    Ok(written)
}
