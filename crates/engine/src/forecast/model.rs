//! From runs over samples to a forecast: pure functions over what they showed.

use super::{
    Mode, Range,
    growth::{self, Keys, Point},
    level::{Column, Held, Level, Scan},
    mode::{self, Needs, shared, shown},
};
use tidegate_govern::growth::most_states;
use tidegate_memory::{Budget, ByteCount, Limit, START, START_AT_MOST, program_share};

/// What a query is expected to need. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// The peak that the process will show the kernel within the limit; `most` holds in 95 of 100 runs.
    pub peak: Range,
    /// The peak without a limit.
    pub unlimited: Range,
    /// The peak if all that is held is held in memory, with a program that is kept as small as a limit keeps it if there is one.
    pub in_memory: Range,
    /// What was expected of that at first sight: by the smallest samples, and without what earlier runs taught. The same small
    /// samples are read by every forecast, so that first sights can be compared; nothing where there was no time for all of them.
    pub first_sight: Option<ByteCount>,
    /// How the query will run.
    pub mode: Mode,
    /// Why.
    pub reason: String,
    /// What will be written to disk and read back.
    pub spill: Range,
    /// How long it will take, in seconds.
    pub seconds: Range,
    /// Rows of the input and of the result.
    pub rows_in: Range,
    /// Rows of the result.
    pub rows_out: Range,
    /// Bytes of all inputs, and how many of them were read to tell this.
    pub input: ByteCount,
    /// Bytes of the largest sample.
    pub sampled: ByteCount,
    /// Where it comes from: columns as Arrow holds them, then operators, then what does not grow.
    pub parts: Vec<Part>,
    /// How many runs before this one it rests on besides.
    pub runs: usize,
    /// What the mode was chosen by.
    pub(super) needs: Needs,
    pub(super) terms: Terms,
    /// The sizes of what will be held, to tell what is spilled of them.
    pub(super) growing: Growing,
}

/// What all operators together will hold that grows, and sorts of it. Sizes in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Growing {
    all: Range,
    sorted: Range,
}

/// One line of the table of C.
#[derive(Clone, Debug)]
pub struct Part {
    /// A column, an operator, or a part of the process.
    pub name: String,
    /// Bytes for each row, or each group; `None` for what does not grow.
    pub each: Option<f64>,
    /// How many of them.
    pub count: Range,
    /// What is held at the peak; zero for columns, whose rows pass through.
    pub held: Range,
    /// How it was derived.
    pub how: String,
}

/// What the model needs to know besides the runs. Sizes in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    pub budget: Option<Budget>,
}

/// What is held of growing state that nobody counts: rounding and freed pages of the allocator.
pub(super) const ROUNDING: f64 = 0.06;

/// How far a peak may be from what was calculated, for reasons that no sample shows.
const LOOSE: f64 = 0.2;

/// What of state in memory is left of it on disk, compressed.
const ON_DISK: f64 = 0.6;

/// Bytes of spilled state that are written, and those that are read back, in a second.
const SPILLED_IN_A_SECOND: f64 = 150e6;

/// State that is no more than so many times what it was in the largest sample, or that small, does not grow.
const GROWS: f64 = 1.5;
const SMALL: f64 = 1e6;

/// What rows that were counted by samples are off by.
const ROWS: f64 = 0.02;

/// Fewer groups tell nothing of what one takes.
const FEW: f64 = 500.0;

