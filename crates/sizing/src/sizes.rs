//! A file sized: each column and each setting.

use crate::{
    Blocks, Cell, Environment, Pandas, Peak, Range, Room, Setting, SizingError, Verdict, access,
    cell::{Context, cell},
    delimited::{self, Dialect},
    line, look, ndjson,
    observed::Observed,
    peak::{self, Shape},
    range::{ratio, times},
};
use tidegate_formats::{FormatError, FormatKind, Sample, csv::CsvLayout, csv::CsvOptions, detect};

/// Bytes of an index without values, `RangeIndex`.
const RANGE_INDEX: u64 = 132;

/// What pandas calls a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Delimited text: `read_csv`.
    Csv,
    /// One JSON object a line: `read_json(lines=True)`.
    Ndjson,
    /// An access log: `read_csv` with a space between fields.
    Access,
}

/// What a file is sized for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The Python that would read it.
    pub environment: Environment,
    /// The columns that the program uses; all, if none are named.
    pub used: Option<Vec<String>>,
    /// What there is, for a verdict.
    pub room: Option<Room>,
}

/// One column, in the ways it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSizes {
    /// Its name.
    pub name: String,
    /// Bytes of its text in the file, for each row.
    pub text: f64,
    /// As pandas infers it.
    pub default: Cell,
    /// With `dtype_backend="pyarrow"`.
    pub arrow: Cell,
    /// As a category, if that is worth it.
    pub category: Option<Cell>,
    /// With the smallest type that holds the values of the sample.
    pub tuned: Cell,
    /// How many values differ; none if too many do.
    pub distinct: Option<Range>,
    /// Whether the program uses it.
    pub is_used: bool,
}

/// One way to read the file.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingSizes {
    /// Which.
    pub setting: Setting,
    /// What `memory_usage(deep=True).sum()` says.
    pub deep: Range,
    /// What the process really holds of it.
    pub held: Range,
    /// The peak with one thread.
    pub serial: Peak,
    /// The peak with several threads, if pandas would use them.
    pub threaded: Option<Peak>,
    /// The line to write.
    pub line: String,
    /// What the process needs, the interpreter with it.
    pub need: Range,
    /// Whether that fits, if it is known what there is.
    pub verdict: Option<Verdict>,
}

/// A file sized.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// What the file is.
    pub kind: FileKind,
    /// Its size.
    pub size: u64,
    /// How many rows it has.
    pub rows: Range,
    /// How many rows were looked at.
    pub sampled: u64,
    /// The Python that is meant.
    pub environment: Environment,
    /// What there is.
    pub room: Option<Room>,
    /// Its columns.
    pub columns: Vec<ColumnSizes>,
    /// The ways to read it.
    pub settings: Vec<SettingSizes>,
    /// What to know besides.
    pub notes: Vec<String>,
}

/// Sizes a file from a sample. `path` is what the line to write names.
///
/// # Errors
/// [`SizingError::Format`] if it is no file that pandas reads line by line, [`SizingError::NoRecord`] without a record,
/// [`SizingError::NoColumn`] if a column that is used is not there.
pub fn size(blocks: &Blocks, path: &str, options: &Options) -> Result<Sizes, SizingError> {
    let observed = observe(blocks, path)?;
    let used = used(&observed, options.used.as_deref())?;
    let sizing = Sizing { observed: &observed, path, options, used: &used };
    let narrow = used.contains(&false);
    let settings = settings(observed.kind).iter().filter(|setting| narrow || !setting.is_narrow());
    let settings = settings.filter(|setting| options.environment.pyarrow || !setting.needs_pyarrow());
    Ok(Sizes {
        kind: observed.kind,
        size: observed.size,
        rows: observed.rows(),
        sampled: observed.sampled(),
        environment: options.environment,
        room: options.room,
        columns: sizing.columns(),
        settings: different(settings.map(|setting| sizing.setting(*setting))),
        notes: sizing.notes(),
    })
}

fn observe(blocks: &Blocks, path: &str) -> Result<Observed, SizingError> {
    let head = blocks.head();
    let kind = detect(head, path)?;
    if kind == FormatKind::Json {
        return ndjson::observe(blocks);
    }
    if kind == FormatKind::Access {
        return delimited::observe(blocks, &access::dialect(head));
    }
    if kind != FormatKind::Csv {
        return Err(FormatError::Unsupported("no format that pandas reads line by line".to_owned()).into());
    }
    let layout = CsvLayout::infer(&[Sample { bytes: head, at_start: true }], &CsvOptions::default())?;
    let number = |place: usize| place.to_string();
    let names = (!layout.has_header()).then(|| (0..layout.columns().len()).map(number).collect());
    let dialect = Dialect { kind: FileKind::Csv, delimiter: layout.delimiter(), escape: None, missing: None, names };
    delimited::observe(blocks, &dialect)
}

/// Returns the settings without those that come to the same line as one before.
fn different(settings: impl Iterator<Item = SettingSizes>) -> Vec<SettingSizes> {
    let mut different: Vec<SettingSizes> = Vec::new();
    for setting in settings {
        if different.iter().all(|before| before.line != setting.line) {
            different.push(setting);
        }
    }
    different
}

fn settings(kind: FileKind) -> &'static [Setting] {
    if kind == FileKind::Ndjson { &Setting::OF_JSON } else { &Setting::OF_CSV }
}

/// Returns for each column whether it is used.
fn used(observed: &Observed, used: Option<&[String]>) -> Result<Vec<bool>, SizingError> {
    let Some(used) = used else { return Ok(vec![true; observed.columns.len()]) };
    let names: Vec<&str> = observed.columns.iter().map(|column| column.name.as_str()).collect();
    if let Some(name) = used.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(SizingError::NoColumn { name: name.clone(), known: names.join(", ") });
    }
    Ok(names.iter().map(|name| used.iter().any(|used| used == name)).collect())
}

