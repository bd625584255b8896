//! Where delimited records and fields end.
//!
//! [`whole_records`], `Fields` and the decoder's own splitter of usual records follow the same rules, so that a block cut by
//! the one is read whole by the others.

use crate::{find::near, frame};
use memchr::{Memchr3, memchr, memchr3_iter, memrchr};

pub(super) const QUOTE: u8 = b'"';

/// How many of the last bytes are enough, nearly always, to find the last record's end.
const LAST: usize = 8 << 10;

/// Returns the length of the longest prefix of `bytes` that holds whole records, line ends included.
///
/// `bytes` starts where a record starts. Where a quote is opened and not closed, the record that holds it is not whole.
pub fn whole_records(bytes: &[u8], delimiter: u8) -> usize {
    whole_records_by_last(bytes, delimiter, LAST)
}

/// Looks at the last bytes alone if they tell where the last record ends, else at all.
pub(super) fn whole_records_by_last(bytes: &[u8], delimiter: u8, last: usize) -> usize {
    let Some(from) = bytes.len().checked_sub(last) else { return last_record_end(bytes, 0, delimiter) };
    let line_end = bytes.get(from..).and_then(|rest| memchr(b'\n', rest));
    let certain = line_end.and_then(|at| certainly_outside(bytes, from + at + 1, delimiter));
    match certain.map(|outside| last_record_end(bytes, outside, delimiter)) {
        Some(whole @ 1..) => whole,
        _ => last_record_end(bytes, 0, delimiter),
    }
}

/// Returns a place from `line` on, where a physical line begins, that is outside of quotes whatever comes before it.
///
/// A line begins inside of quotes or outside. What follows is read both ways, until both agree: they do soon, because a quote
/// opens a field only where one begins, so that the one that is wrong loses a quote that the other takes.
fn certainly_outside(bytes: &[u8], line: usize, delimiter: u8) -> Option<usize> {
    let mut behind = line;
    let mut ahead = closing_quote(bytes, line)? + 1;
    loop {
        // Each of the two is outside of quotes if its own reading is right. There is no other quote in one's way to `opening`.
        let opening = opening_quote(bytes, behind, delimiter).filter(|opening| *opening < ahead);
        let Some(opening) = opening else { return Some(ahead) };
        behind = closing_quote(bytes, opening + 1)? + 1;
        if behind > ahead {
            std::mem::swap(&mut behind, &mut ahead);
        }
    }
}

/// Returns where the last record ends that ends after `outside`, a place outside of quotes, or 0.
fn last_record_end(bytes: &[u8], mut outside: usize, delimiter: u8) -> usize {
    let mut whole = 0;
    loop {
        let opening = opening_quote(bytes, outside, delimiter);
        let run = bytes.get(outside..opening.unwrap_or(bytes.len())).unwrap_or_default();
        if let Some(at) = memrchr(b'\n', run) {
            whole = outside + at + 1;
        }
        match opening.and_then(|at| closing_quote(bytes, at + 1)) {
            Some(closing) => outside = closing + 1,
            None => return whole,
        }
    }
}

