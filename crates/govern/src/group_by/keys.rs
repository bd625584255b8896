//! The keys of groups, each once.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, StringArray},
        buffer::{Buffer, NullBuffer, OffsetBuffer},
        datatypes::{DataType, SchemaRef},
    },
    common::{
        DataFusionError, Result, exec_datafusion_err, exec_err,
        hash_utils::{QualityRandomState, create_hashes},
    },
    logical_expr::EmitTo,
    physical_plan::aggregates::{
        group_values::{GroupValues, new_group_values},
        order::GroupOrdering,
    },
};
use hashbrown::{HashTable, hash_table};
use std::{slice, sync::Arc};

/// The keys, in the order of their groups.
pub(super) enum Keys {
    /// One text.
    Texts(Texts),
    /// All others.
    Others(Box<dyn GroupValues>),
}

impl Keys {
    /// Returns a place for keys of these columns.
    pub(super) fn new(schema: &SchemaRef) -> Result<Self> {
        let is_text = schema.fields().len() == 1 && schema.field(0).data_type() == &DataType::Utf8;
        if is_text {
            return Ok(Self::Texts(Texts::default()));
        }
        Ok(Self::Others(new_group_values(Arc::clone(schema), &GroupOrdering::None)?))
    }

    /// Writes the group of each row to `groups`. Keys that were not there get the next ones.
    pub(super) fn intern(&mut self, keys: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        match (self, keys) {
            (Self::Texts(texts), [key]) => texts.intern(key, groups),
            (Self::Texts(_), _) => exec_err!("one text is the key, but {} columns came", keys.len()),
            (Self::Others(others), _) => others.intern(keys, groups),
        }
    }

    /// Returns the number of groups.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Others(others) => others.len(),
        }
    }

    /// Returns the bytes that the keys take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.bytes(),
            Self::Others(others) => others.size(),
        }
    }

    /// Returns the columns of the keys.
    pub(super) fn into_columns(self) -> Result<Vec<ArrayRef>> {
        match self {
            Self::Texts(texts) => Ok(vec![Arc::new(texts.into_array()?)]),
            Self::Others(mut others) => others.emit(EmitTo::All),
        }
    }
}

/// A group in the hash table: 8 bytes, where DataFusion 55.2 takes 32.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    group: u32,
}

impl Slot {
    /// Returns the hash as the table wants it, which looks at the highest and the lowest bits; multiplication by the golden ratio
    /// spreads them (Knuth, The Art of Computer Programming, volume 3, 6.4).
    fn spread(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Texts, one after the other; the number of a text is that of its group.
#[derive(Default)]
pub(super) struct Texts {
    table: HashTable<Slot>,
    text: Vec<u8>,
    /// Where each text ends.
    ends: Vec<i32>,
    /// The group of what is missing, whose text is empty.
    missing: Option<usize>,
    /// Those of a batch. Used again, so that its memory is.
    hashes: Vec<u64>,
}

impl Texts {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self) -> usize {
        self.table.allocation_size()
            + self.text.capacity()
            + self.ends.capacity() * size_of::<i32>()
            + self.hashes.capacity() * size_of::<u64>()
    }

    fn intern(&mut self, column: &ArrayRef, groups: &mut Vec<usize>) -> Result<()> {
        let Some(texts) = column.as_string_opt::<i32>() else {
            return exec_err!("a text is the key, but {} came", column.data_type());
        };
        self.hashes.clear();
        self.hashes.resize(texts.len(), 0);
        create_hashes(slice::from_ref(column), &QualityRandomState::with_seed(SEED), &mut self.hashes)?;
        groups.clear();
        for (row, text) in texts.iter().enumerate() {
            let hash = self.hashes.get(row).copied().unwrap_or_default();
            groups.push(match text {
                Some(text) => self.group(text.as_bytes(), hash)?,
                None => self.missing()?,
            });
        }
        Ok(())
    }

    fn group(&mut self, wanted: &[u8], hash: u64) -> Result<usize> {
        let Self { table, text, ends, .. } = self;
        let hash = u32::try_from(hash >> u32::BITS).unwrap_or_default();
        let group = u32::try_from(ends.len()).map_err(|_| too_many())?;
        let new = Slot { hash, group };
        let is_wanted = |slot: &Slot| slot.hash == hash && stored(text, ends, slot.group) == Some(wanted);
        match table.entry(new.spread(), is_wanted, |slot| slot.spread()) {
            hash_table::Entry::Occupied(slot) => Ok(number(slot.get().group)),
            hash_table::Entry::Vacant(place) => {
                push(text, ends, wanted)?;
                place.insert(new);
                Ok(number(group))
            }
        }
    }

    fn missing(&mut self) -> Result<usize> {
        if let Some(group) = self.missing {
            return Ok(group);
        }
        let group = self.ends.len();
        push(&mut self.text, &mut self.ends, &[])?;
        self.missing = Some(group);
        Ok(group)
    }

    fn into_array(self) -> Result<StringArray> {
        drop(self.table);
        let mut offsets = self.ends;
        offsets.insert(0, 0);
        let missing = self.missing.map(|missing| {
            let mut valid = BooleanBufferBuilder::new(offsets.len() - 1);
            valid.append_n(offsets.len() - 1, true);
            valid.set_bit(missing, false);
            NullBuffer::new(valid.finish())
        });
        Ok(StringArray::try_new(OffsetBuffer::new(offsets.into()), Buffer::from_vec(self.text), missing)?)
    }
}

/// What tells these hashes from those by which rows are divided.
const SEED: u64 = 0x6b65_7973;

fn too_many() -> DataFusionError {
    exec_datafusion_err!("the texts of a table of groups take more than 2 GiB")
}

fn number(group: u32) -> usize {
    usize::try_from(group).unwrap_or(usize::MAX)
}

/// Returns the text of a group.
fn stored<'t>(text: &'t [u8], ends: &[i32], group: u32) -> Option<&'t [u8]> {
    let at = number(group);
    let end = usize::try_from(*ends.get(at)?).ok()?;
    let start = match at.checked_sub(1) {
        Some(before) => usize::try_from(*ends.get(before)?).ok()?,
        None => 0,
    };
    text.get(start..end)
}

