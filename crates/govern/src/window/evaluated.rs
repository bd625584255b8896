//! Functions that DataFusion evaluates over all rows of a partition at once: only over the columns that they need.

use super::{kind::has_filter, pass::SecondPass};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, NullArray, RecordBatch, RecordBatchOptions, new_empty_array},
        compute::{concat, concat_batches},
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    common::{Result, ScalarValue},
    execution::SendableRecordBatchStream,
    physical_expr::{utils::collect_columns, window::WindowExpr},
};
use futures::TryStreamExt;
use std::sync::Arc;

/// The columns of the input that some functions need.
#[derive(Clone, Debug)]
pub(super) struct Needed {
    /// Whether each column is needed; `None` if all are, because a function has a FILTER clause that nobody can look into.
    columns: Option<Vec<bool>>,
    schema: SchemaRef,
}

impl Needed {
    pub(super) fn new<'a>(functions: impl Iterator<Item = &'a Arc<dyn WindowExpr>>, input: &SchemaRef) -> Self {
        let mut columns = vec![false; input.fields().len()];
        for function in functions {
            if has_filter(function) {
                return Self { columns: None, schema: Arc::clone(input) };
            }
            let used = function.all_expressions();
            for expression in used.args.iter().chain(&used.order_by_exprs) {
                for column in collect_columns(expression) {
                    if let Some(needed) = columns.get_mut(column.index()) {
                        *needed = true;
                    }
                }
            }
        }
        let field = |(field, needed): (&Arc<Field>, &bool)| match needed {
            true => Arc::clone(field),
            false => Arc::new(Field::new(field.name(), DataType::Null, true)),
        };
        let fields: Vec<_> = input.fields().iter().zip(&columns).map(field).collect();
        Self { columns: Some(columns), schema: Arc::new(Schema::new(fields)) }
    }

    /// Returns the rows with nothing in the columns that are not needed, which keep their places.
    pub(super) fn of(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let Some(needed) = &self.columns else { return Ok(batch.clone()) };
        let rows = batch.num_rows();
        let columns = needed.iter().zip(batch.columns()).map(|(needed, column)| match needed {
            true => Arc::clone(column),
            false => Arc::new(NullArray::new(rows)) as ArrayRef,
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect(), &options)?)
    }

    /// Returns the bytes of the values that are needed.
    pub(super) fn size(&self, batch: &RecordBatch) -> usize {
        let needed = |index: usize| self.columns.as_ref().is_none_or(|columns| columns.get(index) == Some(&true));
        let columns = batch.columns().iter().enumerate().filter(|(index, _)| needed(*index));
        columns.map(|(_, column)| size(column)).sum()
    }
}

/// A slice counts what it shows; buffers of views are not sliced.
fn size(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8View | DataType::BinaryView => column.get_array_memory_size(),
        _ => column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()),
    }
}

/// Returns the bytes that [`evaluate`] takes at most, for rows whose needed values have `bytes`: they are collected and then
/// concatenated, and DataFusion makes a `ScalarValue` for each row before it makes a column.
pub(super) fn estimate(bytes: usize, rows: usize, functions: usize) -> usize {
    let values = bytes.saturating_mul(2 + functions);
    values.saturating_add(rows.saturating_mul(size_of::<ScalarValue>() + 16 * functions))
}

/// Evaluates functions over all rows.
pub(super) async fn evaluate(
    functions: &[Arc<dyn WindowExpr>],
    needed: &Needed,
    rows: SendableRecordBatchStream,
) -> Result<Vec<ArrayRef>> {
    let batches: Vec<_> = rows.and_then(|batch| async move { needed.of(&batch) }).try_collect().await?;
    let all = concat_batches(&needed.schema, &batches)?;
    drop(batches);
    functions.iter().map(|function| function.evaluate(&all)).collect()
}

/// A column for all rows, handed out piece by piece.
pub(super) struct Evaluated {
    column: ArrayRef,
    row: usize,
}

impl Evaluated {
    pub(super) fn new(column: ArrayRef) -> Self {
        Self { column, row: 0 }
    }
}

impl SecondPass for Evaluated {
    /// The piece is copied: as a slice, it would stand for the whole column wherever memory is counted.
    fn column(&mut self, batch: &RecordBatch) -> Result<ArrayRef> {
        let piece = self.column.slice(self.row, batch.num_rows());
        self.row += batch.num_rows();
        Ok(concat(&[piece.as_ref(), new_empty_array(piece.data_type()).as_ref()])?)
    }
}
