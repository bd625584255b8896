//! Takes objects apart that have the keys of the one before, in the same order and with the same spaces: nearly all lines of a
//! log. All others are left to [`Object`], which knows the rules.
//!
//! Whatever stands between two values of a line is compared with what stood there before. Strings end at the next place of a
//! list, which is made ahead for the whole block.

mod shape;

use self::shape::{Form, Path, Shape};
use super::{
    object::Object,
    scan::{FIRST_PRINTABLE, Scanner},
};
use crate::{
    Column, ColumnType,
    accept::accepts_signed,
    batch::Columns,
    digits, frame,
    specials::{Specials, Wanted},
    time::Recent,
};
use wide::u8x16;

/// How many lines of a block may be in vain more than those that are not.
const CREDIT: u32 = 64;

/// Quotes, and what no string holds as it stands.
#[derive(Debug)]
struct Marks;

impl Wanted for Marks {
    #[inline]
    fn in_part(&self, part: u8x16) -> u8x16 {
        let is_control = part.min(u8x16::splat(FIRST_PRINTABLE - 1)).simd_eq(part);
        part.simd_eq(u8x16::splat(b'"')) | part.simd_eq(u8x16::splat(b'\\')) | is_control
    }
}

/// Takes the objects of a block apart, one after another.
#[derive(Debug)]
pub(super) struct Usual {
    marks: Specials<Marks>,
    /// What the last object was like.
    shape: Option<Shape>,
    /// Columns that the query wants and that it did not have.
    absent: Vec<Path>,
    /// Lines that were not like it, one after another.
    missed: u32,
    credit: u32,
}

/// A line that was read.
pub(super) struct Line {
    /// Its bytes.
    pub length: usize,
    /// Its bytes without the line end.
    pub content: usize,
}

/// Why a line was not read.
enum Stop {
    /// Not all of its places are listed.
    Short,
    /// It is not a usual one.
    Odd,
}

/// The line that is being read.
struct Reading<'a> {
    /// The rest of the block, from the start of the line on.
    bytes: &'a [u8],
    /// Where that is in the block.
    origin: usize,
    /// Where the marks are in the block.
    marks: &'a [usize],
    /// How many of them were passed.
    passed: usize,
    at: usize,
}

/// Where values go.
pub(super) struct To<'a> {
    /// The reader of all other lines.
    pub object: &'a mut Object,
    /// The columns of the row.
    pub columns: &'a mut Columns,
    /// Where strings with escapes are decoded that are not text in the end.
    pub scratch: &'a mut Vec<u8>,
}

impl Usual {
    pub(super) fn new() -> Self {
        Self { marks: Specials::new(Marks), shape: None, absent: Vec::new(), missed: 0, credit: CREDIT }
    }

    pub(super) fn start_block(&mut self, columns: &Columns) {
        self.marks.start_block();
        self.credit = CREDIT;
        self.find_wanted(columns);
    }

    /// Reads the line at the start of `bytes`, which begins at `origin` in the block, if it is a usual one.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], origin: usize, to: &mut To<'_>) -> Option<Line> {
        let shape = self.shape.as_mut().filter(|_| self.credit > 0)?;
        let rows = to.columns.rows();
        self.marks.seek(origin);
        while self.marks.listed().len() < shape.marks && self.marks.list_more(bytes, origin) {}
        loop {
            let mut reading = Reading { bytes, origin, marks: self.marks.listed(), passed: 0, at: 0 };
            match reading.take(shape, to) {
                Ok(line) => {
                    let passed = reading.passed;
                    self.marks.take(passed, origin + line.length);
                    for path in &self.absent {
                        push_null(to.columns, path);
                    }
                    (self.missed, self.credit) = (0, CREDIT.min(self.credit + 1));
                    return Some(line);
                }
                Err(stop) => {
                    to.columns.truncate(rows);
                    if matches!(stop, Stop::Odd) || !self.marks.list_more(bytes, origin) {
                        return None;
                    }
                }
            }
        }
    }

    /// Says that a line was an object all the same. If two of them were not like the last usual one, others are expected to
    /// be like this one.
    #[cold]
    pub(super) fn missed(&mut self, line: &[u8], object: &mut Object, columns: &Columns) {
        self.missed += 1;
        self.credit = self.credit.saturating_sub(1);
        if self.missed < 2 && self.shape.is_some() || self.credit == 0 {
            return;
        }
        self.missed = 0;
        self.shape = Shape::of(line, object);
        self.marks.make_room(self.shape.as_ref().map_or(0, |shape| shape.marks));
        self.find_wanted(columns);
    }

    /// Finds out which columns of the shape the query wants.
    fn find_wanted(&mut self, columns: &Columns) {
        let is_wanted = |path: &Path| path.first().is_some_and(|at| columns.is_wanted(*at));
        self.absent.clear();
        let Some(shape) = &mut self.shape else { return };
        for member in &mut shape.members {
            member.is_wanted = is_wanted(&member.column);
        }
        self.absent.extend(shape.absent.iter().filter(|path| is_wanted(path)).cloned());
    }
}

