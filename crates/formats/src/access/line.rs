//! Takes a line of an access log apart.

use crate::{
    Reason,
    accept::is_plain_decimal,
    find::{near, within_64},
    part::Part,
    scalar,
};
use memchr::{memchr, memchr2, memrchr};

/// The parts of one line.
#[derive(Debug, PartialEq)]
pub(super) struct Fields<'a> {
    pub client: Part<'a>,
    pub ident: Part<'a>,
    pub user: Part<'a>,
    pub time: &'a [u8],
    pub request: Part<'a>,
    pub status: &'a [u8],
    pub bytes: &'a [u8],
    pub trailing: Trailing<'a>,
}

/// What may follow.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Trailing<'a> {
    pub referer: Option<Part<'a>>,
    pub user_agent: Option<Part<'a>>,
    /// The first bare number behind them, as it is written.
    pub request_time: Option<Part<'a>>,
}

/// Takes a line apart, or says what it lacks.
pub(super) fn split(line: &[u8]) -> Result<Fields<'_>, Reason> {
    let mut rest = line;
    let client = until(&mut rest, b' ').ok_or(Reason::Malformed("no space after the client"))?;
    let (ident, user) = ident_and_user(&mut rest)?;
    let time = time(&mut rest).ok_or(Reason::Malformed("no `]` after the time"))?;
    rest = rest.strip_prefix(b" ").ok_or(Reason::Malformed("no space after the time"))?;
    let request = quoted(&mut rest).ok_or(Reason::Malformed("no closing quote after the request"))?;
    rest = rest.strip_prefix(b" ").ok_or(Reason::Malformed("no space after the request"))?;
    let status = until(&mut rest, b' ').ok_or(Reason::Malformed("no bytes after the status"))?;
    let bytes = word(&mut rest);
    Ok(Fields {
        client: client.into(),
        ident: ident.into(),
        user: user.into(),
        time,
        request: request.into(),
        status,
        bytes,
        trailing: trailing(rest)?,
    })
}

/// Reads what follows `bytes`: referer and user agent if they are there, then any number of further fields.
fn trailing(mut rest: &[u8]) -> Result<Trailing<'_>, Reason> {
    let mut fields = Trailing::default();
    while let Some(after) = rest.strip_prefix(b" ") {
        rest = after;
        if rest.first() == Some(&b'"') {
            let value =
                quoted(&mut rest).ok_or(Reason::Malformed("no closing quote after the referer or the user agent"))?;
            if fields.referer.is_none() {
                fields.referer = Some(value.into());
            } else if fields.user_agent.is_none() {
                fields.user_agent = Some(value.into());
            } else if fields.request_time.is_none() {
                fields.request_time = number(value).map(Part::from);
            }
        } else {
            let value = word(&mut rest);
            if fields.request_time.is_none() {
                fields.request_time = number(value).map(Part::from);
            }
        }
    }
    if rest.is_empty() { Ok(fields) } else { Err(Reason::Malformed("no space between two fields")) }
}

/// A trailing field is the request time if it is a plain number; words like `nan` are not.
pub(super) fn number(text: &[u8]) -> Option<&[u8]> {
    let starts = text.first().is_some_and(u8::is_ascii_digit);
    (starts && (is_plain_decimal(text) || scalar::float(text).is_some())).then_some(text)
}

/// Takes ident and user, which are both `-` on most lines.
fn ident_and_user<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), Reason> {
    if let Some(after) = rest.strip_prefix(b"- - [") {
        *rest = after;
        return Ok((b"-", b"-"));
    }
    let ident = until(rest, b' ').ok_or(Reason::Malformed("no space after the ident"))?;
    let user = user(rest).ok_or(Reason::Malformed("no ` [` after the user"))?;
    Ok((ident, user))
}

