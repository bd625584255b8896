//! Four questions about a run, each answered with the number that proves it: a pure function of the record.

use crate::{
    record::{How, Mode, RunRecord},
    series::number,
    words::{self, counted, duration, mode, percent},
};
use tidegate_memory::ByteCount;

/// The most that may stay resident above what was before the run, in percent.
const DRIFT_PERCENT: f64 = 5.0;

/// What a process may keep of its first run, whatever it had before: threads, tables that are made once.
const FIRST_RUN: ByteCount = ByteCount::mib(4);

/// Up to this long, a stretch without a sample is no gap.
const GAP_SECONDS: f64 = 1.0;

/// Nor up to this share of the run: a timeline in bounded space gets coarser.
const GAP_SHARE: f64 = 0.1;

/// A question, its answer and the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is asked, in a few words.
    pub question: &'static str,
    /// The answer.
    pub answer: Answer,
    /// The numbers that prove it, or what is missing for an answer.
    pub proof: String,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// As it should be.
    Yes,
    /// Not as it should be.
    No,
    /// The record does not tell.
    Unknown,
}

impl Answer {
    /// Returns the answer as a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Answers the four questions: limit, monitoring, release, mode.
///
/// ```
/// use tidegate_report::{checklist::{Answer, checklist}, record::RunRecord};
/// let [limit, ..] = checklist(&RunRecord::default());
/// assert_eq!(limit.answer, Answer::No);
/// ```
pub fn checklist(record: &RunRecord) -> [Check; 4] {
    let check = |question, (answer, proof)| Check { question, answer, proof };
    [
        check("Limit set and held", limit(record)),
        check("Monitored", monitored(record)),
        check("Memory given back", given_back(record)),
        check("Right mode for the size", right_mode(record)),
    ]
}

fn limit(record: &RunRecord) -> (Answer, String) {
    match (record.limit, record.peak) {
        (None, None) => (Answer::No, "no limit was set".to_owned()),
        (None, Some(peak)) => (Answer::No, format!("no limit was set; the peak was {peak}")),
        (Some(limit), None) => (Answer::Unknown, format!("limit {limit}, but the peak is not recorded")),
        (Some(limit), Some(peak)) if peak > limit => {
            (Answer::No, format!("the peak of {peak} is {} above the limit of {limit}", peak - limit))
        }
        (Some(limit), Some(peak)) => {
            (Answer::Yes, format!("the peak was {peak} of {limit}, {}", percent(peak.percent_of(limit))))
        }
    }
}

fn monitored(record: &RunRecord) -> (Answer, String) {
    let count = record.memory.timeline.len() as u64;
    if count == 0 && record.seconds < GAP_SECONDS {
        return (Answer::Unknown, format!("over after {}, before the first sample", duration(record.seconds)));
    }
    if count == 0 {
        return (Answer::No, format!("no sample in {}", duration(record.seconds)));
    }
    let gap = longest_gap(record);
    let proof =
        format!("{} in {}, at most {} apart", counted(count, "sample"), duration(record.seconds), duration(gap));
    let allowed = GAP_SECONDS.max(record.seconds * GAP_SHARE);
    (if gap <= allowed { Answer::Yes } else { Answer::No }, proof)
}

/// Returns the longest stretch of the run without a sample, in seconds.
fn longest_gap(record: &RunRecord) -> f64 {
    let mut times: Vec<f64> = record.memory.timeline.iter().map(|sample| number(sample.ms) / 1e3).collect();
    times.push(record.seconds);
    times.sort_by(f64::total_cmp);
    let mut before = 0.0;
    let mut longest = 0.0_f64;
    for time in times {
        longest = longest.max(time - before);
        before = time;
    }
    longest
}

fn given_back(record: &RunRecord) -> (Answer, String) {
    let (before, after) = match (record.resident_before, record.resident_after) {
        (Some(before), Some(after)) => (before, after),
        (None, _) => return (Answer::Unknown, "what was resident before is not recorded".to_owned()),
        (_, None) => return (Answer::Unknown, "what was resident after is not recorded".to_owned()),
    };
    if record.kept {
        return (Answer::Unknown, format!("kept for the next task, as asked: {before} before, {after} after"));
    }
    let drift = if before == ByteCount::ZERO && after > ByteCount::ZERO {
        f64::INFINITY
    } else {
        (after.percent_of(before) - 100.0).max(-100.0)
    };
    let change = match (after >= before, drift.is_finite()) {
        (true, true) => format!("{} more", percent(drift.max(0.0))),
        (true, false) => format!("{after} more"),
        (false, _) => format!("{} less", percent(-drift)),
    };
    let answer = if after <= before + FIRST_RUN || drift <= DRIFT_PERCENT { Answer::Yes } else { Answer::No };
    let allowed = if answer == Answer::No {
        format!(", {} or {FIRST_RUN} are allowed", percent(DRIFT_PERCENT))
    } else {
        String::new()
    };
    (answer, format!("{before} before, {after} after: {change}{allowed}"))
}

/// Returns whether the mode was right, and how wrong the forecast was that it was chosen by.
fn right_mode(record: &RunRecord) -> (Answer, String) {
    let (answer, proof) = mode_that_happened(record);
    match words::forecast_verdict(record).filter(|_| record.ended.how == How::Answered) {
        Some(verdict) => (answer, format!("{proof}; {verdict}")),
        None => (answer, proof),
    }
}

fn mode_that_happened(record: &RunRecord) -> (Answer, String) {
    let Some(forecast) = &record.forecast else {
        return match record.ended.how {
            How::MemoryLimit => (Answer::No, "ended at the limit, and there was no forecast".to_owned()),
            _ => (Answer::Unknown, "there was no forecast".to_owned()),
        };
    };
    let chosen = mode(forecast.mode);
    let spilled = record.spilled.bytes;
    let replans = record.replans.len() as u64;
    match (forecast.mode, record.limit) {
        (Mode::Refused, Some(limit)) if forecast.least > limit => {
            (Answer::Yes, format!("refused: it needs {} at least, the limit is {limit}", forecast.least))
        }
        (Mode::Refused, _) if record.ended.how == How::MemoryLimit => {
            (Answer::Yes, "refused, as was foreseen: it ended at the limit".to_owned())
        }
        (Mode::Refused, _) if record.ended.how == How::Answered => {
            (Answer::No, format!("refused was foreseen, but it answered: {} at the peak", peak(record)))
        }
        (Mode::Refused | Mode::Unknown, _) => (Answer::Unknown, chosen.to_owned()),
        _ if record.ended.how == How::MemoryLimit => (Answer::No, format!("{chosen}, but it ended at the limit")),
        _ if replans > 0 => (Answer::No, format!("{chosen}, but planned again {}", counted(replans, "time"))),
        _ if record.ended.how != How::Answered => {
            (Answer::Unknown, format!("{chosen}, but it did not come to its end"))
        }
        (Mode::Spilling, _) if spilled == ByteCount::ZERO => {
            (Answer::No, format!("spilling, but nothing was spilled: {} would have done in memory", peak(record)))
        }
        (Mode::Spilling, _) => (Answer::Yes, format!("spilling: {spilled} were spilled")),
        _ if spilled > ByteCount::ZERO => (Answer::No, format!("{chosen}, but {spilled} were spilled")),
        _ => (Answer::Yes, format!("{chosen}: nothing was spilled, {} at the peak", peak(record))),
    }
}

fn peak(record: &RunRecord) -> String {
    record.peak.map_or_else(|| "an unknown amount".to_owned(), |peak| peak.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Replan, Sample},
        testing,
    };

