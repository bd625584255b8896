//! Exact sums for each group, column by column.

use super::formula::Statistic;
use crate::aggregates::{
    exact::{Change, Exact, ProductSum, Sum},
    group_states::{GroupStates, forget_first},
    rows::{Rows, valid_rows},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, LargeBinaryArray, UInt64Array},
        buffer::{NullBuffer, OffsetBuffer},
        datatypes::{DataType, Field, FieldRef, Float64Type, UInt64Type},
    },
    common::{DataFusionError, Result, exec_datafusion_err, internal_datafusion_err},
    logical_expr::utils::format_state_name,
};
use std::{borrow::Borrow, iter::repeat_n, slice, sync::Arc};

// States hold the bytes of doubles as they are in memory.
const _: () = assert!(cfg!(target_endian = "little"));

/// For each group, how many rows it has, the sums of its `A` arguments, and the sums of `P` products of them.
#[derive(Debug)]
pub struct Moments<const A: usize, const P: usize> {
    statistic: Statistic,
    groups: Vec<Group<A, P>>,
    /// Bytes of sums that did not fit into their windows.
    wide_bytes: usize,
}

/// All of a group side by side: groups come in any order, and each place in memory that a row touches has to be waited for.
#[derive(Clone, Debug)]
struct Group<const A: usize, const P: usize> {
    count: u64,
    sums: [Sum; A],
    products: [ProductSum; P],
}

impl<const A: usize, const P: usize> Group<A, P> {
    const EMPTY: Self = Self { count: 0, sums: [const { Sum::Empty }; A], products: [const { ProductSum::Empty }; P] };

    fn heap_bytes(&self) -> usize {
        let sums = self.sums.iter().map(Exact::heap_bytes).sum::<usize>();
        sums + self.products.iter().map(Exact::heap_bytes).sum::<usize>()
    }
}

impl<const A: usize, const P: usize> Moments<A, P> {
    /// Returns the states of no group.
    pub fn new(statistic: Statistic) -> Self {
        Self { statistic, groups: Vec::new(), wide_bytes: 0 }
    }
}

/// Returns the columns of a state.
pub fn state_fields(statistic: Statistic, name: &str) -> Vec<FieldRef> {
    let sums = (0..statistic.arguments()).map(|argument| format!("sum {argument}"));
    let products = statistic.products().iter().map(|product| format!("product {product:?}"));
    let field = |part: &str, of: DataType| Arc::new(Field::new(format_state_name(name, part), of, true));
    let mut fields = vec![field("count", DataType::UInt64)];
    fields.extend(sums.chain(products).map(|part| field(&part, DataType::LargeBinary)));
    fields
}

impl<const A: usize, const P: usize> GroupStates for Moments<A, P> {
    const CAN_LEAVE: bool = true;

    fn len(&self) -> usize {
        self.groups.len()
    }

    fn grow(&mut self, groups: usize) {
        self.groups.resize(groups.max(self.len()), Group::EMPTY);
    }

    fn valid(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
        valid_rows(values.get(..A).unwrap_or(values), filter)
    }

    fn change(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let arguments = arguments::<A>(values)?;
        let factors = self.factors(&arguments)?;
        let mut grown = 0;
        rows.each(|row, group| {
            let Some(group) = self.groups.get_mut(group) else { return };
            group.count = rows.change.count(group.count);
            for (sum, values) in group.sums.iter_mut().zip(&arguments) {
                grown += values.get(row).map_or(0, |value| sum.change(*value, rows.change));
            }
            for (sum, (one, other)) in group.products.iter_mut().zip(&factors) {
                if let (Some(one), Some(other)) = (one.get(row), other.get(row)) {
                    grown += sum.change(*one, *other, rows.change);
                }
            }
        });
        self.wide_bytes += grown;
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: Option<&[usize]>) -> Result<()> {
        let [counts, columns @ ..] = states else {
            return Err(internal_datafusion_err!("the state of a sum without its columns"));
        };
        let valid = valid_rows(slice::from_ref(counts), None);
        let rows = Rows { valid, ..Rows::of(groups, counts.len(), Change::Enter) };
        let counts = counts.as_primitive::<UInt64Type>().values();
        let columns: Vec<_> = columns.iter().map(AsArray::as_binary::<i64>).collect();
        let (mut grown, mut damaged) = (0, columns.len() != A + P);
        rows.each(|row, group| {
            let (Some(group), Some(count)) = (self.groups.get_mut(group), counts.get(row)) else { return };
            group.count = group.count.saturating_add(*count);
            let mut columns = columns.iter().map(|column| column.value(row));
            let sums = group.sums.iter_mut().zip(&mut columns).map(|(sum, bytes)| sum.merge(bytes));
            let merged = sums.sum::<Option<usize>>();
            let products = group.products.iter_mut().zip(&mut columns).map(|(sum, bytes)| sum.merge(bytes));
            match merged.zip(products.sum::<Option<usize>>()) {
                Some((sums, products)) => grown += sums + products,
                None => damaged = true,
            }
        });
        self.wide_bytes += grown;
        if damaged { Err(exec_datafusion_err!("the state of a sum is damaged")) } else { Ok(()) }
    }

