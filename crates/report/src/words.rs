//! Numbers and meanings in the words that all reports share.

use crate::{
    record::{EventKind, Forecast, How, Kind, Mode, Pressure, RunRecord},
    series::number,
};
use chrono::{DateTime, Datelike, Timelike};
use tidegate_memory::ByteCount;

/// What a result means. The words say it; colours and signs only repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Neutral,
}

/// Returns how a run ended, as a title.
pub(crate) fn title(record: &RunRecord) -> (Tone, String) {
    let above = matches!((record.peak, record.limit), (Some(peak), Some(limit)) if peak > limit);
    let done = if record.kind == Kind::Query { "Answered" } else { "Done" };
    match record.ended.how {
        How::Answered if above => (Tone::Bad, format!("{done}, but above its limit")),
        How::Answered if record.limit.is_some() && record.peak.is_some() => {
            (Tone::Good, format!("{done} within its limit"))
        }
        How::Answered if record.limit.is_none() => (Tone::Good, format!("{done}, without a limit")),
        How::Answered => (Tone::Good, done.to_owned()),
        How::Failed => (Tone::Bad, format!("Failed with exit code {}", record.ended.exit_code)),
        How::MemoryLimit => (Tone::Bad, "Ended at its memory limit".to_owned()),
        How::Interrupted => (Tone::Neutral, "Interrupted".to_owned()),
        How::TooManyRejects => (Tone::Bad, "Ended with more rejects than allowed".to_owned()),
        How::Running => (Tone::Neutral, "Not over yet".to_owned()),
        How::Lost => (Tone::Bad, "Lost: its process was killed".to_owned()),
        How::Unknown => (Tone::Neutral, "Ran; how it ended is not recorded".to_owned()),
    }
}

/// Returns how a run ended, in a word or two.
pub(crate) const fn ended(how: How) -> &'static str {
    match how {
        How::Answered => "answered",
        How::Failed => "failed",
        How::MemoryLimit => "memory limit",
        How::Interrupted => "interrupted",
        How::TooManyRejects => "too many rejects",
        How::Running => "running",
        How::Lost => "lost",
        How::Unknown => "not recorded",
    }
}

/// Returns the kind of a run.
pub(crate) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => "Query",
        Kind::Command => "Command",
        Kind::Other => "Run",
    }
}

/// Returns the mode of a run.
pub(crate) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::InMemory => "in memory",
        Mode::Streaming => "streaming",
        Mode::Spilling => "spilling",
        Mode::Refused => "refused",
        Mode::Unknown => "a mode that is not recorded",
    }
}

/// Returns a kind of event.
pub(crate) const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Spill => "spill",
        EventKind::Purge => "purge",
        EventKind::PagesDropped => "pages dropped",
        EventKind::Refusal => "refusal",
        EventKind::Pause => "pause",
        EventKind::Replan => "new plan",
        EventKind::End => "end",
        EventKind::Other => "other",
    }
}

/// Returns a step of pressure; nothing where it is not known.
pub(crate) const fn pressure(pressure: Pressure) -> Option<&'static str> {
    match pressure {
        Pressure::Calm => Some("calm"),
        Pressure::Rising => Some("rising"),
        Pressure::High => Some("high"),
        Pressure::Critical => Some("critical"),
        Pressure::Unknown => None,
    }
}

/// Returns the peak and the limit in words.
pub(crate) fn peak_of_limit(record: &RunRecord) -> String {
    match (record.peak, record.limit) {
        (Some(peak), Some(limit)) => {
            format!("{peak} of {} at the peak, {}", limit.as_limit(), percent(peak.percent_of(limit)))
        }
        (Some(peak), None) => format!("{peak} at the peak, no limit"),
        (None, Some(limit)) => format!("limit {}, the peak is not recorded", limit.as_limit()),
        (None, None) => "no limit, and no peak recorded".to_owned(),
    }
}

/// Returns by how much the actual peak was above the expected one, in percent; negative below.
pub(crate) fn forecast_error(record: &RunRecord) -> Option<f64> {
    let (peak, forecast) = (record.peak?, record.forecast.as_ref()?);
    if forecast.expected == ByteCount::ZERO || forecast.mode == Mode::Refused {
        return None;
    }
    Some(peak.percent_of(forecast.expected) - 100.0)
}

/// Returns the actual peak against the forecast, in words.
pub(crate) fn forecast_verdict(record: &RunRecord) -> Option<String> {
    let (forecast, peak) = (record.forecast.as_ref()?, record.peak?);
    let error = forecast_error(record)?;
    let side = if error < 0.0 { "below" } else { "above" };
    let bound = match forecast.bound {
        Some(bound) if peak > bound => format!("; above the bound of {bound}: the forecast failed"),
        Some(bound) => format!("; the bound of {bound} held"),
        None => String::new(),
    };
    let amount =
        if error.abs() < 0.5 { "as expected".to_owned() } else { format!("{} {side} expected", percent(error.abs())) };
    Some(format!("{amount}{bound}"))
}

