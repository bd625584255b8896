//! Tables of lines in code of `CPython`, by version: which line an instruction, given by its place in bytes, belongs to.

/// Of 3.9: pairs of how far the next line is in bytes and in lines.
pub(crate) fn of_3_9(table: &[u8], first: u32, address: i64) -> Option<u32> {
    let (mut line, mut place) = (i64::from(first), 0_i64);
    for pair in table.chunks_exact(2) {
        let [bytes, lines] = *pair else { continue };
        place += i64::from(bytes);
        if place > address {
            break;
        }
        line += i64::from(lines.cast_signed());
    }
    u32::try_from(line).ok()
}

/// Of 3.10: pairs of a length in bytes and a step in lines that goes before it; -128 is no line.
pub(crate) fn of_3_10(table: &[u8], first: u32, address: i64) -> Option<u32> {
    let (mut line, mut end) = (i64::from(first), 0_i64);
    for pair in table.chunks_exact(2) {
        let [bytes, lines] = *pair else { continue };
        let step = lines.cast_signed();
        if step != i8::MIN {
            line += i64::from(step);
        }
        end += i64::from(bytes);
        if address < end {
            return if step == i8::MIN { None } else { u32::try_from(line).ok() };
        }
    }
    None
}

/// Of 3.11 on: entries of a kind, a length in instructions, and a step in lines.
pub(crate) fn of_3_11(table: &[u8], first: u32, address: i64) -> Option<u32> {
    let (mut line, mut end) = (i64::from(first), 0_i64);
    let mut bytes = table.iter().copied().peekable();
    while let Some(head) = bytes.next() {
        let (kind, length) = (head >> 3 & 15, i64::from(head & 7) + 1);
        line += match kind {
            0..=10 | 15 => 0,
            11 | 12 => i64::from(kind) - 10,
            _ => zigzag(varint(&mut bytes)?),
        };
        // What is left of the entry tells columns.
        while bytes.peek().is_some_and(|byte| byte & 0x80 == 0) {
            bytes.next();
        }
        end += length * 2;
        if address < end {
            return if kind == 15 { None } else { u32::try_from(line).ok() };
        }
    }
    None
}

/// Six bits in each byte, the lowest first; the seventh says that more follow.
fn varint(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let byte = bytes.next()?;
        value |= u64::from(byte & 63).checked_shl(shift)?;
        shift += 6;
        if byte & 64 == 0 {
            return Some(value);
        }
    }
}

fn zigzag(value: u64) -> i64 {
    let half = (value >> 1).cast_signed();
    if value & 1 == 1 { -half } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_3_11_is_read() {
        // `def f():` at 1, then lines 2, 3 and 1: a step of one, one of one, and a long one back by two.
        let table = [0b1000_0000, 0, 0b1101_1001, 0, 9, 0b1101_1000, 0, 9, 0b1110_1001, 5];
        let lines: Vec<_> = (0..7).map(|nth| of_3_11(&table, 1, nth * 2)).collect();
        assert_eq!(lines, [Some(1), Some(2), Some(2), Some(3), Some(1), Some(1), None]);
        assert_eq!(of_3_11(&[0b1111_1000], 7, 0), None);
        assert_eq!(of_3_11(&[0b1110_1000], 7, 0), None);
    }

    #[test]
    fn tables_of_older_versions_are_read() {
        let of_3_10 = |address| of_3_10(&[2, 0, 4, 1, 2, 0x80, 2, 0xFF], 5, address);
        assert_eq!([0, 2, 4, 6, 8, 10].map(of_3_10), [Some(5), Some(6), Some(6), None, Some(5), None]);
        let of_3_9 = |address| of_3_9(&[2, 1, 4, 2, 2, 0xFF], 5, address);
        assert_eq!([0, 2, 4, 6, 8].map(of_3_9), [Some(5), Some(6), Some(6), Some(8), Some(7)]);
    }
}
