//! Filters that become known while a query runs: of joins, the keys of the smaller side; of the first rows in an order, what the
//! last of them has. Lines that cannot pass are passed over, as by those of the query itself.

use super::filters::Fields;
use datafusion::{
    arrow::datatypes::Schema,
    common::{
        Column, Result,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{BinaryExpr, Expr, expr::InList},
    physical_expr::{
        DynamicFilterTracker, PhysicalExpr,
        expressions::{
            self as physical, CastExpr, DynamicFilterPhysicalExpr, DynamicFilterTracking, InListExpr, Literal,
        },
    },
    physical_plan::joins::HashTableLookupExpr,
};
use std::sync::Arc;
use tidegate_formats::Prefilter;

/// The filters that one partition of a scan goes by.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    filters: Vec<(Arc<dyn PhysicalExpr>, DynamicFilterTracking)>,
    seen: bool,
}

/// Returns whether a filter becomes known while the query runs.
pub(super) fn is_dynamic(filter: &Arc<dyn PhysicalExpr>) -> bool {
    DynamicFilterTracking::classify(filter).contains_dynamic_filter()
}

impl Dynamic {
    pub fn new(filters: &[Arc<dyn PhysicalExpr>]) -> Self {
        let watched = |filter: &Arc<dyn PhysicalExpr>| (Arc::clone(filter), DynamicFilterTracking::classify(filter));
        Self { filters: filters.iter().map(watched).collect(), seen: false }
    }

    /// Returns what the filters of a scan of these columns are now, if they are not what they were the last time.
    pub fn changed(&mut self, schema: &Schema) -> Result<Option<Vec<Expr>>> {
        let mut changed = !self.seen && !self.filters.is_empty();
        self.seen = true;
        for (_, tracking) in &mut self.filters {
            changed |= tracking.watcher().is_some_and(DynamicFilterTracker::changed);
        }
        if !changed {
            return Ok(None);
        }
        for (filter, _) in &self.filters {
            filter.apply(|part| {
                part.downcast_ref::<DynamicFilterPhysicalExpr>().map_or(Ok(()), let_go)?;
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        self.filters.iter().map(|(filter, _)| logical(filter, schema)).collect::<Result<_>>().map(Some)
    }
}

/// Drops a filter that looks up keys in the table of a join: no bytes to search for come of it, and the table would live, and
/// nobody would account for it, as long as the plan.
fn let_go(filter: &DynamicFilterPhysicalExpr) -> Result<()> {
    if filter.current()?.exists(|part| Ok(part.is::<HashTableLookupExpr>()))? {
        filter.update(physical::lit(true))?;
        // What it was is remembered until somebody asks again.
        filter.current()?;
    }
    Ok(())
}

impl Fields<'_> {
    /// Returns the search of the query's own filters or that of the dynamic ones, whichever passes over more lines.
    pub fn narrower(self, own: Option<&Arc<Prefilter>>, dynamic: &[Expr]) -> Option<Arc<Prefilter>> {
        let dynamic = self.prefilter(dynamic).map(Arc::new);
        own.cloned().into_iter().chain(dynamic).max_by_key(|prefilter| super::filters::weight(prefilter.needles()))
    }
}

/// Returns a filter in the words of a query; of what has none, that it holds.
fn logical(filter: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Expr> {
    if let Some(dynamic) = filter.downcast_ref::<DynamicFilterPhysicalExpr>() {
        return logical(&dynamic.current()?, schema);
    }
    if let Some(column) = filter.downcast_ref::<physical::Column>() {
        return Ok(Expr::Column(Column::from_name(column.name())));
    }
    if let Some(literal) = filter.downcast_ref::<Literal>() {
        return Ok(Expr::Literal(literal.value().clone(), None));
    }
    if let Some(binary) = filter.downcast_ref::<physical::BinaryExpr>() {
        let (left, right) = (logical(binary.left(), schema)?, logical(binary.right(), schema)?);
        return Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *binary.op(), Box::new(right))));
    }
    if let Some(list) = filter.downcast_ref::<InListExpr>() {
        let values = list.list().iter().map(|value| logical(value, schema)).collect::<Result<_>>()?;
        return Ok(Expr::InList(InList::new(Box::new(logical(list.expr(), schema)?), values, list.negated())));
    }
    if let Some(cast) = filter.downcast_ref::<CastExpr>()
        && cast.expr().data_type(schema)?.is_integer()
        && cast.cast_type().is_integer()
    {
        // What does not fit is an error where the filter is applied.
        return logical(cast.expr(), schema);
    }
    Ok(Expr::Literal(true.into(), None))
}
