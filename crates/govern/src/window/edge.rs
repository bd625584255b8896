//! `first_value`, `last_value` and `nth_value` over the whole partition.

use super::{
    constant::Repeated,
    pass::{FirstPass, SecondPass},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, RecordBatch, UInt64Array},
        compute::{concat, take},
    },
    common::{DataFusionError, Result},
    logical_expr::PartitionEvaluator,
    physical_expr::window::{StandardWindowExpr, WindowExpr},
};
use std::{collections::BTreeSet, sync::Arc};

/// Keeps of all values those that can be the answer: so many of the first and the last, and as many of the first and the last
/// that are not null. In their order, they give DataFusion's function what all values would give it, whether it counts from
/// the end or ignores nulls, neither of which it tells.
pub(super) struct Edge {
    function: Arc<dyn WindowExpr>,
    evaluator: Box<dyn PartitionEvaluator>,
    rows: usize,
    kept: Option<ArrayRef>,
}

impl Edge {
    pub(super) fn new(function: &Arc<dyn WindowExpr>, rows: usize) -> Result<Self> {
        let Some(standard) = function.as_any().downcast_ref::<StandardWindowExpr>() else {
            return Err(DataFusionError::Internal(format!("{} is no window function", function.name())));
        };
        let evaluator = standard.get_standard_func_expr().create_evaluator()?;
        Ok(Self { function: Arc::clone(function), evaluator, rows: rows.max(1), kept: None })
    }
}

impl FirstPass for Edge {
    fn see(&mut self, batch: &RecordBatch) -> Result<()> {
        let values = self.function.evaluate_args(batch)?;
        let Some(values) = values.first() else {
            return Err(DataFusionError::Internal(format!("{} has no argument", self.function.name())));
        };
        let values = edges(values, self.rows)?;
        self.kept = Some(match &self.kept {
            Some(kept) => edges(&concat(&[kept.as_ref(), values.as_ref()])?, self.rows)?,
            None => values,
        });
        Ok(())
    }

    fn size(&self) -> usize {
        self.kept.as_ref().map_or(0, Array::get_array_memory_size)
    }

    fn finish(mut self: Box<Self>, _rows: usize) -> Result<Box<dyn SecondPass>> {
        let Some(kept) = self.kept else {
            return Err(DataFusionError::Internal("a partition without rows".into()));
        };
        let frame = 0..kept.len();
        Ok(Box::new(Repeated(self.evaluator.evaluate(&[kept], &frame)?)))
    }
}

/// Returns the first and the last `rows` values and valid values, copied.
fn edges(values: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    let length = values.len();
    let valid = |index: &usize| values.is_valid(*index);
    let mut chosen: BTreeSet<usize> = (0..rows.min(length)).collect();
    chosen.extend(length.saturating_sub(rows)..length);
    chosen.extend((0..length).filter(valid).take(rows));
    chosen.extend((0..length).rev().filter(valid).take(rows));
    let indices = UInt64Array::from_iter_values(chosen.into_iter().map(|index| index as u64));
    Ok(take(values.as_ref(), &indices, None)?)
}
