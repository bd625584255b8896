//! Several exact percentiles of one argument, from one set of its values.
//!
//! `percentile_cont(x, 0.5), percentile_cont(x, 0.99)` keep all values of each group twice: in memory, in what goes from one
//! thread to another, and in what is spilled. Here they become one call, whose answer is a structure, and a projection that
//! takes it apart again.

use super::{distinct::call, distinct_plan::fits};
use crate::aggregates::{ranked::answer_name, several_percentiles};
use datafusion::{
    common::{Column, Result, ScalarValue},
    functions::core::get_field,
    logical_expr::{
        Aggregate, Expr, LogicalPlan, Projection,
        expr::{AggregateFunction, ScalarFunction},
        lit,
    },
};
use std::sync::Arc;

/// An aggregate whose percentiles are shared, and how the columns of the original come from it.
pub(super) struct Shared {
    pub aggregate: Aggregate,
    columns: Vec<Expr>,
}

/// Percentiles of one argument.
struct Together<'a> {
    /// The first of the calls.
    call: &'a AggregateFunction,
    fractions: Vec<f64>,
}

/// What becomes of one call.
enum Becomes {
    Itself(Expr),
    /// A percentile, by the place of its argument and of its fraction.
    Shared(usize, usize),
}

/// Returns the aggregate with its percentiles together, or `None` if no two of them are of the same.
pub(super) fn share(aggregate: &Aggregate) -> Result<Option<Shared>> {
    let mut together: Vec<Together<'_>> = Vec::new();
    let mut becomes = Vec::with_capacity(aggregate.aggr_expr.len());
    for expression in &aggregate.aggr_expr {
        becomes.push(become_of(expression, &mut together));
    }
    let calls = becomes.iter().filter(|becomes| matches!(becomes, Becomes::Shared(..))).count();
    if calls <= together.len() {
        return Ok(None);
    }
    let own = becomes.iter().filter_map(|becomes| match becomes {
        Becomes::Itself(expression) => Some(expression.clone()),
        Becomes::Shared(..) => None,
    });
    // Names are given, because those that DataFusion gives do not tell casts apart.
    let shared = together.iter().enumerate().map(|(at, together)| together.call().alias(format!("percentiles {at}")));
    let calls: Vec<Expr> = shared.chain(own).collect();
    let new = Aggregate::try_new(Arc::clone(&aggregate.input), aggregate.group_expr.clone(), calls)?;
    let columns = columns(aggregate, &new, &becomes, together.len());
    Ok(Some(Shared { aggregate: new, columns }))
}

impl Shared {
    /// Returns the columns of the original from a plan of the aggregate, or `None` if they would not be the same.
    ///
    /// # Errors
    /// If the plan is not one of the aggregate.
    pub(super) fn apart(self, plan: LogicalPlan, original: &Aggregate) -> Result<Option<LogicalPlan>> {
        let plan = LogicalPlan::Projection(Projection::try_new(self.columns, Arc::new(plan))?);
        Ok(fits(plan.schema(), &original.schema).then_some(plan))
    }
}

fn become_of<'a>(expression: &'a Expr, together: &mut Vec<Together<'a>>) -> Becomes {
    let Some((call, fraction)) = call(expression).and_then(percentile) else {
        return Becomes::Itself(expression.clone());
    };
    let known = together.iter().position(|known| {
        let (one, other) = (&known.call.params, &call.params);
        one.args.first() == other.args.first() && one.filter == other.filter
    });
    let at = known.unwrap_or_else(|| {
        together.push(Together { call, fractions: Vec::new() });
        together.len() - 1
    });
    match together.get_mut(at) {
        Some(known) => {
            known.fractions.push(fraction);
            Becomes::Shared(at, known.fractions.len() - 1)
        }
        None => Becomes::Itself(expression.clone()),
    }
}

/// Returns a call of `percentile_cont` and its fraction from below. One of a volatile argument has values of its own.
fn percentile(call: &AggregateFunction) -> Option<(&AggregateFunction, f64)> {
    let params = &call.params;
    let [argument, Expr::Literal(ScalarValue::Float64(Some(fraction)), _)] = params.args.as_slice() else {
        return None;
    };
    let volatile = argument.is_volatile() || params.filter.as_ref().is_some_and(|filter| filter.is_volatile());
    if call.func.name() != "percentile_cont" || params.distinct || params.null_treatment.is_some() || volatile {
        return None;
    }
    // DataFusion says what is wrong with others.
    if !(0.0..=1.0).contains(fraction) {
        return None;
    }
    let descending = params.order_by.first().is_some_and(|order| !order.asc);
    Some((call, if descending { 1.0 - fraction } else { *fraction }))
}

impl Together<'_> {
    fn call(&self) -> Expr {
        let argument = self.call.params.args.first().cloned();
        let args = argument.into_iter().chain(self.fractions.iter().map(|fraction| lit(*fraction))).collect();
        let function = Arc::new(several_percentiles());
        let filter = self.call.params.filter.clone();
        Expr::AggregateFunction(AggregateFunction::new_udf(function, args, false, filter, Vec::new(), None))
    }
}

/// Returns the columns of the original aggregate: keys, then calls, whose places follow those that are `shared`.
fn columns(original: &Aggregate, new: &Aggregate, becomes: &[Becomes], shared: usize) -> Vec<Expr> {
    let column = |at: usize| Expr::Column(Column::from(new.schema.qualified_field(at)));
    let keys = original.schema.fields().len() - becomes.len();
    let mut own = keys + shared;
    let calls = becomes.iter().map(|becomes| match becomes {
        Becomes::Shared(at, fraction) => {
            let arguments = vec![column(keys + at), lit(answer_name(*fraction))];
            Expr::ScalarFunction(ScalarFunction::new_udf(get_field(), arguments))
        }
        Becomes::Itself(_) => {
            own += 1;
            column(own - 1)
        }
    });
    let all = (0..keys).map(column).chain(calls).enumerate();
    let named = all.map(|(at, column)| {
        let (qualifier, field) = original.schema.qualified_field(at);
        column.alias_qualified(qualifier.cloned(), field.name())
    });
    named.collect()
}
