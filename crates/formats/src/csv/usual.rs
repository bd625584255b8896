//! Takes usual records apart: those with a line end and the right number of fields, in which no quote stands where it means
//! nothing. All others are left to [`Fields`](super::split::Fields), which knows the rules.

use super::split::{Extent, Field, QUOTE};
use crate::specials::{AnyOf, Specials};
use std::slice;

/// How many places most records have for each field at most. A record that has more is begun anew when they are found.
const ENOUGH: usize = 2;

/// Takes the records of a block apart, one after another.
#[derive(Debug)]
pub(super) struct Usual {
    delimiter: u8,
    specials: Specials<AnyOf>,
    /// The fields of the last record.
    spans: Vec<Span>,
}

/// Where a field stands, counted from the start of its record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub from: usize,
    pub to: usize,
    form: Form,
}

/// As in [`Field`].
#[derive(Clone, Copy, Debug, Default)]
enum Form {
    #[default]
    Plain,
    Quoted,
    Escaped,
}

/// The quote that closes a field.
struct Closing {
    at: usize,
    form: Form,
    /// Line ends inside of the quotes.
    lines: u64,
}

impl Span {
    /// Returns the field in the bytes of its record.
    #[inline]
    pub(super) fn field(self, bytes: &[u8]) -> Field<'_> {
        let text = bytes.get(self.from..self.to).unwrap_or_default();
        match self.form {
            Form::Plain => Field::Plain(text),
            Form::Quoted => Field::Quoted(text),
            Form::Escaped => Field::Escaped(text),
        }
    }

    /// Returns whether its value is the bytes as they stand.
    #[inline]
    pub(super) fn is_verbatim(self) -> bool {
        !matches!(self.form, Form::Escaped)
    }
}

impl Usual {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, specials: Specials::new(AnyOf::new([delimiter, b'\n', QUOTE])), spans: Vec::new() }
    }

    /// Records have this number of fields from now on.
    pub(super) fn start(&mut self, fields: usize) {
        self.spans.clear();
        self.spans.resize(fields, Span::default());
        self.specials.make_room(ENOUGH * fields);
    }

    pub(super) fn start_block(&mut self) {
        self.specials.start_block();
    }

    /// Returns the fields of the last record that [`Usual::split`] took apart.
    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Takes the record at the start of `bytes` apart, which begins at `origin` in the block, if it is a usual one.
    #[inline]
    pub(super) fn split(&mut self, bytes: &[u8], origin: usize) -> Option<Extent> {
        self.specials.seek(origin);
        if self.specials.listed().len() < ENOUGH * self.spans.len() {
            self.specials.list_more(bytes, origin);
        }
        loop {
            let listed = self.specials.listed();
            let mut places = Places { left: listed.iter(), bytes, origin };
            let extent = places.split(self.delimiter, &mut self.spans);
            let left = places.left.len();
            if let Some(extent) = extent {
                self.specials.take(listed.len() - left, origin + extent.length);
                return Some(extent);
            }
            if left > 0 || !self.specials.list_more(bytes, origin) {
                return None;
            }
        }
    }
}

/// The places of delimiters, quotes and line ends of a record, and what is after it, as far as they are listed.
struct Places<'a> {
    left: slice::Iter<'a, usize>,
    bytes: &'a [u8],
    origin: usize,
}

impl Places<'_> {
    /// Returns the next place, counted from the start of the record, and the byte there.
    #[inline]
    fn next(&mut self) -> Option<(usize, u8)> {
        let at = self.left.next()?.wrapping_sub(self.origin);
        Some((at, *self.bytes.get(at)?))
    }

    /// Takes the record apart. Returns nothing if it is not a usual one, or if places are missing.
    #[inline]
    fn split(&mut self, delimiter: u8, spans: &mut [Span]) -> Option<Extent> {
        let (last, others) = spans.split_last_mut()?;
        let (mut start, mut lines) = (0, 1);
        for span in others {
            let (mut at, byte) = self.next()?;
            if byte == delimiter {
                *span = Span { from: start, to: at, form: Form::Plain };
            } else {
                let closing = self.closing_quote(start, at)?;
                at = self.next().filter(|(at, byte)| *at == closing.at + 1 && *byte == delimiter)?.0;
                *span = closing.span(start, at);
                lines += closing.lines;
            }
            start = at + 1;
        }
        let (mut at, mut byte) = self.next()?;
        let closing = if byte == QUOTE { Some(self.closing_quote(start, at)?) } else { None };
        if let Some(closing) = &closing {
            (at, byte) = self.next()?;
            lines += closing.lines;
        }
        let has_return = at > start && self.bytes.get(at - 1) == Some(&b'\r');
        let content = if has_return { at - 1 } else { at };
        *last = match closing {
            _ if byte != b'\n' => return None,
            None => Span { from: start, to: content, form: Form::Plain },
            Some(closing) if closing.at + 1 == content => closing.span(start, content),
            Some(_) => return None,
        };
        Some(Extent { length: at + 1, content, lines, closed: true })
    }

    /// Passes over the inside of the field that begins at `start`, if its opening quote is at `opening`, which is the last
    /// place that was taken, and over its closing quote.
    #[inline]
    fn closing_quote(&mut self, start: usize, opening: usize) -> Option<Closing> {
        if opening != start || self.bytes.get(opening) != Some(&QUOTE) {
            return None;
        }
        let (mut form, mut lines) = (Form::Quoted, 0);
        loop {
            let (at, byte) = self.next()?;
            if byte == QUOTE {
                if self.bytes.get(at + 1) != Some(&QUOTE) {
                    return Some(Closing { at, form, lines });
                }
                self.next()?;
                form = Form::Escaped;
            } else {
                lines += u64::from(byte == b'\n');
            }
        }
    }
}

impl Closing {
    /// Returns the field that begins with its opening quote at `start` and ends at `end`, right after this one.
    #[inline]
    fn span(&self, start: usize, end: usize) -> Span {
        // What is escaped is read up to its closing quote.
        let to = if matches!(self.form, Form::Escaped) { end } else { self.at };
        Span { from: start + 1, to, form: self.form }
    }
}