/// Returns the forecast of runs over samples, the largest last; `None` without any.
pub(super) fn forecast(levels: &[Level], terms: &Terms) -> Option<Forecast> {
    let last = levels.last()?;
    let states: Vec<State> = (0..last.operators.len()).filter_map(|at| state(levels, at, terms)).collect();
    let growing = Growing::of(&states);
    let rigid: f64 = states.iter().map(|state| state.rigid).sum();
    let flat: f64 = states.iter().map(|state| state.flat).sum();
    let live = flat + last.besides + states.iter().map(|state| state.at_peak).sum::<f64>();
    let fixed = flat + last.besides + live * last.allocator + last.outside;
    let limit = Limit::from(terms.budget);
    let [program, whole_program] = [limit, Limit::Unlimited].map(|limit| level_number(program_share(limit)));
    let heap = growing.all.times(1.0 + ROUNDING).plus(Range::exactly(fixed));
    let with_program = |program: f64| of_process(heap.plus(Range::exactly(program)));
    let in_memory = with_program(program);
    let may_have = terms.budget.map(|budget| level_number(budget.operators));
    let needs = Needs { held: growing.all.expected, held_at_most: growing.all.most, rigid, may_have };
    let (mode, reason) = mode::choose(&needs);
    let spill = may_have.map_or(Range::default(), |may_have| spilled(&growing, may_have));
    let read = |scan: &Scan| level_number(scan.all);
    let rows_in = last.scans.iter().map(|scan| scan.rows / scan.share.max(f64::MIN_POSITIVE)).sum();
    Some(Forecast {
        peak: within(in_memory, terms, mode),
        unlimited: with_program(whole_program),
        in_memory,
        first_sight: Some(shown(in_memory.expected)),
        mode,
        reason,
        spill,
        seconds: seconds(levels, spill),
        rows_in: Range::exactly(rows_in).loosened(0.05),
        rows_out: rows_out(levels, last),
        input: shown(last.scans.iter().map(read).sum()),
        sampled: last.scans.iter().map(|scan| scan.read).sum(),
        parts: parts(last, &states, fixed, program),
        runs: 0,
        needs,
        terms: *terms,
        growing,
    })
}

/// Returns the peak of a process in which a task holds so much, with the program.
fn of_process(held: Range) -> Range {
    let [start, varies] = [START, START_AT_MOST - START].map(level_number);
    let expected = held.expected.max(start);
    let range = Range { expected, ..held }.loosened(LOOSE);
    Range { most: range.most.max(expected + varies), ..range }
}

/// Returns the peak within the limit, of a query that would show so much if it held all in memory.
pub(super) fn within(in_memory: Range, terms: &Terms, mode: Mode) -> Range {
    let Some(budget) = terms.budget else { return in_memory };
    let limit = level_number(budget.limit);
    // What spills stays below the reserve, which is for what nobody asks for.
    let spilling = level_number(budget.limit - budget.reserve);
    match mode {
        Mode::Streaming | Mode::InMemory => in_memory.at_most(limit),
        Mode::Spilling | Mode::Refused => Range { least: spilling * 0.75, expected: spilling, most: limit },
    }
}

/// What an operator will hold of the whole.
struct State {
    name: String,
    /// What it will hold that grows; zero if it does not.
    grown: Range,
    /// What it holds whatever the data.
    flat: f64,
    at_peak: f64,
    each: Option<f64>,
    count: Range,
    how: String,
    /// What of it cannot go to disk in any plan.
    rigid: f64,
    /// Whether all of it goes to disk where it does not fit, as the rows of a sort do.
    is_sort: bool,
}

/// How what an operator holds follows from its input.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    /// Rows pass through it.
    Passing,
    /// It keeps one row for each group.
    Groups,
    /// It keeps values of every row, by groups.
    Values,
    /// It keeps every row of its input, or of the left one.
    Rows,
    /// It makes states of groups, and hands them on when it holds so many bytes.
    States(f64),
    /// Nothing is known but what was seen.
    Seen,
}

fn class(held: &Held, terms: &Terms) -> Class {
    match held.name.as_str() {
        "AggregateExec" if held.details.contains("mode=Partial") && !keeps_all(&held.details) => {
            let most = most_states(terms.budget.map(|budget| budget.operators.size()));
            Class::States(super::level::number(most as u64) * 2.0)
        }
        "SpillingGroupByExec" | "AggregateExec" if keeps_values(&held.details) => Class::Values,
        // One group, whatever comes.
        "AggregateExec" if held.details.contains("gby=[]") => Class::Passing,
        "SpillingGroupByExec" | "AggregateExec" | "DistinctOnExec" => Class::Groups,
        "SortExec" if held.details.starts_with("SortExec: TopK") => Class::Passing,
        "SortExec" | "SpillingSortExec" | "HashJoinExec" | "CrossJoinExec" | "NestedLoopJoinExec" | "WindowAggExec" => {
            Class::Rows
        }
        name if name.starts_with("SpillingWindow") || name.starts_with("BoundedWindow") => Class::Seen,
        "SortMergeJoinExec" | "RecursiveQueryExec" => Class::Seen,
        _ => Class::Passing,
    }
}

