//! Walks through the JSON of one line.
//!
//! Strings without escapes, plain numbers and `null`, which are nearly all of a log, are read here; all else is left to the
//! parser of `jiter`, which also has the last word on what is wrong. Through its calls alone an object of short strings took
//! almost twice as long.

use crate::{Reason, find::Prefix};
use jiter::{Jiter, JiterErrorType, JsonErrorType};
use wide::u8x16;

/// The first byte that JSON allows in a string as it stands, but for quote and backslash.
pub(super) const FIRST_PRINTABLE: u8 = 0x20;

/// What was read, or why the line is a reject. The reason is boxed because results are returned for every value.
pub(super) type Scanned<T> = Result<T, Box<Reason>>;

/// The inside of a string.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'a> {
    /// As it stands.
    Plain(&'a [u8]),
    /// With escapes, which the parser has checked.
    Escaped(&'a [u8]),
}

/// A number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'a> {
    /// A whole one that is neither negative nor long.
    Whole(i64),
    /// Any other, as it stands.
    Text(&'a [u8]),
}

/// A place in a line.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
    line_length: usize,
}

impl<'a> Scanner<'a> {
    /// Returns the start of a line.
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { rest: line, line_length: line.len() }
    }

    /// Returns what was not passed over yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes over white space and returns the byte after it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.rest {
                [byte, ..] if *byte > b' ' => return Some(*byte),
                [b' ' | b'\t' | b'\r' | b'\n', after @ ..] => self.rest = after,
                other => return other.first().copied(),
            }
        }
    }

    /// Passes over white space and `text`, if that comes next.
    #[inline]
    pub(super) fn accept(&mut self, text: &[u8]) -> bool {
        self.peek();
        match self.rest.strip_prefix(text) {
            Some(after) => self.rest = after,
            None => return false,
        }
        true
    }

    /// Passes over white space and the beginning, if that comes next.
    #[inline]
    pub(super) fn accept_prefix(&mut self, prefix: &Prefix) -> bool {
        self.peek();
        match prefix.strip_from(self.rest) {
            Some(after) => self.rest = after,
            None => return false,
        }
        true
    }

    /// Passes over the `,` before the next member and returns true, or over `end` and returns false.
    #[inline]
    pub(super) fn goes_on(&mut self, end: u8) -> Scanned<bool> {
        self.peek();
        match self.rest {
            [b',', after @ ..] => self.rest = after,
            [byte, after @ ..] if *byte == end => {
                self.rest = after;
                return Ok(false);
            }
            [] => return malformed("the JSON object is not closed"),
            _ => return malformed("no comma between two JSON values"),
        }
        Ok(true)
    }

    /// Passes over the string that comes next, without white space before it, and returns its inside.
    #[inline]
    pub(super) fn string(&mut self) -> Scanned<Text<'a>> {
        if let [b'"', inside @ ..] = self.rest
            && let Some((text, [b'"', after @ ..])) = plain_length(inside).and_then(|at| inside.split_at_checked(at))
        {
            self.rest = after;
            return Ok(Text::Plain(text));
        }
        self.odd_string()
    }

    /// Passes over the number that comes next, without white space before it.
    #[inline]
    pub(super) fn number(&mut self) -> Scanned<Number<'a>> {
        let mut value: i64 = 0;
        let mut digits = 0;
        // 18 digits always fit.
        for byte in self.rest.iter().take(18) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + i64::from(digit);
            digits += 1;
        }
        match self.rest.split_at_checked(digits) {
            Some(([] | [b'0', _, ..], _) | (_, [b'0'..=b'9' | b'e' | b'E', ..])) | None => {
                self.parse().map(Number::Text)
            }
            Some((whole, [b'.', fraction @ ..])) => self.decimal(whole.len(), fraction),
            Some((_, after)) => {
                self.rest = after;
                Ok(Number::Whole(value))
            }
        }
    }

    /// Passes over a decimal number, of which the digits before the point are read.
    #[inline]
    fn decimal(&mut self, whole: usize, fraction: &[u8]) -> Scanned<Number<'a>> {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || matches!(fraction.get(digits), Some(b'e' | b'E')) {
            return self.parse().map(Number::Text);
        }
        let (text, after) = self.rest.split_at_checked(whole + 1 + digits).unwrap_or_default();
        self.rest = after;
        Ok(Number::Text(text))
    }

    /// Passes over any value.
    #[inline]
    pub(super) fn skip(&mut self) -> Scanned<()> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'0'..=b'9') => self.number().map(drop),
            _ => self.parse().map(drop),
        }
    }

    /// Leaves the next value to the parser and returns its text. The parser has a limit on depth and does not recurse.
    #[inline(never)]
    pub(super) fn parse(&mut self) -> Scanned<&'a [u8]> {
        self.peek();
        let mut parser = Jiter::new(self.rest);
        if let Err(error) = parser.next_skip() {
            let place = self.line_length - self.rest.len() + error.index + 1;
            let what = match error.error_type {
                // The parser says both of half a pair, and of nothing else.
                JiterErrorType::JsonError(
                    JsonErrorType::LoneLeadingSurrogateInHexEscape | JsonErrorType::UnexpectedEndOfHexEscape,
                ) => "a lone surrogate".to_owned(),
                other => other.to_string(),
            };
            return Err(Box::new(Reason::Json(format!("{what} at byte {place}").into())));
        }
        let (text, after) = self.rest.split_at_checked(parser.current_index()).unwrap_or_default();
        self.rest = after;
        Ok(text)
    }

    /// Reads a string that has escapes, or is none.
    #[inline(never)]
    fn odd_string(&mut self) -> Scanned<Text<'a>> {
        if !self.rest.starts_with(b"\"") {
            return malformed("no quote where a JSON string should begin");
        }
        let raw = self.parse()?;
        Ok(Text::Escaped(raw.get(1..raw.len() - 1).unwrap_or_default()))
    }
}

/// Returns the number of plain characters that `bytes` begin with, if another one ends them.
#[inline]
fn plain_length(bytes: &[u8]) -> Option<usize> {
    let (parts, tail) = bytes.as_chunks();
    for (passed, part) in parts.iter().enumerate() {
        let part = u8x16::new(*part);
        let is_control = part.min(u8x16::splat(FIRST_PRINTABLE - 1)).simd_eq(part);
        let ends = part.simd_eq(u8x16::splat(b'"')) | part.simd_eq(u8x16::splat(b'\\')) | is_control;
        let found = ends.to_bitmask();
        if found != 0 {
            return Some(passed * 16 + found.trailing_zeros() as usize);
        }
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\') || *byte < FIRST_PRINTABLE;
    tail.iter().position(ends).map(|at| bytes.len() - tail.len() + at)
}

/// Returns the reason of a line that breaks off or lacks a sign.
#[cold]
pub(super) fn malformed<T>(what: &'static str) -> Scanned<T> {
    Err(Box::new(Reason::Malformed(what)))
}
