//! Arrow IPC data as a table.

use super::{infer::ArrowInput, scan::ArrowScan};
use crate::{
    input::InputFile,
    ipc::{Head, Index},
    table::ScanContext,
};
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef},
    catalog::{Session, TableProvider},
    common::Result,
    datasource::TableType,
    logical_expr::Expr,
    physical_plan::ExecutionPlan,
};
use std::sync::{Arc, Mutex};
use tidegate_formats::VirtualColumn;

/// A column of the table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// One of the files' own, by its place among them.
    Own(usize),
    /// One that every table has.
    Virtual(VirtualColumn),
}

/// Arrow IPC data as a table.
#[derive(Debug)]
pub struct ArrowTable {
    pub(super) inputs: Arc<[InputFile]>,
    pub(super) columns: Vec<FieldRef>,
    pub(super) indexes: Option<Arc<[Index]>>,
    /// A stream of which the columns were read; the first scan takes it.
    pub(super) head: Arc<Mutex<Option<Head>>>,
    pub(super) context: ScanContext,
    schema: SchemaRef,
    sources: Vec<Source>,
}

impl ArrowTable {
    /// Returns the table of what was found: the files' own columns, and of the virtual ones those in `hidden`, which are the
    /// ones that the query names.
    pub fn new(input: ArrowInput, hidden: &[VirtualColumn], context: ScanContext) -> Self {
        let ArrowInput { inputs, columns, left_out, indexes, head } = input;
        if !left_out.is_empty() {
            let first = inputs.first().map_or("-", |input| input.name.as_ref());
            context.progress.note(format!(
                "`{first}` has columns of types that are not read (unions, views of lists, runs): {}",
                left_out.join(", ")
            ));
        }
        let is_own = |column: &VirtualColumn| columns.iter().any(|own| own.name() == column.name());
        let named = hidden.iter().filter(|column| !is_own(column)).map(|column| Source::Virtual(*column));
        let sources: Vec<Source> = (0..columns.len()).map(Source::Own).chain(named).collect();
        let schema = Arc::new(Schema::new(fields(&columns, &sources)));
        Self { inputs, columns, indexes, head: Arc::new(Mutex::new(head)), context, schema, sources }
    }
}

/// Returns the fields of columns.
pub(super) fn fields(columns: &[FieldRef], sources: &[Source]) -> Vec<FieldRef> {
    let field = |source: &Source| match source {
        Source::Own(at) => columns.get(*at).cloned(),
        // There is no text to show.
        Source::Virtual(VirtualColumn::Raw) => {
            Some(Arc::new(Field::new(VirtualColumn::Raw.name(), DataType::Utf8, true)))
        }
        Source::Virtual(column) => Some(Arc::new(column.field())),
    };
    sources.iter().filter_map(field).collect()
}

#[async_trait]
impl TableProvider for ArrowTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters are applied above it, and a limit by whoever takes no more rows.
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sources = match projection {
            Some(columns) => columns.iter().filter_map(|&column| self.sources.get(column).copied()).collect(),
            None => self.sources.clone(),
        };
        Ok(Arc::new(ArrowScan::new(self, sources, state.config().target_partitions())))
    }
}
