//! As much of the form of programs as is needed to find a variable by its name.

/// A program or a library.
pub(crate) struct Elf<'a> {
    bytes: &'a [u8],
}

impl<'a> Elf<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn number(&self, at: u64, size: usize) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Returns the address that the beginning of the file was made for.
    pub(crate) fn first_address(&self) -> Option<u64> {
        const LOAD: u64 = 1;
        let (first, size, count) = (self.number(32, 8)?, self.number(54, 2)?, self.number(56, 2)?);
        let mut parts = (0..count).filter_map(|nth| first.checked_add(nth * size));
        let load = parts.find(|part| self.number(*part, 4) == Some(LOAD) && self.number(part + 8, 8) == Some(0))?;
        self.number(load + 16, 8)
    }

    /// Returns the address of what the program exports by this name.
    pub(crate) fn symbol(&self, name: &str) -> Option<u64> {
        const DYNAMIC_SYMBOLS: u64 = 11;
        const SYMBOL: u64 = 24;
        let (first, size, count) = (self.number(40, 8)?, self.number(58, 2)?, self.number(60, 2)?);
        let section = |nth: u64| first.checked_add(nth.checked_mul(size)?);
        let table = (0..count).filter_map(section).find(|part| self.number(part + 4, 4) == Some(DYNAMIC_SYMBOLS))?;
        let (at, length) = (self.number(table + 24, 8)?, self.number(table + 32, 8)?);
        let names = self.number(section(self.number(table + 40, 4)?)? + 24, 8)?;
        for nth in 0..length / SYMBOL {
            let symbol = at + nth * SYMBOL;
            let text = usize::try_from(names.checked_add(self.number(symbol, 4)?)?).ok()?;
            let found = self.bytes.get(text..)?;
            if found.starts_with(name.as_bytes()) && found.get(name.len()) == Some(&0) {
                return self.number(symbol + 8, 8).filter(|value| *value > 0);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_a_library_exports_is_found() {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let libc =
            maps.lines().find_map(|line| line.split_ascii_whitespace().nth(5).filter(|path| path.contains("libc.so")));
        let bytes = fs::read(libc.unwrap()).unwrap();
        let elf = Elf::of(&bytes);
        assert_eq!(elf.first_address(), Some(0));
        assert!(elf.symbol("malloc").is_some_and(|place| place < bytes.len() as u64));
        assert_eq!((elf.symbol("mallo"), elf.symbol("no_such_function_at_all")), (None, None));
    }

    #[test]
    fn what_is_no_program_has_nothing() {
        for bytes in [&b""[..], b"#!/bin/sh\n", &[0x7F; 100], &[0xFF; 4096]] {
            assert_eq!((Elf::of(bytes).symbol("x"), Elf::of(bytes).first_address()), (None, None));
        }
    }
}
