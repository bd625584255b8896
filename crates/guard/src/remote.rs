//! Reads the line at which a process of Python is, from outside, through `/proc/PID/mem`, where that is allowed. The process is
//! not stopped: what changes while it is read is given up, and read again at the next look.

use crate::{
    charge::is_library,
    counted::Line,
    elf::Elf,
    line_table,
    offsets::{self, COOKIE, DEBUG_BYTES, Offsets, Style},
};
use std::{collections::HashMap, fs, fs::File, os::unix::fs::FileExt};

/// The most threads and frames that are followed.
const THREADS: usize = 256;
const FRAMES: usize = 200;
/// The longest text and table of lines.
const LONGEST: usize = 64 << 10;

/// A process of Python.
#[derive(Debug)]
pub(crate) struct Remote {
    process: u32,
    memory: File,
    offsets: Offsets,
    version: u32,
    runtime: u64,
    known: HashMap<(u64, i64), Line>,
}

impl Remote {
    /// Finds the interpreter in a process; `None` if there is none that is known, or it may not be read.
    pub(crate) fn open(process: u32) -> Option<Self> {
        let memory = File::open(format!("/proc/{process}/mem")).ok()?;
        let maps = fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
        for (start, path) in programs(&maps) {
            let Ok(bytes) = fs::read(format!("/proc/{process}/root{path}")) else { continue };
            let elf = Elf::of(&bytes);
            let address =
                |symbol: &str| Some(start.wrapping_add(elf.symbol(symbol)?).wrapping_sub(elf.first_address()?));
            let Some(runtime) = address("_PyRuntime") else { continue };
            let version = match address("Py_Version") {
                Some(place) => u32::try_from(word(&memory, place)?).ok()?,
                None => version_of_name(&path)?,
            };
            let mut debug = vec![0; DEBUG_BYTES];
            let read = memory.read_exact_at(&mut debug, runtime).is_ok() && debug.starts_with(COOKIE);
            let offsets = offsets::of(version, if read { &debug } else { &[] }).ok()?;
            return Some(Self { process, memory, offsets, version, runtime, known: HashMap::new() });
        }
        None
    }

    /// Returns the inmost line of the person's own code in the main thread.
    pub(crate) fn line(&mut self) -> Option<Line> {
        let mut frame = self.first_frame()?;
        for _ in 0..FRAMES {
            if frame == 0 {
                return None;
            }
            if let Some(line) = self.line_of(frame).filter(|line| !is_library(&line.file)) {
                return Some(line);
            }
            frame = self.word(frame, self.offsets.previous)?;
        }
        None
    }

    fn first_frame(&self) -> Option<u64> {
        let thread = self.main_thread()?;
        let frame = self.word(thread, self.offsets.thread_frame)?;
        match self.offsets.style {
            Style::CFrame => self.word(frame, self.offsets.cframe_frame),
            Style::Objects | Style::Direct => Some(frame),
        }
    }

    /// Threads are a list, the oldest last. From 3.11 on, they know their numbers.
    fn main_thread(&self) -> Option<u64> {
        let interpreter = self.word(self.runtime, self.offsets.interpreters)?;
        let mut thread = self.word(interpreter, self.offsets.threads)?;
        for _ in 0..THREADS {
            let is_main =
                self.offsets.native_id > 0 && self.word(thread, self.offsets.native_id)? == u64::from(self.process);
            let next = self.word(thread, self.offsets.next_thread)?;
            if is_main || next == 0 {
                return Some(thread);
            }
            thread = next;
        }
        None
    }

