//! The rows of a batch that an aggregate takes, and the groups they belong to.

use super::exact::Change;
use datafusion::arrow::{
    array::{Array, ArrayRef, BooleanArray},
    buffer::NullBuffer,
};

/// The rows of a batch that count.
pub struct Rows<'a> {
    /// How many rows the batch has.
    pub count: usize,
    /// The group of each row; `None` if there is one group.
    pub groups: Option<&'a [usize]>,
    /// The rows that count; `None` if all do.
    pub valid: Option<NullBuffer>,
    /// Whether they come or go.
    pub change: Change,
}

impl<'a> Rows<'a> {
    /// Takes all rows of a batch.
    pub fn of(groups: Option<&'a [usize]>, count: usize, change: Change) -> Self {
        Self { count, groups, valid: None, change }
    }

    /// Calls back with the row and its group, for each row that counts.
    #[inline]
    pub fn each(&self, mut take: impl FnMut(usize, usize)) {
        match (self.groups, &self.valid) {
            (None, None) => (0..self.count).for_each(|row| take(row, 0)),
            (Some(groups), None) => groups.iter().enumerate().for_each(|(row, group)| take(row, *group)),
            (None, Some(valid)) => valid.valid_indices().for_each(|row| take(row, 0)),
            (Some(groups), Some(valid)) => {
                for (row, group) in groups.iter().enumerate() {
                    if valid.is_valid(row) {
                        take(row, *group);
                    }
                }
            }
        }
    }
}

/// Returns the rows in which no value is NULL and the filter is true; `None` for all.
pub fn valid_rows(values: &[ArrayRef], filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let filter = filter.map(|filter| {
        let passed = filter.values();
        NullBuffer::new(filter.nulls().map_or_else(|| passed.clone(), |nulls| passed & nulls.inner()))
    });
    let nulls = values.iter().filter(|array| array.null_count() > 0).filter_map(|array| array.nulls().cloned());
    nulls.fold(filter, |valid, nulls| NullBuffer::union(valid.as_ref(), Some(&nulls)))
}
