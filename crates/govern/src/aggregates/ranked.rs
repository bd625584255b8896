//! Exact percentiles of doubles: the value at a rank, between two ranks on the line between their values.
//!
//! *The answer* for a fraction `p` of `n` values is at the rank `p * (n - 1)`. DataFusion's `percentile_cont` rounds what is
//! between two ranks to a millionth; this does not. All values of a group are kept, and one set of them serves as many
//! fractions as are asked of it: that is what several calls over the same argument become.
//!
//! NULL is left out. Not-a-number is greater than every number, as in `ORDER BY`.

use super::{
    exact::Change,
    group_states::{GroupStates, forget_first},
    percentile::{Percentile, answers_as, doubles},
    rows::{Rows, valid_rows},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, StructArray},
        buffer::{NullBuffer, OffsetBuffer, ScalarBuffer},
        datatypes::{DataType, Field, FieldRef, Fields, Float64Type},
    },
    common::{Result, exec_datafusion_err, internal_datafusion_err},
    logical_expr::utils::format_state_name,
};
use std::{collections::HashMap, mem, sync::Arc};

/// The values of each group.
#[derive(Debug)]
pub struct Ranked {
    asked: Vec<Percentile>,
    /// Whether the answer is a structure of all that is asked, in place of the only one.
    together: bool,
    groups: Vec<Vec<f64>>,
    heap_bytes: usize,
}

impl Ranked {
    /// Returns the states of no group, for one percentile.
    pub fn one(asked: Percentile) -> Self {
        Self { asked: vec![asked], together: false, groups: Vec::new(), heap_bytes: 0 }
    }

    /// Returns the states of no group, for a structure of percentiles.
    pub fn several(asked: Vec<Percentile>) -> Self {
        Self { asked, together: true, groups: Vec::new(), heap_bytes: 0 }
    }

    fn leave(&mut self, values: &[f64], rows: &Rows<'_>) -> Result<()> {
        let mut leaving: HashMap<(usize, u64), usize> = HashMap::new();
        rows.each(|row, group| {
            if let Some(value) = values.get(row) {
                *leaving.entry((group, canonical(*value).to_bits())).or_default() += 1;
            }
        });
        for (at, group) in self.groups.iter_mut().enumerate() {
            group.retain(|value| match leaving.get_mut(&(at, value.to_bits())) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            });
        }
        let missing = leaving.values().any(|count| *count > 0);
        if missing { Err(internal_datafusion_err!("a value left that never came")) } else { Ok(()) }
    }

    fn with(&mut self, group: usize, change: impl FnOnce(&mut Vec<f64>)) {
        if let Some(values) = self.groups.get_mut(group) {
            let before = values.capacity();
            change(values);
            self.heap_bytes += (values.capacity() - before) * size_of::<f64>();
        }
    }
}

/// Returns the column of a state.
pub fn state_fields(name: &str) -> Vec<FieldRef> {
    vec![Arc::new(Field::new(format_state_name(name, "values"), DataType::List(item()), true))]
}

/// Returns the fields of the answers to several fractions.
pub fn answer_fields(count: usize, data_type: &DataType) -> Fields {
    (0..count).map(|at| Field::new(answer_name(at), data_type.clone(), true)).collect()
}

