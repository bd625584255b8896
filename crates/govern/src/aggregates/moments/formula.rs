//! The statistics, and how they follow from exact sums.

use crate::aggregates::exact::{Big, ProductSum, Scaled, Sum};

/// An aggregate function.
///
/// Everything but the last step is exact: a sum and a mean are rounded once. Variances and the like are quotients of whole
/// numbers such as `n * sum(x*x) - sum(x) * sum(x)`; each such number is rounded once, and each of the two to four operations
/// left (division, root) once more. A value that is not finite makes a sum what IEEE 754 says, and a statistic not-a-number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// `sum`
    Sum,
    /// `avg`
    Mean,
    /// `var_samp`
    SampleVariance,
    /// `var_pop`
    Variance,
    /// `stddev_samp`
    SampleDeviation,
    /// `stddev_pop`
    Deviation,
    /// `covar_samp`
    SampleCovariance,
    /// `covar_pop`
    Covariance,
    /// `corr`
    Correlation,
    /// `regr_slope`, of y (the first argument) by x (the second)
    Slope,
    /// `regr_intercept`
    Intercept,
    /// `regr_r2`
    Determination,
    /// `regr_avgx`
    MeanX,
    /// `regr_avgy`
    MeanY,
    /// `regr_sxx`
    SumXx,
    /// `regr_syy`
    SumYy,
    /// `regr_sxy`
    SumXy,
}

/// A product of two arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// The first argument squared.
    First,
    /// The second argument squared.
    Second,
    /// One by the other.
    Both,
}

impl Product {
    /// Returns the factors.
    pub fn of<T: Copy>(self, arguments: &[T]) -> Option<(T, T)> {
        match (self, arguments) {
            (Self::First, [first, ..]) => Some((*first, *first)),
            (Self::Second, [_, second]) => Some((*second, *second)),
            (Self::Both, [first, second]) => Some((*first, *second)),
            _ => None,
        }
    }
}

impl Statistic {
    /// Returns the number of arguments, each of which is summed.
    pub fn arguments(self) -> usize {
        match self {
            Self::Sum
            | Self::Mean
            | Self::SampleVariance
            | Self::Variance
            | Self::SampleDeviation
            | Self::Deviation => 1,
            _ => 2,
        }
    }

    /// Returns the products that are summed.
    pub fn products(self) -> &'static [Product] {
        match self {
            Self::Sum | Self::Mean | Self::MeanX | Self::MeanY => &[],
            Self::SampleVariance | Self::Variance | Self::SampleDeviation | Self::Deviation | Self::SumYy => {
                &[Product::First]
            }
            Self::SumXx => &[Product::Second],
            Self::SampleCovariance | Self::Covariance | Self::SumXy => &[Product::Both],
            Self::Slope | Self::Intercept => &[Product::Second, Product::Both],
            Self::Correlation | Self::Determination => &[Product::First, Product::Second, Product::Both],
        }
    }

    /// Returns the answer for a group of `count` rows; the sums are in the order of the arguments and of
    /// [`Statistic::products`]. `None` is NULL.
    pub fn answer(self, count: u64, sums: &[Sum], products: &[ProductSum]) -> Option<f64> {
        let least = match self {
            Self::SampleVariance
            | Self::SampleDeviation
            | Self::SampleCovariance
            | Self::Correlation
            | Self::Slope
            | Self::Intercept
            | Self::Determination => 2,
            _ => 1,
        };
        if count < least {
            return None;
        }
        match (self, sums, products) {
            (Self::Sum, [sum], _) => return Some(sum.to_f64()),
            (Self::Mean, [sum], _) | (Self::MeanY, [sum, _], _) | (Self::MeanX, [_, sum], _) => {
                return Some(sum.mean(count));
            }
            _ if sums.iter().any(|sum| sum.not_finite().is_some()) => return Some(f64::NAN),
            _ => {}
        }
        let n = Big::from(count);
        let n_scaled = n.scaled();
        let below = Big::from(count.saturating_sub(1)).scaled();
        let answer = match (self, sums, products) {
            (Self::SampleVariance, [x], [xx]) => central(&n, x, x, xx).scaled().over(n_scaled).over(below),
            (Self::Variance, [x], [xx]) => central(&n, x, x, xx).scaled().over(n_scaled).over(n_scaled),
            (Self::SampleDeviation, [x], [xx]) => central(&n, x, x, xx).scaled().over(n_scaled).over(below).sqrt(),
            (Self::Deviation, [x], [xx]) => central(&n, x, x, xx).scaled().over(n_scaled).over(n_scaled).sqrt(),
            (Self::SampleCovariance, [x, y], [xy]) => central(&n, x, y, xy).scaled().over(n_scaled).over(below),
            (Self::Covariance, [x, y], [xy]) => central(&n, x, y, xy).scaled().over(n_scaled).over(n_scaled),
            (Self::SumXx, [_, x], [xx]) | (Self::SumYy, [x, _], [xx]) => central(&n, x, x, xx).scaled().over(n_scaled),
            (Self::SumXy, [y, x], [xy]) => central(&n, x, y, xy).scaled().over(n_scaled),
            (_, [y, x], products) => return self.of_line(&n, y, x, products),
            _ => return None,
        };
        Some(answer.to_f64())
    }

    /// Returns the statistics of the line through the points; NULL where all points have one x, or for those of both
    /// directions one y.
    fn of_line(self, n: &Big, y: &Sum, x: &Sum, products: &[ProductSum]) -> Option<f64> {
        let answer = match (self, products) {
            (Self::Slope, [xx, xy]) => {
                let (xx, xy) = (central(n, x, x, xx), central(n, x, y, xy));
                xy.scaled().over(nonzero(&xx)?)
            }
            (Self::Intercept, [xx, xy]) => {
                let (xx, xy) = (central(n, x, x, xx), central(n, x, y, xy));
                let above = Big::from(y).times(&xx).minus(&Big::from(x).times(&xy));
                above.scaled().over(nonzero(&xx)?).over(n.scaled())
            }
            (Self::Correlation, [yy, xx, xy]) => {
                let (yy, xx) = (nonzero(&central(n, y, y, yy))?, nonzero(&central(n, x, x, xx))?);
                let correlation = central(n, x, y, xy).scaled().over(yy.times(xx).sqrt()).to_f64();
                return Some(correlation.clamp(-1.0, 1.0));
            }
            (Self::Determination, [yy, xx, xy]) => {
                let (yy, xx) = (nonzero(&central(n, y, y, yy))?, nonzero(&central(n, x, x, xx))?);
                let xy = central(n, x, y, xy).scaled();
                return Some(xy.times(xy).over(yy.times(xx)).to_f64().min(1.0));
            }
            _ => return None,
        };
        Some(answer.to_f64())
    }
}

/// Returns `n * sum(x*y) - sum(x) * sum(y)`: the sum of the products of the distances from the means, times n.
fn central(n: &Big, x: &Sum, y: &Sum, xy: &ProductSum) -> Big {
    n.times(&Big::from(xy)).minus(&Big::from(x).times(&Big::from(y)))
}

fn nonzero(number: &Big) -> Option<Scaled> {
    (!number.is_zero()).then(|| number.scaled())
}
