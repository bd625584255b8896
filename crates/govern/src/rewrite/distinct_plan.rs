//! The plan of `DISTINCT` aggregates that were taken apart.

use super::{distinct::Inputs, tee_node};
use crate::node::are_comparable;
use datafusion::{
    arrow::datatypes::Field,
    common::{DFSchema, Result, ScalarValue},
    logical_expr::{Aggregate, Expr, Filter, LogicalPlan, Projection, Union, expr::AggregateFunction, lit},
};
use std::sync::Arc;

/// The column that tells rows of branches apart.
const TAG: &str = "tag";

/// An aggregate, taken apart.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub inputs: Inputs,
    /// The places of the keys in the inputs.
    pub keys: Vec<usize>,
    pub branches: Vec<Branch>,
    /// The calls of the whole, each with its branch; `None` for those that are not distinct.
    pub calls: Vec<(AggregateFunction, Option<usize>)>,
    /// What the calls that are not distinct need.
    pub plain_columns: Vec<usize>,
}

/// Rows for some of the calls.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Branch {
    /// The places of the columns beside the keys.
    pub columns: Vec<usize>,
    /// The place of the condition that its rows meet.
    pub filter: Option<usize>,
    /// Whether each combination of keys and columns is wanted once.
    pub distinct: bool,
}

impl Taken {
    /// Returns the plan, or `None` if it cannot take the place of the aggregate.
    pub fn plan(self, aggregate: &Aggregate, tees: &mut usize) -> Result<Option<LogicalPlan>> {
        let name = |(place, expression): (usize, &Expr)| expression.clone().alias(Inputs::name(place));
        let expressions = self.inputs.expressions.iter().enumerate().map(name).collect();
        let input = Projection::try_new(expressions, Arc::clone(&aggregate.input))?;
        let schema = Arc::clone(&input.schema);
        if !self.can_be_grouped(&schema) {
            return Ok(None);
        }
        let input = LogicalPlan::Projection(input);
        let rows = if let [branch] = self.branches.as_slice() {
            self.rows(branch, input)?
        } else {
            let readers = tee_node::readers(*tees, input, self.branches.len());
            let Some(rows) = self.tagged(&schema, readers)? else { return Ok(None) };
            rows
        };
        let plan = self.outer(aggregate, rows)?;
        if !fits(plan.schema(), &aggregate.schema) {
            return Ok(None);
        }
        *tees += usize::from(self.branches.len() > 1);
        Ok(Some(plan))
    }

    /// Sets of values take any type; a group-by does not. Metadata of a column would get lost between the branches.
    fn can_be_grouped(&self, schema: &DFSchema) -> bool {
        let distinct = self.branches.iter().filter(|branch| branch.distinct).flat_map(|branch| &branch.columns);
        let types = self.keys.iter().chain(distinct).map(|place| schema.field(*place).data_type());
        are_comparable(types) && schema.fields().iter().all(|field| field.metadata().is_empty())
    }

    /// Returns all branches one after the other, each with its tag and with nulls for what belongs to the others.
    fn tagged(&self, schema: &DFSchema, readers: Vec<LogicalPlan>) -> Result<Option<LogicalPlan>> {
        let mut places: Vec<usize> = self.keys.clone();
        places.extend(self.branches.iter().flat_map(|branch| &branch.columns));
        places.sort_unstable();
        places.dedup();
        let mut inputs = Vec::new();
        for (tag, (branch, reader)) in (0..).zip(self.branches.iter().zip(readers)) {
            let mut expressions = vec![lit(ScalarValue::Int32(Some(tag))).alias(TAG)];
            for place in &places {
                if self.keys.contains(place) || branch.columns.contains(place) {
                    expressions.push(Inputs::reference(*place));
                    continue;
                }
                let Ok(null) = ScalarValue::try_from(schema.field(*place).data_type()) else { return Ok(None) };
                expressions.push(Expr::Literal(null, None).alias(Inputs::name(*place)));
            }
            let rows = self.rows(branch, reader)?;
            inputs.push(Arc::new(LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(rows))?)));
        }
        Ok(Some(LogicalPlan::Union(Union::try_new(inputs)?)))
    }

    fn rows(&self, branch: &Branch, input: LogicalPlan) -> Result<LogicalPlan> {
        let filtered = match branch.filter {
            Some(filter) => LogicalPlan::Filter(Filter::try_new(Inputs::reference(filter), Arc::new(input))?),
            None => input,
        };
        if !branch.distinct {
            return Ok(filtered);
        }
        let mut places: Vec<usize> = self.keys.iter().chain(&branch.columns).copied().collect();
        places.sort_unstable();
        places.dedup();
        let keys = places.into_iter().map(Inputs::reference).collect();
        Ok(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(filtered), keys, Vec::new())?))
    }

    /// Returns the aggregate over the branches, under the names of the original.
    fn outer(&self, aggregate: &Aggregate, rows: LogicalPlan) -> Result<LogicalPlan> {
        let plain = self.branches.len() - 1;
        let mut keys = self.keys.clone();
        keys.sort_unstable();
        keys.dedup();
        let keys = keys.into_iter().map(Inputs::reference).collect();
        let mut calls = Vec::new();
        for (at, (call, branch)) in self.calls.iter().enumerate() {
            let mut call = call.clone();
            if self.branches.len() > 1 {
                let tag = i32::try_from(branch.unwrap_or(plain)).unwrap_or(i32::MAX);
                let own = datafusion::prelude::col(TAG).eq(lit(tag));
                only_where(&mut call, own);
            }
            calls.push(Expr::AggregateFunction(call).alias(call_name(at)));
        }
        let outer = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(rows), keys, calls)?);
        let keys = self.keys.iter().map(|place| Inputs::reference(*place));
        let calls = (0..self.calls.len()).map(|at| datafusion::prelude::col(call_name(at)));
        let named = keys.chain(calls).enumerate().map(|(at, column)| {
            let (qualifier, field) = aggregate.schema.qualified_field(at);
            column.alias_qualified(qualifier.cloned(), field.name())
        });
        Ok(LogicalPlan::Projection(Projection::try_new(named.collect(), Arc::new(outer))?))
    }
}

/// Makes a call see only the rows that meet a condition, beside its own filter.
pub(super) fn only_where(call: &mut AggregateFunction, condition: Expr) {
    let filter = match call.params.filter.take() {
        Some(filter) => condition.and(*filter),
        None => condition,
    };
    call.params.filter = Some(Box::new(filter));
}

fn call_name(at: usize) -> String {
    format!("a{at}")
}

/// Returns whether what reads the original can read this: plans above were made for the original's columns.
pub(super) fn fits(schema: &DFSchema, original: &DFSchema) -> bool {
    let same = |new: &Field, old: &Field| {
        new.name() == old.name() && new.data_type() == old.data_type() && (old.is_nullable() || !new.is_nullable())
    };
    let fields = schema.fields().iter().zip(original.fields()).all(|(new, old)| same(new, old));
    fields && schema.fields().len() == original.fields().len()
}
