//! `first_value`, `last_value` and `nth_value` of the rows so far.

use super::{
    feed::not_merged,
    kind::{by_place, edge_rows, may_ignore_nulls},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, UInt64Array},
        compute::{concat, take},
    },
    common::{DataFusionError, Result, ScalarValue},
    functions_window::nth_value::NthValueKind,
    logical_expr::Accumulator,
    physical_expr::window::{StandardWindowExpr, WindowExpr},
};
use std::{collections::BTreeSet, sync::Arc};

/// Keeps of all values those that can be the answer: so many of the first and the last, and as many of the first and the last
/// that are not null. In their order, they give DataFusion's function what all values would give it, whether `nth_value` counts
/// from the end or ignores nulls, neither of which it tells.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    function: Arc<dyn WindowExpr>,
    rows: usize,
    first: bool,
    last: bool,
    may_ignore_nulls: bool,
    kept: Option<ArrayRef>,
}

impl Edge {
    /// For a function of which [`edge_rows`] are known.
    pub(super) fn new(function: &Arc<dyn WindowExpr>) -> Result<Self> {
        let (Some((expression, kind)), Some(rows)) = (by_place(function), edge_rows(function)) else {
            return Err(DataFusionError::Internal(format!("{} takes no value by its place", function.name())));
        };
        Ok(Self {
            function: Arc::clone(function),
            rows: rows.max(1),
            first: *kind != NthValueKind::Last,
            last: *kind != NthValueKind::First,
            may_ignore_nulls: may_ignore_nulls(expression),
            kept: None,
        })
    }

    /// Returns whether values have all that can be the answer of one end.
    fn suffice(&self, values: &ArrayRef) -> bool {
        let nulls = if self.may_ignore_nulls { values.logical_null_count() } else { 0 };
        values.len() - nulls >= self.rows
    }

    /// Returns the values that can be the answer, copied.
    fn edges(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let (length, rows) = (values.len(), self.rows);
        let valid = |index: &usize| values.is_valid(*index);
        let valid_rows = if self.may_ignore_nulls { rows } else { 0 };
        let mut chosen = BTreeSet::new();
        if self.first {
            chosen.extend(0..rows.min(length));
            chosen.extend((0..length).filter(valid).take(valid_rows));
        }
        if self.last {
            chosen.extend(length.saturating_sub(rows)..length);
            chosen.extend((0..length).rev().filter(valid).take(valid_rows));
        }
        let indices = UInt64Array::from_iter_values(chosen.into_iter().map(|index| index as u64));
        Ok(take(values.as_ref(), &indices, None)?)
    }
}

/// Returns the function as what it is when it takes a value by its place.
fn standard(function: &Arc<dyn WindowExpr>) -> Result<&StandardWindowExpr> {
    let standard = function.as_any().downcast_ref();
    standard.ok_or_else(|| DataFusionError::Internal(format!("{} is no window function", function.name())))
}

impl Accumulator for Edge {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else {
            return Err(DataFusionError::Internal(format!("{} has no argument", self.function.name())));
        };
        let edges = match &self.kept {
            Some(kept) if !self.last && self.suffice(kept) => return Ok(()),
            Some(kept) if self.first || !self.suffice(values) => {
                self.edges(&concat(&[kept.as_ref(), values.as_ref()])?)
            }
            _ => self.edges(values),
        };
        self.kept = Some(edges?);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let Some(kept) = &self.kept else {
            return ScalarValue::try_from(self.function.field()?.data_type());
        };
        let mut evaluator = standard(&self.function)?.get_standard_func_expr().create_evaluator()?;
        evaluator.evaluate(&[Arc::clone(kept)], &(0..kept.len()))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.kept.as_ref().map_or(0, Array::get_array_memory_size)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(not_merged())
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        Err(not_merged())
    }
}
