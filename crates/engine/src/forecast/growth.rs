//! From samples of growing size to the whole: pure functions, tested alone.
//!
//! *Model.* A quantity `y` of an operator is measured while shares `s` of the input are read, each share about twice the one
//! before. Between two of them it grows by `s` to the power of a slope: 1 for what is held of every row, 0 for what is bounded,
//! and something between for keys that repeat, of which a log shows ever fewer new ones (Heaps, Information Retrieval, 1978,
//! section 7.5). Slopes of keys fall as more is read. How fast is not known, so that the answer is a range: from slopes that go on
//! falling as they fell to one that stays as it is.

/// A quantity that is expected, and the range that it is expected in with 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// The least.
    pub least: f64,
    /// In between.
    pub expected: f64,
    /// The most.
    pub most: f64,
}

impl Range {
    /// Returns a range of one number.
    pub const fn exactly(number: f64) -> Self {
        Self { least: number, expected: number, most: number }
    }

    /// Returns the sum of two, each anywhere in its range.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { least: self.least + other.least, expected: self.expected + other.expected, most: self.most + other.most }
    }

    /// Returns it so many times.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { least: self.least * factor, expected: self.expected * factor, most: self.most * factor }
    }

    /// Returns it with bounds that are at least so much of what is expected apart from it.
    #[must_use]
    pub fn loosened(self, share: f64) -> Self {
        Self {
            least: self.least.min(self.expected * (1.0 - share)),
            expected: self.expected,
            most: self.most.max(self.expected * (1.0 + share)),
        }
    }

    /// Returns it with nothing above `most`.
    #[must_use]
    pub fn at_most(self, most: f64) -> Self {
        Self { least: self.least.min(most), expected: self.expected.min(most), most: self.most.min(most) }
    }
}

/// What was measured at one size of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The share of the input that was read, above 0 and at most 1.
    pub share: f64,
    /// What was measured.
    pub value: f64,
}

/// Below it a slope is taken for none, above the other for one: what is held in blocks and in tables that double jumps a little.
const FLAT: f64 = 0.08;
const STEEP: f64 = 0.97;

/// Returns what the quantity will be when all is read, from samples of growing size, the largest last.
pub fn whole(points: &[Point]) -> Range {
    let Some((last, before)) = points.split_last() else { return Range::default() };
    let doublings = (1.0 / last.share.clamp(f64::MIN_POSITIVE, 1.0)).log2();
    if doublings <= 0.0 {
        return Range::exactly(last.value);
    }
    let Some(slope) = before.last().and_then(|before| slope(*before, *last)) else {
        // One sample tells nothing about growth.
        let all = last.value * doublings.exp2();
        return Range { least: last.value, expected: (last.value * all).sqrt(), most: all };
    };
    let earlier = match before {
        [.., first, second] => slope_of(*first, *second),
        _ => slope,
    };
    if slope <= FLAT && earlier <= FLAT {
        return Range { least: last.value, expected: last.value, most: last.value * (slope * doublings).exp2() };
    }
    if slope >= STEEP && earlier >= STEEP {
        return Range::exactly(last.value * doublings.exp2());
    }
    // A slope that rose is an accident of the sample.
    let steady = slope.max(f64::midpoint(slope, earlier));
    let falls = if earlier > 0.0 { (slope / earlier).clamp(0.5, 1.0) } else { 1.0 };
    let grown = |slope: f64, falls: f64| last.value * sum_of_slopes(slope, falls, doublings).exp2();
    let expected = grown(slope, falls.sqrt());
    Range { least: grown(slope, falls), expected, most: grown(steady, 1.0).max(expected) }
}

/// Returns the slope between two samples; `None` if they are of one size or nothing was measured.
fn slope(first: Point, second: Point) -> Option<f64> {
    let apart = (second.share / first.share).log2();
    let known = apart > 0.0 && apart.is_finite() && first.value > 0.0 && second.value > 0.0;
    known.then(|| ((second.value / first.value).log2() / apart).clamp(0.0, 1.0))
}

fn slope_of(first: Point, second: Point) -> f64 {
    slope(first, second).unwrap_or_default()
}

