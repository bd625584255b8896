//! Percentiles of values with weights.

use super::{
    arguments::Percentile,
    buckets::{Buckets, Weight, canonical},
    states::{answers_as, doubles, first, merge_each, written},
};
use crate::aggregates::{
    exact::{Change, Sum},
    group_states::{GroupStates, forget_first},
    rows::{Rows, valid_rows},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray},
        buffer::NullBuffer,
        datatypes::Float64Type,
    },
    common::{Result, exec_err, internal_datafusion_err},
};

/// The sketches of `approx_percentile_cont_with_weight`: the weights of each bucket are an exact sum.
#[derive(Debug)]
pub struct WeightedSketches {
    percentile: Percentile,
    groups: Vec<Buckets<Sum>>,
    heap_bytes: usize,
}

impl WeightedSketches {
    /// Returns the states of no group.
    pub fn new(percentile: Percentile) -> Self {
        Self { percentile, groups: Vec::new(), heap_bytes: 0 }
    }

    fn with(&mut self, group: usize, change: impl FnOnce(&mut Buckets<Sum>)) {
        if let Some(buckets) = self.groups.get_mut(group) {
            let before = buckets.heap_bytes();
            change(buckets);
            self.heap_bytes += buckets.heap_bytes();
            self.heap_bytes -= before;
        }
    }
}

impl GroupStates for WeightedSketches {
    const CAN_LEAVE: bool = false;

    fn len(&self) -> usize {
        self.groups.len()
    }

    fn grow(&mut self, groups: usize) {
        self.groups.resize_with(groups.max(self.len()), Buckets::default);
    }

    fn valid(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
        valid_rows(values.get(..2).unwrap_or(values), filter)
    }

    fn change(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        if rows.change == Change::Leave {
            return Err(internal_datafusion_err!("values cannot be taken out of a sketch"));
        }
        let (values, weights) = (doubles(values, 0)?, doubles(values, 1)?);
        let (values, weights) =
            (values.as_primitive::<Float64Type>().values(), weights.as_primitive::<Float64Type>().values());
        let mut wrong = None;
        rows.each(|row, group| {
            if let (Some(value), Some(weight)) = (values.get(row), weights.get(row)) {
                if !weight.is_finite() || *weight < 0.0 {
                    wrong = Some(*weight);
                } else if *weight > 0.0 {
                    self.with(group, |buckets| buckets.add(canonical(*value), &weight_of(*weight)));
                }
            }
        });
        match wrong {
            Some(weight) => exec_err!("the weight {weight} of a percentile is not a finite number from 0"),
            None => Ok(()),
        }
    }

    fn merge(&mut self, states: &[ArrayRef], groups: Option<&[usize]>) -> Result<()> {
        merge_each(states, groups, |group, state| {
            let mut merged = Some(());
            self.with(group, |buckets| merged = buckets.merge(state));
            merged
        })
    }

    fn states(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        Ok(vec![written(first(&self.groups, groups), self.heap_bytes, Buckets::write)])
    }

    fn answers(&mut self, groups: usize) -> Result<ArrayRef> {
        let Percentile { fraction, descending, .. } = self.percentile;
        let fraction = if descending { 1.0 - fraction } else { fraction };
        let answers = self.groups.iter().take(groups).map(|buckets| answer(buckets, fraction));
        answers_as(&answers.collect(), &self.percentile.data_type)
    }

    fn forget(&mut self, groups: usize) {
        forget_first(&mut self.groups, groups);
        self.heap_bytes = self.groups.iter().map(Buckets::heap_bytes).sum();
    }

    fn converted(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let count = values.first().map_or(0, Array::len);
        let each: Vec<_> = (0..count).collect();
        let mut states = Self::new(self.percentile.clone());
        states.grow(count);
        states.take(values, Rows::of(Some(&each), count, Change::Enter), filter)?;
        states.states(count)
    }

    fn heap_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Buckets<Sum>>() + self.heap_bytes
    }
}

fn weight_of(weight: f64) -> Sum {
    let mut sum = Sum::Empty;
    sum.change(weight, Change::Enter);
    sum
}

/// Returns the first value at which the weights reach a fraction of the whole. The sums of the buckets are exact, and what is
/// added here is added in the order of the values.
fn answer(buckets: &Buckets<Sum>, fraction: f64) -> Option<f64> {
    let (least, greatest) = buckets.extremes()?;
    if fraction <= 0.0 {
        return Some(least);
    }
    let whole: f64 = buckets.iter().map(|(_, weight)| weight.to_f64()).sum();
    let mut reached = 0.0;
    for (value, weight) in buckets.iter() {
        reached += weight.to_f64();
        if fraction < 1.0 && reached >= fraction * whole {
            return Some(value);
        }
    }
    Some(greatest)
}

impl Weight for Sum {
    fn absorb(&mut self, other: &Self) -> usize {
        self.merge_sum(other)
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        Self::write(self, bytes);
        let mut length = Vec::new();
        Weight::write(&u64::try_from(bytes.len() - start).unwrap_or(0), &mut length);
        bytes.splice(start..start, length);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = <u64 as Weight>::read(bytes)?;
        let (sum, rest) = bytes.split_at_checked(length.try_into().ok()?)?;
        *bytes = rest;
        let mut read = Self::Empty;
        read.merge(sum)?;
        Some(read)
    }
}