/// Takes the time and the `]` after it; as a rule that is 26 bytes long.
fn time<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    match rest.split_at_checked(26) {
        Some((time, after)) if after.first() == Some(&b']') && time.last().is_some_and(u8::is_ascii_digit) => {
            *rest = after.get(1..)?;
            Some(time)
        }
        _ => until(rest, b']'),
    }
}

/// Takes the bytes before `end`, and `end` with them.
#[inline]
fn until<'a>(rest: &mut &'a [u8], end: u8) -> Option<&'a [u8]> {
    let (value, after) = rest.split_at_checked(near(end, rest)?)?;
    *rest = after.get(1..)?;
    Some(value)
}

/// Takes the bytes before the next space or the end of the line.
pub(super) fn word<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let at = near(b' ', rest).unwrap_or(rest.len());
    let (value, after) = rest.split_at_checked(at).unwrap_or((*rest, &[]));
    *rest = after;
    value
}

/// Takes the user, who may have spaces in the name, and the ` [` before the time.
fn user<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let line = *rest;
    let mut from = 0;
    loop {
        let bracket = from + memchr(b'[', line.get(from..)?)?;
        if let Some(value) = line.get(..bracket)?.strip_suffix(b" ") {
            *rest = line.get(bracket + 1..)?;
            return Some(value);
        }
        from = bracket + 1;
    }
}

/// Takes a quoted field without its quotes; a backslash takes the byte after it along.
fn quoted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if let Some(after) = rest.strip_prefix(b"\"-\"") {
        *rest = after;
        return Some(b"-");
    }
    let inside = rest.strip_prefix(b"\"")?;
    let mut end = memchr(b'"', inside)?;
    // A quote after a backslash may be escaped, or the backslash itself is.
    if end.checked_sub(1).is_some_and(|before| inside.get(before) == Some(&b'\\')) {
        end = unescaped_quote(inside)?;
    }
    let (value, after) = inside.split_at_checked(end)?;
    *rest = after.get(1..)?;
    Some(value)
}

/// Returns the first quote that no backslash takes along.
#[cold]
fn unescaped_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', text.get(from..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// The parts of a request; none of them where it is empty or `-`.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub method: Option<Part<'a>>,
    pub path: Option<Part<'a>>,
    pub query: Option<Part<'a>>,
    pub protocol: Option<Part<'a>>,
}

impl<'a> Request<'a> {
    pub(super) fn read(text: Part<'a>) -> Self {
        if text.is_empty() || text.text() == b"-" {
            return Self::default();
        }
        let method = near(b' ', text.and_more()).and_then(|space| text.split_around(space));
        let Some((method, rest)) = method.filter(|(method, _)| is_method(method)) else {
            return Self { path: Some(text), ..Self::default() };
        };
        let (target, protocol) = split_protocol(rest);
        match question_mark(target).and_then(|at| target.split_around(at)) {
            Some((path, query)) => Self { method: Some(method), path: Some(path), query: Some(query), protocol },
            None => Self { method: Some(method), path: Some(target), query: None, protocol },
        }
    }
}

/// Splits ` HTTP/1.1` off the target.
fn split_protocol(text: Part<'_>) -> (Part<'_>, Option<Part<'_>>) {
    let at = match text.last_chunk() {
        Some([b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) => text.len().checked_sub(9),
        _ => memrchr(b' ', &text),
    };
    match at.and_then(|at| text.split_around(at)) {
        Some((target, protocol)) if protocol.starts_with(b"HTTP/") => (target, Some(protocol)),
        _ => (text, None),
    }
}

/// Returns where the query begins. As a rule a quote is behind the request, if not an escaped one is inside.
fn question_mark(target: Part<'_>) -> Option<usize> {
    let at = within_64(b'?', b'"', target.and_more())?;
    match target.get(at)? {
        b'?' => Some(at),
        _ => memchr(b'?', &target),
    }
}

/// `GET`, `PROPFIND`, `M-SEARCH`: upper-case letters, `-` and `_`.
fn is_method(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'))
}
