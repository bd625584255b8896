//! Exact sums for each group, column by column.

use super::formula::{Product, Statistic};
use crate::aggregates::{
    exact::{Change, Exact, ProductSum, Sum},
    group_states::{GroupStates, forget_first},
    rows::{Rows, valid_rows},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, LargeBinaryArray, UInt64Array},
        buffer::{NullBuffer, OffsetBuffer, ScalarBuffer},
        datatypes::{DataType, Field, FieldRef, Float64Type, UInt64Type},
    },
    common::{Result, exec_datafusion_err, internal_datafusion_err},
    logical_expr::utils::format_state_name,
};
use std::{borrow::Borrow, iter::repeat_n, slice, sync::Arc};

// States hold the bytes of doubles as they are in memory.
const _: () = assert!(cfg!(target_endian = "little"));

/// For each group: how many rows it has, the sums of its arguments, and the sums of their products.
#[derive(Debug)]
pub struct Moments {
    statistic: Statistic,
    heads: Vec<Head>,
    /// The sums of the second argument, if the statistic has one.
    second: Vec<Sum>,
    products: Vec<(Product, Vec<ProductSum>)>,
    /// Bytes of sums that did not fit into their windows.
    wide_bytes: usize,
}

/// What is changed for each row whatever the statistic, side by side: groups come in any order, so each place in memory that is
/// touched is one that has to be waited for.
#[derive(Clone, Debug, Default)]
struct Head {
    count: u64,
    /// The sum of the first argument.
    sum: Sum,
}

impl Moments {
    /// Returns the states of no group.
    pub fn new(statistic: Statistic) -> Self {
        Self {
            statistic,
            heads: Vec::new(),
            second: Vec::new(),
            products: statistic.products().iter().map(|product| (*product, Vec::new())).collect(),
            wide_bytes: 0,
        }
    }

    fn has_second(&self) -> bool {
        self.statistic.arguments() > 1
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
}

impl GroupStates for Moments {
    const CAN_LEAVE: bool = true;

    fn len(&self) -> usize {
        self.heads.len()
    }

    fn grow(&mut self, groups: usize) {
        let groups = groups.max(self.len());
        self.heads.resize(groups, Head::default());
        if self.has_second() {
            self.second.resize(groups, Sum::Empty);
        }
        for (_, sums) in &mut self.products {
            sums.resize(groups, ProductSum::Empty);
        }
    }

    fn valid(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
        valid_rows(values.get(..self.statistic.arguments()).unwrap_or(values), filter)
    }

    fn change(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let mut grown = 0;
        let first = doubles(values, 0)?;
        rows.each(|row, group| {
            if let (Some(head), Some(value)) = (self.heads.get_mut(group), first.get(row)) {
                head.count = rows.change.count(head.count);
                grown += head.sum.change(*value, rows.change);
            }
        });
        if self.has_second() {
            let second = doubles(values, 1)?;
            rows.each(|row, group| {
                if let (Some(sum), Some(value)) = (self.second.get_mut(group), second.get(row)) {
                    grown += sum.change(*value, rows.change);
                }
            });
        }
        for (product, sums) in &mut self.products {
            let (one, other) = factors(values, *product)?;
            rows.each(|row, group| {
                if let (Some(sum), Some(one), Some(other)) = (sums.get_mut(group), one.get(row), other.get(row)) {
                    grown += sum.change(*one, *other, rows.change);
                }
            });
        }
        self.wide_bytes += grown;
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: Option<&[usize]>) -> Result<()> {
        let [counts, first, others @ ..] = states else {
            return Err(internal_datafusion_err!("the state of a sum without its columns"));
        };
        let valid = valid_rows(slice::from_ref(counts), None);
        let rows = Rows { valid, ..Rows::of(groups, counts.len(), Change::Enter) };
        let counts = counts.as_primitive::<UInt64Type>().values();
        self.wide_bytes += merge_column(first, &rows, |row, group, bytes| {
            let (Some(head), Some(count)) = (self.heads.get_mut(group), counts.get(row)) else { return Some(0) };
            head.count = head.count.saturating_add(*count);
            head.sum.merge(bytes)
        })?;
        let (second, products) = others.split_at(usize::from(self.has_second()).min(others.len()));
        for column in second {
            self.wide_bytes += merge_sums(column, &mut self.second, &rows)?;
        }
        for (column, (_, sums)) in products.iter().zip(&mut self.products) {
            self.wide_bytes += merge_sums(column, sums, &rows)?;
        }
        Ok(())
    }

