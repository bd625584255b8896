//! Dates and times from text, by hand: a general parser would take longer than all the rest of a line.

use crate::digits;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Reads `2026-03-01` as days since 1970-01-01.
pub fn date(text: &[u8]) -> Option<i32> {
    i32::try_from(date_days(text.try_into().ok()?)?).ok()
}

/// Reads an ISO 8601 time such as `2026-03-01T12:00:05.25+01:00` as microseconds since 1970 in UTC. `T` may be a space, the
/// fraction may use a comma, and a time without an offset is UTC. Digits past the microsecond are dropped.
pub fn timestamp(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk()?;
    let (b'T' | b't' | b' ', rest) = rest.split_first()? else { return None };
    let (clock, rest) = rest.split_first_chunk()?;
    let (fraction, rest) = fraction(rest)?;
    let seconds = date_days(date)? * SECONDS_PER_DAY + clock_seconds(*clock)? - offset_seconds(rest)?;
    Some(seconds * MICROS_PER_SECOND + fraction)
}

/// Reads the common log format's time, `10/Oct/2000:13:55:36 -0700`, as microseconds since 1970 in UTC.
pub fn common_log_time(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk()?;
    let (clock, rest) = rest.split_first_chunk()?;
    let [d1, d2, b'/', n1, n2, n3, b'/', y1, y2, y3, y4, b':'] = *date else { return None };
    let days = days(four([y1, y2, y3, y4])?, month_number([n1, n2, n3])?, two(d1, d2)?)?;
    let offset = match rest {
        [] => 0,
        [b' ', offset @ ..] => offset_seconds(offset)?,
        _ => return None,
    };
    Some((days * SECONDS_PER_DAY + clock_seconds(*clock)? - offset) * MICROS_PER_SECOND)
}

/// Reads the time of day `13:55:36` as microseconds.
#[inline]
pub fn clock_micros(text: [u8; 8]) -> Option<i64> {
    Some(clock_seconds(text)? * MICROS_PER_SECOND)
}

/// 60 is let through for leap seconds and counts as the next minute's first second.
#[inline]
fn clock_seconds(text: [u8; 8]) -> Option<i64> {
    let [hour, minute, second] = digits::clock(text)?;
    (hour < 24 && minute < 60 && second <= 60)
        .then_some(i64::from(u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second)))
}

/// Reads times, of which most are of the same day at the same offset: comparing that is cheaper than reading it.
#[derive(Debug, Default)]
pub(crate) struct Recent(Option<Day>);

/// The day of the last time.
#[derive(Debug)]
struct Day {
    /// `2026-03-01T`.
    date: [u8; 11],
    offset: u64,
    /// Microseconds since 1970 at 00:00:00 on this day at this offset.
    start: i64,
}

impl Recent {
    /// Reads a time as [`timestamp`] does.
    #[inline]
    pub(crate) fn timestamp(&mut self, text: &[u8]) -> Option<i64> {
        let of_same_day = self.0.as_ref().and_then(|day| day.timestamp(text));
        of_same_day.or_else(|| self.of_another_day(text))
    }

    #[inline(never)]
    fn of_another_day(&mut self, text: &[u8]) -> Option<i64> {
        let micros = timestamp(text)?;
        self.0 = Day::new(text, micros);
        Some(micros)
    }
}

impl Day {
    fn new(text: &[u8], micros: i64) -> Option<Self> {
        let (date, rest) = text.split_first_chunk()?;
        let (clock, rest) = rest.split_first_chunk()?;
        let (fraction, offset) = fraction(rest)?;
        Some(Self { date: *date, offset: packed(offset)?, start: micros - clock_micros(*clock)? - fraction })
    }

    #[inline]
    fn timestamp(&self, text: &[u8]) -> Option<i64> {
        let (date, rest) = text.split_first_chunk()?;
        let (clock, rest) = rest.split_first_chunk()?;
        let (fraction, offset) = fraction(rest)?;
        let is_same_day = self.date == *date && packed(offset) == Some(self.offset);
        if is_same_day { Some(self.start + clock_micros(*clock)? + fraction) } else { None }
    }
}

/// Returns a number for each text that is as long as an offset may be: comparing texts of any length takes a call.
#[inline]
fn packed(offset: &[u8]) -> Option<u64> {
    const LONGEST: usize = 6;
    let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    (offset.len() <= LONGEST).then(|| offset.iter().fold(1, append))
}

/// Takes `.25` or `,25` off the text as microseconds.
#[inline]
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', digits @ ..] = text else { return Some((0, text)) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(length)?;
    if digits.is_empty() {
        return None;
    }
    let mut micros = 0;
    for place in 0..6 {
        micros = micros * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0'));
    }
    Some((micros, rest))
}

/// Reads nothing, `Z`, `+0100`, `+01:00` or `+01` as seconds east of Greenwich.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match *digits {
        [h1, h2] => (two(h1, h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * i64::from(hours * 3600 + minutes * 60))
}

fn date_days(text: &[u8; 10]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return None };
    days(four([y1, y2, y3, y4])?, two(m1, m2)?, two(d1, d2)?)
}

fn month_number(name: [u8; 3]) -> Option<u32> {
    const NAMES: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    (1..).zip(NAMES).find(|(_, known)| name.eq_ignore_ascii_case(*known)).map(|(number, _)| number)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, after Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms": with years that begin in March, the leap day is the last. Years are counted from -400 to stay positive.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    /// Days from the first of March of -400 to 1970-01-01.
    const TO_1970: i64 = 865_565;
    if !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(i64::from(days) - TO_1970)
}

