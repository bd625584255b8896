//! The bytes by which a value is written.

use crate::{
    ColumnType, Demand,
    prefilter::{dates, digits, verbatim},
};

/// Returns bytes of which every record holds at least one whose value in a column of this type is as demanded.
pub(crate) fn needles(kind: &ColumnType, demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
    match kind {
        ColumnType::Text => verbatim(demand).map(or_escaped),
        ColumnType::Date | ColumnType::Timestamp => dates(kind, demand).map(or_escaped),
        _ if kind.is_whole_number() => {
            // `404.0` holds the digits, `4.04e2` does not.
            let exponents = (b'0'..=b'9').flat_map(|digit| [vec![digit, b'e'], vec![digit, b'E']]);
            Some(std::iter::once(digits(demand)?).chain(exponents).collect())
        }
        _ => None,
    }
}

/// Any part of a string may be an escape.
fn or_escaped(mut needles: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    needles.push(b"\\".to_vec());
    needles
}
