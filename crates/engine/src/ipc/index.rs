//! What the metadata of all messages of a file say together: its rows, and the bytes of each column.

use super::{IpcError, read::Opened};

/// What the metadata of all messages of a file say together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// The rows of each message.
    pub batches: Vec<u64>,
    /// The bytes of each column.
    columns: Vec<u64>,
    /// The names of the columns.
    names: Vec<String>,
    /// Whether its buffers are compressed, so that messages are read whole.
    pub is_compressed: bool,
}

impl Index {
    /// Reads the metadata of all messages that are to come.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read(opened: &mut Opened) -> Result<Self, IpcError> {
        let names: Vec<String> = opened.schema.columns.iter().map(|column| column.name.clone()).collect();
        let mut index = Self { columns: vec![0; names.len()], names, ..Self::default() };
        while let Some(batch) = opened.next_laid_out()? {
            index.batches.push(batch.rows as u64);
            index.is_compressed |= batch.codec.is_some();
            for (place, part) in &batch.parts {
                if let Some(bytes) = index.columns.get_mut(*place) {
                    *bytes = bytes.saturating_add(part.bytes());
                }
            }
        }
        Ok(index)
    }

    /// Returns the bytes of some columns.
    pub fn bytes_of(&self, columns: &[&str]) -> u64 {
        let named = self.names.iter().zip(&self.columns).filter(|(name, _)| columns.contains(&name.as_str()));
        named.map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)
    }

    /// Returns the rows of the file.
    pub fn rows(&self) -> u64 {
        self.batches.iter().fold(0, |all, rows| all.saturating_add(*rows))
    }
}