/// Returns year, month and day of days since 1970-01-01, for the years that are written with four digits. The inverse of
/// [`days`], by the same author.
fn civil(days: i64) -> Option<(i64, i64, i64)> {
    /// Days from the first of March of the year 0 to 1970-01-01.
    const TO_1970: i64 = 719_468;
    /// Days of 400 years.
    const ERA: i64 = 146_097;
    let days = days.checked_add(TO_1970)?;
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year_of_era + later;
    (0..10_000).contains(&year).then_some((year, month, day))
}

/// Returns `2026-03-01` for days since 1970-01-01.
pub(crate) fn written_date(days: i64) -> Option<String> {
    civil(days).map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

/// Returns the days, since 1970-01-01, that a time of these microseconds can be written with: the offset from UTC is not known,
/// and a leap second counts as the next day's first.
pub(crate) fn written_days(from: i64, to: i64) -> Option<std::ops::RangeInclusive<i64>> {
    /// No offset is larger than 18:59.
    const MOST_OFFSET: i64 = 19 * 3600 * MICROS_PER_SECOND;
    const DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;
    Some(from.checked_sub(MOST_OFFSET)?.div_euclid(DAY)..=to.checked_add(MOST_OFFSET)?.div_euclid(DAY))
}

fn month_length(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(u32::from(tens) * 10 + u32::from(ones))
}

#[inline]
fn four([a, b, c, d]: [u8; 4]) -> Option<u32> {
    Some(two(a, b)? * 100 + two(c, d)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_clock_is_read_as_by_its_digits(text in clock(), change in change()) {
            let text: [u8; 8] = changed(text, change).try_into().unwrap_or(*b"12:34:56");
            let plain = || {
                let [h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
                let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
                (hour < 24 && minute < 60 && second <= 60).then_some(i64::from(hour * 3600 + minute * 60 + second))
            };
            prop_assert_eq!(clock_seconds(text), plain());
        }

        #[test]
        fn the_last_day_changes_no_time(
            times in prop::collection::vec((0..3_usize, clock(), 0..6_usize, change()), 1..8),
        ) {
            let mut recent = Recent::default();
            for (date, clock, end, change) in times {
                let date = ["2026-03-01T", "2026-03-01 ", "2024-02-29T"][date];
                let end = ["", "Z", ".25Z", ",1234567+01:00", "-0130", "+18"][end];
                let text = changed([date.as_bytes(), &clock, end.as_bytes()].concat(), change);
                prop_assert_eq!(recent.timestamp(&text), timestamp(&text), "{}", String::from_utf8_lossy(&text));
            }
        }
    }

    fn clock() -> impl Strategy<Value = Vec<u8>> {
        "([01][0-9]|2[0-5]):[0-6][0-9]:[0-6][0-9]".prop_map(String::into_bytes)
    }

    /// Half of the time, a byte that takes the place of another one.
    fn change() -> impl Strategy<Value = Option<(usize, u8)>> {
        prop::option::of((0..32_usize, prop_oneof![any::<u8>(), prop::sample::select(b"0:9/;,.TZ\0".to_vec())]))
    }

    fn changed(mut text: Vec<u8>, change: Option<(usize, u8)>) -> Vec<u8> {
        if let Some((at, byte)) = change
            && let Some(place) = text.get_mut(at)
        {
            *place = byte;
        }
        text
    }

    #[test]
    fn no_time_is_the_first_days() {
        assert_eq!(Recent::default().timestamp(b"\0\0\0\0\0\0\0\0\0\0\x0012:00:00"), None);
    }

    #[test]
    fn times() {
        // The example of the Apache documentation: 20:55:36 UTC.
        assert_eq!(common_log_time(b"10/Oct/2000:13:55:36 -0700"), Some(971_211_336_000_000));
        assert_eq!(timestamp(b"2000-10-10T13:55:36-07:00"), Some(971_211_336_000_000));
        assert_eq!(timestamp(b"2000-10-10 20:55:36"), Some(971_211_336_000_000));
        assert_eq!(timestamp(b"1970-01-01T00:00:00.1234567Z"), Some(123_456));
        assert_eq!(timestamp(b"1969-12-31T23:59:59,5"), Some(-500_000));
        assert_eq!(timestamp(b"2024-02-29T00:00:00Z").map(|t| t % 86_400_000_000), Some(0));
        for bad in [&b"2023-02-29T00:00:00Z"[..], b"2026-13-01T00:00:00Z", b"2026-01-01T24:00:00Z", b"2026-01-01", b"x"]
        {
            assert_eq!(timestamp(bad), None, "{bad:?}");
        }
        for bad in [&b"10/Foo/2000:13:55:36 -0700"[..], b"10/Oct/2000:13:55:36 -7", b"10/Oct/2000:13:55", b""] {
            assert_eq!(common_log_time(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn dates_count_from_1970() {
        assert_eq!(date(b"1970-01-01"), Some(0));
        assert_eq!(date(b"2000-03-01"), Some(11_017));
        assert_eq!(date(b"1600-02-29"), Some(-135_081));
        assert_eq!(date(b"0000-01-01"), Some(-719_528));
        assert_eq!(date(b"9999-12-31"), Some(2_932_896));
        assert_eq!(written_date(-719_528).as_deref(), Some("0000-01-01"));
        assert_eq!(written_date(2_932_896).as_deref(), Some("9999-12-31"));
        for none in [-719_529, 2_932_897, i64::MAX] {
            assert_eq!(written_date(none), None);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = days(1799, 12, 31).unwrap();
        for year in 1800..2500 {
            for month in 1..=12 {
                for day in 1..=month_length(year, month) {
                    last += 1;
                    assert_eq!(days(year, month, day), Some(last));
                    assert_eq!(written_date(last), Some(format!("{year}-{month:02}-{day:02}")));
                }
            }
        }
    }
}
