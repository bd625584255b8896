//! Takes a line like nearly all apart: what is at fixed distances from its quotes is looked at there, the rest is not.

use super::line::{Fields, Trailing, trailing, word};
use crate::{
    digits,
    find::{within_16, within_64},
    frame, scalar,
};

/// A line like nearly all, with the numbers that its checks find by the way.
pub(super) struct Usual<'a> {
    pub fields: Fields<'a>,
    pub status: i64,
    pub bytes: Option<i64>,
    /// Bytes of the line.
    pub length: usize,
    /// Bytes of the line without its line end.
    pub content: usize,
}

/// Takes the line at the start of `bytes` apart, and finds its end by the way. `None` says nothing about a line but that
/// [`split`](super::line::split) has to look; otherwise that would find the same, if only the time is one.
#[inline]
pub(super) fn usual(bytes: &[u8]) -> Option<Usual<'_>> {
    let space = within_16(b' ', b'\n', bytes)?;
    let (ident, user, time_start) = match *chunk(bytes, space)? {
        [b' ', b'-', b' ', b'-', b' ', b'['] => (&b"-"[..], &b"-"[..], space + 4),
        _ => ident_and_user(bytes, space)?,
    };
    let [b' ', b'[', time @ .., b']', b' ', b'"'] = chunk::<31>(bytes, time_start)? else { return None };
    let request = quoted(bytes, time_start + 31)?;
    let after_request = time_start + 32 + request.len();
    let [b' ', s1, s2, s3, b' '] = *chunk(bytes, after_request)? else { return None };
    let bytes_start = after_request + 5;
    let status_text = bytes.get(after_request + 1..bytes_start - 1)?;
    let status = i64::try_from(digits::three([s1, s2, s3])?).ok()?;
    let (count, count_text) = byte_count(bytes, bytes_start)?;
    let after = bytes_start + count_text.len();
    let (trailing, content, length) = match usual_trailing(bytes, after) {
        Some((trailing, end)) => (trailing, end, end + 1),
        None => any_trailing(bytes, after)?,
    };
    let client = bytes.get(..space)?;
    let fields = Fields { client, ident, user, time, request, status: status_text, bytes: count_text, trailing };
    Some(Usual { fields, status, bytes: count, length, content })
}

/// Takes ident and user, of which at least one is there, and says where the user ends.
fn ident_and_user(bytes: &[u8], client_end: usize) -> Option<(&[u8], &[u8], usize)> {
    let word = |before: usize| {
        let rest = bytes.get(before..)?.strip_prefix(b" ")?;
        rest.get(..within_16(b' ', b'\n', rest)?)
    };
    let ident = word(client_end)?;
    let ident_end = client_end + 1 + ident.len();
    // A user with a space in the name may hold what looks like the start of the time. Here the name ends at that space, and
    // no time follows.
    let user = word(ident_end)?;
    Some((ident, user, ident_end + 1 + user.len()))
}

/// Takes ` "referer" "user agent"` and the request time apart, if nothing else is there, and says where the line ends.
#[inline]
fn usual_trailing(bytes: &[u8], from: usize) -> Option<(Trailing<'_>, usize)> {
    let [b' ', b'"'] = *chunk(bytes, from)? else { return None };
    let referer = quoted(bytes, from + 2)?;
    let after = from + 3 + referer.len();
    let [b' ', b'"'] = *chunk(bytes, after)? else { return None };
    let user_agent = quoted(bytes, after + 2)?;
    let after = after + 3 + user_agent.len();
    let (request_time, end) = match *bytes.get(after)? {
        b' ' => {
            let end = after + 1 + digits::decimal_length(*chunk(bytes, after + 1)?)?;
            (bytes.get(after + 1..end), end)
        }
        _ => (None, after),
    };
    let trailing = Trailing { referer: Some(referer), user_agent: Some(user_agent), request_time };
    (bytes.get(end) == Some(&b'\n')).then_some((trailing, end))
}

/// Takes apart whatever follows, and returns the length of the line without its end and with it.
#[inline(never)]
fn any_trailing(bytes: &[u8], from: usize) -> Option<(Trailing<'_>, usize, usize)> {
    let (content, length) = frame::line(bytes);
    Some((trailing(content.get(from..)?).ok()?, content.len(), length))
}

/// Returns what is before the next quote, if that is on this line and no backslash before it, which may escape it.
#[inline]
fn quoted(bytes: &[u8], from: usize) -> Option<&[u8]> {
    let rest = bytes.get(from..)?;
    let (text, rest) = rest.split_at_checked(within_64(b'"', b'\n', rest)?)?;
    (rest.first() == Some(&b'"') && text.last() != Some(&b'\\')).then_some(text)
}

/// Reads a whole number or `-`.
#[inline]
fn byte_count(bytes: &[u8], from: usize) -> Option<(Option<i64>, &[u8])> {
    if let Some((number, length)) = chunk(bytes, from).and_then(|word| digits::leading(*word)) {
        return Some((i64::try_from(number).ok(), bytes.get(from..from + length)?));
    }
    let (content, _) = frame::line(bytes);
    match word(&mut content.get(from..)?) {
        b"-" => Some((None, b"-")),
        text => Some((Some(i64::try_from(scalar::unsigned(text)?).ok()?), text)),
    }
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}
