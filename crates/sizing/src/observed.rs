//! What a sample shows of a file.

use crate::{
    column::Column,
    range::{Range, ratio, times},
    sizes::FileKind,
};

/// What a sample shows of a file.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub kind: FileKind,
    pub columns: Vec<Column>,
    /// Columns at the start that become the index, because rows have more fields than the header.
    pub index_columns: usize,
    /// Records and bytes of each block.
    pub blocks: Vec<Measured>,
    /// The size of the file.
    pub size: u64,
    /// Bytes before the first record.
    pub header: u64,
    pub is_whole: bool,
    /// Bytes of Python's objects for a record of JSON.
    pub objects: f64,
    /// The byte between fields.
    pub delimiter: u8,
    pub has_header: bool,
    /// What the reader of the sizes should know besides.
    pub notes: Vec<String>,
}

/// What the ends of blocks cut off is not known better.
const LEAST_ERROR: f64 = 0.005;

/// Records of a block and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    pub records: u64,
    pub bytes: u64,
}

impl Observed {
    /// Returns how many records were seen.
    pub(crate) fn sampled(&self) -> u64 {
        self.blocks.iter().map(|block| block.records).sum()
    }

    /// Returns the bytes of a record in the file, its line end among them.
    pub(crate) fn record(&self) -> f64 {
        ratio(self.blocks.iter().map(|block| block.bytes).sum(), self.sampled())
    }

    /// Returns the number of records: the bytes that are left for them, by the mean length. How much that may be off is told
    /// by how much the means of the blocks differ: a log drifts.
    pub(crate) fn rows(&self) -> Range {
        if self.is_whole {
            return Range::exact(self.sampled());
        }
        let mean = self.record();
        let data = self.size.saturating_sub(self.header);
        let expected = if mean > 0.0 { times(data, 1.0 / mean) } else { 0 };
        let margin = times(expected, self.relative_error());
        Range { low: expected.saturating_sub(margin), expected, high: expected.saturating_add(margin) }
    }

    /// Twice the standard error of the mean, more of few blocks, as a share of it; half a per cent at least.
    fn relative_error(&self) -> f64 {
        let blocks: Vec<f64> = self.blocks.iter().filter(|block| block.records > 0).map(Measured::mean).collect();
        let Ok(count) = u32::try_from(blocks.len()) else { return LEAST_ERROR };
        // A single block says nothing of the others.
        if count < 2 {
            return 0.25;
        }
        let count = f64::from(count);
        let mean = blocks.iter().sum::<f64>() / count;
        let squares: f64 = blocks.iter().map(|value| (value - mean).powi(2)).sum();
        let times = 2.0 + 4.0 / (count - 1.0);
        let error = times * (squares / (count - 1.0)).sqrt() / count.sqrt() / mean;
        error.clamp(LEAST_ERROR, 0.9)
    }
}

impl Measured {
    fn mean(&self) -> f64 {
        ratio(self.bytes, self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(blocks: &[(u64, u64)]) -> Observed {
        Observed {
            kind: FileKind::Csv,
            columns: Vec::new(),
            index_columns: 0,
            blocks: blocks.iter().map(|(records, bytes)| Measured { records: *records, bytes: *bytes }).collect(),
            size: 100_010,
            header: 10,
            is_whole: false,
            objects: 0.0,
            delimiter: b',',
            has_header: true,
            notes: Vec::new(),
        }
    }

    #[test]
    fn rows_are_told_within_what_blocks_differ() {
        let even = observed(&[(10, 1_000), (10, 1_000)]).rows();
        assert_eq!(even, Range { low: 995, expected: 1_000, high: 1_005 });
        let drifting = observed(&[(10, 500), (10, 1_000), (10, 1_500)]).rows();
        assert_eq!(drifting.expected, 1_000);
        assert!((0..200).contains(&drifting.low), "{drifting:?}");
        assert_eq!(observed(&[(10, 1_000)]).rows().low, 750);
        assert_eq!(observed(&[]).rows(), Range::default());
        let whole = Observed { is_whole: true, ..observed(&[(7, 100)]) };
        assert_eq!(whole.rows(), Range::exact(7));
    }
}