/// Returns the sum of slopes over so many doublings, of which each is `falls` times the one before.
fn sum_of_slopes(slope: f64, falls: f64, doublings: f64) -> f64 {
    if falls >= 1.0 { slope * doublings } else { slope * falls * (1.0 - falls.powf(doublings)) / (1.0 - falls) }
}

/// How many different keys were seen among so many rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keys {
    /// The share of the input that was read, above 0 and at most 1.
    pub share: f64,
    /// The rows that were read.
    pub rows: f64,
    /// The keys that were seen.
    pub seen: f64,
}

/// Returns how many different keys there will be, from samples of growing size, the largest last.
///
/// `n` rows with `k` keys, each as likely as the next, show `k (1 - exp(-n / k))` of them. Solved for `k`, that says how many keys
/// there would have to be if all were as likely. If they are, `k` is the same for each sample; if not, it grows as rare keys
/// appear, and how it grows is what is extrapolated ([`whole`]) in place of the number of keys seen, which says little for as long
/// as most are new.
pub fn distinct(samples: &[Keys]) -> Range {
    let Some(last) = samples.last() else { return Range::default() };
    if last.share >= 1.0 {
        return Range::exactly(last.seen);
    }
    let point = |keys: &Keys| Point { share: keys.share, value: as_likely(keys.rows, keys.seen) };
    let points: Vec<_> = samples.iter().map(point).collect();
    let rows = last.rows / last.share;
    let found = |likely: f64| (likely * -(-rows / likely).exp_m1()).clamp(last.seen, rows.max(last.seen));
    let Range { least, expected, most } = whole(&points);
    // As many as repeated tell what is known of the rest: the error of a count of so many.
    let repeated = (last.rows - last.seen).max(0.0);
    let error = 2.0 / (repeated + 1.0).sqrt();
    let found = Range {
        least: found(least * (1.0 - error.min(0.9))),
        expected: found(expected),
        most: if error >= 1.0 { rows.max(last.seen) } else { found(most * (1.0 + error)) },
    };
    // Where each was seen often, and none came with the last sample, there will hardly be others.
    let is_all = found.most <= last.seen * 1.01;
    let range = if is_all { found } else { found.loosened(EACH_DOUBLING * (1.0 / last.share).log2()) };
    Range { least: range.least.max(last.seen), ..range }.at_most(rows.max(last.seen))
}

/// How much more may be wrong with each doubling that is not seen.
const EACH_DOUBLING: f64 = 0.07;

/// Returns how many keys, each as likely as the next, show so many of them in so many rows.
fn as_likely(rows: f64, keys: f64) -> f64 {
    // (1 - exp(-x)) / x falls from 1 to 0 as x = rows / keys grows; halving finds x.
    let wanted = (keys / rows.max(1.0)).min(1.0 - 1e-9);
    let (mut low, mut high) = (1e-10, 1e10_f64);
    for _ in 0..100 {
        let middle = (low * high).sqrt();
        if -(-middle).exp_m1() / middle > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    rows / low
}

/// Returns the line through points of `x` and `y` that is nearest to them: what there is at 0, not below it, and what each adds.
/// The points are weighed by `x`, so that large samples count for more. None or one gives a line through 0.
pub fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let weight: f64 = points.iter().map(|(x, _)| x).sum();
    let mean =
        |of: fn(&(f64, f64)) -> f64| points.iter().map(|point| point.0 * of(point)).sum::<f64>() / weight.max(1.0);
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| point.0 * (point.0 - x).powi(2)).sum();
    let both: f64 = points.iter().map(|point| point.0 * (point.0 - x) * (point.1 - y)).sum();
    let each = if spread > 0.0 { both / spread } else { 0.0 };
    if each <= 0.0 || y - each * x < 0.0 {
        return (0.0, if x > 0.0 { y / x } else { 0.0 });
    }
    (y - each * x, each)
}

