//! Series of runs that are made up, with what is to be learned from them.

use super::*;
use crate::history::{Input, NewRun, Outcome, Run};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::time::{Duration, SystemTime};
use tidegate_memory::{Limit, program_share};

const MB: u64 = 1_000_000;

fn mb(count: f64) -> ByteCount {
    scaled(ByteCount::new(MB), count.ln())
}

fn first_sight(expected: f64) -> Forecast {
    Forecast { expected: mb(expected), bound: mb(expected * 1.5) }
}

fn lesson(input: f64, first_sight: f64, peak: f64) -> Lesson {
    Lesson { input: mb(input), first_sight: mb(first_sight), peak: mb(peak) }
}

/// A number between 0 and 1.
fn random(rng: &mut TestRng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

/// A factor around 1 whose logarithm is nearly normal.
fn noise(rng: &mut TestRng, width: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| random(rng)).sum();
    ((sum - 6.0) * width).exp()
}

fn near(found: ByteCount, wanted: f64, tolerance: f64) -> bool {
    (bytes(found) / bytes(mb(wanted))).ln().abs() <= tolerance
}

#[test]
fn nothing_is_learned_from_nothing() {
    let sight = first_sight(100.0);
    assert_eq!(learn(sight, mb(1000.0), &[]), Learned { forecast: sight, runs: 0 });
    let useless = Lesson { input: mb(1.0), first_sight: ByteCount::ZERO, peak: mb(5.0) };
    assert_eq!(learn(sight, mb(1000.0), &[useless]).runs, 0);
}

#[test]
fn history_that_repeats_is_believed_at_once() {
    let learned = learn(first_sight(100.0), mb(1000.0), &[lesson(1000.0, 100.0, 300.0)]);
    assert_eq!(learned.runs, 1);
    assert!(near(learned.forecast.expected, 300.0, 0.01), "{learned:?}");
    // One run shows no width.
    assert!(learned.forecast.bound > mb(450.0), "{learned:?}");
}

#[test]
fn few_runs_are_a_wide_interval_and_many_a_narrow_one() {
    let width = |count: usize| {
        let learned = learn(first_sight(100.0), mb(1000.0), &vec![lesson(1000.0, 100.0, 300.0); count]);
        bytes(learned.forecast.bound) / bytes(learned.forecast.expected)
    };
    let widths: Vec<_> = [1, 2, 3, 5, 10, 20].into_iter().map(width).collect();
    assert!(widths.is_sorted_by(|a, b| a > b), "{widths:?}");
    assert!(widths[5] < 1.15, "{widths:?}");
}

#[test]
fn an_outlier_moves_the_bound_and_not_the_expected_peak() {
    let mut lessons = vec![lesson(1000.0, 100.0, 120.0); 9];
    lessons.push(lesson(1000.0, 100.0, 2000.0));
    let learned = learn(first_sight(100.0), mb(1000.0), &lessons).forecast;
    assert!(near(learned.expected, 120.0, 0.01), "{learned:?}");
    assert!(learned.bound >= mb(1999.0), "{learned:?}");
    // One in fifty is within the 5 % that may pass the bound.
    lessons.extend(vec![lesson(1000.0, 100.0, 120.0); 40]);
    let learned = learn(first_sight(100.0), mb(1000.0), &lessons).forecast;
    assert!(learned.bound < mb(200.0), "{learned:?}");
}

#[test]
fn runs_on_like_input_count_first() {
    // Small inputs need twice the first sight, large ones half of it.
    let mut lessons = vec![lesson(10.0, 100.0, 200.0); 20];
    lessons.extend([lesson(1000.0, 100.0, 50.0); 3]);
    assert!(near(learn(first_sight(100.0), mb(900.0), &lessons).forecast.expected, 50.0, 0.01));
    assert!(near(learn(first_sight(100.0), mb(12.0), &lessons).forecast.expected, 200.0, 0.01));
    // Far from all of them, the interval is wider than near to them.
    let width = |input: f64| {
        let learned = learn(first_sight(100.0), mb(input), &lessons[..20]).forecast;
        bytes(learned.bound) / bytes(learned.expected)
    };
    assert!(width(10_000.0) > width(10.0) * 1.3);
}