/// Returns whether what an operator keeps is counted in groups.
pub(super) fn counts_groups(level: &Level, at: usize) -> bool {
    level.operators.get(at).is_some_and(|held| class(held, &Terms { budget: None }) == Class::Groups)
}

/// Returns the rows of the result. Where they are the groups of an operator, what is known of its keys tells more than how rows
/// grew from sample to sample.
fn rows_out(levels: &[Level], last: &Level) -> Range {
    let is_result = |level: &Level, at: usize| {
        let rows = level.operators.get(at).and_then(|held| held.rows);
        rows.is_some_and(|rows| (rows - level.rows_out).abs() < 0.5)
    };
    let groups = (0..last.operators.len())
        .find(|at| counts_groups(last, *at) && levels.iter().all(|level| is_result(level, *at)));
    let (range, grows) = if let Some(at) = groups {
        (growth::distinct(&keys(levels, at)), true)
    } else {
        let first = levels.first().map_or(0.0, |level| level.rows_out);
        let grown = growth::whole(&points(levels, |level| (level.share, level.rows_out)));
        (grown, (last.rows_out - first).abs() > 0.5)
    };
    if grows && last.share < 1.0 { range.loosened(ROWS) } else { range }
}

/// Returns whether a step of a group-by has one group, and keeps the values of all rows in it.
fn keeps_all(details: &str) -> bool {
    details.contains("gby=[]") && keeps_values(details)
}

/// Returns whether functions among these keep the values of their rows.
fn keeps_values(details: &str) -> bool {
    let functions = details.split_once("aggr=[").map_or("", |(_, functions)| functions);
    ["percentile_cont", "median", "array_agg", "string_agg", "DISTINCT"].iter().any(|name| functions.contains(name))
}

fn state(levels: &[Level], at: usize, terms: &Terms) -> Option<State> {
    let held = levels.last()?.operators.get(at)?;
    let class = class(held, terms);
    let rows = levels.iter().rev().find_map(|level| rows_below(level, at)).unwrap_or_default();
    let rows = Range::exactly(rows / held.share.max(f64::MIN_POSITIVE));
    let seen = || {
        let points = levels.iter().filter_map(|level| level.operators.get(at));
        let points: Vec<_> = points.map(|held| Point { share: held.share, value: held.peak }).collect();
        growth::whole(&points)
    };
    let each = |whole: Range| (rows.expected > 0.0).then(|| whole.expected / rows.expected);
    let groups = (class == Class::Groups).then(|| groups(levels, at)).flatten();
    let (grown, each, count, how) = match (class, groups) {
        (_, Some(Groups { fixed, each, count })) => {
            let how = "what each group added in samples".to_owned();
            (count.times(each).plus(Range::exactly(fixed)).loosened(0.1), Some(each), count, how)
        }
        (Class::Passing, _) => (Range::default(), None, rows, String::new()),
        (Class::States(most), _) => {
            // Where most groups are new, it soon stops to keep them.
            let whole = Range { least: 0.0, expected: held.peak, most }.at_most(most);
            (whole, each(whole), rows, format!("handed on at {}", shown(most / 2.0)))
        }
        (Class::Rows, _) => {
            let bytes = held.peak / held.share.max(f64::MIN_POSITIVE) * touched(levels);
            let whole = Range::exactly(bytes).loosened(0.15);
            (whole, each(whole), rows, "every row is kept".to_owned())
        }
        (Class::Values, _) => {
            let points =
                levels.iter().filter_map(|level| Some((rows_grouped(level, at)?, level.operators.get(at)?.peak)));
            let (fixed, each) = growth::line(&points.collect::<Vec<_>>());
            let rows = levels.last().and_then(|level| rows_grouped(level, at)).unwrap_or_default();
            let rows = Range::exactly(rows / held.share.max(f64::MIN_POSITIVE));
            let whole = rows.times(each).plus(Range::exactly(fixed)).loosened(0.25);
            (whole, Some(each), rows, "values of every row are kept".to_owned())
        }
        (Class::Groups | Class::Seen, _) => {
            let whole = seen();
            (whole, each(whole), rows, "what it held of samples, and how that grew".to_owned())
        }
    };
    let is_known = held.share >= 1.0;
    let rises = if is_known { held.peak > 4.0 * SMALL } else { grown.most > (held.peak * GROWS).max(SMALL) };
    let (grown, flat) = if rises && class != Class::Passing { (grown, 0.0) } else { (Range::default(), held.at_peak) };
    let (rigid, is_sort) = (grown.least * indivisible(held, class), held.name == "SortExec");
    Some(State { name: label(held), grown, flat, at_peak: held.at_peak, each, count, how, rigid, is_sort })
}

