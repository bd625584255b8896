//! Aggregates from the current row, or its first peer, to the end of the partition.

use super::{
    pass::{FirstPass, SecondPass},
    runs::Runs,
};
use datafusion::{
    arrow::array::{Array, ArrayRef, RecordBatch},
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{Accumulator, WindowFrameUnits},
    physical_expr::window::{SlidingAggregateWindowExpr, WindowExpr},
};
use std::{ops::Range, sync::Arc};

/// Accumulates all rows in the first pass; in the second, takes back those that the frame has left, as DataFusion does.
pub(super) struct Suffix {
    function: Arc<dyn WindowExpr>,
    accumulator: Box<dyn Accumulator>,
    /// Frames that begin with the first peer.
    peers: Option<Runs>,
    value: Option<ScalarValue>,
}

impl Suffix {
    pub(super) fn new(function: &Arc<dyn WindowExpr>) -> Result<Self> {
        let Some(sliding) = function.as_any().downcast_ref::<SlidingAggregateWindowExpr>() else {
            return Err(DataFusionError::Internal(format!("{} is no sliding aggregate", function.name())));
        };
        let order = || function.order_by().iter().map(|sort| Arc::clone(&sort.expr)).collect();
        let rows = function.get_window_frame().units == WindowFrameUnits::Rows;
        Ok(Self {
            function: Arc::clone(function),
            accumulator: sliding.get_aggregate_expr().create_sliding_accumulator()?,
            peers: (!rows).then(|| Runs::new(order())),
            value: None,
        })
    }

    /// Returns the value of rows whose frame begins with the first of them, and takes them back.
    fn leave(&mut self, arguments: &[ArrayRef], rows: &Range<usize>, first: bool) -> Result<ScalarValue> {
        let value = match (first, self.value.take()) {
            (false, Some(value)) => value,
            _ => self.accumulator.evaluate()?,
        };
        let left: Vec<_> = arguments.iter().map(|argument| argument.slice(rows.start, rows.len())).collect();
        self.accumulator.retract_batch(&left)?;
        self.value = Some(value.clone());
        Ok(value)
    }
}

impl FirstPass for Suffix {
    fn see(&mut self, batch: &RecordBatch) -> Result<()> {
        self.accumulator.update_batch(&self.function.evaluate_args(batch)?)
    }

    fn size(&self) -> usize {
        self.accumulator.size()
    }

    fn finish(self: Box<Self>, _rows: usize) -> Result<Box<dyn SecondPass>> {
        Ok(self)
    }
}

impl SecondPass for Suffix {
    fn column(&mut self, batch: &RecordBatch) -> Result<ArrayRef> {
        let arguments = self.function.evaluate_args(batch)?;
        let mut values = Vec::with_capacity(batch.num_rows());
        let Some(peers) = &mut self.peers else {
            for row in 0..batch.num_rows() {
                values.push(self.leave(&arguments, &(row..row + 1), true)?);
            }
            return ScalarValue::iter_to_array(values);
        };
        let found = peers.find(batch)?;
        let mut first = !found.continues;
        for run in found.ranges {
            let value = self.leave(&arguments, &run, first)?;
            values.extend(std::iter::repeat_n(value, run.len()));
            first = true;
        }
        ScalarValue::iter_to_array(values)
    }
}