/// All that a file's sizes are computed from.
struct Sizing<'a> {
    observed: &'a Observed,
    path: &'a str,
    options: &'a Options,
    used: &'a [bool],
}

/// Sums over columns, for each row and for the file.
#[derive(Default)]
struct Sums {
    deep: f64,
    held: f64,
    numpy: f64,
    passing: f64,
    fixed: u64,
}

impl Sizing<'_> {
    fn context(&self) -> Context {
        let observed = self.observed;
        Context {
            environment: self.options.environment,
            kind: observed.kind,
            rows: observed.rows().expected,
            sampled: observed.sampled(),
            chunk_rows: peak::chunk_rows(look::count(observed.columns.len())),
        }
    }

    fn columns(&self) -> Vec<ColumnSizes> {
        let context = self.context();
        let columns = self.observed.columns.iter().zip(self.used);
        columns
            .map(|(column, is_used)| {
                let cell = |setting| cell(column, setting, &context);
                let category = cell(Setting::Categories);
                ColumnSizes {
                    name: column.name.clone(),
                    text: column.text(),
                    default: cell(Setting::Default),
                    arrow: cell(Setting::ArrowBackend),
                    category: Some(category).filter(|cell| cell.dtype == "category"),
                    tuned: cell(Setting::Tuned),
                    distinct: column.distinct.estimate(context.sampled, context.rows),
                    is_used: *is_used,
                }
            })
            .collect()
    }

    fn sums(&self, setting: Setting, context: &Context) -> Sums {
        let mut sums = Sums::default();
        for (column, is_used) in self.observed.columns.iter().zip(self.used) {
            if setting.is_narrow() && !is_used {
                continue;
            }
            let cell = cell(column, setting, context);
            sums.deep += cell.deep;
            sums.held += cell.held;
            sums.numpy += cell.numpy;
            sums.passing += cell.passing;
            sums.fixed = sums.fixed.saturating_add(cell.fixed);
        }
        sums
    }

    fn setting(&self, setting: Setting) -> SettingSizes {
        let (observed, environment) = (self.observed, self.options.environment);
        let context = self.context();
        let sums = self.sums(setting, &context);
        let shape = self.shape(&sums, &context);
        let is_threaded = observed.kind == FileKind::Csv
            && observed.index_columns == 0
            && peak::is_threaded(environment, setting, observed.size);
        let serial = match observed.kind {
            FileKind::Ndjson if setting.is_narrow() || setting == Setting::Tuned => self.in_chunks(setting, &context),
            FileKind::Ndjson => shape.json(observed.objects),
            FileKind::Csv | FileKind::Access => shape.serial(environment, setting),
        };
        let threaded = is_threaded.then(|| shape.threaded(environment));
        let need = threaded.unwrap_or(serial).memory.scaled(1.0, environment.interpreter());
        let rows = observed.rows();
        let fixed = sums.fixed.saturating_add(RANGE_INDEX);
        SettingSizes {
            setting,
            deep: rows.scaled(sums.deep, fixed),
            held: rows.scaled(sums.held, fixed),
            serial,
            threaded,
            line: line::line(observed, &self.columns(), setting, self.path),
            need,
            verdict: self.options.room.map(|room| room.verdict(need)),
        }
    }

    fn shape(&self, sums: &Sums, context: &Context) -> Shape {
        // What pandas 2 makes of a chunk before it is Arrow's.
        let objects = self.sums(Setting::Default, context).deep;
        Shape {
            rows: self.observed.rows(),
            columns: look::count(self.observed.columns.len()),
            record: self.observed.record(),
            size: self.observed.size,
            held: sums.held,
            numpy: sums.numpy,
            passing: sums.passing,
            objects,
            arrow: self.sums(Setting::ArrowBoth, context).deep,
            fixed: sums.fixed,
        }
    }

    /// JSON in chunks: all of them as they are read by default, and one chunk as objects; measured were 1.0 to 1.3 of both.
    fn in_chunks(&self, setting: Setting, context: &Context) -> Peak {
        let as_read = if setting.is_narrow() { Setting::Used } else { Setting::Default };
        let held = self.sums(as_read, context).held;
        let rows = self.observed.rows();
        let chunk = rows.expected.min(line::JSON_CHUNK_ROWS);
        let passing = times(chunk, self.observed.objects + 3.0 * self.observed.record());
        let memory = Range {
            low: rows.scaled(held, passing - passing / 4).low,
            expected: rows.scaled(1.1 * held, passing.saturating_add(passing / 10)).expected,
            high: rows.scaled(2.0 * held, passing.saturating_add(passing / 2)).high,
        };
        Peak { memory, mapped: 0 }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.observed.notes.clone();
        for column in &self.observed.columns {
            let words = column.texts + column.booleans;
            let numbers = column.wholes + column.numbers;
            if numbers > 0 && words > 0 && ratio(words, column.present()) < 0.01 {
                notes.push(format!(
                    "`{}` holds numbers and {words} other values in the sample: read_csv may mix both as objects \
                     (DtypeWarning), at 32 bytes more for each row; name its dtype",
                    column.name
                ));
            }
            if column.huge > 0 && self.options.environment.pandas == Pandas::V3 {
                notes.push(format!(
                    "`{}` holds numbers of more than 64 bits: read_csv makes objects of them, and fails with \
                     dtype_backend=\"pyarrow\"; read it as a text (dtype \"str\")",
                    column.name
                ));
            }
        }
        notes
    }
}
