//! Takes a line like nearly all apart: what is at fixed distances from its quotes is looked at there, the rest is not.

use super::line::{Fields, Trailing, number, word};
use crate::{
    digits,
    find::{either_of_64, within_16},
    frame,
    part::Part,
    scalar,
};
use memchr::memchr2;

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
///
/// Everything is a number until the end: moving slices about costs as much as finding them.
#[inline]
pub(super) fn usual(bytes: &[u8]) -> Option<Usual<'_>> {
    let client_end = within_16(b' ', b'\n', bytes)?;
    let (ident_end, user_end) = match *chunk(bytes, client_end)? {
        [b' ', b'-', b' ', b'-', b' ', b'['] => (client_end + 2, client_end + 4),
        _ => ident_and_user(bytes, client_end)?,
    };
    let [b' ', b'[', time @ .., b']', b' ', b'"'] = chunk::<31>(bytes, user_end)? else { return None };
    let request = user_end + 31;
    let request_end = quote(bytes, request)?;
    let [b' ', s1, s2, s3, b' '] = *chunk(bytes, request_end + 1)? else { return None };
    let status = i64::try_from(digits::three([s1, s2, s3])?).ok()?;
    let count = request_end + 6;
    let (bytes_sent, count_length) = match digits::leading(*chunk(bytes, count)?) {
        Some((value, length)) => (i64::try_from(value).ok(), length),
        None => any_count(bytes, count)?,
    };
    let count_end = count + count_length;
    let [referer_end, agent_end, seconds_end, end] = match *chunk(bytes, count_end)? {
        [b' ', b'"'] => ends(bytes, count_end + 2)?,
        // The common format ends here. An end of 0, before any start, is none.
        [b'\n', _] => [0, 0, 0, count_end],
        _ => return None,
    };
    if bytes.get(end) != Some(&b'\n') {
        return None;
    }
    let part = |start: usize, end: usize| Part::new(bytes.get(start..)?, end.checked_sub(start)?);
    let fields = Fields {
        client: part(0, client_end)?,
        ident: part(client_end + 1, ident_end)?,
        user: part(ident_end + 1, user_end)?,
        time,
        request: part(request, request_end)?,
        status: bytes.get(request_end + 2..request_end + 5)?,
        bytes: bytes.get(count..count_end)?,
        trailing: Trailing {
            referer: part(count_end + 2, referer_end),
            user_agent: part(referer_end + 3, agent_end),
            request_time: part(agent_end + 2, seconds_end),
        },
    };
    Some(Usual { fields, status, bytes: bytes_sent, length: end + 1, content: end })
}

/// Returns where referer, user agent, request time and all of `referer" "user agent" 0.083` end.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "four numbers that go through memory cost as much as half of what is done here"
)]
fn ends(bytes: &[u8], from: usize) -> Option<[usize; 4]> {
    let referer_end = quote(bytes, from)?;
    let [b' ', b'"'] = *chunk(bytes, referer_end + 1)? else { return None };
    let agent_end = quote(bytes, referer_end + 3)?;
    let last = agent_end + 2;
    let [seconds_end, end] = match bytes.get(agent_end + 1)? {
        b' ' if bytes.get(last) == Some(&b'"') => [0, unread(bytes, last + 1)?],
        b' ' => [last + digits::decimal_length(*chunk(bytes, last)?)?; 2],
        _ => [0, agent_end + 1],
    };
    Some([referer_end, agent_end, seconds_end, end])
}

/// Takes a quoted field that is not read, as nginx writes for whom a request was forwarded, and says where it ends.
fn unread(bytes: &[u8], from: usize) -> Option<usize> {
    let end = quote(bytes, from)?;
    number(bytes.get(from..end)?).is_none().then_some(end + 1)
}

/// Takes ident and user, of which at least one is there, and says where they end.
fn ident_and_user(bytes: &[u8], client_end: usize) -> Option<(usize, usize)> {
    let word_end = |before: usize| {
        let rest = bytes.get(before..)?.strip_prefix(b" ")?;
        Some(before + 1 + within_16(b' ', b'\n', rest)?)
    };
    let ident_end = word_end(client_end)?;
    // A user with a space in the name may hold what looks like the start of the time. Here the name ends at that space, and
    // no time follows.
    Some((ident_end, word_end(ident_end)?))
}

/// Returns where the next quote is, if that is on this line and no backslash before it, which may escape it.
fn quote(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(stretch) = chunk(bytes, at) {
        let found = either_of_64(b'"', b'\n', stretch);
        if found != 0 {
            return bare_quote(bytes, at + found.trailing_zeros() as usize);
        }
        at += 64;
    }
    quote_at_end(bytes, at)
}

/// Looks at the last bytes of a block. Apart, so that [`quote`] needs to keep nothing for after a call.
#[cold]
#[inline(never)]
fn quote_at_end(bytes: &[u8], from: usize) -> Option<usize> {
    bare_quote(bytes, from + memchr2(b'"', b'\n', bytes.get(from..)?)?)
}

#[inline]
fn bare_quote(bytes: &[u8], at: usize) -> Option<usize> {
    match *chunk(bytes, at - 1)? {
        [b'\\', _] => None,
        [_, last] => (last == b'"').then_some(at),
    }
}

/// Reads a whole number of any length or `-`, and says how long it is.
#[cold]
fn any_count(bytes: &[u8], from: usize) -> Option<(Option<i64>, usize)> {
    let (content, _) = frame::line(bytes);
    match word(&mut content.get(from..)?) {
        b"-" => Some((None, 1)),
        text => Some((Some(i64::try_from(scalar::unsigned(text)?).ok()?), text.len())),
    }
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

#[cfg(test)]
mod tests;
