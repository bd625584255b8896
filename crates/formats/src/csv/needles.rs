//! The bytes by which a value is written.

use crate::{
    ColumnType, Demand,
    prefilter::{dates, digits, verbatim},
};

/// Returns bytes of which every record holds at least one whose value in a column of this type is as demanded.
pub(crate) fn needles(kind: &ColumnType, demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
    // A field may go on after its closing quote, which is left out of the value: `"ab"c` is `abc`.
    match kind {
        ColumnType::Text => {
            let needles = verbatim(demand)?;
            let text = needles.first().filter(|text| !text.contains(&b'"'))?;
            // The quote is in one half at most.
            let (left, right) = text.split_at_checked(text.len() / 2)?;
            let halves = || vec![left.to_vec(), right.to_vec()];
            Some(if text.len() >= 12 { halves() } else { with_quote(text) })
        }
        ColumnType::Date | ColumnType::Timestamp => {
            Some(dates(kind, demand)?.iter().flat_map(|date| with_quote(date)).collect())
        }
        _ if kind.is_whole_number() => digits(demand).map(|digits| with_quote(&digits)),
        _ => None,
    }
}

/// Returns the text, and what it is with a quote between two of its bytes.
fn with_quote(text: &[u8]) -> Vec<Vec<u8>> {
    let quoted = (1..text.len()).filter_map(|at| text.split_at_checked(at));
    let quoted = quoted.map(|(left, right)| [left, b"\"", right].concat());
    std::iter::once(text.to_vec()).chain(quoted).collect()
}
