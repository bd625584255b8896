//! Groups of peers in batches that follow each other.

use crate::window::runs::Runs;
use datafusion::{
    arrow::{array::RecordBatch, compute::concat_batches, datatypes::SchemaRef},
    common::{Result, utils::memory::RecordBatchMemoryCounter},
    logical_expr::WindowFrameUnits,
    physical_expr::{PhysicalExpr, window::WindowExpr},
};
use std::{ops::Range, sync::Arc};

/// Rows of one batch that are peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) rows: Range<usize>,
    /// Whether a partition begins with them.
    pub(super) begins: bool,
}

impl Group {
    /// Returns the same rows of a batch without its first `rows`.
    pub(super) fn without(&self, rows: usize) -> Self {
        Self { rows: self.rows.start - rows..self.rows.end - rows, ..*self }
    }

    /// Returns the same rows of a batch with `rows` more before them.
    fn behind(&self, rows: usize) -> Self {
        Self { rows: self.rows.start + rows..self.rows.end + rows, ..*self }
    }
}

/// Finds groups.
pub(super) struct Groups {
    partitions: Runs,
    /// `None` if each row is a group.
    peers: Option<Runs>,
}

/// The groups of one batch.
pub(super) struct FoundGroups {
    /// Whether the first one goes on with the last one of the batch before.
    pub(super) continues: bool,
    pub(super) groups: Vec<Group>,
}

impl Groups {
    /// For functions with the PARTITION BY, the ORDER BY and the units of the frame of this one.
    pub(super) fn new(function: &Arc<dyn WindowExpr>) -> Self {
        let keys = function.partition_by();
        let order = function.order_by().iter().map(|sort| &sort.expr);
        let all: Vec<Arc<dyn PhysicalExpr>> = keys.iter().chain(order).map(Arc::clone).collect();
        let rows = function.get_window_frame().units == WindowFrameUnits::Rows;
        Self { partitions: Runs::new(keys.to_vec()), peers: (!rows).then(|| Runs::new(all)) }
    }

    /// Returns the groups of the next batch, which has at least one row.
    pub(super) fn find(&mut self, batch: &RecordBatch) -> Result<FoundGroups> {
        let partitions = self.partitions.find(batch)?;
        let (continues, peers) = match &mut self.peers {
            Some(peers) => peers.find(batch).map(|found| (found.continues, found.ranges))?,
            None => (false, (0..batch.num_rows()).map(|row| row..row + 1).collect()),
        };
        let starts = partitions.ranges.iter().map(|rows| rows.start);
        let mut starts = starts.skip(usize::from(partitions.continues)).peekable();
        let group = |rows: Range<usize>| Group { begins: starts.next_if_eq(&rows.start).is_some(), rows };
        Ok(FoundGroups { continues, groups: peers.into_iter().map(group).collect() })
    }
}

/// The rows so far of a group that has not ended, few enough to go out with those that follow.
#[derive(Default)]
pub(super) struct Tail {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: usize,
    pub(super) begins: bool,
}

impl Tail {
    pub(super) fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.batches.push(batch);
    }

    /// Returns the bytes that are held.
    pub(super) fn size(&self) -> usize {
        let mut counter = RecordBatchMemoryCounter::new();
        self.batches.iter().map(|batch| counter.count_batch(batch)).sum()
    }

    /// Returns the rows as one group, with those of the next batch, if there is one, and its groups.
    pub(super) fn join(
        mut self,
        next: Option<(RecordBatch, FoundGroups)>,
        schema: &SchemaRef,
    ) -> Result<(RecordBatch, Vec<Group>)> {
        let mut groups = vec![Group { rows: 0..self.rows, begins: self.begins }];
        if let Some((batch, found)) = next {
            let mut others = found.groups.iter().map(|group| group.behind(self.rows));
            if found.continues
                && let (Some(first), Some(joins)) = (groups.first_mut(), others.next())
            {
                first.rows.end = joins.rows.end;
            }
            groups.extend(others);
            self.batches.push(batch);
        }
        Ok((concat_batches(schema, &self.batches)?, groups))
    }
}
