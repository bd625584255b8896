//! `DISTINCT` aggregates, several of them or beside others.
//!
//! DataFusion rewrites aggregates over one distinct argument into two group-bys, but only if all others beside it are sums,
//! minima or maxima. Otherwise it keeps a set of values for each group, which never spills: two `count(DISTINCT ..)` of a few
//! million values reach gigabytes whatever the limit. Here such an aggregate is taken apart,
//!
//! ```text
//! SELECT k, count(*), count(DISTINCT a), sum(DISTINCT b) FILTER (WHERE f) FROM t GROUP BY k
//! ```
//!
//! into one branch for each distinct argument, which groups by the keys and the argument, and one branch for the rest:
//!
//! ```text
//! SELECT k, count(*) FILTER (WHERE tag = 0), count(a) FILTER (WHERE tag = 1), sum(b) FILTER (WHERE tag = 2)
//! FROM (SELECT 0 AS tag, k, NULL AS a, NULL AS b FROM t
//!       UNION ALL SELECT 1, k, a, NULL FROM t GROUP BY k, a
//!       UNION ALL SELECT 2, k, NULL, b FROM t WHERE f GROUP BY k, b)
//! GROUP BY k
//! ```
//!
//! All branches read `t` together through a [tee](super::tee). Measured beside the two other ways: `GROUPING SETS` keep the
//! state of every other aggregate for every distinct value, and take longer because all sets share one table with a row as
//! wide as all of them; reading `t` once for each branch cannot be done with standard input.
//!
//! `GROUPING SETS` are turned into this [elsewhere](super::grouping_sets). Left as they are: `DISTINCT` aggregates with an order
//! of their own, and values that cannot be grouped.

use super::distinct_plan::{Branch, Taken};
use datafusion::{
    common::{
        Column, Result,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Aggregate, Expr, LogicalPlan, expr::AggregateFunction},
};

/// Returns the plan for an aggregate that is better taken apart, or `None` for one that is not.
pub(super) fn rewrite(aggregate: &Aggregate, tees: &mut usize) -> Result<Option<LogicalPlan>> {
    match take_apart(aggregate) {
        Some(taken) => taken.plan(aggregate, tees),
        None => Ok(None),
    }
}

fn take_apart(aggregate: &Aggregate) -> Option<Taken> {
    if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        return None;
    }
    let calls = aggregate.aggr_expr.iter().map(call).collect::<Option<Vec<_>>>()?;
    if !calls.iter().any(|call| is_distinct(call)) {
        return None;
    }
    let mut taken = Taken::default();
    for key in &aggregate.group_expr {
        let key = taken.inputs.column(key);
        taken.keys.push(key);
    }
    for call in calls {
        if !is_distinct(call) {
            taken.plain_call(call);
        } else if call.params.order_by.is_empty() && call.params.null_treatment.is_none() {
            taken.distinct_call(call);
        } else {
            return None;
        }
    }
    taken.finish();
    Some(taken)
}

/// Returns the call of an aggregate function below its aliases.
pub(super) fn call(mut expression: &Expr) -> Option<&AggregateFunction> {
    while let Expr::Alias(alias) = expression {
        expression = &alias.expr;
    }
    match expression {
        Expr::AggregateFunction(call) => Some(call),
        _ => None,
    }
}

/// Returns whether an expression is a call that keeps a set of values that grows with the input.
pub(super) fn keeps_values(expression: &Expr) -> bool {
    call(expression).is_some_and(is_distinct)
}

/// Returns whether a call keeps a set of values that grows with the input. One of constants holds a single value.
fn is_distinct(call: &AggregateFunction) -> bool {
    call.params.distinct && !call.params.args.iter().all(is_constant)
}

/// Returns whether an expression is the same for every row and known now. Functions look at such arguments when they are
/// planned, so these must stay what they are.
fn is_constant(expression: &Expr) -> bool {
    let mut constant = true;
    let visited = expression.apply(|part| {
        constant &= match part {
            Expr::Column(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::Placeholder(_)
            | Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_) => false,
            other => !other.is_volatile_node(),
        };
        Ok(if constant { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    constant && visited.is_ok()
}

/// The columns that an aggregate needs of its input, each once.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub expressions: Vec<Expr>,
}

impl Inputs {
    /// Returns the place of an expression. A volatile one gets a place of its own each time.
    fn column(&mut self, expression: &Expr) -> usize {
        let known = self.expressions.iter().position(|known| known == expression);
        known.filter(|_| !expression.is_volatile()).unwrap_or_else(|| {
            self.expressions.push(expression.clone());
            self.expressions.len() - 1
        })
    }

    /// Returns the reference to a place.
    pub fn reference(place: usize) -> Expr {
        Expr::Column(Column::new_unqualified(Self::name(place)))
    }

    pub fn name(place: usize) -> String {
        format!("c{place}")
    }
}

impl Taken {
    /// Takes a call as it is, over columns.
    fn plain_call(&mut self, call: &AggregateFunction) {
        let mut call = call.clone();
        let mut take = |expression: &mut Expr, constants_stay: bool| {
            if !constants_stay || !is_constant(expression) {
                let place = self.inputs.column(expression);
                push_new(&mut self.plain_columns, place);
                *expression = Inputs::reference(place);
            }
        };
        for argument in &mut call.params.args {
            take(argument, true);
        }
        for sort in &mut call.params.order_by {
            take(&mut sort.expr, true);
        }
        if let Some(filter) = &mut call.params.filter {
            take(filter, false);
        }
        self.calls.push((call, None));
    }

    /// Takes a call apart: its arguments and its filter go to a branch, the rest stays.
    fn distinct_call(&mut self, call: &AggregateFunction) {
        let mut call = call.clone();
        let mut columns = Vec::new();
        for argument in &mut call.params.args {
            if !is_constant(argument) {
                let place = self.inputs.column(argument);
                push_new(&mut columns, place);
                *argument = Inputs::reference(place);
            }
        }
        columns.sort_unstable();
        let filter = call.params.filter.take().map(|filter| self.inputs.column(&filter));
        call.params.distinct = false;
        let branch = Branch { columns, filter, distinct: true };
        let place = self.branches.iter().position(|known| *known == branch).unwrap_or_else(|| {
            self.branches.push(branch);
            self.branches.len() - 1
        });
        self.calls.push((call, Some(place)));
    }

    /// Adds the branch of all that is not distinct. Without such calls it is needed for groups of which filters leave no row.
    fn finish(&mut self) {
        let calls = self.calls.iter().any(|(_, branch)| branch.is_none());
        let groups = !self.keys.is_empty() && self.branches.iter().all(|branch| branch.filter.is_some());
        if calls || groups {
            self.branches.push(Branch { columns: self.plain_columns.clone(), filter: None, distinct: !calls });
        }
    }
}

fn push_new(places: &mut Vec<usize>, place: usize) {
    if !places.contains(&place) {
        places.push(place);
    }
}