/// Returns the share of what an operator holds that has to be in memory at once, whatever goes to disk: of values, those of a
/// group, if all groups are as large.
fn indivisible(held: &Held, class: Class) -> f64 {
    match class {
        Class::Values => 1.0 / held.rows.unwrap_or(1.0).max(1.0),
        _ if matches!(held.name.as_str(), "NestedLoopJoinExec" | "CrossJoinExec" | "WindowAggExec") => 1.0,
        _ => 0.0,
    }
}

/// What a group-by will hold.
struct Groups {
    /// What it holds of no groups.
    fixed: f64,
    each: f64,
    count: Range,
}

/// Returns what a group-by will hold, unless its groups are so few that they tell nothing.
fn groups(levels: &[Level], at: usize) -> Option<Groups> {
    let held = || levels.iter().filter_map(|level| level.operators.get(at));
    held().next_back().and_then(|held| held.rows).filter(|rows| *rows >= FEW)?;
    let points: Vec<_> = held().filter_map(|held| Some((held.rows?, held.peak))).collect();
    let (fixed, each) = growth::line(&points);
    Some(Groups { fixed, each, count: growth::distinct(&keys(levels, at)) })
}

/// Returns how many keys an operator saw among how many rows.
pub(super) fn keys(levels: &[Level], at: usize) -> Vec<Keys> {
    let of = |level: &Level| {
        let held = level.operators.get(at)?;
        Some(Keys { share: held.share, rows: rows_grouped(level, at)?, seen: held.rows? })
    };
    levels.iter().filter_map(of).collect()
}

/// Returns the rows that came into a group-by: those below its steps.
fn rows_grouped(level: &Level, at: usize) -> Option<f64> {
    let depth = level.operators.get(at)?.depth;
    let below = level.operators.iter().skip(at + 1).take_while(|below| below.depth > depth);
    let is_step = |held: &Held| {
        let passes = ["RepartitionExec", "PromptExec", "CoalescePartitionsExec"].contains(&held.name.as_str());
        passes || held.details.contains("mode=Partial")
    };
    below.into_iter().find(|below| !is_step(below)).and_then(|below| below.rows.or_else(|| rows_below(level, at)))
}

/// Returns the rows that came into an operator: those out of the one below it that counts them.
fn rows_below(level: &Level, at: usize) -> Option<f64> {
    let depth = level.operators.get(at)?.depth;
    let below = level.operators.iter().skip(at + 1).take_while(|below| below.depth > depth);
    below.into_iter().find_map(|below| below.rows)
}

/// Returns which share of the memory that rows asked for they filled: the rest was never touched, and the kernel does not count it.
fn touched(levels: &[Level]) -> f64 {
    let Some(last) = levels.last() else { return 1.0 };
    let sum = |of: fn(&Column) -> f64| last.scans.iter().flat_map(|scan| &scan.columns).map(of).sum::<f64>();
    let asked = sum(|column| column.asked);
    if asked > 0.0 { (sum(|column| column.filled) / asked).clamp(0.3, 1.0) } else { 1.0 }
}