    fn states(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let groups = self.groups.iter().take(groups);
        let counts: UInt64Array = groups.clone().map(|group| group.count).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(counts)];
        columns.extend((0..A).map(|at| written(groups.clone().filter_map(|group| group.sums.get(at)))));
        columns.extend((0..P).map(|at| written(groups.clone().filter_map(|group| group.products.get(at)))));
        Ok(columns)
    }

    fn answers(&mut self, groups: usize) -> Result<ArrayRef> {
        let groups = self.groups.iter().take(groups);
        let answers = groups.map(|group| self.statistic.answer(group.count, &group.sums, &group.products));
        Ok(Arc::new(answers.collect::<Float64Array>()))
    }

    fn forget(&mut self, groups: usize) {
        forget_first(&mut self.groups, groups);
        if self.wide_bytes > 0 {
            self.wide_bytes = self.groups.iter().map(Group::heap_bytes).sum();
        }
    }

    fn converted(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let valid = self.valid(values, filter);
        let count = values.first().map_or(0, Array::len);
        let counts = UInt64Array::new(vec![1; count].into(), valid.clone());
        let mut columns: Vec<ArrayRef> = vec![Arc::new(counts)];
        for argument in values.iter().take(A) {
            let values = argument.as_primitive::<Float64Type>().values();
            // The state of one double is its eight bytes: the column is taken as it is.
            let offsets = OffsetBuffer::from_lengths(repeat_n(size_of::<f64>(), values.len()));
            columns.push(Arc::new(LargeBinaryArray::new(offsets, values.inner().clone(), valid.clone())));
        }
        let arguments = arguments::<A>(values)?;
        for (one, other) in self.factors(&arguments)? {
            let single = one.iter().zip(other).map(|(one, other)| {
                let mut sum = ProductSum::Empty;
                sum.change(*one, *other, Change::Enter);
                sum
            });
            columns.push(written(single));
        }
        Ok(columns)
    }

    fn heap_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Group<A, P>>() + self.wide_bytes
    }
}

impl<const A: usize, const P: usize> Moments<A, P> {
    /// Returns the factors of each product.
    fn factors<'a>(&self, arguments: &[&'a [f64]; A]) -> Result<[(&'a [f64], &'a [f64]); P]> {
        let factors: Option<Vec<_>> = self.statistic.products().iter().map(|product| product.of(arguments)).collect();
        factors.and_then(|factors| factors.try_into().ok()).ok_or_else(missing)
    }
}

fn arguments<const A: usize>(values: &[ArrayRef]) -> Result<[&[f64]; A]> {
    let columns = values.iter().take(A).map(|array| &**array.as_primitive::<Float64Type>().values());
    columns.collect::<Vec<_>>().try_into().map_err(|_| missing())
}

fn missing() -> DataFusionError {
    internal_datafusion_err!("an aggregate without its arguments")
}

fn written<const N: usize, S: Borrow<Exact<N>>>(sums: impl Iterator<Item = S>) -> ArrayRef {
    // Base and words of a sum that is in its window.
    let most = size_of::<u32>() + N * size_of::<u64>();
    let mut bytes = Vec::with_capacity(sums.size_hint().0 * most);
    let lengths = sums.map(|sum| {
        let start = bytes.len();
        sum.borrow().write(&mut bytes);
        bytes.len() - start
    });
    let offsets = OffsetBuffer::from_lengths(lengths);
    Arc::new(LargeBinaryArray::new(offsets, bytes.into(), None))
}
