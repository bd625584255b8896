//! A file or a text that is checked, and where in it something is.

use super::{encoding::decode, notebook};
use ruff_text_size::{TextRange, TextSize};
use std::fmt;

/// The largest source that is parsed: its tree takes some thirty times as much memory.
const MOST_BYTES: usize = 4 << 20;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// A script or a module.
    Script,
    /// The code cells of a notebook, in order.
    Notebook,
}

/// A text that can be parsed, with the places of its lines.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub name: String,
    pub kind: SourceKind,
    pub text: String,
    /// Where each line begins.
    lines: Vec<u32>,
    /// The first line of each cell of a notebook, and the number of the cell.
    cells: Vec<(u32, u32)>,
}

/// Where something is, for people: lines and columns begin with 1, columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Place {
    /// The cell of a notebook, counted over all of its cells; `None` elsewhere.
    pub cell: Option<u32>,
    /// The line, in a notebook that of its cell.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cell {
            Some(cell) => write!(f, "cell {cell}:{}:{}", self.line, self.column),
            None => write!(f, "{}:{}", self.line, self.column),
        }
    }
}

/// Why a file is not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub place: Place,
    pub message: String,
}

impl Refusal {
    /// Something about the file as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { place: Place { cell: None, line: 1, column: 1 }, message: message.into() }
    }

    /// Something at a byte.
    pub(crate) fn at_byte(bytes: &[u8], at: usize, message: &str) -> Self {
        let before = bytes.get(..at).unwrap_or_default();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let line = before.split(|byte| *byte == b'\n').count();
        let place = Place { cell: None, line: number(line), column: number(at - line_start + 1) };
        Self { place, message: message.to_owned() }
    }
}

impl Source {
    /// Takes a text that is there.
    pub(crate) fn of_text(name: &str, text: String) -> Result<Self, Refusal> {
        if let Some(at) = text.bytes().position(|byte| byte == 0) {
            return Err(Refusal::at_byte(text.as_bytes(), at, "a NUL byte: Python does not read this file"));
        }
        Self::with_cells(name, SourceKind::Script, text, Vec::new())
    }

    /// Reads the bytes of a file: a notebook by its name, else Python.
    pub(crate) fn of_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, Refusal> {
        if std::path::Path::new(name).extension().is_some_and(|extension| extension == "ipynb") {
            let (text, cells) = notebook::code(&bytes)?;
            return Self::with_cells(name, SourceKind::Notebook, text, cells);
        }
        if bytes.len() > MOST_BYTES {
            return Err(too_large(bytes.len()));
        }
        Self::with_cells(name, SourceKind::Script, decode(bytes)?, Vec::new())
    }

    fn with_cells(name: &str, kind: SourceKind, text: String, cells: Vec<(u32, u32)>) -> Result<Self, Refusal> {
        if text.len() > MOST_BYTES {
            return Err(too_large(text.len()));
        }
        let mut lines = vec![0];
        lines.extend(line_ends(text.as_bytes()).map(number));
        Ok(Self { name: name.to_owned(), kind, text, lines, cells })
    }

    /// Returns the number of the line, from 0, that holds an offset.
    pub(crate) fn line_at(&self, offset: TextSize) -> usize {
        self.lines.partition_point(|start| *start <= offset.to_u32()).saturating_sub(1)
    }

    /// Returns where a line begins.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.lines.get(line).map_or(self.text.len(), |start| *start as usize)
    }

    /// Returns a line without its end.
    pub(crate) fn line(&self, line: usize) -> &str {
        let text = self.text.get(self.line_start(line)..self.line_start(line + 1)).unwrap_or_default();
        text.trim_end_matches(['\n', '\r'])
    }

    /// Returns the text of a range.
    pub(crate) fn slice(&self, range: TextRange) -> &str {
        self.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default()
    }

    /// Returns where an offset is.
    pub(crate) fn place(&self, offset: TextSize) -> Place {
        let line = self.line_at(offset);
        let before = self.text.get(self.line_start(line)..offset.to_usize()).unwrap_or_default();
        let column = number(before.chars().count() + 1);
        let index = number(line);
        let cell = self.cells.iter().rev().find(|(first, _)| *first <= index);
        match cell {
            Some((first, cell)) => Place { cell: Some(*cell), line: index - first + 1, column },
            None => Place { cell: None, line: index + 1, column },
        }
    }

    /// Returns how a line is named in a sentence: `line 12`, or `line 3 of cell 5`.
    pub(crate) fn line_name(&self, offset: TextSize) -> String {
        let place = self.place(offset);
        match place.cell {
            Some(cell) => format!("line {} of cell {cell}", place.line),
            None => format!("line {}", place.line),
        }
    }
}

fn too_large(bytes: usize) -> Refusal {
    let (size, most) = (bytes / 1_000_000, MOST_BYTES / 1_000_000);
    Refusal::whole(format!("{size} MB of source, more than the {most} MB that are checked"))
}

/// Returns where lines begin that are not the first.
fn line_ends(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b'\n' | b'\r'));
    // A carriage return before a newline ends no line of its own.
    ends.filter(|(at, byte)| **byte == b'\n' || bytes.get(at + 1) != Some(&b'\n')).map(|(at, _)| at + 1)
}

/// Sources are smaller than 4 GB.
pub(super) fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let source = Source::of_text("a.py", "a\r\näb\rc\n".into()).unwrap();
        let place = |offset: u32| source.place(TextSize::new(offset)).to_string();
        assert_eq!([place(0), place(3), place(5), place(7)], ["1:1", "2:1", "2:2", "3:1"]);
        assert_eq!((source.line(0), source.line(1), source.line(2), source.line(9)), ("a", "äb", "c", ""));
        assert_eq!(source.line_name(TextSize::new(7)), "line 3");
    }

    #[test]
    fn a_source_is_no_larger_than_memory_has_place_for() {
        let refusal = Source::of_bytes("a.py", vec![b'x'; MOST_BYTES + 1]).unwrap_err();
        assert_eq!(refusal.message, "4 MB of source, more than the 4 MB that are checked");
        assert!(Source::of_bytes("a.py", vec![b'x'; 100]).is_ok());
    }
}
