//! What is to be done with the fields of a file's records.

use super::{
    split::{self, Field},
    usual::Span,
};
use crate::{
    ColumnSpec, ColumnType, Mismatch, accept::accepts, batch::Columns, column::Column, scalar::Short, time::Recent,
};

/// The fields that are read or checked, by how that is done: one kind after another is faster than all in their order.
/// Text that the query does not want needs neither.
#[derive(Debug, Default)]
pub(super) struct Plan {
    texts: Vec<Step>,
    times: Vec<Step>,
    wholes: Vec<Step>,
    decimals: Vec<Step>,
    others: Vec<Step>,
}

/// A field that is read or checked.
#[derive(Debug)]
struct Step {
    /// Its place in the record.
    field: usize,
    /// Its column.
    column: usize,
    wanted: bool,
    /// The greatest whole number that its type holds.
    most: u64,
}

/// What is kept from field to field to save work.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    unquoted: Vec<u8>,
    recent: Recent,
}

/// A record and what it is read with.
pub(super) struct Reading<'a> {
    pub bytes: &'a [u8],
    pub spans: &'a [Span],
    pub specs: &'a [ColumnSpec],
    pub columns: &'a mut Columns,
    pub scratch: &'a mut Scratch,
}

impl Plan {
    /// Makes the plan for records whose fields belong to these columns.
    pub(super) fn make(&mut self, fields: &[Option<usize>], specs: &[ColumnSpec], columns: &Columns) {
        for steps in [&mut self.texts, &mut self.times, &mut self.wholes, &mut self.decimals, &mut self.others] {
            steps.clear();
        }
        for (field, column) in fields.iter().enumerate() {
            let Some((column, spec)) = column.and_then(|column| Some((column, specs.get(column)?))) else { continue };
            let wanted = columns.is_wanted(column);
            let most = most_whole(&spec.kind);
            let steps = match &spec.kind {
                ColumnType::Text if !wanted => continue,
                ColumnType::Text => &mut self.texts,
                ColumnType::Timestamp => &mut self.times,
                ColumnType::Float32 | ColumnType::Float64 => &mut self.decimals,
                _ if most > 0 => &mut self.wholes,
                _ => &mut self.others,
            };
            steps.push(Step { field, column, wanted, most });
        }
    }

    /// Reads the fields of a usual record into their columns. Fails with the place of the first one that does not fit; then
    /// others may have been appended.
    #[inline]
    pub(super) fn read(&self, reading: &mut Reading<'_>) -> Result<(), usize> {
        let mut misfit = usize::MAX;
        let mut fitted = |step: &Step, fits: Result<(), Mismatch>| {
            if fits.is_err() {
                misfit = misfit.min(step.field);
            }
        };
        for step in &self.times {
            fitted(step, reading.time(step));
        }
        for step in &self.wholes {
            fitted(step, reading.whole(step));
        }
        for step in &self.decimals {
            fitted(step, reading.decimal(step));
        }
        for step in &self.texts {
            fitted(step, reading.text(step));
        }
        for step in &self.others {
            fitted(step, reading.any(step));
        }
        if misfit == usize::MAX { Ok(()) } else { Err(misfit) }
    }
}

/// Returns the greatest whole number that a type of whole numbers holds, 0 for any other type.
fn most_whole(kind: &ColumnType) -> u64 {
    match kind {
        ColumnType::Int16 => i16::MAX.unsigned_abs().into(),
        ColumnType::Int32 => i32::MAX.unsigned_abs().into(),
        ColumnType::Int64 => i64::MAX.unsigned_abs(),
        ColumnType::UInt16 => u16::MAX.into(),
        ColumnType::UInt32 => u32::MAX.into(),
        ColumnType::UInt64 => u64::MAX,
        _ => 0,
    }
}

/// Short numbers, which most are, are read as words; what is odd is left to [`take`].
impl Reading<'_> {
    #[inline]
    fn span(&self, step: &Step) -> Span {
        self.spans.get(step.field).copied().unwrap_or_default()
    }

    #[inline]
    fn column(&mut self, step: &Step) -> Option<&mut Column> {
        if step.wanted { self.columns.get(step.column) } else { None }
    }

    /// Returns a field as a word if it is short.
    #[inline]
    fn short(&self, step: &Step) -> Option<Short> {
        let span = self.span(step);
        if span.is_verbatim() { Short::new(self.bytes.get(span.from..)?, span.to - span.from) } else { None }
    }

    #[inline]
    fn time(&mut self, step: &Step) -> Result<(), Mismatch> {
        let span = self.span(step);
        let text = self.bytes.get(span.from..span.to).filter(|_| span.is_verbatim());
        match text.and_then(|text| self.scratch.recent.timestamp(text)) {
            Some(micros) => self.column(step).map_or(Ok(()), |column| column.push_timestamp(micros)),
            None => self.any(step),
        }
    }

    #[inline]
    fn whole(&mut self, step: &Step) -> Result<(), Mismatch> {
        let Some(value) = self.short(step).and_then(Short::whole) else { return self.any(step) };
        match (self.column(step), i64::try_from(value)) {
            (Some(column), Ok(value)) => column.push_signed(value),
            _ if value <= step.most => Ok(()),
            _ => Err(Mismatch),
        }
    }

    #[inline]
    fn decimal(&mut self, step: &Step) -> Result<(), Mismatch> {
        let short = self.short(step);
        if !step.wanted && short.is_some_and(Short::is_decimal) {
            return Ok(());
        }
        match (short.and_then(Short::decimal), self.column(step)) {
            (Some(value), Some(column)) => column.push_float(value),
            _ => self.any(step),
        }
    }

    #[inline]
    fn text(&mut self, step: &Step) -> Result<(), Mismatch> {
        let span = self.span(step);
        match (self.bytes.get(span.from..span.to), self.columns.get(step.column)) {
            (Some(text @ [_, ..]), Some(column)) if span.is_verbatim() => column.push_text(text),
            (_, Some(column)) => return push_text(span.field(self.bytes), column),
            (_, None) => {}
        }
        Ok(())
    }

    #[inline(never)]
    fn any(&mut self, step: &Step) -> Result<(), Mismatch> {
        let field = self.span(step).field(self.bytes);
        let Some(spec) = self.specs.get(step.column) else { return Ok(()) };
        take(&spec.kind, field, self.columns.get(step.column), self.scratch)
    }
}

/// Appends a field to its column or, if the query does not want the column, only checks it.
pub(super) fn take(
    kind: &ColumnType,
    field: Field<'_>,
    column: Option<&mut Column>,
    scratch: &mut Scratch,
) -> Result<(), Mismatch> {
    if matches!(kind, ColumnType::Text) {
        return column.map_or(Ok(()), |column| push_text(field, column));
    }
    let text = match field {
        Field::Plain(text) | Field::Quoted(text) => text,
        Field::Escaped(text) => {
            scratch.unquoted.clear();
            split::unquote(text, &mut scratch.unquoted);
            scratch.unquoted.as_slice()
        }
    };
    match column {
        Some(column) if text.is_empty() => column.push_null(),
        Some(column) => return column.push_parsed(text),
        None if text.is_empty() || accepts(kind, text) => {}
        None => return Err(Mismatch),
    }
    Ok(())
}

#[inline]
fn push_text(field: Field<'_>, column: &mut Column) -> Result<(), Mismatch> {
    match field {
        Field::Plain([]) => column.push_null(),
        Field::Plain(text) | Field::Quoted(text) => column.push_text(text),
        Field::Escaped(text) => return column.push_text_with(|value| split::unquote(text, value)),
    }
    Ok(())
}
