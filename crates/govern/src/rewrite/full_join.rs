//! `FULL JOIN` on a condition that is not an equality.
//!
//! The nested loop join is the only operator for it, and in parts it loses rows (see [`super::joins`]). So it becomes two that do
//! not: `l FULL JOIN r` is `l LEFT JOIN r`, and the rows of `r` without a partner. Both inputs are read twice, so this is only
//! for plans whose inputs can be, and not for those that a tee reads once.

use super::tee_node;
use crate::distinct_on::DistinctOnNode;
use datafusion::{
    common::{
        JoinType, Result, ScalarValue,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Expr, Join, LogicalPlan, Projection, Union},
};
use std::{mem, sync::Arc};

/// Returns the join as two, if it is one of those.
pub(super) fn rewrite(join: Join) -> Result<Transformed<LogicalPlan>> {
    let volatile = join.filter.as_ref().is_some_and(Expr::is_volatile);
    let apart = join.join_type == JoinType::Full && join.on.is_empty() && !volatile;
    if !apart || !is_repeatable(&join.left)? || !is_repeatable(&join.right)? {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let of_type = |join_type, swapped| {
        let Join { mut left, mut right, filter, .. } = join.clone();
        if swapped {
            mem::swap(&mut left, &mut right);
        }
        let (on, constraint, equal_nulls) = (Vec::new(), join.join_constraint, join.null_equality);
        Join::try_new(left, right, on, filter, join_type, constraint, equal_nulls, false).map(LogicalPlan::Join)
    };
    let partners = of_type(JoinType::Left, false)?;
    let alone = of_type(JoinType::LeftAnti, true)?;
    let left_columns = join.left.schema().fields().len();
    let mut columns = Vec::new();
    for (at, (qualifier, field)) in join.schema.iter().enumerate() {
        columns.push(if at < left_columns {
            let null = Expr::Literal(ScalarValue::try_from(field.data_type())?, None);
            null.alias_qualified(qualifier.cloned(), field.name())
        } else {
            Expr::from((qualifier, field))
        });
    }
    let alone = LogicalPlan::Projection(Projection::try_new(columns, Arc::new(alone))?);
    let inputs = vec![Arc::new(partners), Arc::new(alone)];
    Ok(Transformed::yes(LogicalPlan::Union(Union { inputs, schema: join.schema })))
}

fn is_repeatable(plan: &LogicalPlan) -> Result<bool> {
    let once = plan.exists(|node| Ok(tee_node::is_reader(node) || DistinctOnNode::is(node) || has_volatile(node)))?;
    Ok(!once)
}

fn has_volatile(node: &LogicalPlan) -> bool {
    node.expressions().iter().any(Expr::is_volatile)
}
