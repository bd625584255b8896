//! `DISTINCT` aggregates under `GROUPING SETS`, `ROLLUP` and `CUBE`.
//!
//! DataFusion keeps a set of values for each group of each grouping set, which never spills. Here every set gets rows of its
//! own, with nulls for the keys that it does not have, and the number of the set becomes one more key:
//!
//! ```text
//! SELECT k, l, count(DISTINCT a) FROM t GROUP BY ROLLUP (k, l)
//!
//! SELECT k, l, id, count(DISTINCT a)
//! FROM (SELECT k, l, 0 AS id, a FROM t UNION ALL SELECT k, NULL, 1, a FROM t UNION ALL SELECT NULL, NULL, 3, a FROM t)
//! GROUP BY k, l, id
//! ```
//!
//! The set without keys has a group even if there are no rows: one more row makes it, which every call leaves out by its filter.
//!
//! That is an aggregate without grouping sets, which can be [taken apart](super::distinct). Standard input is read once, through
//! a [tee](super::tee).

use super::{
    distinct,
    distinct_plan::{fits, only_where},
    tee_node,
};
use datafusion::{
    arrow::datatypes::Field,
    common::{
        Column, DFSchema, Result, ScalarValue,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Aggregate, EmptyRelation, Expr, GroupingSet, LogicalPlan, Projection, Union, lit},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Grouping sets are numbered by 64 bits.
const MOST_KEYS: usize = 64;

/// The column of a set's number, and whether a row is one of the input.
const ID: &str = "id";
const OF_INPUT: &str = "of_input";

/// Returns the plan for a `DISTINCT` aggregate with grouping sets; `None` for any other, and for one that cannot be rewritten.
pub(super) fn rewrite(aggregate: &Aggregate, tees: &mut usize) -> Result<Option<LogicalPlan>> {
    let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() else { return Ok(None) };
    let keys = sets.distinct_expr();
    if keys.len() > MOST_KEYS || !aggregate.aggr_expr.iter().any(distinct::keeps_values) {
        return Ok(None);
    }
    let needed = Needed::of(aggregate, &keys)?;
    let sets = all(sets);
    let id_type = aggregate.schema.field(keys.len()).data_type();
    let input = LogicalPlan::Projection(needed.input(aggregate)?);
    let readers = tee_node::readers(*tees, input, sets.len());
    let mut inputs = Vec::new();
    for (at, (set, reader)) in sets.iter().zip(readers).enumerate() {
        let earlier = sets.iter().take(at).filter(|other| *other == set).count();
        let id = ScalarValue::UInt64(Some(number(set, &keys, earlier))).cast_to(id_type)?;
        if set.is_empty() {
            inputs.push(Arc::new(needed.no_rows(aggregate, id.clone())?));
        }
        inputs.push(Arc::new(needed.rows(aggregate, set, id, reader)?));
    }
    let rows = Arc::new(LogicalPlan::Union(Union::try_new(inputs)?));
    let mut group: Vec<Expr> = (0..keys.len()).map(|at| unqualified(key_name(at))).collect();
    group.push(unqualified(ID.into()));
    let calls = needed.calls(aggregate, sets.iter().any(Vec::is_empty))?;
    let whole = Aggregate::try_new(rows, group, calls)?;
    *tees += 1;
    let Some(taken) = distinct::rewrite(&whole, tees)? else { return Ok(None) };
    let named = taken.schema().columns().into_iter().enumerate().map(|(at, column)| {
        let (qualifier, field) = aggregate.schema.qualified_field(at);
        Expr::Column(column).alias_qualified(qualifier.cloned(), field.name())
    });
    let plan = LogicalPlan::Projection(Projection::try_new(named.collect(), Arc::new(taken))?);
    Ok(fits(plan.schema(), &aggregate.schema).then_some(plan))
}

/// Returns the keys of each set.
fn all(sets: &GroupingSet) -> Vec<Vec<&Expr>> {
    match sets {
        GroupingSet::GroupingSets(sets) => sets.iter().map(|set| set.iter().collect()).collect(),
        GroupingSet::Rollup(keys) => (0..=keys.len()).map(|most| keys.iter().take(most).collect()).collect(),
        GroupingSet::Cube(keys) => {
            let chosen =
                |set: u64| keys.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1).map(|(_, key)| key);
            (0..1 << keys.len()).map(|set| chosen(set).collect()).collect()
        }
    }
}