/// The error of first sight is a factor of three, and runs differ by 8 %: from five runs on, the median error of the expected
/// peak is below 10 %, and the bound holds in 95 % of the runs.
#[test]
fn the_bound_holds_and_the_error_is_small() {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for known in [1, 2, 3, 5, 10, 20, 50] {
        let (mut held, mut errors) = (0, Vec::new());
        for _ in 0..1000 {
            let truth = 100.0 * noise(&mut rng, 1.0);
            let lessons: Vec<_> = (0..known).map(|_| lesson(1000.0, 100.0, truth * noise(&mut rng, 0.08))).collect();
            let peak = truth * noise(&mut rng, 0.08);
            let learned = learn(first_sight(100.0), mb(1000.0), &lessons).forecast;
            held += usize::from(learned.bound >= mb(peak));
            errors.push((bytes(learned.expected) / bytes(mb(peak))).ln().abs());
        }
        errors.sort_by(f64::total_cmp);
        assert!(held >= 935, "{known} runs: the bound held {held} of 1000 times");
        assert!(errors[500] < 0.1, "{known} runs: median error {}", errors[500]);
    }
}

/// A run over so many MB, with this peak, and a limit of 1 GB.
fn run(input: f64, peak: f64) -> Run {
    let facts = NewRun {
        kind: "query".into(),
        text: String::new(),
        shape: String::new(),
        input: Input { fingerprint: None, bytes: mb(input), rows: 1 },
        limit: Limit::Bytes(mb(1000.0)),
        forecast: None,
        first_sight: None,
        peak: mb(peak),
        duration: Duration::from_secs(2),
        spilled: ByteCount::ZERO,
        outcome: Outcome::Done,
        exit_code: 0,
        started: SystemTime::UNIX_EPOCH,
        mode: Some("streaming".into()),
        replans: 0,
        record: String::new(),
    };
    Run { id: "000000001".parse().unwrap(), facts }
}

fn changed(run: Run, change: impl FnOnce(&mut NewRun)) -> Run {
    let mut facts = run.facts;
    change(&mut facts);
    Run { facts, ..run }
}

fn limit(megabytes: f64) -> Limit {
    Limit::Bytes(mb(megabytes))
}

#[test]
fn a_line_is_found_and_never_falls() {
    let near = |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 1e-9, "{found} for {wanted}");
    near(line(&[(10.0, 70.0), (20.0, 120.0), (30.0, 170.0)], 40.0), 220.0);
    near(line(&[(10.0, 70.0), (10.1, 90.0), (9.9, 71.0)], 40.0), 71.0);
    near(line(&[(10.0, 70.0), (20.0, 60.0), (30.0, 40.0)], 40.0), 60.0);
    near(line(&[(10.0, 10.0), (20.0, 50.0)], 40.0), 80.0);
    assert!(line(&[], 5.0).abs() < 1e-9);
}

#[test]
fn three_alike_runs_suffice_without_a_look_at_the_data() {
    let past = |runs: &[Run]| Past::new(runs.to_vec());
    let alike = [run(500.0, 150.0), run(510.0, 152.0), run(490.0, 149.0)];
    assert!(past(&alike[..2]).known(mb(500.0), limit(1000.0)).is_none());
    let known = past(&alike).known(mb(500.0), limit(1000.0)).unwrap();
    assert!(near(known.peak.forecast.expected, 150.0, 0.02) && known.peak.forecast.bound < mb(260.0), "{known:?}");
    assert_eq!((known.peak.runs, known.habit, known.mode.as_deref()), (3, Habit::Held, Some("streaming")));
    assert_eq!(known.duration, Duration::from_secs(2));
    assert!(past(&alike).known(mb(2000.0), limit(1000.0)).is_none(), "four times the size is not alike");
    // What failed says nothing, nor do peaks that do not agree.
    let failed = changed(run(500.0, 150.0), |run| run.outcome = Outcome::Failed);
    assert!(past(&[alike[0].clone(), alike[1].clone(), failed]).known(mb(500.0), limit(1000.0)).is_none());
    let wild = [run(500.0, 150.0), run(500.0, 700.0), run(500.0, 60.0)];
    assert!(past(&wild).known(mb(500.0), limit(1000.0)).is_none());
}

