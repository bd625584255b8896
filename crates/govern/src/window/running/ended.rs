//! Groups of peers that have ended, within one batch.

use super::{
    groups::Group,
    totals::{Arguments, Totals},
};
use crate::window::{constant::MOST_BYTES, stream::Shape};
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, UInt32Array},
        compute::take,
    },
    common::{Result, ScalarValue},
};

/// Rows of whole groups, which go out in one piece unless the piece would be large. Their values are made piece by piece: a
/// value may be a list of everything so far.
pub(super) struct Ended {
    rows: RecordBatch,
    groups: Vec<Group>,
    arguments: Vec<Arguments>,
    /// The next row to go out.
    row: usize,
    /// The next group to be added to the totals.
    group: usize,
    /// The values of the group of the next row, if it has been added.
    values: Option<Vec<ScalarValue>>,
}

/// The columns of a piece: one value for each group, and the place of its value for each row.
struct Piece {
    values: Vec<Vec<ScalarValue>>,
    places: Vec<u32>,
    /// What the values take beyond their fixed width, in all rows.
    bytes: usize,
}

impl Ended {
    /// For groups that cover the rows.
    pub(super) fn new(rows: RecordBatch, groups: Vec<Group>, totals: &Totals) -> Result<Self> {
        let arguments = totals.arguments(&rows, &groups)?;
        Ok(Self { rows, groups, arguments, row: 0, group: 0, values: None })
    }

    /// Returns the next rows with the columns of the functions, or `None` after the last.
    pub(super) fn next(&mut self, totals: &mut Totals, shape: &Shape) -> Result<Option<RecordBatch>> {
        let start = self.row;
        let mut piece = Piece::new(shape.functions.len());
        while let Some((end, values)) = self.group(totals)? {
            let taken = piece.room(&values, shape.batch_rows).min(end - self.row);
            if taken == 0 {
                self.values = Some(values);
                break;
            }
            self.row += taken;
            self.values = (self.row < end).then(|| values.clone());
            piece.push(values, taken);
        }
        if self.row == start {
            return Ok(None);
        }
        let rows = self.rows.slice(start, self.row - start);
        let mut columns = rows.columns().to_vec();
        columns.extend(piece.columns()?);
        shape.batch(columns, rows.num_rows()).map(Some)
    }

    /// Returns where the group of the next row ends, and its values.
    fn group(&mut self, totals: &mut Totals) -> Result<Option<(usize, Vec<ScalarValue>)>> {
        if let Some(values) = self.values.take() {
            let group = self.group.checked_sub(1).and_then(|index| self.groups.get(index));
            return Ok(group.map(|group| (group.rows.end, values)));
        }
        let Some(group) = self.groups.get(self.group) else { return Ok(None) };
        totals.update(&self.arguments, self.group, group)?;
        self.group += 1;
        Ok(Some((group.rows.end, totals.evaluate()?)))
    }
}

impl Piece {
    fn new(functions: usize) -> Self {
        Self { values: vec![Vec::new(); functions], places: Vec::new(), bytes: 0 }
    }

    /// Returns how many rows with these values there is room for: one at least, if there are no others.
    fn room(&self, values: &[ScalarValue], most_rows: usize) -> usize {
        let rows = most_rows.saturating_sub(self.places.len());
        let bytes = MOST_BYTES.saturating_sub(self.bytes).checked_div(width(values)).unwrap_or(usize::MAX);
        rows.min(bytes).max(usize::from(self.places.is_empty()))
    }

    fn push(&mut self, values: Vec<ScalarValue>, rows: usize) {
        self.bytes = self.bytes.saturating_add(width(&values).saturating_mul(rows));
        let place = self.values.first().map_or(0, Vec::len);
        self.places.extend(std::iter::repeat_n(u32::try_from(place).unwrap_or(u32::MAX), rows));
        for (column, value) in self.values.iter_mut().zip(values) {
            column.push(value);
        }
    }

    fn columns(self) -> Result<Vec<ArrayRef>> {
        let places = UInt32Array::from(self.places);
        let column = |values: Vec<ScalarValue>| {
            let each = values.len() == places.len();
            let values = ScalarValue::iter_to_array(values)?;
            if each { Ok(values) } else { Ok(take(values.as_ref(), &places, None)?) }
        };
        self.values.into_iter().map(column).collect()
    }
}

/// Returns what the values of one row take beyond their fixed width.
fn width(values: &[ScalarValue]) -> usize {
    values.iter().map(|value| value.size().saturating_sub(size_of::<ScalarValue>())).sum()
}
