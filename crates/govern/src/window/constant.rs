//! Aggregates and values by their place over the whole partition: the same in every row.

use super::{
    edge::Edge,
    feed::{Feed, Shared},
    pass::{FirstPass, SecondPass},
};
use datafusion::{
    arrow::array::{ArrayRef, RecordBatch},
    common::{Result, ScalarValue},
    logical_expr::Accumulator,
    physical_expr::{
        aggregate::AggregateFunctionExpr,
        window::{PlainAggregateWindowExpr, WindowExpr},
    },
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
        let total = Shared::new(Maker::new(function)?.make()?);
        Ok(Self { function: Arc::clone(function), total, feed: None })
    }

    /// For a function with a FILTER clause.
    pub(super) fn filtered(function: &Arc<dyn WindowExpr>) -> Result<Self> {
        let plain = Self::new(function)?;
        Ok(Self { feed: Some(Feed::new(function, &plain.total)?), ..plain })
    }
}

/// Makes what accumulates the value of a function: once for each partition, of which there may be a million.
pub(super) enum Maker {
    /// Of a plain aggregate.
    Aggregate(Box<AggregateFunctionExpr>),
    /// Of a function that takes a value by its place.
    Edge(Edge),
}

impl Maker {
    pub(super) fn new(function: &Arc<dyn WindowExpr>) -> Result<Self> {
        match function.as_any().downcast_ref::<PlainAggregateWindowExpr>() {
            Some(aggregate) => Ok(Self::Aggregate(Box::new(aggregate.get_aggregate_expr().clone()))),
            None => Edge::new(function).map(Self::Edge),
        }
    }

    pub(super) fn make(&self) -> Result<Box<dyn Accumulator>> {
        match self {
            Self::Aggregate(aggregate) => aggregate.create_accumulator(),
            Self::Edge(edge) => Ok(Box::new(edge.clone())),
        }
    }
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
