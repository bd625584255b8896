//! Operators of ours as DataFusion sees them: streams of batches, children, and columns that can be compared.

use datafusion::{
    arrow::{
        array::RecordBatch,
        datatypes::{DataType, SchemaRef},
        row::{RowConverter, SortField},
    },
    common::{Result, internal_err},
    execution::SendableRecordBatchStream,
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions, coop::cooperative, metrics::BaselineMetrics,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, stream};
use std::sync::Arc;

/// What hands on batches.
pub(crate) trait Batches: Sized + Send + 'static {
    /// Returns the next batch, or `None` after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<RecordBatch>>> + Send;

    /// Returns the columns of the batches and what counts their rows.
    fn outlet(&self) -> (&SchemaRef, &BaselineMetrics);

    /// Returns them as DataFusion wants them.
    fn into_stream(self) -> SendableRecordBatchStream {
        let schema = Arc::clone(self.outlet().0);
        let batches = stream::try_unfold(self, |mut state| async move {
            let batch = state.next().await?;
            Ok(batch.map(|batch| {
                state.outlet().1.record_output(batch.num_rows());
                (batch, state)
            }))
        });
        Box::pin(cooperative(RecordBatchStreamAdapter::new(schema, batches.boxed().fuse())))
    }
}

/// Returns the node with its children replaced by nodes that have their properties, so that nothing is derived anew: state that
/// nodes share, such as dynamic filters, stays shared.
pub(crate) fn map_children(
    plan: Arc<dyn ExecutionPlan>,
    replace: impl FnMut(Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let before: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
    let after: Vec<_> = before.iter().cloned().map(replace).collect::<Result<_>>()?;
    let same = before.iter().zip(&after).all(|(before, after)| Arc::ptr_eq(before, after));
    let keep = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    if same { Ok(plan) } else { plan.replace_children(after, keep) }
}

/// Returns the child of an operator that has one; `of` is for the message where there are others.
pub(crate) fn only_child(mut children: Vec<Arc<dyn ExecutionPlan>>, of: &str) -> Result<Arc<dyn ExecutionPlan>> {
    let (Some(child), true) = (children.pop(), children.is_empty()) else {
        return internal_err!("{of} has one child");
    };
    Ok(child)
}

/// Returns whether rows of columns of these types can be encoded so that equal rows are equal bytes.
pub(crate) fn are_comparable<'a>(types: impl Iterator<Item = &'a DataType>) -> bool {
    let fields: Vec<_> = types.map(|of| SortField::new(of.clone())).collect();
    RowConverter::supports_fields(&fields)
}
