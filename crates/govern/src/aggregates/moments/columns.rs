//! Exact sums for each group, column by column.

use super::formula::{Product, Statistic};
use crate::aggregates::{
    exact::{Change, Exact, ProductSum, Sum},
    group_states::{GroupStates, forget_first},
    rows::{Rows, valid_rows},
};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Float64Array, LargeBinaryArray, LargeBinaryBuilder, UInt64Array,
        },
        buffer::{NullBuffer, OffsetBuffer},
        datatypes::{DataType, Field, FieldRef, Float64Type, UInt64Type},
    },
    common::{Result, exec_datafusion_err, internal_datafusion_err},
    logical_expr::utils::format_state_name,
};
use std::{borrow::Borrow, iter::repeat_n, sync::Arc};

// States hold the bytes of doubles as they are in memory.
const _: () = assert!(cfg!(target_endian = "little"));

/// For each group: how many rows it has, the sums of its arguments, and the sums of their products.
#[derive(Debug)]
pub struct Moments {
    statistic: Statistic,
    counts: Vec<u64>,
    sums: Vec<Vec<Sum>>,
    products: Vec<(Product, Vec<ProductSum>)>,
    /// Bytes of sums that did not fit into their windows.
    wide_bytes: usize,
}

impl Moments {
    /// Returns the states of no group.
    pub fn new(statistic: Statistic) -> Self {
        Self {
            statistic,
            counts: Vec::new(),
            sums: vec![Vec::new(); statistic.arguments()],
            products: statistic.products().iter().map(|product| (*product, Vec::new())).collect(),
            wide_bytes: 0,
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
}

impl GroupStates for Moments {
    const CAN_LEAVE: bool = true;

    fn len(&self) -> usize {
        self.counts.len()
    }

    fn grow(&mut self, groups: usize) {
        let groups = groups.max(self.len());
        self.counts.resize(groups, 0);
        self.sums.iter_mut().for_each(|sums| sums.resize(groups, Sum::Empty));
        self.products.iter_mut().for_each(|(_, sums)| sums.resize(groups, ProductSum::Empty));
    }

    fn valid(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
        valid_rows(values.get(..self.statistic.arguments()).unwrap_or(values), filter)
    }

    fn change(&mut self, values: &[ArrayRef], rows: &Rows<'_>) -> Result<()> {
        let mut grown = 0;
        rows.each(|_, group| {
            if let Some(count) = self.counts.get_mut(group) {
                *count = rows.change.count(*count);
            }
        });
        for (argument, sums) in self.sums.iter_mut().enumerate() {
            let values = doubles(values, argument)?;
            rows.each(|row, group| {
                if let (Some(sum), Some(value)) = (sums.get_mut(group), values.get(row)) {
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
        let (counts, sums) = states.split_first().ok_or_else(|| internal_datafusion_err!("a state without columns"))?;
        let valid = valid_rows(std::slice::from_ref(counts), None);
        let rows = Rows { valid, ..Rows::of(groups, counts.len(), Change::Enter) };
        let added = counts.as_primitive::<UInt64Type>().values();
        rows.each(|row, group| {
            if let (Some(count), Some(added)) = (self.counts.get_mut(group), added.get(row)) {
                *count = count.saturating_add(*added);
            }
        });
        let (sums, products) = sums.split_at(self.sums.len().min(sums.len()));
        for (column, sums) in sums.iter().zip(&mut self.sums) {
            self.wide_bytes += merge_column(column, sums, &rows)?;
        }
        for (column, (_, sums)) in products.iter().zip(&mut self.products) {
            self.wide_bytes += merge_column(column, sums, &rows)?;
        }
        Ok(())
    }

    fn states(&self, groups: usize) -> Vec<ArrayRef> {
        let counts: UInt64Array = self.counts.iter().copied().take(groups).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(counts)];
        for sums in &self.sums {
            columns.push(written(sums.iter().take(groups)));
        }
        for (_, sums) in &self.products {
            columns.push(written(sums.iter().take(groups)));
        }
        columns
    }

    fn answers(&self, groups: usize) -> Result<ArrayRef> {
        let counts = self.counts.iter().take(groups);
        let (mut sums, mut products) = (Vec::new(), Vec::new());
        let answers = counts.enumerate().map(|(group, count)| {
            sums.clear();
            sums.extend(self.sums.iter().filter_map(|sums| sums.get(group)));
            products.clear();
            products.extend(self.products.iter().filter_map(|(_, sums)| sums.get(group)));
            self.statistic.answer(*count, &sums, &products)
        });
        Ok(Arc::new(answers.collect::<Float64Array>()))
    }

    fn forget(&mut self, groups: usize) {
        forget_first(&mut self.counts, groups);
        self.sums.iter_mut().for_each(|sums| forget_first(sums, groups));
        self.products.iter_mut().for_each(|(_, sums)| forget_first(sums, groups));
        if self.wide_bytes > 0 {
            let sums = self.sums.iter().flatten().map(Exact::heap_bytes).sum::<usize>();
            let products = self.products.iter().flat_map(|(_, sums)| sums).map(Exact::heap_bytes).sum::<usize>();
            self.wide_bytes = sums + products;
        }
    }

    fn converted(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let valid = self.valid(values, filter);
        let count = values.first().map_or(0, Array::len);
        let counts = UInt64Array::new(vec![1; count].into(), valid.clone());
        let mut columns: Vec<ArrayRef> = vec![Arc::new(counts)];
        for argument in 0..self.sums.len() {
            let values = values.get(argument).ok_or_else(missing)?.as_primitive::<Float64Type>().values();
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
        let sums = self.sums.iter().map(|sums| sums.capacity() * size_of::<Sum>()).sum::<usize>();
        let products = self.products.iter().map(|(_, sums)| sums.capacity() * size_of::<ProductSum>()).sum::<usize>();
        self.counts.capacity() * size_of::<u64>() + sums + products + self.wide_bytes
    }
}

fn doubles(values: &[ArrayRef], argument: usize) -> Result<&[f64]> {
    Ok(values.get(argument).ok_or_else(missing)?.as_primitive::<Float64Type>().values())
}

fn factors(values: &[ArrayRef], product: Product) -> Result<(&[f64], &[f64])> {
    let (one, other) = match product {
        Product::First => (0, 0),
        Product::Second => (1, 1),
        Product::Both => (0, 1),
    };
    Ok((doubles(values, one)?, doubles(values, other)?))
}

fn missing() -> datafusion::common::DataFusionError {
    internal_datafusion_err!("an aggregate without its arguments")
}

fn merge_column<const N: usize>(column: &ArrayRef, sums: &mut [Exact<N>], rows: &Rows<'_>) -> Result<usize> {
    let column = column.as_binary::<i64>();
    let (mut grown, mut damaged) = (0, false);
    rows.each(|row, group| {
        if let Some(sum) = sums.get_mut(group) {
            match sum.merge(column.value(row)) {
                Some(bytes) => grown += bytes,
                None => damaged = true,
            }
        }
    });
    if damaged {
        return Err(exec_datafusion_err!("the state of a sum is damaged"));
    }
    Ok(grown)
}

fn written<const N: usize, S: Borrow<Exact<N>>>(sums: impl Iterator<Item = S>) -> ArrayRef {
    let mut column = LargeBinaryBuilder::with_capacity(sums.size_hint().0, 0);
    let mut bytes = Vec::new();
    for sum in sums {
        bytes.clear();
        sum.borrow().write(&mut bytes);
        column.append_value(&bytes);
    }
    Arc::new(column.finish())
}
