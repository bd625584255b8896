//! `ntile`, `percent_rank` and `cume_dist`: numbers that follow from a row's place, its peers and the count of rows.

use super::{
    pass::{FirstPass, SecondPass},
    runs::Runs,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanBufferBuilder, Float64Array, RecordBatch, UInt64Array},
        buffer::BooleanBuffer,
    },
    common::Result,
    physical_expr::window::WindowExpr,
};
use std::sync::Arc;

/// Which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ranking {
    /// Into so many tiles, the first of which take one row more each if the count does not divide.
    Ntile(u64),
    /// The share of rows before the first peer, among all others.
    PercentRank,
    /// The share of rows up to the last peer.
    CumeDist,
}

/// Notes where peers begin: a bit for each row. A list of places would be shorter for few peers, and far longer for many.
pub(super) struct Peers {
    ranking: Ranking,
    runs: Runs,
    begins: BooleanBufferBuilder,
}

impl Peers {
    pub(super) fn new(function: &Arc<dyn WindowExpr>, ranking: Ranking) -> Self {
        let order = function.order_by().iter().map(|sort| Arc::clone(&sort.expr)).collect();
        Self { ranking, runs: Runs::new(order), begins: BooleanBufferBuilder::new(0) }
    }
}

impl FirstPass for Peers {
    fn see(&mut self, batch: &RecordBatch) -> Result<()> {
        if matches!(self.ranking, Ranking::Ntile(_)) {
            return Ok(());
        }
        let found = self.runs.find(batch)?;
        let mut begins = !found.continues;
        for run in found.ranges {
            self.begins.append(begins);
            self.begins.append_n(run.len().saturating_sub(1), false);
            begins = true;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.begins.capacity() / 8
    }

    fn finish(mut self: Box<Self>, rows: usize) -> Result<Box<dyn SecondPass>> {
        let begins = self.begins.finish();
        Ok(match self.ranking {
            Ranking::Ntile(tiles) => Box::new(Tiles::new(tiles, rows)),
            Ranking::PercentRank => Box::new(PercentRank { begins, rows, row: 0, first: 0 }),
            Ranking::CumeDist => Box::new(CumeDist { begins, rows, row: 0, end: 0 }),
        })
    }
}

struct Tiles {
    /// Rows in the larger tiles together.
    large_rows: u64,
    /// Rows in one of the smaller tiles.
    small: u64,
    /// How many are larger.
    large: u64,
    row: u64,
}

impl Tiles {
    fn new(tiles: u64, rows: usize) -> Self {
        let rows = rows as u64;
        let small = rows.checked_div(tiles).unwrap_or(rows);
        let large = rows.checked_rem(tiles).unwrap_or(0);
        Self { large_rows: large * (small + 1), small, large, row: 0 }
    }

    fn next(&mut self) -> u64 {
        let row = self.row;
        self.row += 1;
        if row < self.large_rows {
            return row / (self.small + 1) + 1;
        }
        // No row comes here if the smaller tiles are empty.
        self.large + (row - self.large_rows) / self.small.max(1) + 1
    }
}

impl SecondPass for Tiles {
    fn column(&mut self, batch: &RecordBatch) -> Result<ArrayRef> {
        Ok(Arc::new(UInt64Array::from_iter_values((0..batch.num_rows()).map(|_| self.next()))))
    }
}

struct PercentRank {
    begins: BooleanBuffer,
    rows: usize,
    row: usize,
    /// The first peer of the row.
    first: usize,
}

impl SecondPass for PercentRank {
    fn column(&mut self, batch: &RecordBatch) -> Result<ArrayRef> {
        let others = (float(self.rows) - 1.0).max(1.0);
        let column = (0..batch.num_rows()).map(|_| {
            if begins(&self.begins, self.row) {
                self.first = self.row;
            }
            self.row += 1;
            float(self.first) / others
        });
        Ok(Arc::new(Float64Array::from_iter_values(column)))
    }
}

struct CumeDist {
    begins: BooleanBuffer,
    rows: usize,
    row: usize,
    /// Past the last peer of the row.
    end: usize,
}

impl SecondPass for CumeDist {
    fn column(&mut self, batch: &RecordBatch) -> Result<ArrayRef> {
        let column = (0..batch.num_rows()).map(|_| {
            if self.row >= self.end {
                self.end = self.row + 1;
                while self.end < self.rows && !begins(&self.begins, self.end) {
                    self.end += 1;
                }
            }
            self.row += 1;
            float(self.end) / float(self.rows)
        });
        Ok(Arc::new(Float64Array::from_iter_values(column)))
    }
}

fn begins(bits: &BooleanBuffer, row: usize) -> bool {
    row < bits.len() && bits.value(row)
}

#[expect(clippy::cast_precision_loss, reason = "as DataFusion computes it; exact up to 2^53 rows")]
fn float(rows: usize) -> f64 {
    rows as f64
}
