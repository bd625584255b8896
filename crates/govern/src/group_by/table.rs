//! Groups in memory.

use super::keys::Keys;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, UInt64Array},
        compute::take_record_batch,
        datatypes::{Schema, SchemaRef},
    },
    common::{Result, internal_err},
    logical_expr::{EmitTo, GroupsAccumulator},
    physical_expr::{GroupsAccumulatorAdapter, PhysicalExpr, aggregate::AggregateFunctionExpr, expressions::Column},
    physical_plan::{ExecutionPlan, aggregates::AggregateExec},
};
use std::{ops::Range, sync::Arc};

/// What all tables of an operator have in common.
#[derive(Debug)]
pub(super) struct Shape {
    functions: Vec<Arc<AggregateFunctionExpr>>,
    /// The columns with the states of each function.
    states: Vec<Range<usize>>,
    /// The columns that are keys, the first of each row.
    pub(super) key_schema: SchemaRef,
    /// Keys and states, as they come and as they are on disk.
    pub(super) state_schema: SchemaRef,
    /// Keys and answers, as they go.
    pub(super) answer_schema: SchemaRef,
}

impl Shape {
    /// Returns that of an operator that merges states; `None` if its input is not its keys and after them its states.
    pub(super) fn of(aggregate: &AggregateExec) -> Result<Option<Self>> {
        let (group_by, state_schema) = (aggregate.group_expr(), aggregate.input().schema());
        let keys = group_by.expr().len();
        let functions = aggregate.aggr_expr().to_vec();
        let mut end = keys;
        let mut states = Vec::with_capacity(functions.len());
        for function in &functions {
            let start = end;
            end += function.state_fields()?.len();
            states.push(start..end);
        }
        let in_order = group_by.input_exprs().iter().enumerate().all(|(at, key)| is_column(key.as_ref(), at));
        if !group_by.is_single() || !in_order || end != state_schema.fields().len() {
            return Ok(None);
        }
        let fields: Vec<_> = state_schema.fields().iter().take(keys).cloned().collect();
        let key_schema = Arc::new(Schema::new(fields));
        Ok(Some(Self { functions, states, key_schema, state_schema, answer_schema: aggregate.schema() }))
    }

    /// Returns the keys of rows.
    pub(super) fn keys<'a>(&self, batch: &'a RecordBatch) -> &'a [ArrayRef] {
        batch.columns().get(..self.key_schema.fields().len()).unwrap_or_default()
    }
}

fn is_column(key: &dyn PhysicalExpr, at: usize) -> bool {
    key.downcast_ref::<Column>().is_some_and(|column| column.index() == at)
}

/// Groups and their states.
pub(super) struct Table {
    groups: Keys,
    states: Vec<Box<dyn GroupsAccumulator>>,
    /// The group of each row of a batch. Used again, so that its memory is.
    places: Vec<usize>,
}

impl Table {
    /// Returns one without groups.
    pub(super) fn new(shape: &Shape) -> Result<Self> {
        Ok(Self {
            groups: Keys::new(&shape.key_schema)?,
            states: shape.functions.iter().map(accumulator).collect::<Result<_>>()?,
            places: Vec::new(),
        })
    }

    /// Merges keys and states into it.
    pub(super) fn merge(&mut self, shape: &Shape, batch: &RecordBatch) -> Result<()> {
        let batch = &compact(batch)?;
        self.groups.intern(shape.keys(batch), &mut self.places)?;
        let groups = self.groups.len();
        for (states, columns) in self.states.iter_mut().zip(&shape.states) {
            let Some(columns) = batch.columns().get(columns.clone()) else {
                return internal_err!("a row without its states");
            };
            states.merge_batch(columns, &self.places, groups)?;
        }
        Ok(())
    }

    /// Returns the number of groups.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Returns the bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let states: usize = self.states.iter().map(|states| states.size()).sum();
        self.groups.bytes() + states + self.places.capacity() * size_of::<usize>()
    }

    /// Returns the keys and states of all groups.
    pub(super) fn into_states(self, shape: &Shape) -> Result<RecordBatch> {
        let mut columns = self.groups.into_columns()?;
        for mut states in self.states {
            columns.extend(states.state(EmitTo::All)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&shape.state_schema), columns)?)
    }

    /// Returns the keys and answers of all groups.
    pub(super) fn into_answers(self, shape: &Shape) -> Result<RecordBatch> {
        let mut columns = self.groups.into_columns()?;
        for mut states in self.states {
            columns.push(states.evaluate(EmitTo::All)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&shape.answer_schema), columns)?)
    }
}

fn accumulator(function: &Arc<AggregateFunctionExpr>) -> Result<Box<dyn GroupsAccumulator>> {
    if function.groups_accumulator_supported() {
        return function.create_groups_accumulator();
    }
    let function = Arc::clone(function);
    Ok(Box::new(GroupsAccumulatorAdapter::new(move || function.create_accumulator())))
}

/// Bytes that a slice of rows may have, about.
const SLICE: usize = 1 << 20;

/// Returns rows in slices of so many at most, fewer where they are long.
pub(super) fn slices(batch: &RecordBatch, most: usize) -> impl Iterator<Item = RecordBatch> {
    let count = batch.num_rows();
    let each = batch.get_array_memory_size() / count.max(1);
    let rows = (SLICE / each.max(1)).clamp(1, most);
    (0..count).step_by(rows).map(move |start| batch.slice(start, rows.min(count - start)))
}

/// Returns rows with lists that hold nothing but what is in these rows: states may keep, and count, all that a list is a slice of.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    if !batch.columns().iter().any(|column| column.as_list_opt::<i32>().is_some_and(is_a_slice)) {
        return Ok(batch.clone());
    }
    let all: UInt64Array = (0..).take(batch.num_rows()).collect();
    Ok(take_record_batch(batch, &all)?)
}

fn is_a_slice(list: &ListArray) -> bool {
    let offsets = list.value_offsets();
    let used = offsets.first().zip(offsets.last()).and_then(|(first, last)| usize::try_from(last - first).ok());
    used.is_some_and(|used| used < list.values().len())
}
