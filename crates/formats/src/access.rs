//! Apache and nginx access logs: `common` and `combined`, with anything well formed after them.
//!
//! `client ident user [time] "request" status bytes` and, in the combined format, `"referer" "user agent"`. The first bare
//! number after that is the request time in seconds; other trailing fields (`$http_x_forwarded_for` and its kin) are
//! accepted and not read.
//!
//! Text stays as the server wrote it, escapes included: `\"` and `\x16` are not decoded, so that what is printed can be
//! found in the file and a TLS handshake on the plain port cannot put control bytes on a terminal. `-` is NULL. A request
//! that is not `METHOD target [protocol]` is still a line of the log: the whole of it stands in `path`, and `method` is NULL.

mod line;
mod usual;

use self::{
    line::{Fields, Request, split},
    usual::usual,
};
use crate::{
    ColumnSpec, ColumnType, Decoder, Demand, Outcome, Reason, Record,
    batch::Columns,
    column::{Column, Mismatch},
    digits, frame,
    part::Part,
    prefilter, scalar, time,
};
use std::sync::{Arc, LazyLock};

const CLIENT: usize = 0;
const IDENT: usize = 1;
const USER: usize = 2;
const TIME: usize = 3;
const METHOD: usize = 4;
const PATH: usize = 5;
const QUERY: usize = 6;
const PROTOCOL: usize = 7;
const STATUS: usize = 8;
const BYTES: usize = 9;
const REFERER: usize = 10;
const USER_AGENT: usize = 11;
const REQUEST_TIME: usize = 12;

static COLUMNS: LazyLock<Vec<ColumnSpec>> = LazyLock::new(|| {
    let text = |name: &str| ColumnSpec::new(name, ColumnType::Text);
    vec![
        text("client"),
        text("ident"),
        text("user"),
        ColumnSpec::new("ts", ColumnType::Timestamp),
        text("method"),
        text("path"),
        text("query"),
        text("protocol"),
        ColumnSpec::new("status", ColumnType::UInt16),
        ColumnSpec::new("bytes", ColumnType::Int64),
        text("referer"),
        text("user_agent"),
        ColumnSpec::new("request_time", ColumnType::Float64),
    ]
});

/// Returns the columns of an access log.
pub fn columns() -> &'static [ColumnSpec] {
    &COLUMNS
}

/// Returns whether `line` is a whole line of an access log.
pub fn matches(line: &[u8]) -> bool {
    split(line).is_ok_and(|fields| time::common_log_time(fields.time).is_some() && status(fields.status).is_some())
}

/// Returns bytes of which every line holds at least one whose value of `column` is as demanded.
pub(crate) fn needles(column: usize, demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
    match column {
        STATUS => statuses(demand),
        BYTES => prefilter::digits(demand).map(|digits| vec![digits]),
        TIME => days_of_months(demand),
        REQUEST_TIME => None,
        _ => prefilter::verbatim(demand),
    }
}

/// The bracket and the day of the month with which a time begins. The name of the month may be in any case.
fn days_of_months(demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
    let days = prefilter::days(&ColumnType::Timestamp, demand)?;
    days.map(|day| Some(format!("[{}/", time::written_date(day)?.get(8..)?).into_bytes())).collect()
}

/// A status stands between the quote of the request and the space before the bytes. Of less than three digits, it may have
/// zeros before it. A range is covered by the digits that all numbers of a part of it begin with.
fn statuses(demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
    let Demand::Between(low, high) = demand else { return None };
    let (mut low, high) = (low, high.min(999));
    if low < 100 {
        return None;
    }
    let mut needles = Vec::new();
    while low <= high {
        let (step, end) = match low {
            _ if low % 100 == 0 && low + 99 <= high => (100, ""),
            _ if low % 10 == 0 && low + 9 <= high => (10, ""),
            _ => (1, " "),
        };
        needles.push(format!("\" {}{end}", low / step).into_bytes());
        low += step;
    }
    Some(needles)
}

/// Reads access-log lines.
#[derive(Debug, Default)]
pub struct AccessDecoder {
    last_day: Option<Day>,
}

/// The values of a line that are not text.
struct Numbers {
    time: i64,
    status: Option<i64>,
    bytes: Option<i64>,
}

impl Decoder for AccessDecoder {
    fn read(&mut self, bytes: &[u8], columns: &mut Columns) -> Record {
        match self.read_usual(bytes, columns) {
            Some(record) => record,
            None => self.read_any(bytes, columns),
        }
    }
}

impl AccessDecoder {
    /// Reads a line like nearly all; of any other one, appends nothing and says nothing.
    #[inline]
    fn read_usual(&mut self, bytes: &[u8], columns: &mut Columns) -> Option<Record> {
        let line = usual(bytes)?;
        let time = self.time(line.fields.time)?;
        append(&line.fields, &Numbers { time, status: Some(line.status), bytes: line.bytes }, columns);
        Some(Record { length: line.length, content: line.content, lines: 1, outcome: Outcome::Row })
    }

    #[cold]
    fn read_any(&mut self, bytes: &[u8], columns: &mut Columns) -> Record {
        let (line, length) = frame::line(bytes);
        let outcome = if line.is_empty() {
            Outcome::Blank
        } else {
            match split(line).and_then(|fields| self.fields(&fields, columns)) {
                Ok(()) => Outcome::Row,
                Err(reason) => Outcome::Reject(reason),
            }
        };
        Record { length, content: line.len(), lines: 1, outcome }
    }

