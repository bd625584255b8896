//! Series of runs that are made up, with what is to be learned from them.

use super::*;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

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