fn label(held: &Held) -> String {
    const MOST: usize = 60;
    let text = if held.details.starts_with(&held.name) { &held.details } else { &held.name };
    if text.chars().count() <= MOST { text.clone() } else { text.chars().take(MOST - 2).chain("..".chars()).collect() }
}

impl Growing {
    fn of(states: &[State]) -> Self {
        let sum = |sum: Range, state: &State| sum.plus(state.grown);
        let all = states.iter().fold(Range::default(), sum);
        Self { all, sorted: states.iter().filter(|state| state.is_sort).fold(Range::default(), sum) }
    }

    /// Returns it so many times.
    pub(super) fn times(self, factor: f64) -> Self {
        Self { all: self.all.times(factor), sorted: self.sorted.times(factor) }
    }
}

/// Returns what goes to disk: of a sort all rows, of a table what has no place.
pub(super) fn spilled(growing: &Growing, may_have: f64) -> Range {
    let shared = shared(may_have);
    let Growing { all, sorted } = *growing;
    let one = |all: f64, sorted: f64| {
        // A sort's rows are held twice: once as they came, once while they are sorted.
        if all <= shared { 0.0 } else { ((all - sorted - shared).max(0.0) + sorted / 2.0) * ON_DISK }
    };
    Range {
        least: one(all.least, sorted.least),
        expected: one(all.expected, sorted.expected),
        most: one(all.most, sorted.most).max(one(all.expected, sorted.expected) * 1.5),
    }
}

/// Returns the time of all: what each byte took between the last two samples, and what spilling adds.
fn seconds(levels: &[Level], spill: Range) -> Range {
    let read = |level: &Level| level.scans.iter().map(|scan| level_number(scan.read)).sum::<f64>();
    let all = |level: &Level| level.scans.iter().map(|scan| level_number(scan.all)).sum::<f64>();
    let Some((last, before)) = levels.split_last() else { return Range::default() };
    let left = all(last) * (1.0 - share_of(last));
    let whole = last.seconds / read(last).max(1.0);
    let pace = match before.last() {
        Some(before) if read(last) > read(before) && last.seconds > before.seconds => {
            (last.seconds - before.seconds) / (read(last) - read(before))
        }
        _ => whole,
    };
    let in_memory = Range { least: pace.min(whole) * 0.7, expected: pace, most: pace.max(whole) * 1.3 }.times(left);
    in_memory.plus(Range::exactly(last.seconds)).plus(spill.times(2.0 / SPILLED_IN_A_SECOND))
}

/// Returns the share of all inputs that a run read, by their bytes.
fn share_of(level: &Level) -> f64 {
    let (all, read) = level.scans.iter().fold((0.0, 0.0), |(all, read), scan| {
        let bytes = level_number(scan.all);
        (all + bytes, read + bytes * scan.share)
    });
    if all > 0.0 { read / all } else { 1.0 }
}

fn points(levels: &[Level], of: impl Fn(&Level) -> (f64, f64)) -> Vec<Point> {
    levels.iter().map(of).map(|(share, value)| Point { share, value }).collect()
}

fn parts(last: &Level, states: &[State], fixed: f64, program: f64) -> Vec<Part> {
    let mut parts = Vec::new();
    for scan in &last.scans {
        let count = Range::exactly(scan.rows / scan.share.max(f64::MIN_POSITIVE));
        for column in &scan.columns {
            let each = Some(column.filled / scan.rows.max(1.0));
            let (name, how) = (format!("column {}", column.name), format!("as read from {}", scan.read));
            parts.push(Part { name, each, count, held: Range::default(), how });
        }
    }
    for state in states.iter().filter(|state| state.grown.most > 0.0) {
        let (name, how) = (state.name.clone(), state.how.clone());
        parts.push(Part { name, each: state.each, count: state.count, held: state.grown, how });
    }
    let other = |name: &str, held: f64, how: &str| Part {
        name: name.into(),
        each: None,
        count: Range::default(),
        held: Range::exactly(held),
        how: how.into(),
    };
    parts.push(other("blocks, batches, runtime, allocator", fixed, "as in the largest sample; does not grow"));
    parts.push(other("pages of the program", program, "as the kernel counts them"));
    parts
}

