//! `SELECT DISTINCT ON (keys) ..` as the first row of each group.
//!
//! DataFusion 55.2 asks `first_value` of every column, by groups of the keys: a hash table that holds a state for each column of
//! each group, text among them, 20 microseconds for each row where most groups have one row. Here a row is taken whole: any of
//! the group, by [`DistinctOnNode`], where no order says which; else the rows are numbered in each group by a window, which
//! sorts and spills, and the first of each is taken.

use crate::{distinct_on::DistinctOnNode, node::are_comparable};
use datafusion::{
    common::{Column, Result, config::ConfigOptions, tree_node::Transformed},
    functions_window::row_number::row_number_udwf,
    logical_expr::{
        Distinct, DistinctOn, Expr, ExprFunctionExt, ExprSchemable, Extension, LogicalPlan, LogicalPlanBuilder,
        WindowFunctionDefinition,
        expr::{Sort, WindowFunction},
        lit,
    },
    optimizer::AnalyzerRule,
};
use std::sync::Arc;

/// Takes the first rows of `DISTINCT ON`.
#[derive(Debug)]
pub(super) struct FirstOfDistinctOn;

impl AnalyzerRule for FirstOfDistinctOn {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let taken = plan.transform_up_with_subqueries(|node| {
            // The rule that turns subqueries into joins cannot pass what would take the place of a correlated one.
            let is_wanted =
                matches!(node, LogicalPlan::Distinct(Distinct::On(_))) && node.all_out_ref_exprs().is_empty();
            match node {
                LogicalPlan::Distinct(Distinct::On(distinct)) if is_wanted => {
                    Ok(Transformed::yes(first_rows(distinct)?))
                }
                other => Ok(Transformed::no(other)),
            }
        })?;
        Ok(taken.data)
    }

    fn name(&self) -> &'static str {
        "first_of_distinct_on"
    }
}

fn first_rows(distinct: DistinctOn) -> Result<LogicalPlan> {
    let DistinctOn { on_expr, select_expr, sort_expr, input, schema: _ } = distinct;
    let mut order = sort_expr.unwrap_or_default();
    // The order begins with the keys, which are equal within a group.
    let within = order.split_off(on_expr.len().min(order.len()));
    let types = on_expr.iter().map(|key| key.get_type(input.schema())).collect::<Result<Vec<_>>>()?;
    let input = Arc::unwrap_or_clone(input);
    let first = if within.is_empty() && are_comparable(types.iter()) {
        any(on_expr, input)?
    } else {
        number(on_expr, within, input)?
    };
    let mut first = LogicalPlanBuilder::from(first);
    if !order.is_empty() {
        first = first.sort(order)?;
    }
    first.project(select_expr)?.build()
}

/// Returns any row of each group.
fn any(keys: Vec<Expr>, input: LogicalPlan) -> Result<LogicalPlan> {
    let (mut columns, mut calculated) = (Vec::new(), Vec::new());
    for key in keys {
        if let Expr::Column(column) = key {
            columns.push(column);
        } else {
            // Calculated once, below, and not again for rows that were on disk.
            let name = format!("__distinct_on_{}", calculated.len());
            columns.push(Column::from_name(&name));
            calculated.push(key.alias(name));
        }
    }
    let input = if calculated.is_empty() {
        input
    } else {
        let all: Vec<_> = input.schema().iter().map(|field| Expr::Column(Column::from(field))).collect();
        LogicalPlanBuilder::from(input).project(all.into_iter().chain(calculated))?.build()?
    };
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(DistinctOnNode::new(columns, input)) }))
}

/// Returns the first row of each group in an order within it.
fn number(keys: Vec<Expr>, order: Vec<Sort>, input: LogicalPlan) -> Result<LogicalPlan> {
    let definition = WindowFunctionDefinition::WindowUDF(row_number_udwf());
    let number = Expr::from(WindowFunction::new(definition, Vec::new()));
    let number = number.partition_by(keys).order_by(order).build()?;
    let numbered = LogicalPlanBuilder::from(input).window([number])?.build()?;
    let (qualifier, field) = numbered.schema().qualified_field(numbered.schema().fields().len() - 1);
    let number = Expr::Column(Column::from((qualifier, field)));
    LogicalPlanBuilder::from(numbered).filter(number.eq(lit(1_u64)))?.build()
}
