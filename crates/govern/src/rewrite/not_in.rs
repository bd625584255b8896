//! `NOT IN (subquery)`, where there may be nulls.
//!
//! DataFusion answers it with a hash join that builds on the outer table, the large one, and never spills. Here the values of
//! the subquery are read once, into a spool, which also sees the two things that make `NOT IN` differ from a plain anti join:
//! with a null among the values nothing is in the answer, and without any value everything is, nulls included. Else the answer
//! is what a plain anti join leaves, which may be a sort-merge join, without the rows whose own value is null.

use super::spool::{Once, Spool};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, RecordBatch},
        compute::{SortOptions, filter, filter_record_batch, is_not_null},
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    common::{DataFusionError, JoinType, NullEquality, Result, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr, expressions::Column},
    physical_plan::{
        DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements, Partitioning,
        PlanProperties, ReplaceChildrenOptions,
        execution_plan::{Boundedness, ChildrenPropertiesMode, EmissionType},
        joins::{HashJoinExec, SortMergeJoinExec},
        metrics::{ExecutionPlanMetricsSet, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{FutureExt, StreamExt, TryStreamExt, future, stream};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// Returns the rewritten join, or `None` for any other join and for what a sort-merge join cannot compare.
pub(super) fn rewrite(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let [(left_key, right_key)] = join.on.as_slice() else { return Ok(None) };
    let plain = join.filter.is_none() && join.projection.is_none() && join.join_type == JoinType::LeftAnti;
    let of = right_key.data_type(&join.right.schema())?;
    if !join.null_aware || !plain || !can_be_merged(&of) {
        return Ok(None);
    }
    let values = Arc::new(Values::default());
    let schema = Arc::new(Schema::new(vec![Field::new("value", of, false)]));
    let read = Arc::new(ValuesExec::new(Arc::clone(&values), schema));
    let on = vec![(Arc::clone(left_key), Arc::new(Column::new("value", 0)) as _)];
    let sort = vec![SortOptions::default()];
    let left = Arc::clone(&join.left);
    let equality = NullEquality::NullEqualsNothing;
    let merge = SortMergeJoinExec::try_new(left, read, on, None, JoinType::LeftAnti, sort, equality)?;
    let keys = [Arc::clone(left_key), Arc::clone(right_key)];
    Ok(Some(Arc::new(NotInExec::new(Arc::new(merge), Arc::clone(&join.right), keys, values))))
}

/// The types of which sort-merge joins and hash joins have the same idea of equality.
fn can_be_merged(of: &DataType) -> bool {
    of.is_integer()
        || matches!(of, DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        || matches!(of, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) | DataType::Decimal128(..))
}

/// What the operators of one `NOT IN` share.
type Values = Once<Subquery>;

/// The values of a subquery.
struct Subquery {
    /// Those that are not null.
    values: Arc<Spool>,
    any: bool,
    any_null: bool,
}

/// Reads a subquery, then lets those rows of an anti join pass that are not in it.
#[derive(Debug)]
struct NotInExec {
    join: Arc<dyn ExecutionPlan>,
    subquery: Arc<dyn ExecutionPlan>,
    /// The value of a row of the outer table, and that of a row of the subquery.
    keys: [Arc<dyn PhysicalExpr>; 2],
    values: Arc<Values>,
    metrics: ExecutionPlanMetricsSet,
}

impl NotInExec {
    fn new(
        join: Arc<dyn ExecutionPlan>,
        subquery: Arc<dyn ExecutionPlan>,
        keys: [Arc<dyn PhysicalExpr>; 2],
        values: Arc<Values>,
    ) -> Self {
        Self { join, subquery, keys, values, metrics: ExecutionPlanMetricsSet::default() }
    }

    /// Starts to read the subquery. This node is executed and polled before the join below it, so the join never waits for
    /// what nobody started.
    fn start(&self, context: &Arc<TaskContext>) -> Result<()> {
        self.values.start(|| {
            let rows = self.subquery.execute(0, Arc::clone(context))?;
            let (key, context, metrics) = (Arc::clone(&self.keys[1]), Arc::clone(context), self.metrics.clone());
            let schema = Arc::new(Schema::new(vec![Field::new("value", key.data_type(&rows.schema())?, false)]));
            Ok(read_subquery(rows, key, schema, context, metrics).boxed())
        })
    }
}

async fn read_subquery(
    rows: SendableRecordBatchStream,
    key: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    context: Arc<TaskContext>,
    metrics: ExecutionPlanMetricsSet,
) -> Result<Subquery> {
    let (any, any_null) = (AtomicBool::new(false), AtomicBool::new(false));
    let of = Arc::clone(&schema);
    let values = rows.and_then(|batch| {
        let values = key.evaluate(&batch).and_then(|value| value.into_array(batch.num_rows()));
        future::ready(values.and_then(|values| {
            any.fetch_or(!values.is_empty(), Relaxed);
            any_null.fetch_or(values.logical_null_count() > 0, Relaxed);
            // Once there is a null, the values do not matter any more.
            let kept = if any_null.load(Relaxed) { values.slice(0, 0) } else { not_null(&values)? };
            Ok(RecordBatch::try_new(Arc::clone(&of), vec![kept])?)
        }))
    });
    let values = Arc::new(Spool::fill(schema, values, &context, &metrics).await?);
    Ok(Subquery { values, any: any.into_inner(), any_null: any_null.into_inner() })
}

fn not_null(values: &ArrayRef) -> Result<ArrayRef> {
    if values.logical_null_count() == 0 {
        return Ok(Arc::clone(values));
    }
    Ok(filter(values, &is_not_null(values)?)?)
}

impl DisplayAs for NotInExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = &self.keys;
        write!(f, "NotInExec: {left} not in {right}")
    }
}

