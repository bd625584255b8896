//! `SELECT DISTINCT ON (keys) ..` as the first row of each group.
//!
//! DataFusion 55.2 asks `first_value` of every column, by groups of the keys: a hash table that holds a state for each column of
//! each group, text among them, 20 microseconds for each row where most groups have one row. Here the rows are numbered in each
//! group by a window, which sorts and spills, and the first of each is taken: a row, whole.

use datafusion::{
    common::{Column, Result, config::ConfigOptions, tree_node::Transformed},
    functions_window::row_number::row_number_udwf,
    logical_expr::{
        Distinct, DistinctOn, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFunctionDefinition,
        expr::WindowFunction, lit,
    },
    optimizer::AnalyzerRule,
};

/// Numbers the rows of `DISTINCT ON`.
#[derive(Debug)]
pub(super) struct NumberDistinctOn;

impl AnalyzerRule for NumberDistinctOn {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let numbered = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Distinct(Distinct::On(distinct)) => Ok(Transformed::yes(number(distinct)?)),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(numbered.data)
    }

    fn name(&self) -> &'static str {
        "number_distinct_on"
    }
}

fn number(distinct: DistinctOn) -> Result<LogicalPlan> {
    let DistinctOn { on_expr, select_expr, sort_expr, input, schema: _ } = distinct;
    let mut order = sort_expr.unwrap_or_default();
    // The order begins with the keys, which are equal within a group.
    let within = order.split_off(on_expr.len().min(order.len()));
    let definition = WindowFunctionDefinition::WindowUDF(row_number_udwf());
    let number = Expr::from(WindowFunction::new(definition, Vec::new()));
    let number = number.partition_by(on_expr).order_by(within).build()?;
    let numbered = LogicalPlanBuilder::from(input).window([number])?.build()?;
    let (qualifier, field) = numbered.schema().qualified_field(numbered.schema().fields().len() - 1);
    let number = Expr::Column(Column::from((qualifier, field)));
    let mut first = LogicalPlanBuilder::from(numbered).filter(number.eq(lit(1_u64)))?;
    if !order.is_empty() {
        first = first.sort(order)?;
    }
    first.project(select_expr)?.build()
}