    fn states(&self, groups: usize) -> Vec<ArrayRef> {
        let heads = self.heads.iter().take(groups);
        let counts: UInt64Array = heads.clone().map(|head| head.count).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(counts), written(heads.map(|head| &head.sum))];
        if self.has_second() {
            columns.push(written(self.second.iter().take(groups)));
        }
        for (_, sums) in &self.products {
            columns.push(written(sums.iter().take(groups)));
        }
        columns
    }

    fn answers(&self, groups: usize) -> Result<ArrayRef> {
        let (mut sums, mut products) = (Vec::new(), Vec::new());
        let answers = self.heads.iter().take(groups).enumerate().map(|(group, head)| {
            sums.clear();
            sums.push(&head.sum);
            sums.extend(self.second.get(group));
            products.clear();
            products.extend(self.products.iter().filter_map(|(_, sums)| sums.get(group)));
            self.statistic.answer(head.count, &sums, &products)
        });
        Ok(Arc::new(answers.collect::<Float64Array>()))
    }

    fn forget(&mut self, groups: usize) {
        forget_first(&mut self.heads, groups);
        forget_first(&mut self.second, groups);
        for (_, sums) in &mut self.products {
            forget_first(sums, groups);
        }
        if self.wide_bytes > 0 {
            let heads = self.heads.iter().map(|head| head.sum.heap_bytes()).sum::<usize>();
            let second = self.second.iter().map(Exact::heap_bytes).sum::<usize>();
            let products = self.products.iter().flat_map(|(_, sums)| sums).map(Exact::heap_bytes).sum::<usize>();
            self.wide_bytes = heads + second + products;
        }
    }

    fn converted(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let valid = self.valid(values, filter);
        let count = values.first().map_or(0, Array::len);
        let counts = UInt64Array::new(vec![1; count].into(), valid.clone());
        let mut columns: Vec<ArrayRef> = vec![Arc::new(counts)];
        for argument in 0..self.statistic.arguments() {
            let values = double_buffer(values, argument)?;
            // The state of one double is its eight bytes: the column is taken as it is.
            let offsets = OffsetBuffer::from_lengths(repeat_n(size_of::<f64>(), values.len()));
            columns.push(Arc::new(LargeBinaryArray::new(offsets, values.inner().clone(), valid.clone())));
        }
        for (product, _) in &self.products {
            let (one, other) = factors(values, *product)?;
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
        let heads = self.heads.capacity() * size_of::<Head>() + self.second.capacity() * size_of::<Sum>();
        let products = self.products.iter().map(|(_, sums)| sums.capacity() * size_of::<ProductSum>()).sum::<usize>();
        heads + products + self.wide_bytes
    }
}

fn doubles(values: &[ArrayRef], argument: usize) -> Result<&[f64]> {
    Ok(double_buffer(values, argument)?)
}

fn double_buffer(values: &[ArrayRef], argument: usize) -> Result<&ScalarBuffer<f64>> {
    let values = values.get(argument).ok_or_else(|| internal_datafusion_err!("an aggregate without its arguments"))?;
    Ok(values.as_primitive::<Float64Type>().values())
}

fn factors(values: &[ArrayRef], product: Product) -> Result<(&[f64], &[f64])> {
    let (one, other) = match product {
        Product::First => (0, 0),
        Product::Second => (1, 1),
        Product::Both => (0, 1),
    };
    Ok((doubles(values, one)?, doubles(values, other)?))
}

fn merge_sums<const N: usize>(column: &ArrayRef, sums: &mut [Exact<N>], rows: &Rows<'_>) -> Result<usize> {
    merge_column(column, rows, |_, group, bytes| sums.get_mut(group).map_or(Some(0), |sum| sum.merge(bytes)))
}

/// Takes in a column of sums, by a function of the row, its group and the bytes. Returns the bytes that sums grew by.
fn merge_column(
    column: &ArrayRef,
    rows: &Rows<'_>,
    mut merge: impl FnMut(usize, usize, &[u8]) -> Option<usize>,
) -> Result<usize> {
    let column = column.as_binary::<i64>();
    let (mut grown, mut damaged) = (0, false);
    rows.each(|row, group| match merge(row, group, column.value(row)) {
        Some(bytes) => grown += bytes,
        None => damaged = true,
    });
    if damaged { Err(exec_datafusion_err!("the state of a sum is damaged")) } else { Ok(grown) }
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
