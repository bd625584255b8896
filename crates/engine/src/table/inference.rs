//! From a path and options to files, format and columns.

use super::ArrowInput;
use crate::{
    EngineError,
    input::{Head, InputFile, SampleSize, find},
    ipc,
};
use std::{collections::HashSet, fs, io, path::PathBuf, sync::Arc};
use tidegate_formats::{
    Format, FormatError, FormatKind, Sample,
    csv::{CsvLayout, CsvOptions},
    detect,
    json::JsonLayout,
    parse_types,
};

/// The most files that are looked into for their columns.
const SAMPLED: usize = 16;

/// How much smaller a log is as a rule when it is compressed.
pub(super) const USUAL_RATIO: u64 = 8;

/// A table as a query names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRequest {
    /// Paths, globs, folders or `-`.
    pub patterns: Vec<String>,
    /// The format, where the query forces one.
    pub format: Option<FormatKind>,
    /// `types => '...'`.
    pub types: Option<String>,
    /// `delimiter => '...'`.
    pub delimiter: Option<u8>,
    /// `header => true|false`.
    pub header: Option<bool>,
    /// The name that it was given beside the query: then it is Arrow IPC data.
    pub given: Option<String>,
}

/// What a request turned out to be.
#[derive(Debug)]
pub enum Inferred {
    /// Logs.
    Log(Box<InferredLog>),
    /// Arrow IPC data.
    Arrow(Box<ArrowInput>),
}

/// Logs, and what they hold.
#[derive(Debug)]
pub struct InferredLog {
    /// The files.
    pub inputs: Arc<[InputFile]>,
    /// Their format.
    pub format: Format,
    /// What was read of a stream to find that out.
    pub head: Option<Head>,
    /// Bytes of the file that a record takes on the average, if the head held any.
    pub record_bytes: Option<u64>,
}

impl Inferred {
    /// Returns the files.
    pub fn inputs(&self) -> &[InputFile] {
        match self {
            Self::Log(log) => &log.inputs,
            Self::Arrow(arrow) => arrow.inputs(),
        }
    }

    /// Returns whether the input can be read again: a pipe cannot.
    pub fn is_repeatable(&self) -> bool {
        self.inputs().iter().all(|input| input.size.is_some())
    }
}

/// Finds the files of a request, their format by the first that is not empty, and their columns from samples of several.
///
/// # Errors
/// If no file fits, one cannot be read, or the format cannot be told.
pub fn infer(request: &TableRequest) -> Result<Inferred, EngineError> {
    let inputs: Arc<[InputFile]> = find_all(&request.patterns)?.into();
    let chosen = sampled(&inputs);
    let Some(first) = chosen.first() else {
        return Err(EngineError::NoInput { pattern: request.patterns.join("`, `"), near: Vec::new() });
    };
    let head = Head::read(first, SampleSize::FIRST)?;
    let failed = |source| EngineError::Format { path: first.name.to_string(), source };
    if ipc::is_arrow(&head.bytes) {
        if request.format.is_some() {
            let what = "Arrow data, which have columns of their own: write the path alone, in single quotes";
            return Err(failed(FormatError::Unsupported(what.into())));
        }
        let input = ArrowInput::infer(Arc::clone(&inputs), head)?;
        return Ok(Inferred::Arrow(Box::new(input)));
    }
    if let Some(name) = &request.given {
        let what = format!("the table `{name}` is neither a file nor a stream of Arrow IPC");
        let what = io::Error::new(io::ErrorKind::InvalidData, what);
        return Err(EngineError::file("read", first.name.as_ref(), what));
    }
    let kind = match request.format {
        Some(kind) => kind,
        None => detect(&head.bytes, &first.name).map_err(failed)?,
    };
    let further = if kind == FormatKind::Access { Vec::new() } else { further(&chosen)? };
    let samples: Vec<_> = std::iter::once(&head).chain(&further).flat_map(Head::samples).collect();
    let format = format_of(request, kind, &samples).map_err(failed)?;
    drop(samples);
    let lines = memchr::memchr_iter(b'\n', &head.bytes).count() as u64;
    let packed = if first.compression.is_some() { USUAL_RATIO } else { 1 };
    let record_bytes = (head.bytes.len() as u64).checked_div(lines).map(|bytes| (bytes / packed).max(1));
    let head = head.stream.is_some().then_some(head);
    Ok(Inferred::Log(Box::new(InferredLog { inputs, format, head, record_bytes })))
}

/// Finds the files of all patterns, in their order. A file to which several paths lead, such as a link to the newest log, is
/// read once.
fn find_all(patterns: &[String]) -> Result<Vec<InputFile>, EngineError> {
    let mut inputs: Vec<InputFile> = Vec::new();
    let mut seen = HashSet::new();
    for pattern in patterns {
        inputs.extend(find(pattern)?.into_iter().filter(|input| seen.insert(place(input))));
    }
    Ok(inputs)
}

fn place(input: &InputFile) -> Option<PathBuf> {
    input.path.as_ref().map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
}

/// Returns the inputs that are sampled: those that hold something, all or the first, the last and some between. The first of
/// them decides on the format; one that is empty is sampled if there is no other.
fn sampled(inputs: &[InputFile]) -> Vec<&InputFile> {
    let filled: Vec<_> = inputs.iter().filter(|input| input.size.is_none_or(|size| size.bytes() > 0)).collect();
    let Some(last) = filled.len().checked_sub(1) else { return inputs.iter().take(1).collect() };
    let count = filled.len().min(SAMPLED);
    (0..count).filter_map(|at| filled.get(at * last / (count - 1).max(1)).copied()).collect()
}

fn further(chosen: &[&InputFile]) -> Result<Vec<Head>, EngineError> {
    chosen.iter().skip(1).map(|input| Head::read(input, SampleSize::FURTHER)).collect()
}

fn format_of(request: &TableRequest, kind: FormatKind, samples: &[Sample<'_>]) -> Result<Format, FormatError> {
    let types = request.types.as_deref().map(parse_types).transpose()?.unwrap_or_default();
    Ok(match kind {
        FormatKind::Access if !types.is_empty() => {
            return Err(FormatError::Types(
                "the columns of an access log have fixed types; use CAST in the query".into(),
            ));
        }
        FormatKind::Access => Format::Access,
        FormatKind::Json => Format::Json(Arc::new(JsonLayout::infer(samples, &types)?)),
        FormatKind::Csv => {
            let options = CsvOptions { delimiter: request.delimiter, header: request.header, types };
            Format::Csv(Arc::new(CsvLayout::infer(samples, &options)?))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_memory::ByteCount;

    #[test]
    fn the_first_the_last_and_some_between_are_sampled() {
        let input = |at: u64| InputFile {
            name: at.to_string().into(),
            path: None,
            size: Some(ByteCount::new(u64::from(at % 2 == 1))),
            compression: None,
        };
        let check = |count: u64, expected: &[&str]| {
            let inputs: Vec<_> = (0..count).map(input).collect();
            let names: Vec<_> = sampled(&inputs).iter().map(|input| input.name.to_string()).collect();
            assert_eq!(names, expected, "{count}");
        };
        check(0, &[]);
        check(1, &["0"]);
        check(2, &["1"]);
        check(6, &["1", "3", "5"]);
        let inputs: Vec<_> = (0..200).map(input).collect();
        let chosen = sampled(&inputs);
        assert_eq!((chosen.len(), &*chosen[0].name, &*chosen[15].name), (16, "1", "199"));
    }
}