/// Returns whether keys repeat, but new ones still come, so that a larger sample would tell more.
pub fn is_uncertain(samples: &[Keys]) -> bool {
    let range = distinct(samples);
    range.most > range.least * 1.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(value: impl Fn(f64) -> f64, rows: f64, shares: [f64; 3]) -> Vec<Point> {
        shares.map(|share| Point { share, value: value(share * rows) }).to_vec()
    }

    const SHARES: [f64; 3] = [1.0 / 256.0, 1.0 / 128.0, 1.0 / 64.0];

    fn is_near(range: Range, truth: f64, error: f64) {
        assert!(range.least <= truth * 1.001 && range.most * 1.001 >= truth, "{range:?} without {truth}");
        assert!((range.expected / truth - 1.0).abs() <= error, "{range:?} for {truth}");
    }

    #[test]
    fn what_is_held_of_every_row_grows_with_the_rows() {
        is_near(whole(&series(|rows| 40.0 * rows, 1e7, SHARES)), 4e8, 0.001);
    }

    #[test]
    fn what_is_bounded_stays() {
        is_near(whole(&series(|_| 5e6, 1e7, SHARES)), 5e6, 0.001);
        is_near(whole(&series(|rows| rows.min(600.0), 1e7, SHARES)), 600.0, 0.001);
    }

    fn keys(of: impl Fn(f64) -> f64, rows: f64, shares: &[f64]) -> Vec<Keys> {
        shares.iter().map(|share| Keys { share: *share, rows: share * rows, seen: of(share * rows) }).collect()
    }

    #[test]
    fn keys_of_which_each_is_as_likely_are_found_by_few_that_repeat() {
        for count in [40.0, 3e4, 3e5, 3e6] {
            let uniform = |rows: f64| count * (1.0 - (-rows / count).exp());
            let range = distinct(&keys(uniform, 1e7, &SHARES));
            is_near(range, uniform(1e7), 0.05);
        }
        let all_new = distinct(&keys(|rows| rows, 1e7, &SHARES));
        assert!(all_new.most >= 1e7 && all_new.expected > 5e6, "{all_new:?}");
    }

    #[test]
    fn keys_of_which_few_are_frequent_are_a_range_that_holds_the_truth() {
        for power in [0.5, 0.6, 0.7, 0.8] {
            let heaps = |rows: f64| 3.0 * rows.powf(power);
            is_near(distinct(&keys(heaps, 1e7, &SHARES)), heaps(1e7), 0.4);
        }
        // Keys are numbered; each is less likely than the one before by a power of its number (Zipf).
        for power in [0.8, 1.0, 1.2] {
            let count = 2_000_000_u32;
            let sum: f64 = (1..=count).map(|at| f64::from(at).powf(-power)).sum();
            let zipf = |rows: f64| (1..=count).map(|at| 1.0 - (-rows * f64::from(at).powf(-power) / sum).exp()).sum();
            let range = distinct(&keys(zipf, 1e7, &[1.0 / 128.0, 1.0 / 64.0, 1.0 / 32.0]));
            is_near(range, zipf(1e7), 0.45);
        }
    }

    #[test]
    fn a_line_tells_what_each_adds_from_what_is_there_anyway() {
        let (fixed, each) = line(&[(10.0, 120.0), (20.0, 140.0), (40.0, 180.0)]);
        assert!((fixed - 100.0).abs() < 1e-6 && (each - 2.0).abs() < 1e-6);
        assert_eq!(line(&[(10.0, 30.0)]), (0.0, 3.0));
        assert_eq!(line(&[]), (0.0, 0.0));
        let falling = line(&[(10.0, 30.0), (20.0, 20.0)]);
        assert!(falling.0 == 0.0 && falling.1 > 0.0);
    }

    #[test]
    fn little_that_is_known_makes_a_wide_range() {
        let one = whole(&[Point { share: 0.01, value: 100.0 }]);
        assert!(one.least <= 100.0 && one.most > 9_999.0 && one.expected > 100.0 && one.expected < 9_999.0);
        assert_eq!(whole(&[]), Range::default());
        assert_eq!(whole(&[Point { share: 1.0, value: 7.0 }]), Range::exactly(7.0));
        assert_eq!(whole(&series(|_| 0.0, 1e6, SHARES)), Range::default());
    }

    #[test]
    fn more_is_read_where_growth_is_not_clear() {
        assert!(is_uncertain(&keys(|rows| rows.powf(0.6), 1e7, &SHARES)));
        assert!(!is_uncertain(&keys(|rows| rows.min(9.0), 1e7, &SHARES)));
    }
}
