//! Decodes the escapes of a JSON string whose syntax has been checked.

use memchr::memchr;

/// Appends the value of `raw`, the inside of a string that the parser has let through, to `value`.
///
/// The parser checks escapes where they stand but decodes them only into memory of its own; done here, the value goes
/// straight into its column, and bytes that are not UTF-8 are kept for the column to repair.
pub(super) fn decode(mut raw: &[u8], value: &mut Vec<u8>) {
    while let Some((before, escape)) = memchr(b'\\', raw).and_then(|at| raw.split_at_checked(at)) {
        value.extend_from_slice(before);
        let (character, length) = decode_one(escape);
        value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        raw = escape.get(length..).unwrap_or_default();
    }
    value.extend_from_slice(raw);
}

/// Returns the character that the escape at the start of `escape` stands for and the escape's length.
fn decode_one(escape: &[u8]) -> (char, usize) {
    let character = match escape.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{C}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return decode_unicode(escape),
        Some(other) => char::from(*other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, 2)
}

/// Reads `\uXXXX`, or two of them that are a surrogate pair.
fn decode_unicode(escape: &[u8]) -> (char, usize) {
    let units = [hexadecimal(escape.get(2..6)), hexadecimal(escape.get(8..12))];
    // The parser lets no half of a pair through.
    let character = char::decode_utf16(units).next().and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER);
    (character, 6 * character.len_utf16())
}

fn hexadecimal(digits: Option<&[u8]>) -> u16 {
    let digit = |byte: u8| u16::try_from(char::from(byte).to_digit(16).unwrap_or_default()).unwrap_or_default();
    digits.unwrap_or_default().iter().fold(0, |value, byte| value << 4 | digit(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (raw, expected) in [
            (r"", ""),
            (r"plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t"),
            (r"caf\u00e9 \u20AC", "café €"),
            (r"a\ud83d\ude00b", "a😀b"),
            (r"\u0000", "\0"),
        ] {
            let mut value = Vec::new();
            decode(raw.as_bytes(), &mut value);
            assert_eq!(String::from_utf8_lossy(&value), expected, "{raw}");
        }
    }
}
