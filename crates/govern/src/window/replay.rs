//! The second pass over a partition.

use super::{pass::SecondPass, running::running_windows, stream::Shape};
use datafusion::{
    arrow::array::RecordBatch,
    common::{DataFusionError, Result, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryReservation},
    physical_expr::{PhysicalExpr, window::WindowExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties, windows::BoundedWindowAggExec,
    },
};
use futures::TryStreamExt;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Where the column of a function comes from.
pub(super) enum Source {
    /// It is made here.
    Pass(Box<dyn SecondPass>),
    /// It comes with the rows, in this place.
    Streamed(usize),
}

/// Reads the rows again and adds the columns of the functions.
pub(super) struct Replay {
    pub(super) shape: Arc<Shape>,
    /// Columns of the input.
    pub(super) width: usize,
    pub(super) rows: SendableRecordBatchStream,
    pub(super) sources: Vec<Source>,
    pub(super) pending: Option<RecordBatch>,
    /// What the functions hold.
    pub(super) held: Vec<MemoryReservation>,
}

impl Replay {
    /// Returns the next rows of a replay if there is one, and ends it after the last.
    pub(super) async fn next_of(replay: &mut Option<Self>) -> Result<Option<RecordBatch>> {
        let Some(open) = replay else { return Ok(None) };
        let batch = open.next().await?;
        if batch.is_none() {
            *replay = None;
        }
        Ok(batch)
    }

    /// Returns the next rows, or `None` after the last.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = loop {
            let next = match self.pending.take() {
                Some(batch) => Some(batch),
                None => self.rows.try_next().await?,
            };
            match next {
                None => {
                    self.held.clear();
                    return Ok(None);
                }
                Some(batch) if batch.num_rows() > 0 => break batch,
                Some(_) => {}
            }
        };
        let most = self.sources.iter().map(Source::most_rows).min().unwrap_or(usize::MAX);
        let (batch, rest) = if batch.num_rows() > most {
            (batch.slice(0, most), Some(batch.slice(most, batch.num_rows() - most)))
        } else {
            (batch, None)
        };
        self.pending = rest;
        let mut columns: Vec<_> = batch.columns().iter().take(self.width).map(Arc::clone).collect();
        for source in &mut self.sources {
            columns.push(match source {
                Source::Pass(pass) => pass.column(&batch)?,
                Source::Streamed(index) => Arc::clone(batch.column(*index)),
            });
        }
        self.shape.batch(columns, batch.num_rows()).map(Some)
    }
}

impl Source {
    fn most_rows(&self) -> usize {
        match self {
            Self::Pass(pass) => pass.most_rows(),
            Self::Streamed(_) => usize::MAX,
        }
    }
}

/// Lets DataFusion's operator for bounded frames, or what takes its place, add its columns to the rows of one partition.
pub(super) fn streamed(
    functions: Vec<Arc<dyn WindowExpr>>,
    rows: SendableRecordBatchStream,
    input: &Arc<PlanProperties>,
    context: Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let rows = Arc::new(Again { rows: Mutex::new(Some(rows)), properties: Arc::clone(input) });
    let window = BoundedWindowAggExec::try_new(functions, rows, InputOrderMode::Sorted, false)?;
    match running_windows(&window)? {
        Some(windows) => windows.execute(0, context),
        None => window.execute(0, context),
    }
}

/// A plan node that hands out rows that are there: DataFusion's operator wants a node.
struct Again {
    rows: Mutex<Option<SendableRecordBatchStream>>,
    /// Those of the input, since the order is the same.
    properties: Arc<PlanProperties>,
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

impl DisplayAs for Again {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

impl ExecutionPlan for Again {
    fn name(&self) -> &'static str {
        "Again"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take();
        rows.ok_or_else(|| DataFusionError::Internal("the rows of a partition are read once".into()))
    }
}