/// Returns the name of the answer to one of several fractions.
pub fn answer_name(at: usize) -> String {
    format!("p{at}")
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

/// Returns the value at a fraction of all ranks. The order of the values is not kept.
fn at_fraction(values: &mut [f64], fraction: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let position = fraction.clamp(0.0, 1.0) * count(last);
    let rank = floor(position).min(last);
    let (_, low, above) = values.select_nth_unstable_by(rank, f64::total_cmp);
    let low = *low;
    let weight = position - count(rank);
    // Nothing is between equal values, and nothing is needed of the next where the rank is whole.
    match above.iter().copied().min_by(f64::total_cmp) {
        Some(high) if weight > 0.0 && high.total_cmp(&low).is_ne() => Some(between(low, high, weight)),
        _ => Some(low),
    }
}

fn between(low: f64, high: f64, weight: f64) -> f64 {
    let span = high - low;
    // The span of two numbers may be beyond the largest, what is between them is not.
    if span.is_finite() { low + span * weight } else { low * (1.0 - weight) + high * weight }
}

/// Returns the number, or the one not-a-number that is greater than all.
fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "a group has less than 2^53 values")]
fn count(values: usize) -> f64 {
    values as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is between 0 and the last one")]
fn floor(position: f64) -> usize {
    position as usize
}

impl GroupStates for Ranked {
    const CAN_LEAVE: bool = true;

    fn len(&self) -> usize {
        self.groups.len()
    }

    fn grow(&mut self, groups: usize) {
        self.groups.resize_with(groups.max(self.len()), Vec::new);
    }

    fn valid(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
        valid_rows(values.get(..1).unwrap_or(values), filter)
    }

    fn change(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let values = doubles(values, 0)?;
        let values = values.as_primitive::<Float64Type>().values();
        if rows.change == Change::Leave {
            return self.leave(values, rows);
        }
        rows.each(|row, group| {
            if let Some(value) = values.get(row) {
                self.with(group, |kept| kept.push(canonical(*value)));
            }
        });
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: Option<&[usize]>) -> Result<()> {
        let [states] = states else {
            return Err(internal_datafusion_err!("the values of a group are one column"));
        };
        let lists = states.as_list::<i32>();
        let all = lists.values().as_primitive::<Float64Type>().values();
        let rows = Rows { valid: lists.nulls().cloned(), ..Rows::of(groups, lists.len(), Change::Enter) };
        let mut damaged = false;
        rows.each(|row, group| {
            let place = |at: usize| lists.value_offsets().get(at).and_then(|offset| usize::try_from(*offset).ok());
            match place(row).zip(place(row + 1)).and_then(|(from, to)| all.get(from..to)) {
                Some(values) => self.with(group, |kept| kept.extend_from_slice(values)),
                None => damaged = true,
            }
        });
        if damaged { Err(exec_datafusion_err!("the state of a percentile is damaged")) } else { Ok(()) }
    }

    fn states(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let count = self.groups.iter().take(groups).map(Vec::len).sum();
        if i32::try_from(count).is_err() {
            return Err(exec_datafusion_err!("percentiles of more than 2^31 values at a time"));
        }
        let offsets = OffsetBuffer::from_lengths(self.groups.iter().take(groups).map(Vec::len));
        // Each group gives its memory back as soon as it is copied, and the only one is not copied.
        let mut all = match self.groups.as_mut_slice() {
            [only] => mem::take(only),
            _ => Vec::with_capacity(count),
        };
        for group in self.groups.iter_mut().take(groups) {
            all.extend_from_slice(&mem::take(group));
        }
        let values = Float64Array::new(ScalarBuffer::from(all), None);
        Ok(vec![Arc::new(ListArray::new(item(), offsets, Arc::new(values), None))])
    }

    /// The order of a group's values has no meaning, so that they are ranked where they are.
    fn answers(&mut self, groups: usize) -> Result<ArrayRef> {
        let mut answers: Vec<Vec<Option<f64>>> = vec![Vec::with_capacity(groups); self.asked.len()];
        for values in self.groups.iter_mut().take(groups) {
            for (answers, Percentile { fraction, descending, .. }) in answers.iter_mut().zip(&self.asked) {
                answers.push(at_fraction(values, if *descending { 1.0 - fraction } else { *fraction }));
            }
        }
        let typed = answers.into_iter().zip(&self.asked);
        let mut typed = typed.map(|(answers, asked)| answers_as(&Float64Array::from(answers), &asked.data_type));
        if !self.together {
            return typed.next().unwrap_or_else(|| Err(internal_datafusion_err!("no percentile is asked for")));
        }
        let columns = typed.collect::<Result<Vec<_>>>()?;
        let data_type = self.asked.first().map_or(DataType::Float64, |asked| asked.data_type.clone());
        Ok(Arc::new(StructArray::new(answer_fields(columns.len(), &data_type), columns, None)))
    }

    fn forget(&mut self, groups: usize) {
        forget_first(&mut self.groups, groups);
        self.heap_bytes = self.groups.iter().map(|values| values.capacity() * size_of::<f64>()).sum();
    }

    fn converted(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let valid = self.valid(values, filter);
        let values = doubles(values, 0)?;
        let all: Float64Array =
            values.as_primitive::<Float64Type>().values().iter().map(|value| canonical(*value)).collect();
        let offsets = OffsetBuffer::from_repeated_length(1, all.len());
        Ok(vec![Arc::new(ListArray::new(item(), offsets, Arc::new(all), valid))])
    }

    fn heap_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Vec<f64>>() + self.heap_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregates::tests::Random;

    #[test]
    fn ranks_are_those_of_sorted_values() {
        let mut random = Random::new(3);
        for round in 0..200 {
            let kind = random.below(8);
            let mut values: Vec<f64> = (0..=random.below(60)).map(|_| random.double(kind)).collect();
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            for rank in 0..sorted.len() {
                let fraction = if sorted.len() == 1 { 0.5 } else { count(rank) / count(sorted.len() - 1) };
                let answer = at_fraction(&mut values, fraction).unwrap();
                let position = fraction * count(sorted.len() - 1);
                if position.fract() == 0.0 {
                    assert_eq!(answer.to_bits(), sorted[floor(position)].to_bits(), "round {round}");
                } else {
                    let (low, high) = (sorted[floor(position)], sorted[floor(position) + 1]);
                    assert!(low <= answer && answer <= high, "round {round}: {low} {answer} {high}");
                }
            }
        }
    }

    #[test]
    fn what_is_between_two_ranks_is_not_rounded() {
        assert_eq!(at_fraction(&mut [3.0, 1.0, 2.0, 1e9], 0.5), Some(2.5));
        assert_eq!(at_fraction(&mut [0.0, 1.0], 1e-7), Some(1e-7));
        assert_eq!(at_fraction(&mut [f64::INFINITY, f64::INFINITY], 0.5), Some(f64::INFINITY));
        assert!(at_fraction(&mut [f64::NAN, 1.0], 1.0).unwrap().is_nan());
        assert_eq!(at_fraction(&mut [-f64::MAX, f64::MAX], 0.5), Some(0.0));
        assert_eq!(at_fraction(&mut [], 0.5), None);
    }
}
