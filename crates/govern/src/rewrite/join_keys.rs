//! Keys of sort-merge joins that DataFusion 55.2 cannot compare.
//!
//! The sort-merge join for semi, anti and mark joins knows timestamps without a time zone only. Within one type, a timestamp, a
//! time and a duration are equal and ordered as their numbers are, so they are joined by their numbers.

use datafusion::{
    arrow::{compute::can_cast_types, datatypes::DataType},
    common::{JoinType, Result, tree_node::Transformed},
    logical_expr::{ExprSchemable, Join, LogicalPlan, cast},
};

/// Returns the join with keys that can be compared.
pub(super) fn rewrite(mut join: Join) -> Result<Transformed<LogicalPlan>> {
    if is_materialized(join.join_type) {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let mut changed = false;
    for (left, right) in &mut join.on {
        let kind = left.get_type(join.left.schema())?;
        if kind == right.get_type(join.right.schema())? && is_number_inside(&kind) {
            *left = cast(left.clone(), DataType::Int64);
            *right = cast(right.clone(), DataType::Int64);
            changed = true;
        }
    }
    let join = LogicalPlan::Join(join);
    Ok(if changed { Transformed::yes(join) } else { Transformed::no(join) })
}

/// These use another comparison, which knows all types.
fn is_materialized(kind: JoinType) -> bool {
    matches!(kind, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full)
}

fn is_number_inside(kind: &DataType) -> bool {
    let wanted = matches!(
        kind,
        DataType::Timestamp(_, Some(_)) | DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_)
    );
    wanted && can_cast_types(kind, &DataType::Int64)
}
