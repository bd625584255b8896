//! Numbers of a few digits, read as one word: no loop, and no branch on how many there are.

use crate::find::{HIGH_BITS, first_byte, repeated};

/// Reads the number that eight bytes begin with, and says of how many digits it is; `None` if that are none or all eight.
#[inline]
pub(crate) fn leading(bytes: [u8; 8]) -> Option<(u64, usize)> {
    let values = u64::from_le_bytes(bytes) ^ repeated(b'0');
    let length = first_byte(not_digits(values));
    if !(1..8).contains(&length) {
        return None;
    }
    Some((joined(values << (64 - 8 * length)), length))
}

/// Returns the number of eight digits, given their values. Where there are less, zeros before them change nothing.
#[inline]
pub(crate) fn joined(values: u64) -> u64 {
    // Pairs of digits are joined, then pairs of those, and of those.
    let twos = values * 10 + (values >> 8);
    let (odd, even) = (twos & 0x0000_00ff_0000_00ff, twos >> 16 & 0x0000_00ff_0000_00ff);
    odd.wrapping_mul(100 + (1_000_000 << 32)).wrapping_add(even.wrapping_mul(1 + (10_000 << 32))) >> 32
}

/// Returns how long the number like `5` or `0.083` is that eight bytes begin with; `None` if there is none, or it takes up all.
#[inline]
pub(crate) fn decimal_length(bytes: [u8; 8]) -> Option<usize> {
    point_and_end(u64::from_le_bytes(bytes) ^ repeated(b'0')).map(|(_, end)| end)
}

/// Reads the number like `5` or `0.083` that eight bytes begin with, and says how long it is. Numerator and denominator are
/// exact, and so the quotient is the nearest there is.
#[inline]
pub(crate) fn decimal(bytes: [u8; 8]) -> Option<(f64, usize)> {
    const POWERS: [f64; 6] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0];
    let values = u64::from_le_bytes(bytes) ^ repeated(b'0');
    let (point, end) = point_and_end(values)?;
    if point == end {
        return Some((f64::from(u32::try_from(joined(values << (64 - 8 * end))).ok()?), end));
    }
    // Without the point, one digit follows the other.
    let below_point = (1 << (8 * point)) - 1;
    let digits = values & below_point | values >> 8 & !below_point;
    let number = u32::try_from(joined(digits << (72 - 8 * end))).ok()?;
    Some((f64::from(number) / POWERS.get(end - point - 1)?, end))
}

/// Returns where the point of a number is and where the number ends, which is the same if it has none.
#[inline]
fn point_and_end(values: u64) -> Option<(usize, usize)> {
    let others = not_digits(values);
    let point = first_byte(others);
    if !(1..8).contains(&point) {
        return None;
    }
    if values >> (8 * point) & 0xff != u64::from(b'.' ^ b'0') {
        return Some((point, point));
    }
    // There must be a digit behind the point.
    let end = first_byte(others & (others - 1));
    (point + 1 < end && end < 8).then_some((point, end))
}

/// Reads a number of three digits.
#[inline]
pub(crate) fn three(text: [u8; 3]) -> Option<u64> {
    let [hundreds, tens, ones] = text.map(|byte| byte.wrapping_sub(b'0'));
    (hundreds < 10 && tens < 10 && ones < 10)
        .then(|| u64::from(hundreds) * 100 + u64::from(tens) * 10 + u64::from(ones))
}

/// Reads the time of day `13:55:36` as hour, minute and second, each of two digits.
#[inline]
pub(crate) fn clock(text: [u8; 8]) -> Option<[u8; 3]> {
    // The differences of the colons must be 0, those of digits at most 9.
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes(*b"00:00:00");
    (above(values, 0x7676_7f76_767f_7676) == 0).then(|| {
        let [hour, _, _, minute, _, _, second, _] = (values * 10 + (values >> 8)).to_le_bytes();
        [hour, minute, second]
    })
}

/// Returns a word that is zero if all bytes are values of digits; else its lowest set bit is in the first byte that is not.
#[inline]
pub(crate) fn not_digits(values: u64) -> u64 {
    above(values, repeated(0x76))
}

/// Returns a word whose lowest set bit is in the first byte that passes 127 with that of `room` added to it.
#[inline]
fn above(values: u64, room: u64) -> u64 {
    // A byte that carries into the next one has its own high bit in `values`.
    (values.wrapping_add(room) | values) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar;

    fn check(bytes: [u8; 8]) {
        let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = scalar::unsigned(&bytes[..length]).map(|number| (number, length));
        assert_eq!(leading(bytes), number.filter(|_| length < 8), "{bytes:?}");

        let fraction =
            bytes.get(length + 1..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let decimal = match bytes.get(length) {
            Some(b'.') if fraction == 0 => None,
            Some(b'.') => Some(length + 1 + fraction),
            _ => Some(length),
        };
        let decimal = decimal.filter(|decimal| length > 0 && *decimal < 8);
        assert_eq!(decimal_length(bytes), decimal, "{bytes:?}");
        let value = decimal.and_then(|length| Some((scalar::float(&bytes[..length])?, length)));
        assert_eq!(super::decimal(bytes), value, "{bytes:?}");
    }

    #[test]
    fn numbers_of_every_length_and_of_any_bytes() {
        for number in [0, 1, 9, 10, 99, 100, 2326, 12_345_678, 90_909_090, 99_999_999_u64] {
            for end in
                [" \"https:", ".25\n::::", ".\n::::::", "..1\n::::", "\n:::::::", "////////", "\x7f\u{80}\u{ff}---"]
            {
                check(format!("{number}{end}").as_bytes()[..8].try_into().unwrap());
                check(format!("{number:04}{end}").as_bytes()[..8].try_into().unwrap());
            }
        }
        for at in 0..8 {
            for byte in 0..=u8::MAX {
                for then in [
                    *b"90817263",
                    *b"90\xff17263",
                    *b"9.817\n12",
                    *b"12.\xff\xff.12",
                    *b"\xff\xff\xff\xff\xff\xff\xff\xff",
                ] {
                    let mut bytes = then;
                    bytes[at] = byte;
                    check(bytes);
                }
            }
        }
    }

    #[test]
    fn numbers_of_three_digits() {
        for at in 0..3 {
            for byte in 0..=u8::MAX {
                let mut text = *b"908";
                text[at] = byte;
                assert_eq!(three(text), scalar::unsigned(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn clocks_of_any_bytes() {
        let two = |text: &[u8]| scalar::unsigned(text).and_then(|number| u8::try_from(number).ok());
        for at in 0..8 {
            for byte in 0..=u8::MAX {
                let mut text = *b"19:28:37";
                text[at] = byte;
                let colons = text[2] == b':' && text[5] == b':';
                let expected = [two(&text[..2]), two(&text[3..5]), two(&text[6..])];
                let expected = match expected {
                    [Some(hour), Some(minute), Some(second)] if colons => Some([hour, minute, second]),
                    _ => None,
                };
                assert_eq!(clock(text), expected, "{text:?}");
            }
        }
    }
}
