//! The least and the greatest time of each block, from the batches that its rows went into.

use crate::{
    input::LoadedBlock,
    zones::{Part, Zone, ZoneBuilder},
};
use datafusion::arrow::{
    array::{AsArray, RecordBatch},
    compute::kernels::aggregate::{max, min},
    datatypes::TimestampMicrosecondType,
};
use std::{mem, ops::Range};
use tidegate_formats::Position;

/// What becomes known of blocks, rows of which wait in a batch.
#[derive(Debug, Default)]
pub(super) struct Zoning {
    blocks: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    part: Part,
    /// Its rows in the batch that is being filled.
    rows: Range<usize>,
    /// Whether there are no more.
    done: bool,
}

impl Zoning {
    /// Takes note of rows of a block, and of its end when that is reached.
    pub fn read(&mut self, block: &LoadedBlock, rows: Range<usize>, done: Option<Position>) {
        let part = Part {
            order: block.order,
            file_start: block.start.skip as u64,
            start: block.offset,
            zone: Zone { end: block.offset, lines: 0, low: i64::MAX, high: i64::MIN },
        };
        match self.blocks.last() {
            Some(last) if !last.done => {}
            _ => self.blocks.push(Seen { part, rows: rows.start..rows.start, done: false }),
        }
        if let Some(last) = self.blocks.last_mut() {
            last.rows.end = rows.end;
            if let Some(end) = done {
                last.part.zone.end += end.bytes as u64;
                (last.part.zone.lines, last.done) = (end.lines, true);
            }
        }
    }

    /// Looks at the times of a batch, and hands on the blocks that are done with it.
    pub fn take(&mut self, batch: Option<&RecordBatch>, builder: &ZoneBuilder) {
        let times = batch.and_then(|batch| batch.columns().get(builder.column()));
        let times = times.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        for mut seen in mem::take(&mut self.blocks) {
            if let Some(times) = times {
                let times = times.slice(seen.rows.start, seen.rows.len());
                let Zone { low, high, .. } = &mut seen.part.zone;
                *low = min(&times).unwrap_or(i64::MAX).min(*low);
                *high = max(&times).unwrap_or(i64::MIN).max(*high);
            }
            if seen.done {
                builder.add(seen.part);
            } else {
                self.blocks.push(Seen { rows: 0..0, ..seen });
            }
        }
    }
}
