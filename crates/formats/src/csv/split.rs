//! Where delimited records and fields end.
//!
//! [`whole_records`] and the splitter that the decoder uses follow the same rules, so that a block cut by the one is read
//! whole by the other.

use crate::{find::near2, frame};
use memchr::{memchr, memchr_iter, memrchr};

const QUOTE: u8 = b'"';

/// Returns the length of the longest prefix of `bytes` that holds whole records, line ends included.
///
/// `bytes` starts where a record starts. Where a quote is opened and not closed, the record that holds it is not whole.
pub fn whole_records(bytes: &[u8], delimiter: u8) -> usize {
    let mut whole = 0;
    let mut outside = 0;
    loop {
        let opening = opening_quote(bytes, outside, delimiter);
        let run = bytes.get(outside..opening.unwrap_or(bytes.len())).unwrap_or_default();
        if let Some(at) = memrchr(b'\n', run) {
            whole = outside + at + 1;
        }
        match opening.and_then(|at| closing_quote(bytes, at + 1)) {
            Some(closing) => outside = closing.at + 1,
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

/// The quote that ends a quoted field.
struct Closing {
    at: usize,
    /// Whether the field holds `""`.
    escaped: bool,
}

/// Returns the quote that closes the field whose first byte after the opening quote is at `from`.
fn closing_quote(bytes: &[u8], mut from: usize) -> Option<Closing> {
    let mut escaped = false;
    loop {
        let at = from + memchr(QUOTE, bytes.get(from..)?)?;
        if bytes.get(at + 1) != Some(&QUOTE) {
            return Some(Closing { at, escaped });
        }
        escaped = true;
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
    while let Some((before, after)) = memchr(QUOTE, field).and_then(|at| field.split_at_checked(at)) {
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

/// Takes the record at the start of some bytes apart, field by field.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    /// From the next field on.
    rest: &'a [u8],
    delimiter: u8,
    lines: u64,
    end: Option<Extent>,
}

impl<'a> Fields<'a> {
    /// Returns the fields of the record at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Self { bytes, rest: bytes, delimiter, lines: 1, end: None }
    }

    /// Passes over the fields that are left and returns what the record covers.
    pub(crate) fn finish(mut self) -> Extent {
        self.by_ref().for_each(drop);
        let all = Extent { length: self.bytes.len(), content: self.bytes.len(), lines: self.lines, closed: true };
        self.end.unwrap_or(all)
    }

    fn quoted(&mut self) -> Option<Field<'a>> {
        let Some(closing) = closing_quote(self.rest, 1) else {
            let (content, length) = frame::line(self.bytes);
            self.end = Some(Extent { length, content: content.len(), lines: 1, closed: false });
            return None;
        };
        let (opened, after) = self.rest.split_at_checked(closing.at)?;
        let inside = opened.get(1..)?;
        self.lines += memchr_iter(b'\n', inside).count() as u64;
        // As a rule the delimiter follows at once.
        if let [QUOTE, next, rest @ ..] = after
            && *next == self.delimiter
        {
            self.rest = rest;
            return Some(if closing.escaped { Field::Escaped(inside) } else { Field::Quoted(inside) });
        }
        let length = near2(self.delimiter, b'\n', after).map_or(self.rest.len(), |tail| closing.at + tail);
        let field = self.take_field(length).get(1..)?;
        let has_tail = field.len() > closing.at;
        Some(if closing.escaped || has_tail { Field::Escaped(field) } else { Field::Quoted(inside) })
    }

    /// Takes the next field, which is `length` bytes long, and the delimiter or the line end after it.
    #[inline]
    fn take_field(&mut self, length: usize) -> &'a [u8] {
        let (field, after) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        match after.split_first() {
            Some((byte, rest)) if *byte == self.delimiter => {
                self.rest = rest;
                field
            }
            after => self.end_record(field, after.is_some()),
        }
    }

    /// Ends the record after its last field, and after a line end if there is one. Returns the field without a carriage
    /// return.
    fn end_record(&mut self, field: &'a [u8], has_line_end: bool) -> &'a [u8] {
        let text = field.strip_suffix(b"\r").unwrap_or(field);
        let before = self.bytes.len() - self.rest.len();
        let length = before + field.len() + usize::from(has_line_end);
        self.end = Some(Extent { length, content: before + text.len(), lines: self.lines, closed: true });
        text
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        if self.end.is_some() {
            return None;
        }
        if self.rest.first() == Some(&QUOTE) {
            return self.quoted();
        }
        let length = near2(self.delimiter, b'\n', self.rest).unwrap_or(self.rest.len());
        Some(Field::Plain(self.take_field(length)))
    }
}