impl ExecutionPlan for NotInExec {
    fn name(&self) -> &'static str {
        "NotInExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.join.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::UnspecifiedDistribution, Distribution::SinglePartition])
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true, false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false, false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.join, &self.subquery]
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(subquery), Some(join), true) = (children.pop(), children.pop(), children.is_empty()) else {
            return internal_err!("`NOT IN` has two children");
        };
        Ok(Arc::new(Self::new(join, subquery, self.keys.clone(), Arc::clone(&self.values))))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for key in &self.keys {
            if f(key)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.start(&context)?;
        let join = self.join.execute(partition, context)?;
        let (values, key) = (Arc::clone(&self.values), Arc::clone(&self.keys[0]));
        let rows = stream::once(async move {
            let subquery = values.get().await?;
            Ok::<_, DataFusionError>(if subquery.any_null {
                stream::empty().boxed()
            } else if subquery.any {
                join.map(move |batch| with_value(&batch?, &key)).boxed()
            } else {
                join.boxed()
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows.try_flatten())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Returns the rows whose own value is not null.
fn with_value(batch: &RecordBatch, key: &Arc<dyn PhysicalExpr>) -> Result<RecordBatch> {
    let values = key.evaluate(batch)?.into_array(batch.num_rows())?;
    if values.logical_null_count() == 0 {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, &is_not_null(&values)?)?)
}

/// The values of a subquery that are not null, as the other side of the join.
#[derive(Debug)]
struct ValuesExec {
    values: Arc<Values>,
    properties: Arc<PlanProperties>,
}

impl ValuesExec {
    fn new(values: Arc<Values>, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { values, properties: Arc::new(properties) }
    }
}

impl DisplayAs for ValuesExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValuesExec: of the subquery")
    }
}

impl ExecutionPlan for ValuesExec {
    fn name(&self) -> &'static str {
        "ValuesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let values = Arc::clone(&self.values);
        let batches = stream::once(async move { values.get().await?.values.read() }).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}