/// Returns what the forecast rests on, in words.
pub(crate) fn forecast_basis(forecast: &Forecast) -> String {
    let took = forecast.took_seconds.map(|seconds| format!(" ({})", duration(seconds))).unwrap_or_default();
    match (forecast.runs, forecast.first_sight) {
        (0, _) => format!("at first sight, from samples of the data{took}"),
        (runs, Some(sight)) => {
            format!("learned from {} like it; at first sight it was {sight}{took}", counted(runs, "run"))
        }
        (runs, None) => format!("from {} like it alone, without a look at the data{took}", counted(runs, "run")),
    }
}

/// Returns the speed of reading; nothing where nothing was read.
pub(crate) fn speed(record: &RunRecord) -> Option<String> {
    let known = record.bytes_in > ByteCount::ZERO && record.seconds.is_finite() && record.seconds > 0.0;
    known.then(|| format!("{}/s", rounded(number(record.bytes_in.bytes()) / record.seconds)))
}

/// Rounds a fraction of bytes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a fraction saturates")]
pub(crate) fn rounded(bytes: f64) -> ByteCount {
    ByteCount::new(bytes.max(0.0) as u64)
}

/// Writes a share: `95 %`, `1.9 %`.
pub(crate) fn percent(percent: f64) -> String {
    match percent {
        _ if !percent.is_finite() => "?".to_owned(),
        _ if percent.abs() < 9.95 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// Writes a time span with what matters of it.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown time".to_owned();
    }
    match seconds {
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 9.995 => format!("{seconds:.2} s"),
        _ if seconds < 119.95 => format!("{seconds:.1} s"),
        _ if seconds < 7_200.0 => format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor()),
        _ if seconds < 172_800.0 => {
            format!("{:.0} h {:.0} min", (seconds / 3_600.0).floor(), (seconds % 3_600.0 / 60.0).floor())
        }
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

/// Writes a time span in milliseconds.
pub(crate) fn milliseconds(ms: u64) -> String {
    duration(number(ms) / 1e3)
}

/// Writes a moment in UTC; nothing for a moment beyond the calendar.
pub(crate) fn date(unix_ms: u64) -> Option<String> {
    let date = DateTime::from_timestamp_millis(i64::try_from(unix_ms).ok()?)?;
    Some(format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
        date.year(),
        date.month(),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    ))
}

/// Writes `1 line`, `2 lines`, `2 processes`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if what.ends_with('s') { "es" } else { "s" };
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { plural })
}

/// Writes a number with commas between thousands.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_short() {
        let check = |seconds, text| assert_eq!(duration(seconds), text);
        check(0.0, "0 ms");
        check(0.9999, "1.00 s");
        check(12.34, "12.3 s");
        check(119.99, "1 min 59 s");
        check(125.0, "2 min 5 s");
        check(7_260.0, "2 h 1 min");
        check(f64::NAN, "unknown time");
        check(-1.0, "unknown time");
        check(1e300, &format!("{:.0} days", 1e300 / 86_400.0));
    }

    #[test]
    fn moments_are_in_utc() {
        assert_eq!(date(1_767_225_599_999).as_deref(), Some("2025-12-31 23:59:59 UTC"));
        assert_eq!(date(u64::MAX), None);
    }

    #[test]
    fn shares_and_counts_are_readable() {
        assert_eq!((percent(94.9), percent(-1.94), percent(f64::NAN)), ("95 %".into(), "-1.9 %".into(), "?".into()));
        assert_eq!((counted(1, "row"), counted(12_345, "row")), ("1 row".into(), "12,345 rows".into()));
    }

    #[test]
    fn an_error_of_the_forecast_is_said_plainly() {
        let verdict = |expected, bound: Option<u64>, peak| {
            let [expected, peak] = [expected, peak].map(ByteCount::new);
            let forecast = Forecast { expected, bound: bound.map(ByteCount::new), ..Forecast::default() };
            forecast_verdict(&RunRecord { peak: Some(peak), forecast: Some(forecast), ..RunRecord::default() }).unwrap()
        };
        assert_eq!(verdict(100, Some(150), 125), "25 % above expected; the bound of 150 B held");
        assert_eq!(verdict(100, Some(150), 200), "100 % above expected; above the bound of 150 B: the forecast failed");
        assert_eq!(verdict(1000, None, 1002), "as expected");
    }

    #[test]
    fn the_title_tells_whether_the_limit_held() {
        let run = |how, peak, limit: Option<u64>| {
            let mut record = RunRecord { peak: Some(ByteCount::new(peak)), ..RunRecord::default() };
            record.limit = limit.map(ByteCount::new);
            record.ended.how = how;
            title(&record)
        };
        assert_eq!(run(How::Answered, 9, Some(10)), (Tone::Good, "Answered within its limit".into()));
        assert_eq!(run(How::Answered, 11, Some(10)), (Tone::Bad, "Answered, but above its limit".into()));
        assert_eq!(run(How::Answered, 11, None), (Tone::Good, "Answered, without a limit".into()));
        assert_eq!(run(How::MemoryLimit, 9, Some(10)).0, Tone::Bad);
    }
}