    const MB: u64 = 1_000_000;

    fn answers(record: &RunRecord) -> [Answer; 4] {
        checklist(record).map(|check| check.answer)
    }

    fn changed(change: impl FnOnce(&mut RunRecord)) -> RunRecord {
        let mut record = testing::rich();
        change(&mut record);
        record
    }

    #[test]
    fn a_good_run_has_four_yes() {
        assert_eq!(answers(&testing::rich()), [Answer::Yes; 4]);
        for check in checklist(&testing::rich()) {
            assert!(check.proof.contains(|c: char| c.is_ascii_digit()), "{check:?}");
        }
    }

    #[test]
    fn nothing_is_known_of_an_empty_record() {
        assert_eq!(answers(&RunRecord::default()), [Answer::No, Answer::Unknown, Answer::Unknown, Answer::Unknown]);
    }

    #[test]
    fn a_limit_must_be_held() {
        let check = |limit: Option<u64>, peak: Option<u64>, expect| {
            let record = changed(|record| {
                record.limit = limit.map(ByteCount::new);
                record.peak = peak.map(ByteCount::new);
            });
            assert_eq!(answers(&record)[0], expect, "{limit:?} {peak:?}");
        };
        check(Some(256 * MB), Some(256 * MB), Answer::Yes);
        check(Some(256 * MB), Some(256 * MB + 1), Answer::No);
        check(Some(256 * MB), None, Answer::Unknown);
        check(None, Some(1), Answer::No);
    }