impl Reading<'_> {
    /// Reads the line. What it appended is to be taken back if it stops.
    #[inline]
    fn take(&mut self, shape: &mut Shape, to: &mut To<'_>) -> Result<Line, Stop> {
        for member in &mut shape.members {
            self.at = member.before.end(self.bytes, self.at).ok_or(Stop::Odd)?;
            self.passed += member.marks;
            for opened in &member.opens {
                if let Some(column) = column(to.columns, opened) {
                    column.push_struct();
                }
            }
            let column = if member.is_wanted { column(to.columns, &member.column) } else { None };
            let taken = match &mut member.form {
                Form::Text => self.text(column)?,
                Form::Time(recent) => self.time(recent, column)?,
                Form::Whole(kind) => self.whole(kind, column),
                Form::Decimal => self.decimal(column),
                Form::Any => false,
            };
            if !taken {
                self.odd(&member.column, to)?;
            }
        }
        let content = shape.end.end(self.bytes, self.at).ok_or(Stop::Odd)?;
        let (line_end, marks) = match self.bytes.get(content..).unwrap_or_default() {
            [b'\n', ..] => (1, 1),
            [b'\r', b'\n', ..] => (2, 2),
            _ => return Err(Stop::Odd),
        };
        self.passed += marks;
        Ok(Line { length: content + line_end, content })
    }

    /// Returns the inside of the string that comes next, which has no escapes, and what follows it, without passing over it.
    #[inline]
    fn string(&self) -> Result<Option<(&[u8], usize)>, Stop> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Ok(None);
        }
        let end = self.marks.get(self.passed + 1).ok_or(Stop::Short)?.wrapping_sub(self.origin);
        if self.bytes.get(end) != Some(&b'"') {
            return Ok(None);
        }
        let inside = self.bytes.get(self.at + 1..).unwrap_or_default();
        Ok(Some((inside, end - self.at - 1)))
    }

    #[inline]
    fn pass_string(&mut self, length: usize) {
        self.at += length + 2;
        self.passed += 2;
    }

    #[inline]
    fn text(&mut self, column: Option<&mut Column>) -> Result<bool, Stop> {
        let Some((text, length)) = self.string()? else { return Ok(false) };
        if let Some(column) = column {
            column.push_first(text, length);
        }
        self.pass_string(length);
        Ok(true)
    }

    #[inline]
    fn time(&mut self, recent: &mut Recent, column: Option<&mut Column>) -> Result<bool, Stop> {
        let Some((text, length)) = self.string()? else { return Ok(false) };
        let micros = text.get(..length).and_then(|text| recent.timestamp(text)).ok_or(Stop::Odd)?;
        if let Some(column) = column {
            column.push_timestamp(micros).map_err(|_| Stop::Odd)?;
        }
        self.pass_string(length);
        Ok(true)
    }

    #[inline]
    fn whole(&mut self, kind: &ColumnType, column: Option<&mut Column>) -> bool {
        if self.begins_with_a_needless_zero() {
            return false;
        }
        let Some((value, length)) = self.ahead().and_then(|ahead| digits::leading(*ahead)) else { return false };
        let Ok(value) = i64::try_from(value) else { return false };
        let taken = column.map_or_else(|| accepts_signed(kind, value), |column| column.push_signed(value).is_ok());
        self.at += if taken { length } else { 0 };
        taken
    }

    #[inline]
    fn decimal(&mut self, column: Option<&mut Column>) -> bool {
        if self.begins_with_a_needless_zero() {
            return false;
        }
        let Some(ahead) = self.ahead() else { return false };
        let length = match column {
            None => digits::decimal_length(*ahead),
            Some(column) => {
                digits::decimal(*ahead).and_then(|(value, length)| column.push_float(value).is_ok().then_some(length))
            }
        };
        let Some(length) = length else { return false };
        self.at += length;
        true
    }

    /// Returns whether a number begins with a zero that a digit follows, which JSON does not allow.
    #[inline]
    fn begins_with_a_needless_zero(&self) -> bool {
        matches!(self.bytes.get(self.at..), Some([b'0', b'0'..=b'9', ..]))
    }

    #[inline]
    fn ahead(&self) -> Option<&[u8; 8]> {
        self.bytes.get(self.at..)?.first_chunk()
    }

    /// Reads a value that is not like most.
    #[inline]
    fn odd(&mut self, path: &[usize], to: &mut To<'_>) -> Result<(), Stop> {
        if self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) != Some(b"null") {
            return self.any(path, to);
        }
        push_null(to.columns, path);
        self.at += 4;
        Ok(())
    }

    /// Reads any value by the rules, and passes over its marks.
    #[inline(never)]
    fn any(&mut self, path: &[usize], to: &mut To<'_>) -> Result<(), Stop> {
        let (line, _) = frame::line(self.bytes.get(self.at..).unwrap_or_default());
        let mut input = Scanner::new(line);
        let read = match to.object.value(path) {
            Some(value) => value.read(&mut input, column(to.columns, path), to.scratch),
            None => input.skip(),
        };
        // What is wrong with the line, the rules will say.
        read.map_err(|_| Stop::Odd)?;
        self.at += line.len() - input.rest().len();
        let ahead = self.marks.get(self.passed..).unwrap_or_default();
        let inside = ahead.iter().take_while(|mark| **mark - self.origin < self.at).count();
        self.passed += inside;
        // The line end is a mark.
        if inside == ahead.len() { Err(Stop::Short) } else { Ok(()) }
    }
}

/// Returns the column, if the query wants it.
#[inline]
fn column<'a>(columns: &'a mut Columns, path: &[usize]) -> Option<&'a mut Column> {
    let (at, inside) = path.split_first()?;
    let mut column = columns.get(*at)?;
    for at in inside {
        column = column.field(*at)?;
    }
    Some(column)
}

fn push_null(columns: &mut Columns, path: &[usize]) {
    if let Some(column) = column(columns, path) {
        column.push_null();
    }
}

#[cfg(test)]
mod tests;