/// Returns the next quote from `from` on that opens a field; `from` is outside of quotes.
fn opening_quote(bytes: &[u8], mut from: usize, delimiter: u8) -> Option<usize> {
    loop {
        let at = from + memchr(QUOTE, bytes.get(from..)?)?;
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        if before.is_none_or(|&byte| byte == delimiter || byte == b'\n') {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Returns the quote that closes the field whose first byte after the opening quote is at `from`.
fn closing_quote(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr(QUOTE, bytes.get(from..)?)?;
        if bytes.get(at + 1) != Some(&QUOTE) {
            return Some(at);
        }
        from = at + 2;
    }
}

/// One field as it stands in its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// A field without quotes.
    Plain(&'a [u8]),
    /// The inside of a quoted field that needs no change.
    Quoted(&'a [u8]),
    /// All after the opening quote of a field that holds `""` or goes on after its closing quote: see [`unquote`].
    Escaped(&'a [u8]),
}

/// Appends the value of a [`Field::Escaped`] to `value`.
pub(crate) fn unquote(mut field: &[u8], value: &mut Vec<u8>) {
    while let Some((before, after)) = near(QUOTE, field).and_then(|at| field.split_at_checked(at)) {
        value.extend_from_slice(before);
        if let Some(rest) = after.strip_prefix(b"\"\"") {
            value.push(QUOTE);
            field = rest;
        } else {
            // The closing quote: what follows it is taken as it stands.
            value.extend_from_slice(after.get(1..).unwrap_or_default());
            return;
        }
    }
    value.extend_from_slice(field);
}

/// What one record covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Bytes up to the next record.
    pub length: usize,
    /// Bytes without the line end.
    pub content: usize,
    /// Physical lines.
    pub lines: u64,
    /// Whether every quoted field was closed. If not, the extent is that of the first physical line.
    pub closed: bool,
}

/// Takes the record at the start of some bytes apart, field by field: any record, by all the rules.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    /// Delimiters, line ends and quotes from the next field on.
    specials: Memchr3<'a>,
    /// Where the next field begins.
    start: usize,
    delimiter: u8,
    lines: u64,
    end: Option<Extent>,
}

impl<'a> Fields<'a> {
    /// Returns the fields of the record at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        let specials = memchr3_iter(delimiter, b'\n', QUOTE, bytes);
        Self { bytes, specials, start: 0, delimiter, lines: 1, end: None }
    }

    /// Passes over the fields that are left and returns what the record covers.
    pub(crate) fn finish(mut self) -> Extent {
        self.by_ref().for_each(drop);
        let all = Extent { length: self.bytes.len(), content: self.bytes.len(), lines: self.lines, closed: true };
        self.end.unwrap_or(all)
    }

    fn quoted(&mut self) -> Option<Field<'a>> {
        let Some((closing, escaped)) = self.closing_quote() else {
            let (content, length) = frame::line(self.bytes);
            self.end = Some(Extent { length, content: content.len(), lines: 1, closed: false });
            return None;
        };
        let inside = self.bytes.get(self.start + 1..closing)?;
        let from = self.start;
        let field = self.plain();
        let has_tail = from + field.len() > closing + 1;
        Some(if escaped || has_tail { Field::Escaped(field.get(1..)?) } else { Field::Quoted(inside) })
    }

    /// Returns the quote that closes the field whose opening quote is the next special byte, and whether `""` is in it.
    fn closing_quote(&mut self) -> Option<(usize, bool)> {
        self.specials.next()?;
        let (mut escaped, mut lines) = (false, 0);
        loop {
            let at = self.specials.next()?;
            match self.bytes.get(at) {
                Some(&QUOTE) if self.bytes.get(at + 1) == Some(&QUOTE) => {
                    self.specials.next()?;
                    escaped = true;
                }
                Some(&QUOTE) => {
                    self.lines += lines;
                    return Some((at, escaped));
                }
                Some(b'\n') => lines += 1,
                _ => {}
            }
        }
    }

    /// Takes the field up to the next delimiter or line end, and that with it.
    fn plain(&mut self) -> &'a [u8] {
        let from = self.start;
        for at in self.specials.by_ref() {
            match self.bytes.get(at) {
                Some(byte) if *byte == self.delimiter => {
                    self.start = at + 1;
                    return self.bytes.get(from..at).unwrap_or_default();
                }
                Some(b'\n') => return self.end_record(from, at, true),
                _ => {}
            }
        }
        self.end_record(from, self.bytes.len(), false)
    }

    /// Ends the record after its last field, and after a line end if there is one. Returns the field without a carriage
    /// return.
    fn end_record(&mut self, from: usize, to: usize, has_line_end: bool) -> &'a [u8] {
        let field = self.bytes.get(from..to).unwrap_or_default();
        let text = field.strip_suffix(b"\r").unwrap_or(field);
        let length = to + usize::from(has_line_end);
        self.end = Some(Extent { length, content: from + text.len(), lines: self.lines, closed: true });
        text
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.end.is_some() {
            return None;
        }
        if self.bytes.get(self.start) == Some(&QUOTE) {
            return self.quoted();
        }
        Some(Field::Plain(self.plain()))
    }
}
