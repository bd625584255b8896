//! Forecasts that learn: what earlier runs of a query shape say about the next one.
//!
//! *Model.* A forecast at first sight is wrong by a factor that belongs to the query and its data: strings longer than the
//! sample showed, more distinct keys. So each earlier run gives the logarithm of `peak / first sight`, and the next run's is
//! drawn from the same distribution, unknown in place and width. Runs on input of about the same size count first, because the
//! factor may change with the size.
//!
//! - The expected peak is first sight times the **median** factor: half of the runs may be outliers.
//! - The width is the **median absolute deviation**, scaled to a standard deviation (Rousseeuw and Croux, "Alternatives to the
//!   Median Absolute Deviation", 1993), shrunk to the width that the first sight claimed for itself as if that were one
//!   run more: the predictive distribution of a normal with unknown variance, which is Student's t (Gelman and
//!   others, "Bayesian Data Analysis", 3rd edition, section 3.3). With few runs, t is wide.
//! - The bound is never below what 95 % coverage asks of the data alone: the `ceil(0.95 (n + 1))`-th smallest of the n factors
//!   (Vovk and others, "Algorithmic Learning in a Random World", 2005, on conformal prediction), which up to 38 runs is the
//!   largest of them. So an outlier moves the bound and not the expected peak.

mod past;

pub use past::{Habit, Known, Past, held_to};

use tidegate_memory::ByteCount;

/// What the first sight's own width is worth.
const PRIOR_RUNS: f64 = 1.0;

/// No width below 1.5 % is believed, however equal a few peaks are.
const LEAST_WIDTH: f64 = 0.015;

/// Input sizes within this factor are alike.
const ALIKE: f64 = 2.0;

/// So many alike runs suffice without the others.
const ENOUGH_ALIKE: usize = 3;

/// How much width each further doubling of the size adds: a tenth.
const WIDTH_OF_DOUBLING: f64 = 0.1;

/// One-sided 95 % points of Student's t for 1, 2, 3 .. degrees of freedom.
const STUDENT: [f64; 15] =
    [6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753];

/// The one-sided 95 % point of the normal distribution.
const NORMAL: f64 = 1.645;

/// An expected peak, and a bound that holds in 95 of 100 runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The peak that is most likely.
    pub expected: ByteCount,
    /// The 95 % bound.
    pub bound: ByteCount,
}

/// What an earlier run of the same shape is worth for the next.
///
/// A run that was held down by its limit or spilled says little about one that is not: give only runs of the same mode ([`Past`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Bytes of its input.
    pub input: ByteCount,
    /// The expected peak at first sight, before anything was learned.
    pub first_sight: ByteCount,
    /// Its peak.
    pub peak: ByteCount,
}

/// A forecast and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The forecast.
    pub forecast: Forecast,
    /// Runs it rests on; zero if it is the first sight's own.
    pub runs: usize,
}

/// Corrects a forecast at first sight, for an input of `input` bytes, by what earlier runs taught.
pub fn learn(first_sight: Forecast, input: ByteCount, lessons: &[Lesson]) -> Learned {
    let known: Vec<_> =
        lessons.iter().filter(|lesson| lesson.first_sight > ByteCount::ZERO && lesson.peak > ByteCount::ZERO).collect();
    let alike: Vec<_> =
        known.iter().copied().filter(|lesson| distance(lesson.input, input) <= ALIKE.ln() + 1e-9).collect();
    let used = if alike.len() >= ENOUGH_ALIKE { alike } else { known };
    let mut factors: Vec<f64> = used.iter().map(|lesson| distance_signed(lesson.peak, lesson.first_sight)).collect();
    factors.sort_by(f64::total_cmp);
    let Some(middle) = median(&factors).filter(|_| first_sight.expected > ByteCount::ZERO) else {
        return Learned { forecast: first_sight, runs: 0 };
    };

    let claimed = distance_signed(first_sight.bound, first_sight.expected).max(0.0) / NORMAL;
    let mut deviations: Vec<f64> = factors.iter().map(|factor| (factor - middle).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    let deviation = 1.4826 * median(&deviations).unwrap_or_default();
    let count = real(factors.len());
    // One run shows no width.
    let shown = count - 1.0;
    let variance = (PRIOR_RUNS * claimed.powi(2) + shown * deviation.powi(2)) / (PRIOR_RUNS + shown);
    let distances: Vec<f64> = used.iter().map(|lesson| distance(lesson.input, input)).collect();
    let nearest = distances.into_iter().fold(f64::INFINITY, f64::min);
    let away = (nearest - ALIKE.ln()).max(0.0) / 2_f64.ln() * WIDTH_OF_DOUBLING;
    let width = variance.sqrt().max(LEAST_WIDTH) + away;
    let predicted = middle + student(factors.len()) * width * (1.0 + 1.0 / count).sqrt();

    let bound = predicted.max(conformal(&factors)).max(middle);
    let forecast =
        Forecast { expected: scaled(first_sight.expected, middle), bound: scaled(first_sight.expected, bound) };
    Learned { forecast, runs: factors.len() }
}

/// Returns the factor below which 95 % of the next ones lie, as far as the data say so: at most the largest.
fn conformal(sorted: &[f64]) -> f64 {
    let rank = (95 * (sorted.len() + 1)).div_ceil(100).min(sorted.len());
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The 95 % point for as many degrees of freedom; the prior is one.
fn student(freedom: usize) -> f64 {
    let listed = STUDENT.get(freedom.saturating_sub(1)).copied();
    // Right within 0.1 % beyond the list.
    listed.unwrap_or_else(|| NORMAL + 1.52 / real(freedom))
}

/// Returns what is expected at `x`, by the line that lies nearest to points of `x` and `y`: neither falling, nor below nothing at
/// 0. Points that are all at about one place give their median.
fn line(points: &[(f64, f64)], x: f64) -> f64 {
    let count = real(points.len()).max(1.0);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (middle, height) = (mean(|point| point.0), mean(|point| point.1));
    let spread = points.iter().map(|point| (point.0 - middle).powi(2)).sum::<f64>();
    let mut heights: Vec<f64> = points.iter().map(|point| point.1).collect();
    heights.sort_by(f64::total_cmp);
    let usual = median(&heights).unwrap_or_default();
    if spread <= count * (middle * ONE_PLACE).powi(2) {
        return usual;
    }
    let both = points.iter().map(|point| (point.0 - middle) * (point.1 - height)).sum::<f64>();
    match both / spread {
        falling if falling <= 0.0 => usual,
        steep if steep * middle > height => height / middle * x,
        each => height + each * (x - middle),
    }
}

/// Sizes that differ by no more than this share are one.
const ONE_PLACE: f64 = 0.03;

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

fn distance(a: ByteCount, b: ByteCount) -> f64 {
    distance_signed(a, b).abs()
}

/// Returns the logarithm of `a / b`; nothing counts as one byte.
fn distance_signed(a: ByteCount, b: ByteCount) -> f64 {
    (bytes(a) / bytes(b)).ln()
}

#[expect(clippy::cast_precision_loss, reason = "a forecast needs few digits")]
fn bytes(count: ByteCount) -> f64 {
    count.bytes().max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "a number of runs is small")]
fn real(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a cast saturates at the largest number"
)]
fn scaled(count: ByteCount, logarithm: f64) -> ByteCount {
    ByteCount::new((bytes(count) * logarithm.exp()).round() as u64)
}

#[cfg(test)]
mod tests;