#[test]
fn peaks_grow_with_the_input() {
    let runs: Vec<Run> = [400.0, 500.0, 600.0, 700.0].map(|input| run(input, 50.0 + input)).to_vec();
    let known = Past::new(runs).known(mb(800.0), limit(2000.0)).unwrap();
    assert!(near(known.peak.forecast.expected, 850.0, 0.02), "{known:?}");
}

#[test]
fn what_spilled_is_no_lesson_for_what_does_not() {
    let sampled = |peak: f64| changed(run(500.0, peak), |run| run.first_sight = Some(mb(100.0)));
    let spilled = |peak: f64| {
        changed(sampled(peak), |run| {
            run.limit = limit(256.0);
            run.spilled = mb(300.0);
        })
    };
    let replanned = changed(sampled(90.0), |run| run.replans = 1);
    let past = Past::new(vec![sampled(300.0), spilled(190.0), spilled(192.0), spilled(191.0), replanned]);
    let corrected = past.corrected(first_sight(100.0), mb(500.0), limit(1000.0));
    assert_eq!(corrected.runs, 1);
    assert!(near(corrected.forecast.expected, 300.0, 0.01), "{corrected:?}");
    assert_eq!(past.habit(mb(500.0), limit(250.0)), Some(Habit::Spilled));
    assert_eq!(past.habit(mb(500.0), limit(500.0)), None);
    assert_eq!(past.habit(mb(5000.0), limit(256.0)), None);
    let known = past.known(mb(500.0), limit(256.0)).unwrap();
    assert_eq!((known.habit, known.spilled), (Habit::Spilled, mb(300.0)));
    assert!(near(known.peak.forecast.expected, 191.0, 0.02) && known.peak.forecast.bound <= mb(256.0), "{known:?}");
    // Within another limit, they are held to another size in proportion.
    let other = past.spilling(mb(500.0), limit(512.0)).unwrap();
    let ratio = bytes(other.forecast.expected) / bytes(known.peak.forecast.expected);
    assert!((ratio - bytes(held_to(mb(512.0))) / bytes(held_to(mb(256.0)))).abs() < 0.05, "{other:?}");
    assert!(past.spilling(mb(500.0), Limit::Unlimited).is_none());
}

#[test]
fn a_smaller_limit_has_fewer_pages_of_the_program() {
    let of = |peak: f64, limit| {
        let runs = vec![run(500.0, peak), run(500.0, peak + 1.0), run(500.0, peak)];
        Past::new(runs).known(mb(500.0), limit).unwrap().peak.forecast
    };
    let more = program_share(limit(1000.0)) - program_share(limit(100.0));
    assert!(more > mb(30.0));
    assert!(of(90.0, limit(1000.0)).expected.bytes().abs_diff(mb(90.3).bytes()) < 1_000_000);
    assert_eq!(of(90.0, limit(1000.0)).expected - of(90.0, limit(100.0)).expected, more);
    // A process shows some of them in any case.
    let least = of(60.0, limit(100.0));
    assert!(least.expected > mb(30.0) && least.bound > mb(45.0), "{least:?}");
}

#[test]
fn a_smaller_limit_than_ever_is_foreseen_from_what_is_held() {
    let runs = vec![run(500.0, 600.0), run(500.0, 601.0), run(500.0, 599.0)];
    assert_eq!(Past::new(runs.clone()).known(mb(500.0), limit(2000.0)).unwrap().habit, Habit::Held);
    assert!(Past::new(runs.clone()).known(mb(500.0), limit(256.0)).is_none(), "how such a run spills is not known");
    assert_eq!(Past::new(runs).known(mb(500.0), Limit::Unlimited).unwrap().habit, Habit::Held);
}

#[test]
fn the_data_are_looked_at_now_and_then() {
    let sampled = changed(run(500.0, 150.0), |run| run.first_sight = Some(mb(100.0)));
    let mut runs = vec![run(500.0, 150.0); 15];
    runs.push(sampled);
    assert!(!Past::new(runs.clone()).is_due());
    runs.insert(0, run(500.0, 150.0));
    assert!(Past::new(runs).is_due());
    assert!(Past::default().is_due());
}
