//! Several runs, one a line.

use super::{
    run::sign,
    sheet::{MOST_LINES, Sheet, Style, column},
};
use crate::{
    record::{How, RunRecord},
    text, words,
};

/// Characters of an id, which tell a run from others.
const ID: usize = 5;

/// Columns of the numbers. Of a date, the year is left out.
const WHEN: usize = 11;
const YEAR: usize = 5;
const PEAK: usize = 19;
const ERROR: usize = 8;
const TIME: usize = 10;

/// Characters of a query that are looked at.
const QUERY: usize = 400;

/// Returns the newest runs as a table of at most [`MOST_LINES`] lines.
pub fn runs(records: &[RunRecord], style: Style) -> String {
    let mut sheet = Sheet::new(style);
    if records.is_empty() {
        sheet.line("there is no run in the history yet");
        return sheet.finish();
    }
    let mut newest: Vec<&RunRecord> = records.iter().collect();
    newest.sort_by_key(|record| std::cmp::Reverse(record.started_ms));
    sheet.line(&format!(
        "  {:<ID$} {:<WHEN$} {:>PEAK$} {:>ERROR$} {:>TIME$}  what",
        "id", "when (UTC)", "peak of limit", "forecast", "time"
    ));
    let room = MOST_LINES - 2;
    for record in newest.iter().take(room) {
        let (tone, _) = words::title(record);
        sheet.toned(tone, &row(record, sign(tone)));
    }
    if newest.len() > room {
        sheet.line(&format!("  … and {}", words::counted((newest.len() - room) as u64, "more run")));
    }
    sheet.finish()
}

fn row(record: &RunRecord, sign: char) -> String {
    let when: String =
        record.started_ms.and_then(words::date).unwrap_or_default().chars().skip(YEAR).take(WHEN).collect();
    let peak = match (record.peak, record.limit) {
        (Some(peak), Some(limit)) => format!("{peak} of {limit}"),
        (Some(peak), None) => format!("{peak}, no limit"),
        _ => "not recorded".to_owned(),
    };
    let error = words::forecast_error(record).map(|error| format!("{error:+.0} %")).unwrap_or_default();
    let time = words::duration(record.seconds);
    let query = text::line(&record.text, QUERY);
    let how = match record.ended.how {
        How::Answered => String::new(),
        how => format!("{}: ", words::ended(how)),
    };
    let id: String = record.id.chars().take(ID).collect();
    format!(
        "{sign} {} {} {peak:>PEAK$} {error:>ERROR$} {time:>TIME$}  {how}{query}",
        column(&id, ID),
        column(&when, WHEN)
    )
}
