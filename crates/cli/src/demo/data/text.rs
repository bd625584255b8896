//! Texts and numbers as bytes of a format.

use super::generate::DataFormat;
use std::ops::Range;

/// Texts that are written again and again, each made into bytes of the format once.
#[derive(Debug)]
pub struct Pool {
    /// All texts one after another: a vector for each would be one more cache miss for each text of a record.
    bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
    null: &'static [u8],
}

impl Pool {
    /// Returns the texts in a format.
    pub fn new<Text: AsRef<str>>(format: DataFormat, texts: impl IntoIterator<Item = Text>) -> Self {
        let mut pool = Self { bytes: Vec::new(), ranges: Vec::new(), null: null(format) };
        for text in texts {
            let start = pool.bytes.len();
            pool.bytes.extend(encode(format, text.as_ref()));
            pool.ranges.push(start..pool.bytes.len());
        }
        pool
    }

    /// Returns the text at a place, or what stands for NULL.
    pub fn get(&self, place: Option<u32>) -> &[u8] {
        let range = place.and_then(|place| self.ranges.get(place as usize));
        range.and_then(|range| self.bytes.get(range.clone())).unwrap_or(self.null)
    }

    /// Returns the number of texts.
    pub fn size(&self) -> u32 {
        u32::try_from(self.ranges.len()).unwrap_or(u32::MAX)
    }
}

/// Returns what stands for NULL.
pub fn null(format: DataFormat) -> &'static [u8] {
    match format {
        DataFormat::Log => b"-",
        DataFormat::Csv => b"",
        DataFormat::Ndjson => b"null",
    }
}

/// Quotes of the log are not written here: they stand around `-` as well.
fn encode(format: DataFormat, text: &str) -> Vec<u8> {
    match format {
        DataFormat::Csv if text.contains([',', '"']) => format!("\"{}\"", text.replace('"', "\"\"")).into(),
        DataFormat::Log | DataFormat::Csv => text.into(),
        DataFormat::Ndjson => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")).into(),
    }
}

/// Writes a decimal number. `write!` takes several times as long.
pub fn push_decimal(mut value: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        out.push(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Writes a hexadecimal number without leading zeros.
pub fn push_hexadecimal(value: u16, out: &mut Vec<u8>) {
    let digits = [value >> 12, value >> 8, value >> 4, value].map(|digit| (digit & 15) as u8);
    let zeros = digits.iter().take(3).take_while(|digit| **digit == 0).count();
    out.extend(digits.iter().skip(zeros).map(|&digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
}

/// Writes milliseconds as seconds with three decimals.
pub fn push_seconds(milliseconds: u64, out: &mut Vec<u8>) {
    push_decimal(milliseconds / 1000, out);
    out.push(b'.');
    for unit in [100, 10, 1] {
        out.push(b'0' + (milliseconds / unit % 10) as u8);
    }
}
