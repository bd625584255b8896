//! Writing a spill file: pieces are collected into blocks.

use super::{block::Block, file::Shared};
use datafusion::{common::Result, execution::spill_file::SpillWriter};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// Collects what is written in pieces: a batch is some fifty of them.
pub(super) struct Writer {
    shared: Arc<Shared>,
    block: Block,
}

impl Writer {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, block: Block::new() }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.is_full() {
            self.flush()?;
        }
        Ok(self.block.fill(bytes))
    }

    /// Makes what was written visible to readers: some begin before the last byte is written.
    fn flush(&mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.shared.append(&mut self.block)?;
        }
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        self.flush()?;
        self.shared.finish();
        Ok(())
    }
}
