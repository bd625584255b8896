//! Aggregates whose answer does not depend on the order of their rows.
//!
//! The order in which rows meet an aggregate depends on threads, batch sizes and on what was spilled. Addition of doubles is
//! not associative and a t-digest depends on its history, so DataFusion's sums, averages, statistics and approximate
//! percentiles of doubles change with the limit. The functions here have the same names, types and clauses, and one answer:
//!
//! - [`exact`]: sums of doubles and of their products without any rounding, which make `sum`, `avg`, variances, covariances,
//!   correlations and regressions ([`moments`]) exact up to the last few roundings;
//! - [`percentile`]: a sketch whose state is a function of the set of its values alone;
//! - [`ranked`]: exact percentiles, of which several share their values, and which are not rounded to a millionth.
//!
//! Beside them, [`array_agg`] has DataFusion's answer, in less time.
//!
//! What is not here is free of order already (integers, decimals, `min`, `count`, `approx_distinct`, `median`), or asks for an order by what it is (`first_value`, `array_agg` and `string_agg` without `ORDER BY`).

mod distinct;
pub mod exact;
mod function;
mod group_states;
mod lists;
pub mod moments;
pub mod percentile;
mod percentiles;
pub mod ranked;
mod rows;

#[cfg(test)]
mod tests;

pub use function::order_free;
pub use lists::array_agg;
pub use percentiles::several_percentiles;
