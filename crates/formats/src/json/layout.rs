//! The columns of a set of files of JSON lines.

use super::{JsonDecoder, infer};
use crate::{ColumnSpec, ColumnType, FormatError, Sample};
use std::sync::Arc;

/// The columns of a set of files of JSON lines.
#[derive(Clone, Debug)]
pub struct JsonLayout {
    columns: Arc<[ColumnSpec]>,
    left_out: usize,
}

impl JsonLayout {
    /// Guesses the columns from the objects in `samples`, in the order in which their keys first appear.
    ///
    /// A column is Boolean, Int64, Float64, Struct or List if its values are, Timestamp if every string is an ISO 8601 time,
    /// and else Text. `types` replaces what is guessed; a nested column is named with dots, as in `http.status`. A name that
    /// no sample holds is added: a rare key may well be missing from them. Of more than 1,000 keys, those that appear first are
    /// columns, and those that are given.
    ///
    /// # Errors
    /// [`FormatError::Empty`] without a byte, [`FormatError::Unsupported`] if no line is an object.
    pub fn infer(samples: &[Sample<'_>], types: &[ColumnSpec]) -> Result<Self, FormatError> {
        if samples.iter().all(|sample| sample.whole_lines().trim_ascii_start().is_empty()) {
            return Err(FormatError::Empty);
        }
        let guess = infer::guess(samples)
            .ok_or_else(|| FormatError::Unsupported("no line of the samples is a JSON object".to_owned()))?;
        let mut columns = guess.columns();
        for given in types {
            set_type(&mut columns, &given.name, &given.kind);
        }
        let is_given = |key: &&str| types.iter().any(|given| given.name.as_ref() == *key);
        let left_out = guess.left_out().filter(|key| !is_given(key)).count();
        Ok(Self { columns: columns.into(), left_out })
    }

    /// Returns how many keys of the samples are no columns, because there are too many of them.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Returns a decoder; one for each thread that reads.
    pub fn decoder(&self) -> JsonDecoder {
        JsonDecoder::new(self)
    }
}

/// Gives the column `name` this type, or adds it: to the struct that the part before a dot names, if there is one.
fn set_type(columns: &mut Vec<ColumnSpec>, name: &str, kind: &ColumnType) {
    if let Some(column) = columns.iter_mut().find(|column| column.name.as_ref() == name) {
        column.kind = kind.clone();
        return;
    }
    // A key may itself hold dots, so every dot is tried.
    for (dot, _) in name.match_indices('.') {
        let Some((outer, inner)) = name.split_at_checked(dot) else { continue };
        let column = columns.iter_mut().find(|column| column.name.as_ref() == outer);
        if let Some(ColumnSpec { kind: ColumnType::Struct(fields), .. }) = column {
            return set_type(fields, inner.trim_start_matches('.'), kind);
        }
    }
    columns.push(ColumnSpec::new(name, kind.clone()));
}
