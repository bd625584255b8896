//! `NOT IN (subquery)` where DataFusion's own plan would answer wrongly.
//!
//! `x NOT IN (SELECT y ..)` is true if no `y` equals `x` and none of the comparisons is unknown. DataFusion 55.2 sees to the
//! second half only where the subquery is not correlated, `x` comes from the outer table, and the predicate stands alone or
//! beside others that must hold too. Otherwise it asks for the first half alone, or looks for nulls in rows of the subquery
//! that do not belong to the outer row. There, this rule says all of it:
//!
//! ```text
//! NOT EXISTS (SELECT .. WHERE (x = y) IS NOT FALSE)
//! ```
//!
//! This is true where `NOT IN` is, and false where that is false or unknown. So it may stand for it wherever unknown counts as
//! false: below `AND` and `OR` in a filter, and below any number of `NOT`.

use datafusion::{
    common::{
        Column, ExprSchema, Result,
        config::ConfigOptions,
        not_impl_err,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{
        BinaryExpr, Expr, Filter, LogicalPlan, Operator, Subquery,
        expr::{Exists, InSubquery},
    },
    optimizer::AnalyzerRule,
};
use std::sync::Arc;

/// Says `NOT IN` in full where DataFusion does not understand it. Must run when types have been coerced.
#[derive(Debug)]
pub(super) struct SayNotIn;

impl AnalyzerRule for SayNotIn {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let said = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Filter(filter) if has_in(&filter.predicate) => {
                let predicate = say(filter.predicate, &filter.input, Place { holds: true, alone: true })?;
                Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(said.data)
    }

    fn name(&self) -> &'static str {
        "say_not_in"
    }
}

fn has_in(predicate: &Expr) -> bool {
    predicate.exists(|part| Ok(matches!(part, Expr::InSubquery(_)))).unwrap_or(true)
}

/// Where an expression stands in a filter.
#[derive(Clone, Copy)]
struct Place {
    /// Whether the filter wants it to hold, or not to hold.
    holds: bool,
    /// Whether all that stands beside it must hold as well.
    alone: bool,
}

fn say(predicate: Expr, outer: &LogicalPlan, place: Place) -> Result<Expr> {
    if !has_in(&predicate) {
        return Ok(predicate);
    }
    match predicate {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let beside = if place.holds { Operator::And } else { Operator::Or };
            let place = Place { alone: place.alone && op == beside, ..place };
            let (left, right) = (say(*left, outer, place)?, say(*right, outer, place)?);
            Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
        }
        Expr::Not(inner) => Ok(Expr::Not(Box::new(say(*inner, outer, Place { holds: !place.holds, ..place })?))),
        Expr::InSubquery(of) => {
            let is_not_in = of.negated == place.holds;
            if is_not_in && !(place.alone && is_understood(&of, outer)) {
                return not_exists(of, outer);
            }
            Ok(Expr::InSubquery(of))
        }
        other if asks_for_unknown(&other)? => {
            not_impl_err!("`NOT IN (subquery)` or a test of `IN (subquery)` inside of an expression; use `NOT EXISTS`")
        }
        other => Ok(other),
    }
}

/// Returns whether an expression tells unknown from false, where DataFusion has but true and false.
fn asks_for_unknown(expression: &Expr) -> Result<bool> {
    expression.exists(|part| {
        Ok(match part {
            Expr::InSubquery(of) => of.negated,
            Expr::BinaryExpr(BinaryExpr { op: Operator::And | Operator::Or, .. }) => false,
            Expr::BinaryExpr(BinaryExpr { left, right, .. }) => has_in(left) || has_in(right),
            Expr::Not(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner) => has_in(inner),
            _ => false,
        })
    })
}

/// Returns whether DataFusion's null-aware join gives the answer: the value is one of the outer table's, and the subquery is
/// the same for all rows.
fn is_understood(of: &InSubquery, outer: &LogicalPlan) -> bool {
    let columns = of.expr.column_refs();
    of.subquery.outer_ref_columns.is_empty()
        && !of.expr.contains_outer()
        && !columns.is_empty()
        && columns.iter().all(|column| outer.schema().has_column(column))
}

/// Returns the same, said in full.
fn not_exists(of: InSubquery, outer: &LogicalPlan) -> Result<Expr> {
    let InSubquery { expr, subquery, negated } = of;
    let Subquery { subquery, mut outer_ref_columns, spans } = subquery;
    let value = Expr::Column(Column::from(subquery.schema().qualified_field(0)));
    let own = expr.transform(|part| match part {
        Expr::Column(column) => {
            let field = Arc::clone(outer.schema().field_from_column(&column)?);
            let reference = Expr::OuterReferenceColumn(field, column);
            if !outer_ref_columns.contains(&reference) {
                outer_ref_columns.push(reference.clone());
            }
            Ok(Transformed::yes(reference))
        }
        other => Ok(Transformed::no(other)),
    })?;
    let equal = Expr::IsNotFalse(Box::new(own.data.eq(value)));
    let subquery = Arc::new(LogicalPlan::Filter(Filter::try_new(equal, subquery)?));
    Ok(Expr::Exists(Exists { subquery: Subquery { subquery, outer_ref_columns, spans }, negated }))
}
