//! Values from text: whole numbers, numbers, truth values.

/// Reads an unsigned whole number: digits only, at most 64 bits.
pub fn unsigned(text: &[u8]) -> Option<u64> {
    // Up to 19 digits always fit, and logs hold few numbers longer than that.
    let mut value: u64 = 0;
    if (1..=19).contains(&text.len()) {
        for &byte in text {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u64::from(digit);
        }
        return Some(value);
    }
    if text.len() != 20 {
        return None;
    }
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Reads a whole number with an optional sign.
pub fn signed(text: &[u8]) -> Option<i64> {
    match text.split_first() {
        Some((b'-', digits)) => unsigned(digits).and_then(|value| 0_i64.checked_sub_unsigned(value)),
        Some((b'+', digits)) => unsigned(digits).and_then(|value| i64::try_from(value).ok()),
        _ => unsigned(text).and_then(|value| i64::try_from(value).ok()),
    }
}

/// Reads a finite number or one of SQL's `inf`, `-inf` and `nan` in any case.
pub fn float(text: &[u8]) -> Option<f64> {
    fast_float2::parse(text).ok()
}

/// Reads `true`, `false`, `t`, `f`, `yes`, `no` in any case.
pub fn boolean(text: &[u8]) -> Option<bool> {
    let is = |words: [&[u8]; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is([b"true", b"t", b"yes"]) {
        Some(true)
    } else if is([b"false", b"f", b"no"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(signed(b"9223372036854775808"), None);
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        for bad in [&b""[..], b"-", b"+", b"1 ", b"0x1", b"1.0", b"--1"] {
            assert_eq!(signed(bad), None, "{bad:?}");
        }
    }
}
