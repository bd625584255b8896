//! Merging runs: a tree of losers (Knuth, The Art of Computer Programming, volume 3, 5.4.1), of which each leaf is a run or the
//! runs of a file, one after the other.

use super::{
    keys::{Encoder, Head, head},
    run::Run,
};
use datafusion::{
    arrow::{array::RecordBatch, compute::interleave_record_batch},
    common::Result,
    execution::{SendableRecordBatchStream, memory_pool::MemoryReservation},
};
use futures::StreamExt;
use std::{cmp::Ordering, sync::Arc};

/// Nothing stands here yet.
const NOBODY: usize = usize::MAX;

/// What is merged.
pub(super) enum Source {
    /// A run, with the bytes that are reserved for it.
    Run(Run),
    /// Batches in order, read from a file.
    File(SendableRecordBatchStream),
}

/// A merge of runs.
pub(super) struct Merge {
    encoder: Arc<Encoder>,
    cursors: Vec<Cursor>,
    /// The first is the winner of all, the others lost against the one that went on.
    losers: Vec<usize>,
    /// What is reserved for runs in memory; given back as they end.
    held: Vec<MemoryReservation>,
    /// Rows of a batch that goes out.
    batch_rows: usize,
    /// The batches of the rows that go out next.
    batches: Vec<RecordBatch>,
    /// Batch and row of those.
    places: Vec<(usize, usize)>,
}

/// The next row of a source.
struct Cursor {
    /// `None` when all of it is merged.
    run: Option<Run>,
    row: usize,
    head: Head,
    /// Where its batch is among those that go out; [`NOBODY`] if none of its rows does.
    slot: usize,
    file: Option<SendableRecordBatchStream>,
}

impl Cursor {
    fn begin(&mut self, run: Option<Run>) {
        self.head = run.as_ref().map_or(Head::MAX, |run| head(run.keys.get(0)));
        (self.run, self.row, self.slot) = (run, 0, NOBODY);
    }
}

impl Merge {
    /// Begins to merge. `held` is what is reserved for the runs that are in memory, and is given back as they end.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) async fn new(
        encoder: Arc<Encoder>,
        sources: Vec<Source>,
        held: Vec<MemoryReservation>,
        batch_rows: usize,
    ) -> Result<Self> {
        let mut cursors = Vec::with_capacity(sources.len());
        for source in sources {
            let mut cursor = Cursor { run: None, row: 0, head: Head::MAX, slot: NOBODY, file: None };
            match source {
                Source::Run(run) => cursor.begin(Some(run).filter(|run| run.batch.num_rows() > 0)),
                Source::File(mut file) => {
                    cursor.begin(next_run(&mut file, &encoder).await?);
                    cursor.file = Some(file);
                }
            }
            cursors.push(cursor);
        }
        let losers = vec![NOBODY; cursors.len()];
        let mut merge = Self { encoder, cursors, losers, held, batch_rows, batches: Vec::new(), places: Vec::new() };
        for cursor in 0..merge.cursors.len() {
            merge.play(cursor);
        }
        Ok(merge)
    }

    /// Returns the next rows in order, or `None` after the last.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.places.len() < self.batch_rows && self.take() {
            self.advance().await?;
        }
        if self.places.is_empty() {
            self.held.clear();
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let merged = interleave_record_batch(&batches, &self.places)?;
        self.batches.clear();
        self.places.clear();
        for cursor in &mut self.cursors {
            cursor.slot = NOBODY;
        }
        Ok(Some(merged))
    }

    /// Puts the row of the winner among those that go out. Returns false if there is none.
    fn take(&mut self) -> bool {
        let winner = self.losers.first().and_then(|winner| self.cursors.get_mut(*winner));
        let Some(Cursor { run: Some(run), row, slot, .. }) = winner else { return false };
        if *slot == NOBODY {
            *slot = self.batches.len();
            self.batches.push(run.batch.clone());
        }
        self.places.push((*slot, *row));
        true
    }

    /// Goes on to the next row of the winner, and lets the others play against it.
    async fn advance(&mut self) -> Result<()> {
        let Some(&winner) = self.losers.first() else { return Ok(()) };
        let Some(cursor) = self.cursors.get_mut(winner) else { return Ok(()) };
        let Some(run) = &cursor.run else { return Ok(()) };
        cursor.row += 1;
        if cursor.row < run.batch.num_rows() {
            cursor.head = head(run.keys.get(cursor.row));
        } else if let Some(file) = &mut cursor.file {
            let next = next_run(file, &self.encoder).await?;
            cursor.begin(next);
        } else {
            let bytes = run.size();
            cursor.begin(None);
            self.give_back(bytes);
        }
        self.play(winner);
        Ok(())
    }

    /// Gives back what was reserved for a run. Its batch lives for as long as rows of it are on their way.
    fn give_back(&mut self, bytes: usize) {
        let mut left = bytes;
        for held in &mut self.held {
            let here = held.size().min(left);
            held.shrink(here);
            left -= here;
        }
    }

    /// Lets one go up the tree from its leaf: whoever loses stays.
    #[inline]
    fn play(&mut self, cursor: usize) {
        // Its leaf has the number of all nodes and its own; a parent has half the number of a child.
        let (mut winner, mut node) = (cursor, usize::midpoint(self.cursors.len(), cursor));
        while node > 0 {
            let Some(other) = self.losers.get(node).copied() else { return };
            if other == NOBODY {
                // At the beginning the first one to come waits for another.
                self.stay(node, winner);
                return;
            }
            if self.is_before(other, winner) {
                self.stay(node, winner);
                winner = other;
            }
            node /= 2;
        }
        self.stay(0, winner);
    }

    #[inline]
    fn stay(&mut self, node: usize, loser: usize) {
        if let Some(place) = self.losers.get_mut(node) {
            *place = loser;
        }
    }

    /// Returns whether the row of one comes before that of another; of equal ones, that of the first source does.
    #[inline]
    fn is_before(&self, one: usize, other: usize) -> bool {
        let (Some(first), Some(second)) = (self.cursors.get(one), self.cursors.get(other)) else { return false };
        let order = first.head.cmp(&second.head).then_with(|| match (&first.run, &second.run) {
            (Some(run), Some(than)) => run.keys.get(first.row).cmp(than.keys.get(second.row)),
            (run, than) => than.is_some().cmp(&run.is_some()),
        });
        order.then(one.cmp(&other)) == Ordering::Less
    }
}

/// Returns the next batch of a file that has rows.
async fn next_run(file: &mut SendableRecordBatchStream, encoder: &Encoder) -> Result<Option<Run>> {
    while let Some(batch) = file.next().await.transpose()? {
        if batch.num_rows() > 0 {
            return Ok(Some(Run::of_sorted(batch, encoder)?));
        }
    }
    Ok(None)
}