fn push(text: &mut Vec<u8>, ends: &mut Vec<i32>, added: &[u8]) -> Result<()> {
    let end = i32::try_from(text.len() + added.len()).map_err(|_| too_many())?;
    make_room(text, added.len());
    make_room(ends, 1);
    text.extend_from_slice(added);
    ends.push(end);
    Ok(())
}

/// Makes room in steps of a quarter, where a `Vec` doubles: what is reserved but not used is memory that others lack.
fn make_room<T>(values: &mut Vec<T>, more: usize) {
    if values.capacity() - values.len() < more {
        values.reserve_exact(more.max(values.len() / 4).max(64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn each_text_is_one_group_in_the_order_of_their_first_rows() {
        let mut texts = Texts::default();
        let (mut expected, mut first, mut groups) = (HashMap::new(), Vec::new(), Vec::new());
        for batch in 0..40_usize {
            let text = |row: usize| match (row * 7 + batch * batch) % 1000 {
                0 => None,
                1 => Some(String::new()),
                few @ 2..100 => Some("x".repeat(few)),
                number => Some(format!("10.{}.{number}", number % 7)),
            };
            let rows: Vec<_> = (0..batch * 25).map(text).collect();
            let column: ArrayRef = Arc::new(rows.iter().map(Option::as_deref).collect::<StringArray>());
            texts.intern(&column, &mut groups).unwrap();
            let wanted = rows.into_iter().map(|row| {
                *expected.entry(row.clone()).or_insert_with(|| {
                    first.push(row);
                    first.len() - 1
                })
            });
            assert_eq!(groups, wanted.collect::<Vec<_>>());
        }
        assert!(first.contains(&None) && first.contains(&Some(String::new())) && first.len() > 500);
        assert_eq!(texts.len(), first.len());
        assert_eq!(texts.into_array().unwrap(), first.iter().map(Option::as_deref).collect::<StringArray>());
    }

    #[test]
    fn little_is_kept_for_each_text() {
        let mut texts = Texts::default();
        let column: ArrayRef = Arc::new(StringArray::from_iter_values((0..50_000).map(|at| format!("{at:09}"))));
        texts.intern(&column, &mut Vec::new()).unwrap();
        let each = (texts.bytes() - texts.hashes.capacity() * 8) / 50_000;
        assert!((9 + 4 + 8..40).contains(&each), "{each} bytes");
        assert_eq!(Texts::default().into_array().unwrap().len(), 0);
    }

    #[test]
    fn other_columns_are_refused() {
        let numbers: ArrayRef = Arc::new(datafusion::arrow::array::Int64Array::from(vec![1]));
        assert!(Texts::default().intern(&numbers, &mut Vec::new()).is_err());
    }
}