    #[test]
    fn a_stretch_without_samples_is_not_monitored() {
        let with = |times: &[u64], seconds| {
            let record = changed(|record| {
                record.seconds = seconds;
                record.memory.timeline = times.iter().map(|ms| Sample { ms: *ms, ..Sample::default() }).collect();
            });
            answers(&record)[1]
        };
        assert_eq!(with(&[0, 900, 1_800], 2.0), Answer::Yes);
        assert_eq!(with(&[0, 900], 2.0), Answer::No);
        assert_eq!(with(&[0, 900, 9_000], 10.0), Answer::No);
        assert_eq!(with(&[7_000, 14_000, 21_000], 70.0 / 3.0), Answer::No);
        assert_eq!(with(&[7, 14, 21].map(|s| s * 1_000), 220.0), Answer::No);
        assert_eq!(with(&[], 0.1), Answer::Unknown);
        assert_eq!(with(&[], 10.0), Answer::No);
        assert_eq!(with(&(1..=36).map(|at| at * 100_000).collect::<Vec<_>>(), 3_600.0), Answer::Yes);
    }

    #[test]
    fn memory_is_given_back_within_5_percent() {
        let after = |before: u64, after: u64| {
            answers(&changed(|record| {
                record.resident_before = Some(ByteCount::new(before));
                record.resident_after = Some(ByteCount::new(after));
            }))[2]
        };
        assert_eq!(after(100 * MB, 105 * MB), Answer::Yes);
        assert_eq!(after(100 * MB, 106 * MB), Answer::No);
        assert_eq!(after(100 * MB, 50 * MB), Answer::Yes);
        assert_eq!(after(0, 0), Answer::Yes);
        assert_eq!(after(9 * MB, 13 * MB), Answer::Yes);
        assert_eq!(after(0, 5 * MB), Answer::No);
    }

    #[test]
    fn the_mode_is_right_if_it_is_what_happened() {
        let run = |mode, spilled, change: fn(&mut RunRecord)| {
            answers(&changed(|record| {
                record.spilled.bytes = ByteCount::new(spilled);
                record.replans.clear();
                if let Some(forecast) = &mut record.forecast {
                    forecast.mode = mode;
                }
                change(record);
            }))[3]
        };
        assert_eq!(run(Mode::InMemory, 0, |_| ()), Answer::Yes);
        assert_eq!(run(Mode::InMemory, 1, |_| ()), Answer::No);
        assert_eq!(run(Mode::Streaming, 1, |_| ()), Answer::No);
        assert_eq!(run(Mode::Spilling, 1, |_| ()), Answer::Yes);
        assert_eq!(run(Mode::Spilling, 0, |_| ()), Answer::No);
        assert_eq!(run(Mode::Spilling, 1, |record| record.replans = vec![Replan::default()]), Answer::No);
        assert_eq!(run(Mode::Spilling, 1, |record| record.ended.how = How::MemoryLimit), Answer::No);
        assert_eq!(run(Mode::InMemory, 0, |record| record.ended.how = How::Interrupted), Answer::Unknown);
        assert_eq!(run(Mode::InMemory, 0, |record| record.forecast = None), Answer::Unknown);
        assert_eq!(run(Mode::Refused, 0, |_| ()), Answer::No);
        assert_eq!(run(Mode::Refused, 0, |record| record.ended.how = How::MemoryLimit), Answer::Yes);
        assert_eq!(run(Mode::Refused, 0, |record| record.ended.how = How::Interrupted), Answer::Unknown);
        assert_eq!(run(Mode::Refused, 0, |record| record.limit = Some(ByteCount::new(1))), Answer::Yes);
    }
}