fn level_number(bytes: ByteCount) -> f64 {
    super::level::number(bytes.bytes())
}

#[cfg(test)]
mod tests {
    use super::{
        super::taught::{Lessons, Taught},
        *,
    };

    const ALL: f64 = 1e9;
    const ROWS: f64 = 1e7;

    /// A run over a share of 10 million rows in 1 GB, whose operators are given by name, details, what they hold and their rows.
    fn level(share: f64, operators: &[(&str, &str, f64, f64)]) -> Level {
        let held = |(depth, (name, details, peak, rows)): (usize, &(&str, &str, f64, f64))| Held {
            name: (*name).to_owned(),
            details: (*details).to_owned(),
            depth,
            share,
            peak: *peak,
            at_peak: *peak,
            rows: Some(*rows),
        };
        let column = Column { name: "client".into(), filled: 30.0 * ROWS * share, asked: 40.0 * ROWS * share };
        let scan = Scan { share, all: shown(ALL), read: shown(ALL * share), rows: ROWS * share, columns: vec![column] };
        Level {
            operators: operators.iter().enumerate().map(held).collect(),
            scans: vec![scan],
            besides: 1e6,
            allocator: 0.1,
            outside: 7e6,
            seconds: 0.01 + share * 4.0,
            share,
            rows_out: 20.0,
        }
    }

    fn forecast_of(
        limit: Option<u64>,
        operators: impl Fn(f64) -> Vec<(&'static str, &'static str, f64, f64)>,
    ) -> Forecast {
        let levels: Vec<_> =
            [0.004, 0.008, 0.016].into_iter().map(|share| level(share, &operators(share * ROWS))).collect();
        let budget = limit.map(|mb| Budget::of(ByteCount::new(mb * 1_000_000), ByteCount::mib(9)));
        forecast(&levels, &Terms { budget }).unwrap()
    }

    const SCAN: (&str, &str) = ("LogScan", "LogScan: columns=[client]");

    fn group_by(rows: f64, keys: f64) -> Vec<(&'static str, &'static str, f64, f64)> {
        let seen = keys * (1.0 - (-rows / keys).exp());
        vec![
            ("SpillingGroupByExec", "SpillingGroupByExec: gby=[client], aggr=[count(1)]", 5e5 + 60.0 * seen, seen),
            ("AggregateExec", "AggregateExec: mode=Partial, gby=[client], aggr=[count(1)]", 2e6, seen),
            (SCAN.0, SCAN.1, 3e6, rows),
        ]
    }

    #[test]
    fn groups_are_counted_by_those_that_repeat() {
        let forecast = forecast_of(None, |rows| group_by(rows, 2e6));
        let groups = forecast.parts.iter().find(|part| part.name.starts_with("SpillingGroupBy")).unwrap();
        assert!((groups.count.expected / 1.99e6 - 1.0).abs() < 0.1, "{groups:?}");
        assert!((groups.each.unwrap() - 60.0).abs() < 1.0 && groups.held.least < 120e6 && groups.held.most > 119e6);
        assert_eq!(forecast.mode, Mode::InMemory);
        assert!(forecast.unlimited.expected > 150e6 && forecast.unlimited.expected < 250e6, "{forecast:?}");
        assert!((forecast.rows_in.expected / ROWS - 1.0).abs() < 0.01);
        assert!((forecast.seconds.expected / 4.0 - 1.0).abs() < 0.1, "{:?}", forecast.seconds);
    }

    #[test]
    fn a_limit_decides_on_the_mode() {
        let mode = |limit, keys| forecast_of(Some(limit), |rows| group_by(rows, keys));
        assert_eq!(mode(512, 2e6).mode, Mode::InMemory);
        let spilling = mode(100, 2e6);
        assert_eq!(spilling.mode, Mode::Spilling);
        assert!(spilling.peak.most <= 100e6 && spilling.spill.expected > 10e6, "{spilling:?}");
        let few = mode(100, 300.0);
        assert_eq!(few.mode, Mode::Streaming);
        assert!(few.peak.expected < 40e6 && few.spill.most <= 0.0, "{few:?}");
    }

