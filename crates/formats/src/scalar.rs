//! Values from text: whole numbers, numbers, truth values.

use crate::{
    digits::{joined, not_digits},
    find::{first_byte, repeated},
};

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

/// A text of up to eight bytes as one word, in which its digits are read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    /// What each byte differs from `0` by; the last byte is the highest one, and zeros go before the first.
    digits: u64,
    length: usize,
}

impl Short {
    /// Returns the first `length` of `bytes` as a word, if that is possible: there must be eight bytes or more.
    #[inline]
    pub(crate) fn new(bytes: &[u8], length: usize) -> Option<Self> {
        let word = u64::from_le_bytes(*bytes.first_chunk()?) ^ repeated(b'0');
        let digits = if (1..=8).contains(&length) { word << (64 - 8 * length) } else { return None };
        Some(Self { digits, length })
    }

    /// Reads it as a whole number of digits only.
    #[inline]
    pub(crate) fn whole(self) -> Option<u64> {
        (not_digits(self.digits) == 0).then(|| joined(self.digits))
    }

    /// Returns whether it is a decimal such as `12` and `0.083`, with digits before and after the point.
    #[inline]
    pub(crate) fn is_decimal(self) -> bool {
        self.point().is_some()
    }

    /// Reads it as a decimal. Neither the digits nor the power of ten are rounded, so that the quotient is the nearest number.
    #[inline]
    pub(crate) fn decimal(self) -> Option<f64> {
        const POWERS: [f64; 8] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7];
        let point = self.point()?;
        let (digits, after) = if point == 0 {
            (self.digits, 0)
        } else {
            // The digits before the point go one place up.
            let before = (1 << (8 * point)) - 1;
            ((self.digits & before) << 8 | self.digits & !(before << 8 | 0xff), 7 - point)
        };
        let value = u32::try_from(joined(digits)).ok()?;
        POWERS.get(after).map(|power| f64::from(value) / power)
    }

    /// Returns which byte of the word is the point, 0 if there is none, which no point can be. Nothing else may be no digit.
    #[inline]
    fn point(self) -> Option<usize> {
        let odd = not_digits(self.digits);
        if odd == 0 {
            return Some(0);
        }
        let at = first_byte(odd);
        let is_point = self.digits.to_le_bytes().get(at) == Some(&(b'.' ^ b'0'));
        (odd.is_power_of_two() && is_point && 8 - self.length < at && at < 7).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept::is_plain_decimal;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_word_reads_what_digits_read(
            text in prop_oneof![
                prop::collection::vec(prop::sample::select(b"0123456789".to_vec()), 0..11),
                prop::collection::vec(prop::sample::select(b"0123456789.".to_vec()), 0..11),
                prop::collection::vec(prop::sample::select(b"019./:-\0\x7f\x80\xff".to_vec()), 0..11),
                prop::collection::vec(any::<u8>(), 0..11),
            ],
            after in prop::collection::vec(any::<u8>(), 8),
        ) {
            let bytes = [text.as_slice(), &after].concat();
            let short = Short::new(&bytes, text.len());
            prop_assert_eq!(short.is_some(), (1..=8).contains(&text.len()));
            if let Some(short) = short {
                prop_assert_eq!(short.whole(), unsigned(&text));
                prop_assert_eq!(short.is_decimal(), is_plain_decimal(&text) || unsigned(&text).is_some());
                prop_assert_eq!(short.decimal(), float(&text).filter(|_| short.is_decimal()));
            }
        }
    }

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
