//! Whether a value fits a type, for columns that the query does not read: their values are checked all the same.

use crate::{ColumnType, scalar, time};

/// Returns whether [`Column::push_parsed`](crate::Column::push_parsed) takes `text` in a column of this type.
pub fn accepts(kind: &ColumnType, text: &[u8]) -> bool {
    match kind {
        ColumnType::Text => true,
        ColumnType::Boolean => scalar::boolean(text).is_some(),
        ColumnType::Float32 | ColumnType::Float64 => is_plain_decimal(text) || scalar::float(text).is_some(),
        ColumnType::Date => time::date(text).is_some(),
        ColumnType::Timestamp => time::timestamp(text).is_some(),
        ColumnType::UInt64 => scalar::unsigned(text).is_some(),
        ColumnType::Struct(_) | ColumnType::List(_) => false,
        _ => scalar::signed(text).is_some_and(|value| accepts_signed(kind, value)),
    }
}

/// `0.083`: most numbers in logs, told without computing them.
pub(crate) fn is_plain_decimal(text: &[u8]) -> bool {
    let mut points = 0;
    for byte in text {
        match byte {
            b'0'..=b'9' => {}
            b'.' => points += 1,
            _ => return false,
        }
    }
    points <= 1 && matches!(text, [first, .., last] if first.is_ascii_digit() && last.is_ascii_digit())
}

/// Returns whether [`Column::push_signed`](crate::Column::push_signed) takes `value` in a column of this type.
pub fn accepts_signed(kind: &ColumnType, value: i64) -> bool {
    match kind {
        ColumnType::Int16 => i16::try_from(value).is_ok(),
        ColumnType::Int32 => i32::try_from(value).is_ok(),
        ColumnType::Int64 | ColumnType::Float32 | ColumnType::Float64 => true,
        ColumnType::UInt16 => u16::try_from(value).is_ok(),
        ColumnType::UInt32 => u32::try_from(value).is_ok(),
        ColumnType::UInt64 => u64::try_from(value).is_ok(),
        _ => false,
    }
}