    #[test]
    fn every_row_of_a_sort_is_kept() {
        let sort =
            |rows: f64| vec![("SortExec", "SortExec: expr=[client]", 400.0 * rows, rows), (SCAN.0, SCAN.1, 3e6, rows)];
        let forecast = forecast_of(None, sort);
        // Of what is asked for, three quarters are filled.
        assert!((forecast.unlimited.expected / 3.3e9 - 1.0).abs() < 0.1, "{forecast:?}");
        assert!(forecast_of(Some(256), sort).spill.expected > 0.5e9);
    }

    #[test]
    fn functions_that_keep_values_grow_with_the_rows() {
        let details = "SpillingGroupByExec: gby=[minute], aggr=[percentile_cont(0.5)]";
        let values =
            |rows: f64| vec![("SpillingGroupByExec", details, 16.0 * rows, 600.0), (SCAN.0, SCAN.1, 3e6, rows)];
        let forecast = forecast_of(None, values);
        let held = forecast.parts.iter().find(|part| part.name.starts_with("SpillingGroupBy")).unwrap().held;
        assert!((held.expected / 160e6 - 1.0).abs() < 0.05, "{held:?}");
        assert_eq!(forecast_of(Some(100), values).mode, Mode::Spilling, "no group is large");
        let list = "AggregateExec: mode=Final, gby=[], aggr=[array_agg(size)]";
        let one = |rows: f64| vec![("AggregateExec", list, 16.0 * rows, 1.0), (SCAN.0, SCAN.1, 3e6, rows)];
        assert_eq!(forecast_of(Some(100), one).mode, Mode::Refused, "a group cannot be divided");
        assert_eq!(forecast_of(Some(512), one).mode, Mode::InMemory);
    }

    #[test]
    fn without_a_run_there_is_no_forecast() {
        assert!(forecast(&[], &Terms { budget: None }).is_none());
    }

    fn taught(expected: f64, runs: usize) -> Taught {
        Taught { expected: shown(expected), bound: shown(expected * 1.2), runs }
    }

    #[test]
    fn what_runs_taught_goes_before_what_was_seen() {
        let forecast = forecast_of(Some(512), |rows| group_by(rows, 2e6));
        let (before, first_sight) = (forecast.in_memory.expected, forecast.first_sight);
        assert_eq!(forecast.clone().taught(&Lessons::default()).peak, forecast.peak);
        let less = forecast.clone().taught(&Lessons { in_memory: Some(taught(before / 2.0, 4)), ..Lessons::default() });
        assert!((less.peak.expected / before - 0.5).abs() < 0.01 && less.runs == 4 && less.mode == Mode::InMemory);
        assert_eq!(less.first_sight, first_sight, "what was seen stays");
        let more = forecast.clone().taught(&Lessons { in_memory: Some(taught(before * 5.0, 4)), ..Lessons::default() });
        assert!(more.mode == Mode::Spilling && more.spill.expected > 50e6, "{more:?}");
        assert!(more.peak.most <= 512e6);
        let habit = Lessons { spilled: Some(true), spilling: Some(taught(300e6, 3)), ..Lessons::default() };
        let spills = forecast.taught(&habit);
        assert!(spills.mode == Mode::Spilling && (spills.peak.expected / 300e6 - 1.0).abs() < 0.01, "{spills:?}");
        assert!(spills.reason.contains("runs like it"));
    }

    #[test]
    fn what_never_spilled_is_not_expected_to() {
        let forecast = forecast_of(Some(100), |rows| group_by(rows, 2e6));
        assert_eq!(forecast.mode, Mode::Spilling);
        let held = forecast.taught(&Lessons { spilled: Some(false), ..Lessons::default() });
        assert!(held.mode == Mode::InMemory && held.spill.most <= 0.0 && held.peak.most <= 100e6, "{held:?}");
    }
}