    fn line_of(&mut self, frame: u64) -> Option<Line> {
        let offsets = self.offsets;
        let code = self.word(frame, offsets.code)? & !7;
        let instruction = self.word(frame, offsets.instruction)?;
        let address = match offsets.style {
            Style::Objects => {
                i64::from(u32::try_from(instruction & 0xFFFF_FFFF).ok()?.cast_signed()) * signed(offsets.index_bytes)?
            }
            Style::CFrame | Style::Direct => {
                instruction.cast_signed() - code.cast_signed() - signed(offsets.instructions)?
            }
        };
        if let Some(line) = self.known.get(&(code, address)) {
            return Some(line.clone());
        }
        let first = u32::try_from(self.word(code, offsets.first_line)? & 0xFFFF_FFFF).ok()?;
        let table = self.word(code, offsets.lines)?;
        let length = usize::try_from(self.word(table, 16)?).ok().filter(|length| *length < LONGEST)?;
        let table = self.bytes(table + 32, length)?;
        let line = match self.version >> 16 {
            0x0309 => line_table::of_3_9(&table, first, address),
            0x030A => line_table::of_3_10(&table, first, address),
            _ => line_table::of_3_11(&table, first, address),
        };
        let file = self.text(self.word(code, offsets.file)?)?;
        let function = self.text(self.word(code, offsets.name)?)?;
        let found = Line { file, function, line: line.unwrap_or(first) };
        self.known.insert((code, address), found.clone());
        Some(found)
    }

    /// Reads a text of Python.
    fn text(&self, object: u64) -> Option<String> {
        let length = usize::try_from(self.word(object, 16)?).ok().filter(|length| *length < LONGEST)?;
        let state = self.word(object, 32)? & 0xFFFF_FFFF;
        let bits = state >> self.offsets.kind_shift;
        let (kind, is_ascii) = (usize::try_from(bits & 7).ok()?, bits >> 4 & 1 == 1);
        let header = if is_ascii { self.offsets.ascii } else { self.offsets.compact };
        let bytes = self.bytes(object + u64::try_from(header).ok()?, length * kind)?;
        let characters = bytes.chunks_exact(kind.max(1)).map(|unit| {
            let code = unit.iter().rev().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
            char::from_u32(code).unwrap_or('?')
        });
        matches!(kind, 1 | 2 | 4).then(|| characters.collect())
    }

    fn word(&self, base: u64, offset: usize) -> Option<u64> {
        word(&self.memory, base.checked_add(u64::try_from(offset).ok()?)?)
    }

    fn bytes(&self, place: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.memory.read_exact_at(&mut bytes, place).ok()?;
        Some(bytes)
    }
}

fn signed(offset: usize) -> Option<i64> {
    i64::try_from(offset).ok()
}

fn word(memory: &File, place: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    memory.read_exact_at(&mut bytes, place).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

/// Returns programs and libraries that may be an interpreter, each with where its beginning is mapped.
fn programs(maps: &str) -> Vec<(u64, String)> {
    let mut found: Vec<(u64, String)> = Vec::new();
    for line in maps.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (Some(range), Some(&"00000000"), Some(path)) = (words.first(), words.get(2), words.get(5)) else {
            continue;
        };
        let start = range.split('-').next().and_then(|start| u64::from_str_radix(start, 16).ok());
        let is_python = path.rsplit('/').next().is_some_and(|name| name.contains("python"));
        if let Some(start) = start.filter(|_| is_python && !found.iter().any(|(_, other)| other == path)) {
            found.push((start, (*path).to_owned()));
        }
    }
    found
}

/// `python3.9` and `libpython3.10.so.1.0` tell their version.
fn version_of_name(path: &str) -> Option<u32> {
    let rest = path.rsplit("python3.").next()?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(3 << 24 | digits.parse::<u32>().ok()? << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_found_among_what_is_mapped() {
        let maps = "55d0-55e0 r--p 00000000 08:01 1 /usr/bin/python3.11\n\
            55e0-55f0 r-xp 00010000 08:01 1 /usr/bin/python3.11\n\
            7f00-7f10 r--p 00000000 08:01 2 /usr/lib/libc.so.6\n\
            7f20-7f30 r--p 00000000 08:01 3 /opt/lib/libpython3.10.so.1.0\n";
        let expected =
            [(0x55d0, "/usr/bin/python3.11".to_owned()), (0x7f20, "/opt/lib/libpython3.10.so.1.0".to_owned())];
        assert_eq!(programs(maps), expected);
        assert_eq!(version_of_name("/opt/lib/libpython3.10.so.1.0"), Some(0x030A_0000));
        assert_eq!(version_of_name("/bin/sh"), None);
    }

    #[test]
    fn a_process_that_is_no_python_has_no_lines() {
        assert!(Remote::open(std::process::id()).is_none());
    }
}
