//! Aggregates with a FILTER clause.
//!
//! DataFusion applies the clause inside of a window function and gives it to nobody. But it also takes the accumulator that
//! it feeds from outside, so ours is put in: it hands what passes the filter to the accumulator that counts.

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch},
        datatypes::DataType,
    },
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::AccumulatorArgs,
        window_state::{PartitionBatchState, WindowAggState},
    },
    physical_expr::{
        aggregate::AggregateExprBuilder,
        window::{
            PartitionBatches, PartitionWindowAggStates, PlainAggregateWindowExpr, WindowEvalContext, WindowExpr,
            WindowState,
        },
    },
};
use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// An accumulator with two owners, which take turns.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Box<dyn Accumulator>>>);

impl Shared {
    pub(super) fn new(accumulator: Box<dyn Accumulator>) -> Self {
        Self(Arc::new(Mutex::new(accumulator)))
    }

    /// The task ends when an accumulator panics, so nobody sees what it left.
    pub(super) fn lock(&self) -> MutexGuard<'_, Box<dyn Accumulator>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Feeds an accumulator with the rows that a function's filter lets pass.
pub(super) struct Feed {
    /// A function of nobody's, which makes the accumulators that are put in.
    maker: PlainAggregateWindowExpr,
    returns: DataType,
}

impl Feed {
    pub(super) fn new(function: &Arc<dyn WindowExpr>, target: &Shared) -> Result<Self> {
        let Some(aggregate) = function.as_any().downcast_ref::<PlainAggregateWindowExpr>() else {
            return Err(DataFusionError::Internal(format!("{} is no plain aggregate", function.name())));
        };
        let returns = aggregate.get_aggregate_expr().field().data_type().clone();
        let through = Through {
            signature: Signature::variadic_any(Volatility::Immutable),
            returns: returns.clone(),
            target: target.clone(),
        };
        // The arguments are evaluated by the function itself; here they only must be some, of any type.
        let any = Arc::new(datafusion::physical_expr::expressions::Literal::new(ScalarValue::Int64(None)));
        let expression = AggregateExprBuilder::new(Arc::new(AggregateUDF::new_from_impl(through)), vec![any])
            .alias("feed")
            .build()?;
        let frame = Arc::clone(function.get_window_frame());
        let maker = PlainAggregateWindowExpr::new(Arc::new(expression), &[], function.order_by(), frame, None);
        Ok(Self { maker, returns })
    }

    /// Feeds the next rows.
    pub(super) fn update(&self, function: &Arc<dyn WindowExpr>, batch: &RecordBatch) -> Result<()> {
        let state = WindowState {
            state: WindowAggState::new(&self.returns)?,
            window_fn: self.maker.create_window_fn()?,
            published: false,
        };
        let mut states = PartitionWindowAggStates::default();
        states.insert(Vec::new(), state);
        let mut batches = PartitionBatches::default();
        let mut rows = PartitionBatchState::new_with_batch(batch.clone());
        rows.is_end = true;
        batches.insert(Vec::new(), rows);
        function.evaluate_stateful(&batches, &mut states, &WindowEvalContext::default())
    }
}

/// The function whose accumulators hand on what they get.
#[derive(Debug)]
struct Through {
    signature: Signature,
    returns: DataType,
    target: Shared,
}

impl PartialEq for Through {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.target.0, &other.target.0)
    }
}

impl Eq for Through {}

impl Hash for Through {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.target.0).cast::<()>().hash(state);
    }
}

impl AggregateUDFImpl for Through {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Handing { nothing: ScalarValue::try_from(&self.returns)?, target: self.target.clone() }))
    }
}

#[derive(Debug)]
struct Handing {
    nothing: ScalarValue,
    target: Shared,
}

impl Accumulator for Handing {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.target.lock().update_batch(values)
    }

    /// Nobody reads the columns that come of this.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.nothing.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(not_merged())
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        Err(not_merged())
    }
}

/// The answer of accumulators of ours to what is asked of those below an exchange.
pub(super) fn not_merged() -> DataFusionError {
    DataFusionError::Internal("a window function is not merged".into())
}
