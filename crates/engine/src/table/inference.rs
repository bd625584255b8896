//! From a path and options to files, format and columns.

use crate::{
    EngineError,
    input::{Head, InputFile, find},
};
use std::sync::Arc;
use tidegate_formats::{
    Format, FormatError, FormatKind,
    csv::{CsvLayout, CsvOptions},
    detect,
    json::JsonLayout,
    parse_types,
};

/// A table as a query names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRequest {
    /// The path, glob, folder or `-`.
    pub pattern: String,
    /// The format, where the query forces one.
    pub format: Option<FormatKind>,
    /// `types => '...'`.
    pub types: Option<String>,
    /// `delimiter => '...'`.
    pub delimiter: Option<u8>,
    /// `header => true|false`.
    pub header: Option<bool>,
}

/// What a request turned out to be.
#[derive(Debug)]
pub struct Inferred {
    /// The files.
    pub inputs: Arc<[InputFile]>,
    /// Their format.
    pub format: Format,
    /// What was read of a stream to find that out.
    pub head: Option<Head>,
    /// Bytes of a record on the average, if the head held any.
    pub record_bytes: Option<u64>,
}

impl Inferred {
    /// Returns whether the input can be read again: a pipe cannot.
    pub fn is_repeatable(&self) -> bool {
        self.inputs.iter().all(|input| input.size.is_some())
    }
}

/// Finds the files of a request, and their format and columns from samples of the first that is not empty.
///
/// # Errors
/// If no file fits, one cannot be read, or the format cannot be told.
pub fn infer(request: &TableRequest) -> Result<Inferred, EngineError> {
    let inputs: Arc<[InputFile]> = find(&request.pattern)?.into();
    let first = inputs.iter().find(|input| input.size.is_none_or(|size| size.bytes() > 0)).or(inputs.first());
    let Some(first) = first else {
        return Err(EngineError::NoInput { pattern: request.pattern.clone(), near: Vec::new() });
    };
    let head = Head::read(first)?;
    let failed = |source| EngineError::Format { path: first.name.to_string(), source };
    let format = format_of(request, first, &head).map_err(failed)?;
    let lines = memchr::memchr_iter(b'\n', &head.bytes).count() as u64;
    let record_bytes = (head.bytes.len() as u64).checked_div(lines);
    let head = head.stream.is_some().then_some(head);
    Ok(Inferred { inputs, format, head, record_bytes })
}

fn format_of(request: &TableRequest, input: &InputFile, head: &Head) -> Result<Format, FormatError> {
    let types = request.types.as_deref().map(parse_types).transpose()?.unwrap_or_default();
    let kind = match request.format {
        Some(kind) => kind,
        None => detect(&head.bytes, &input.name)?,
    };
    Ok(match kind {
        FormatKind::Access if !types.is_empty() => {
            return Err(FormatError::Types(
                "the columns of an access log have fixed types; use CAST in the query".into(),
            ));
        }
        FormatKind::Access => Format::Access,
        FormatKind::Json => Format::Json(Arc::new(JsonLayout::infer(&head.samples(), &types)?)),
        FormatKind::Csv => {
            let options = CsvOptions { delimiter: request.delimiter, header: request.header, types };
            Format::Csv(Arc::new(CsvLayout::infer(&head.samples(), &options)?))
        }
    })
}
