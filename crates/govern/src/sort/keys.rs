//! The keys of sorted rows, as bytes that compare as the rows do.

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch},
        datatypes::Schema,
        row::{RowConverter, Rows, SortField},
    },
    common::{Result, exec_err},
    physical_expr::{LexOrdering, PhysicalSortExpr},
};

/// The first bytes of a key, as a number that compares as they do. Most keys differ in them.
pub(super) type Head = u128;

/// Returns the first bytes of a key. A key that ends before is followed by zeros.
#[inline]
pub(super) fn head(key: &[u8]) -> Head {
    if let Some(first) = key.first_chunk() {
        return Head::from_be_bytes(*first);
    }
    let mut first = [0; size_of::<Head>()];
    for (to, from) in first.iter_mut().zip(key) {
        *to = *from;
    }
    Head::from_be_bytes(first)
}

/// Encodes the keys of batches.
#[derive(Debug)]
pub(super) struct Encoder {
    ordering: LexOrdering,
    converter: RowConverter,
}

impl Encoder {
    /// Returns an encoder for an order of rows of this schema.
    pub(super) fn new(ordering: &LexOrdering, schema: &Schema) -> Result<Self> {
        Ok(Self { ordering: ordering.clone(), converter: RowConverter::new(fields(ordering, schema)?)? })
    }

    /// Returns the keys of a batch, in its order.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<Rows> {
        let columns = self.ordering.iter().map(|sort| sort.expr.evaluate(batch)?.into_array(batch.num_rows()));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        Ok(self.converter.convert_columns(&columns)?)
    }
}

fn fields(ordering: &LexOrdering, schema: &Schema) -> Result<Vec<SortField>> {
    let field = |sort: &PhysicalSortExpr| Ok(SortField::new_with_options(sort.expr.data_type(schema)?, sort.options));
    ordering.iter().map(field).collect()
}

/// Returns whether keys of an order can be encoded.
pub(super) fn can_be_encoded(ordering: &LexOrdering, schema: &Schema) -> bool {
    fields(ordering, schema).is_ok_and(|fields| RowConverter::supports_fields(&fields))
}

/// The keys of the rows of a run, one after the other.
#[derive(Debug)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    ends: Ends,
}

/// Where keys end.
#[derive(Debug)]
enum Ends {
    /// All are of this length.
    Even(usize),
    At(Vec<u32>),
}

impl Keys {
    /// Copies keys in the order in which they come.
    pub(super) fn in_order<'a>(keys: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Self> {
        let (mut count, mut size, mut even) = (0, 0, None);
        let is_even = keys.clone().fold(true, |is_even, key| {
            count += 1;
            size += key.len();
            is_even && *even.get_or_insert(key.len()) == key.len()
        });
        let mut bytes = Vec::with_capacity(size);
        if is_even {
            keys.for_each(|key| bytes.extend_from_slice(key));
            return Ok(Self { bytes, ends: Ends::Even(even.unwrap_or(0)) });
        }
        let mut ends = Vec::with_capacity(count);
        for key in keys {
            bytes.extend_from_slice(key);
            match u32::try_from(bytes.len()) {
                Ok(end) => ends.push(end),
                Err(_) => return exec_err!("the keys of some batches of a sort take more than 4 GiB"),
            }
        }
        Ok(Self { bytes, ends: Ends::At(ends) })
    }

    /// Returns the key of a row.
    #[inline]
    pub(super) fn get(&self, row: usize) -> &[u8] {
        let range = match &self.ends {
            Ends::Even(length) => row * length..(row + 1) * length,
            Ends::At(ends) => {
                let end = |at: usize| ends.get(at).map_or(0, |end| usize::try_from(*end).unwrap_or(usize::MAX));
                (if row == 0 { 0 } else { end(row - 1) })..end(row)
            }
        };
        self.bytes.get(range).unwrap_or_default()
    }

    /// Returns the bytes that they take in memory.
    pub(super) fn size(&self) -> usize {
        let ends = match &self.ends {
            Ends::Even(_) => 0,
            Ends::At(ends) => ends.capacity() * size_of::<u32>(),
        };
        self.bytes.capacity() + ends
    }
}
