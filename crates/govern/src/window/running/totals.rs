//! What the functions know of the partition so far.

use super::groups::Group;
use crate::window::{
    constant::Maker,
    feed::{Feed, Shared, not_merged},
    kind::has_filter,
};
use datafusion::{
    arrow::array::{ArrayRef, RecordBatch},
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::Accumulator,
    physical_expr::window::WindowExpr,
};
use std::{
    mem,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// The accumulators of all functions.
pub(super) struct Totals {
    functions: Vec<Function>,
    /// Whether the accumulators are as they were made.
    unused: bool,
}

struct Function {
    expression: Arc<dyn WindowExpr>,
    maker: Maker,
    accumulator: Box<dyn Accumulator>,
    filter: Option<Filter>,
}

/// The arguments of one function, for groups of one batch.
pub(super) enum Arguments {
    /// For all rows.
    All(Vec<ArrayRef>),
    /// For the rows of each group that pass the filter.
    Passed(Vec<Vec<ArrayRef>>),
}

impl Totals {
    pub(super) fn new(functions: &[Arc<dyn WindowExpr>]) -> Result<Self> {
        let functions = functions.iter().map(Function::new).collect::<Result<_>>()?;
        Ok(Self { functions, unused: true })
    }

    /// Returns the arguments of all functions, for groups that cover the batch.
    pub(super) fn arguments(&self, batch: &RecordBatch, groups: &[Group]) -> Result<Vec<Arguments>> {
        self.functions.iter().map(|function| function.arguments(batch, groups)).collect()
    }

    /// Adds the rows of a group, whose place among those that the arguments are for is `index`.
    pub(super) fn update(&mut self, arguments: &[Arguments], index: usize, group: &Group) -> Result<()> {
        if group.begins && !mem::replace(&mut self.unused, true) {
            for function in &mut self.functions {
                function.accumulator = function.maker.make()?;
            }
        }
        self.unused = false;
        for (function, arguments) in self.functions.iter_mut().zip(arguments) {
            function.accumulator.update_batch(&arguments.of(index, &group.rows))?;
        }
        Ok(())
    }

    /// Returns the values of all functions for the rows so far.
    pub(super) fn evaluate(&mut self) -> Result<Vec<ScalarValue>> {
        self.functions.iter_mut().map(|function| function.accumulator.evaluate()).collect()
    }

    /// Returns the bytes that are held.
    pub(super) fn size(&self) -> usize {
        self.functions.iter().map(|function| function.accumulator.size()).sum()
    }
}

impl Function {
    fn new(expression: &Arc<dyn WindowExpr>) -> Result<Self> {
        let maker = Maker::new(expression)?;
        let accumulator = maker.make()?;
        let filter = if has_filter(expression) { Some(Filter::new(expression)?) } else { None };
        Ok(Self { expression: Arc::clone(expression), maker, accumulator, filter })
    }

    fn arguments(&self, batch: &RecordBatch, groups: &[Group]) -> Result<Arguments> {
        match &self.filter {
            Some(filter) => filter.arguments(&self.expression, batch, groups).map(Arguments::Passed),
            None => self.expression.evaluate_args(batch).map(Arguments::All),
        }
    }
}

impl Arguments {
    fn of(&self, index: usize, rows: &Range<usize>) -> Vec<ArrayRef> {
        match self {
            Self::All(columns) => columns.iter().map(|column| column.slice(rows.start, rows.len())).collect(),
            Self::Passed(groups) => groups.get(index).cloned().unwrap_or_default(),
        }
    }
}

/// A FILTER clause, which DataFusion applies and gives to nobody: it gets an accumulator that notes what passes.
struct Filter {
    feed: Feed,
    passed: Passed,
}

impl Filter {
    fn new(function: &Arc<dyn WindowExpr>) -> Result<Self> {
        let passed = Passed::default();
        let feed = Feed::new(function, &Shared::new(Box::new(passed.clone())))?;
        Ok(Self { feed, passed })
    }

    /// DataFusion updates the accumulator once for each group. It takes what it is given for one partition, so it is given
    /// each partition alone.
    fn arguments(
        &self,
        function: &Arc<dyn WindowExpr>,
        batch: &RecordBatch,
        groups: &[Group],
    ) -> Result<Vec<Vec<ArrayRef>>> {
        for partition in groups.chunk_by(|_, next| !next.begins) {
            if let (Some(first), Some(last)) = (partition.first(), partition.last()) {
                let rows = batch.slice(first.rows.start, last.rows.end - first.rows.start);
                self.feed.update(function, &rows)?;
            }
        }
        let passed = self.passed.take();
        if passed.len() != groups.len() {
            return Err(DataFusionError::Internal(format!("{} filtered other peers", function.name())));
        }
        Ok(passed)
    }
}

/// An accumulator that keeps what it is given, call by call.
#[derive(Clone, Debug, Default)]
struct Passed(Arc<Mutex<Vec<Vec<ArrayRef>>>>);

impl Passed {
    fn take(&self) -> Vec<Vec<ArrayRef>> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Accumulator for Passed {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(values.to_vec());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Err(not_merged())
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
