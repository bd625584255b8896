//! Aggregates over the whole partition: one total, the same in every row.

use super::{
    feed::{Feed, Shared},
    pass::{FirstPass, SecondPass},
};
use datafusion::{
    arrow::array::{ArrayRef, RecordBatch},
    common::{DataFusionError, Result, ScalarValue},
    physical_expr::window::{PlainAggregateWindowExpr, WindowExpr},
};
use std::sync::Arc;

/// Bytes of the values in a column beyond which it gets fewer rows: a value may be a list of everything.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// Collects the total.
pub(super) struct Constant {
    function: Arc<dyn WindowExpr>,
    total: Shared,
    /// For aggregates with a FILTER clause.
    feed: Option<Feed>,
}

impl Constant {
    pub(super) fn new(function: &Arc<dyn WindowExpr>) -> Result<Self> {
        let total = Shared::new(aggregate(function)?.get_aggregate_expr().create_accumulator()?);
        Ok(Self { function: Arc::clone(function), total, feed: None })
    }

    /// For a function with a FILTER clause.
    pub(super) fn filtered(function: &Arc<dyn WindowExpr>) -> Result<Self> {
        let plain = Self::new(function)?;
        Ok(Self { feed: Some(Feed::new(function, &plain.total)?), ..plain })
    }
}

/// Returns the function as what it is when its kind is `Constant`.
pub(super) fn aggregate(function: &Arc<dyn WindowExpr>) -> Result<&PlainAggregateWindowExpr> {
    let aggregate = function.as_any().downcast_ref();
    aggregate.ok_or_else(|| DataFusionError::Internal(format!("{} is no plain aggregate", function.name())))
}

impl FirstPass for Constant {
    fn see(&mut self, batch: &RecordBatch) -> Result<()> {
        match &self.feed {
            Some(feed) => feed.update(&self.function, batch),
            None => self.total.lock().update_batch(&self.function.evaluate_args(batch)?),
        }
    }

    fn size(&self) -> usize {
        self.total.lock().size()
    }

    fn finish(self: Box<Self>, _rows: usize) -> Result<Box<dyn SecondPass>> {
        let value = self.total.lock().evaluate()?;
        Ok(Box::new(Repeated(value)))
    }
}

/// The same value in every row.
pub(super) struct Repeated(pub(super) ScalarValue);

impl SecondPass for Repeated {
    fn column(&mut self, batch: &RecordBatch) -> Result<ArrayRef> {
        self.0.to_array_of_size(batch.num_rows())
    }

    fn most_rows(&self) -> usize {
        (MOST_BYTES / self.0.size().max(1)).max(1)
    }
}
