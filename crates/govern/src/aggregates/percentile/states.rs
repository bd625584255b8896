//! A sketch for each group.

use super::{arguments::Percentile, sketch::Sketch};
use crate::aggregates::{
    exact::Change,
    group_states::{GroupStates, forget_first},
    rows::{Rows, valid_rows},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, LargeBinaryBuilder},
        buffer::NullBuffer,
        compute::cast,
        datatypes::{DataType, Float64Type},
    },
    common::{Result, exec_datafusion_err, internal_datafusion_err},
};
use std::{slice, sync::Arc};

/// The sketches of `approx_percentile_cont` and `approx_median`.
#[derive(Debug)]
pub struct Sketches {
    percentile: Percentile,
    groups: Vec<Sketch>,
    heap_bytes: usize,
}

impl Sketches {
    /// Returns the states of no group.
    pub fn new(percentile: Percentile) -> Self {
        Self { percentile, groups: Vec::new(), heap_bytes: 0 }
    }

    fn with(&mut self, group: usize, change: impl FnOnce(&mut Sketch)) {
        if let Some(sketch) = self.groups.get_mut(group) {
            let before = sketch.heap_bytes();
            change(sketch);
            self.heap_bytes += sketch.heap_bytes();
            self.heap_bytes -= before;
        }
    }
}

/// Returns an argument as doubles.
///
/// # Errors
/// If there is no such argument, or its values are no numbers.
pub fn doubles(values: &[ArrayRef], argument: usize) -> Result<ArrayRef> {
    let values = values.get(argument).ok_or_else(|| internal_datafusion_err!("a percentile without its arguments"))?;
    Ok(cast(values, &DataType::Float64)?)
}

/// Returns the answers in the type that was asked for.
///
/// # Errors
/// If that is no type of numbers.
pub fn answers_as(answers: &Float64Array, data_type: &DataType) -> Result<ArrayRef> {
    Ok(cast(answers, data_type)?)
}

/// Calls back with the group and the state of each row that has one.
///
/// # Errors
/// If there is not one column of states, or a state is not one: then `merge` returns `None`.
pub fn merge_each(
    states: &[ArrayRef],
    groups: Option<&[usize]>,
    mut merge: impl FnMut(usize, &[u8]) -> Option<()>,
) -> Result<()> {
    let [states] = states else {
        return Err(internal_datafusion_err!("a sketch is one column"));
    };
    let valid = valid_rows(slice::from_ref(states), None);
    let rows = Rows { valid, ..Rows::of(groups, states.len(), Change::Enter) };
    let states = states.as_binary::<i64>();
    let mut damaged = false;
    rows.each(|row, group| damaged |= merge(group, states.value(row)).is_none());
    if damaged { Err(exec_datafusion_err!("the state of a percentile is damaged")) } else { Ok(()) }
}

/// What a state takes beside its values: a tag, a count, the least and the greatest.
const BESIDE: usize = 32;

/// Returns the first so many groups.
pub fn first<T>(groups: &[T], most: usize) -> &[T] {
    groups.get(..most).unwrap_or(groups)
}

/// Returns a column of states, which take `heap_bytes` and are never larger when they are written. They are written when
/// they are spilled, which is when memory is short, so the column is not made by doubling.
pub fn written<T>(groups: &[T], heap_bytes: usize, write: fn(&T, &mut Vec<u8>)) -> ArrayRef {
    let mut column = LargeBinaryBuilder::with_capacity(groups.len(), heap_bytes + groups.len() * BESIDE);
    let mut bytes = Vec::new();
    for group in groups {
        bytes.clear();
        write(group, &mut bytes);
        column.append_value(&bytes);
    }
    Arc::new(column.finish())
}

impl GroupStates for Sketches {
    // Above a few values, those of one bucket cannot be told apart any more.
    const CAN_LEAVE: bool = false;

    fn len(&self) -> usize {
        self.groups.len()
    }

    fn grow(&mut self, groups: usize) {
        self.groups.resize_with(groups.max(self.len()), Sketch::default);
    }

    fn valid(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
        valid_rows(values.get(..1).unwrap_or(values), filter)
    }

    fn change(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        if rows.change == Change::Leave {
            return Err(internal_datafusion_err!("values cannot be taken out of a sketch"));
        }
        let values = doubles(values, 0)?;
        let values = values.as_primitive::<Float64Type>().values();
        rows.each(|row, group| {
            let Some(value) = values.get(row) else { return };
            if !self.groups.get_mut(group).is_some_and(|sketch| sketch.add_known(*value)) {
                self.with(group, |sketch| sketch.add(*value));
            }
        });
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: Option<&[usize]>) -> Result<()> {
        merge_each(states, groups, |group, state| {
            let mut merged = Some(());
            self.with(group, |sketch| merged = sketch.merge(state));
            merged
        })
    }

    fn states(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        Ok(vec![written(first(&self.groups, groups), self.heap_bytes, Sketch::write)])
    }

    fn answers(&mut self, groups: usize) -> Result<ArrayRef> {
        let Percentile { fraction, descending, .. } = self.percentile;
        let answer = |sketch: &Sketch| {
            if descending { sketch.percentile_from_above(fraction) } else { sketch.percentile(fraction) }
        };
        let answers = self.groups.iter().take(groups).map(answer);
        answers_as(&answers.collect(), &self.percentile.data_type)
    }

    fn forget(&mut self, groups: usize) {
        forget_first(&mut self.groups, groups);
        self.heap_bytes = self.groups.iter().map(Sketch::heap_bytes).sum();
    }

    fn converted(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let valid = self.valid(values, filter);
        let values = doubles(values, 0)?;
        let mut column = LargeBinaryBuilder::new();
        let mut bytes = Vec::new();
        for (row, value) in values.as_primitive::<Float64Type>().values().iter().enumerate() {
            if valid.as_ref().is_some_and(|valid| valid.is_null(row)) {
                column.append_null();
                continue;
            }
            let mut sketch = Sketch::default();
            sketch.add(*value);
            bytes.clear();
            sketch.write(&mut bytes);
            column.append_value(&bytes);
        }
        Ok(vec![Arc::new(column.finish())])
    }

    fn heap_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Sketch>() + self.heap_bytes
    }
}
