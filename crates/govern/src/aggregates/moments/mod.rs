//! Sums, averages, variances, covariances, correlations and regressions: all of them from exact sums of values and products.

mod columns;
mod formula;

pub use columns::{Moments, state_fields};
pub use formula::Statistic;