/// Returns the number of a set, as `__grouping_id` has it: a bit for each key, the first one highest, which is set if the set
/// does not have the key; above them, how many equal sets came before.
fn number(set: &[&Expr], keys: &[&Expr], earlier: usize) -> u64 {
    let missing = keys.iter().fold(0, |bits, key| bits << 1 | u64::from(!set.contains(key)));
    let earlier = u64::try_from(earlier).unwrap_or(u64::MAX);
    missing | earlier.checked_shl(u32::try_from(keys.len()).unwrap_or(u32::MAX)).unwrap_or(0)
}

/// What the aggregate needs of its input.
struct Needed<'a> {
    keys: &'a [&'a Expr],
    /// The columns of its calls, and what they are called here: a key may be null where a column is not.
    columns: BTreeMap<Column, String>,
}

impl<'a> Needed<'a> {
    fn of(aggregate: &Aggregate, keys: &'a [&'a Expr]) -> Result<Self> {
        let columns: BTreeSet<&Column> = aggregate.aggr_expr.iter().flat_map(Expr::column_refs).collect();
        let named =
            |column: &Column| Ok((column.clone(), format!("v{}", aggregate.input.schema().index_of_column(column)?)));
        Ok(Self { keys, columns: columns.into_iter().map(named).collect::<Result<_>>()? })
    }

    /// Returns the keys and the columns.
    fn input(&self, aggregate: &Aggregate) -> Result<Projection> {
        let keys = self.keys.iter().enumerate().map(|(at, key)| (*key).clone().alias(key_name(at)));
        let columns = self.columns.iter().map(|(column, name)| Expr::Column(column.clone()).alias(name));
        Projection::try_new(keys.chain(columns).collect(), Arc::clone(&aggregate.input))
    }

    /// Returns the rows of one set.
    fn rows(&self, aggregate: &Aggregate, set: &[&Expr], id: ScalarValue, input: LogicalPlan) -> Result<LogicalPlan> {
        let mut expressions = Vec::new();
        for (at, key) in self.keys.iter().enumerate() {
            expressions.push(if set.contains(key) {
                unqualified(key_name(at))
            } else {
                null(aggregate.schema.field(at), key_name(at))?
            });
        }
        expressions.push(Expr::Literal(id, None).alias(ID));
        expressions.push(lit(true).alias(OF_INPUT));
        expressions.extend(self.columns.values().map(|name| unqualified(name.clone())));
        Ok(LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(input))?))
    }

    /// Returns the row that makes the group of the set without keys.
    fn no_rows(&self, aggregate: &Aggregate, id: ScalarValue) -> Result<LogicalPlan> {
        let mut expressions = Vec::new();
        for at in 0..self.keys.len() {
            expressions.push(null(aggregate.schema.field(at), key_name(at))?);
        }
        expressions.push(Expr::Literal(id, None).alias(ID));
        expressions.push(lit(false).alias(OF_INPUT));
        let schema = aggregate.input.schema();
        for (column, name) in &self.columns {
            expressions.push(null(schema.field(schema.index_of_column(column)?), name.clone())?);
        }
        let one = EmptyRelation { produce_one_row: true, schema: Arc::new(DFSchema::empty()) };
        Ok(LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(LogicalPlan::EmptyRelation(one)))?))
    }

    /// Returns the calls, over the columns under their names here, and over rows of the input only if there are others.
    fn calls(&self, aggregate: &Aggregate, others: bool) -> Result<Vec<Expr>> {
        let changed = |expression: Expr| match expression {
            Expr::Column(column) => Ok(match self.columns.get(&column) {
                Some(name) => Transformed::yes(unqualified(name.clone())),
                None => Transformed::no(Expr::Column(column)),
            }),
            Expr::AggregateFunction(mut call) if others => {
                only_where(&mut call, unqualified(OF_INPUT.into()));
                Ok(Transformed::yes(Expr::AggregateFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        };
        aggregate.aggr_expr.iter().map(|call| Ok(call.clone().transform_up(changed)?.data)).collect()
    }
}

fn null(of: &Field, name: String) -> Result<Expr> {
    Ok(Expr::Literal(ScalarValue::try_from(of.data_type())?, None).alias(name))
}

fn key_name(at: usize) -> String {
    format!("k{at}")
}

fn unqualified(name: String) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