    /// Appends the fields, or nothing if one of them cannot be read.
    fn fields(&mut self, fields: &Fields<'_>, columns: &mut Columns) -> Result<(), Reason> {
        let time = self.time(fields.time).ok_or_else(|| bad_value("ts", "a time like 10/Oct/2000:13:55:36 -0700"))?;
        let status = status(fields.status).ok_or_else(|| bad_value("status", "a number of up to 3 digits"))?;
        let bytes = bytes(fields.bytes).ok_or_else(|| bad_value("bytes", "a whole number or `-`"))?;
        append(fields, &Numbers { time, status, bytes }, columns);
        Ok(())
    }

    #[inline]
    fn time(&mut self, text: &[u8]) -> Option<i64> {
        if let Some(day) = &self.last_day
            && let Some(clock) = day.clock_of(text)
        {
            return Some(day.start + time::clock_micros(*clock)?);
        }
        self.time_of_another_day(text)
    }

    #[cold]
    fn time_of_another_day(&mut self, text: &[u8]) -> Option<i64> {
        let micros = time::common_log_time(text)?;
        self.last_day = Day::new(text, micros);
        Some(micros)
    }
}

/// The day of the last time seen. Most lines of a log share it, and comparing it is cheaper than reading it.
#[derive(Debug)]
struct Day {
    /// `10/Oct/2000:`.
    date: [u8; 12],
    /// ` -0700`.
    offset: [u8; 6],
    /// Microseconds since 1970 at 00:00:00 on this day at this offset.
    start: i64,
}

impl Day {
    fn new(text: &[u8], micros: i64) -> Option<Self> {
        let (date, rest) = text.split_first_chunk()?;
        let (clock, offset) = rest.split_first_chunk()?;
        let start = micros - time::clock_micros(*clock)?;
        Some(Self { date: *date, offset: offset.try_into().ok()?, start })
    }

    /// Returns the `13:55:36` of a time if it is one of this day.
    #[inline]
    fn clock_of<'a>(&self, text: &'a [u8]) -> Option<&'a [u8; 8]> {
        let (date, rest) = text.split_first_chunk()?;
        let (clock, offset) = rest.split_first_chunk()?;
        (self.date == *date && self.offset == *offset).then_some(clock)
    }
}

/// `Some(None)` is a status that was not written (`-`).
#[expect(clippy::option_option, reason = "unreadable, absent and present are three things")]
fn status(text: &[u8]) -> Option<Option<i64>> {
    match text {
        b"-" => Some(None),
        _ if text.len() <= 3 => scalar::unsigned(text).and_then(|value| i64::try_from(value).ok()).map(Some),
        _ => None,
    }
}

#[expect(clippy::option_option, reason = "unreadable, absent and present are three things")]
fn bytes(text: &[u8]) -> Option<Option<i64>> {
    match text {
        b"-" => Some(None),
        _ => scalar::unsigned(text).and_then(|value| i64::try_from(value).ok()).map(Some),
    }
}

fn push_seconds(column: &mut Column, text: Part<'_>) -> Result<(), Mismatch> {
    match text.and_more().first_chunk().and_then(|bytes| digits::decimal(*bytes)) {
        Some((seconds, length)) if length == text.length() => column.push_float(seconds),
        _ => column.push_parsed(&text),
    }
}

/// Appends a row.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "what is not wanted is not even computed then, which takes a tenth off a line"
)]
fn append(fields: &Fields<'_>, numbers: &Numbers, columns: &mut Columns) {
    text(columns, CLIENT, fields.client);
    text(columns, IDENT, fields.ident);
    text(columns, USER, fields.user);
    push(columns, TIME, Some(numbers.time), Column::push_timestamp);
    push(columns, STATUS, numbers.status, Column::push_signed);
    push(columns, BYTES, numbers.bytes, Column::push_signed);
    if columns.want(METHOD..=PROTOCOL) {
        push_request(columns, fields.request);
    }
    optional_text(columns, REFERER, fields.trailing.referer);
    optional_text(columns, USER_AGENT, fields.trailing.user_agent);
    push(columns, REQUEST_TIME, fields.trailing.request_time, push_seconds);
}

fn push_request(columns: &mut Columns, request: Part<'_>) {
    let request = Request::read(request);
    optional_text(columns, METHOD, request.method);
    optional_text(columns, PATH, request.path);
    optional_text(columns, QUERY, request.query);
    optional_text(columns, PROTOCOL, request.protocol);
}

#[inline]
fn text(columns: &mut Columns, at: usize, value: Part<'_>) {
    optional_text(columns, at, Some(value).filter(|value| !value.is_empty()));
}

#[inline]
fn optional_text(columns: &mut Columns, at: usize, value: Option<Part<'_>>) {
    if let Some(column) = columns.get(at) {
        match value.filter(|value| value.text() != b"-") {
            Some(value) => column.push_first(value.and_more(), value.length()),
            None => column.push_null(),
        }
    }
}

#[inline]
fn push<T>(
    columns: &mut Columns,
    at: usize,
    value: Option<T>,
    push: impl FnOnce(&mut Column, T) -> Result<(), Mismatch>,
) {
    if let Some(column) = columns.get(at) {
        match value.map(|value| push(column, value)) {
            Some(Ok(())) => {}
            _ => column.push_null(),
        }
    }
}

fn bad_value(column: &'static str, expected: &'static str) -> Reason {
    Reason::Value { column: Arc::from(column), expected }
}

#[cfg(test)]
mod tests;
