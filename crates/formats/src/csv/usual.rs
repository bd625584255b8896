//! Takes usual records apart: those with a line end and the right number of fields, in which no quote stands where it means
//! nothing. All others are left to [`Fields`](super::split::Fields), which knows the rules.

use super::split::{Extent, Field, QUOTE};
use crate::specials::Specials;

/// Takes the records of a block apart, one after another.
#[derive(Debug)]
pub(super) struct Usual {
    delimiter: u8,
    specials: Specials,
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

    /// Returns the length of its value if that is the bytes as they stand.
    #[inline]
    pub(super) fn plain_length(self) -> Option<usize> {
        if matches!(self.form, Form::Escaped) { None } else { Some(self.to - self.from) }
    }
}

impl Usual {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, specials: Specials::new([delimiter, b'\n', QUOTE]), spans: Vec::new() }
    }

    /// Records have this number of fields from now on.
    pub(super) fn start(&mut self, fields: usize) {
        self.spans.clear();
        self.spans.resize(fields, Span::default());
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
        let Self { delimiter, specials, spans } = self;
        specials.seek(origin);
        let (last, others) = spans.split_last_mut()?;
        let (mut start, mut lines) = (0, 1);
        for span in others {
            let mut at = specials.next(bytes, origin)?;
            let byte = bytes.get(at)?;
            if byte == delimiter {
                *span = Span { from: start, to: at, form: Form::Plain };
            } else if *byte == QUOTE && at == start {
                let closing = closing_quote(specials, bytes, origin)?;
                at = specials.next(bytes, origin).filter(|at| *at == closing.at + 1)?;
                if bytes.get(at) != Some(delimiter) {
                    return None;
                }
                *span = closing.span(start, at);
                lines += closing.lines;
            } else {
                return None;
            }
            start = at + 1;
        }
        let mut at = specials.next(bytes, origin)?;
        let closing = if at == start && bytes.get(at) == Some(&QUOTE) {
            let closing = closing_quote(specials, bytes, origin)?;
            lines += closing.lines;
            at = specials.next(bytes, origin)?;
            Some(closing)
        } else {
            None
        };
        if bytes.get(at) != Some(&b'\n') {
            return None;
        }
        let content = if at > start && bytes.get(at - 1) == Some(&b'\r') { at - 1 } else { at };
        *last = match closing {
            None => Span { from: start, to: content, form: Form::Plain },
            Some(closing) if closing.at + 1 == content => closing.span(start, content),
            Some(_) => return None,
        };
        Some(Extent { length: at + 1, content, lines, closed: true })
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

/// Passes over the inside of a field, after its opening quote, and its closing quote.
#[inline]
fn closing_quote(specials: &mut Specials, bytes: &[u8], origin: usize) -> Option<Closing> {
    let (mut form, mut lines) = (Form::Quoted, 0);
    loop {
        let at = specials.next(bytes, origin)?;
        match bytes.get(at) {
            Some(&QUOTE) if bytes.get(at + 1) == Some(&QUOTE) => {
                specials.next(bytes, origin)?;
                form = Form::Escaped;
            }
            Some(&QUOTE) => return Some(Closing { at, form, lines }),
            Some(b'\n') => lines += 1,
            _ => {}
        }
    }
}
