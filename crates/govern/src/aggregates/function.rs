//! DataFusion's functions, with our accumulators for doubles.

use super::{
    distinct::Distinct,
    group_states::{Many, One},
    moments::{self, Moments, Statistic},
    percentile::{self, Percentile, Sketches},
    ranked::{self, Ranked},
};
use datafusion::{
    arrow::datatypes::{DataType, FieldRef},
    common::{Result, ScalarValue, internal_err, not_impl_err},
    functions_aggregate::{
        approx_median, approx_percentile_cont, approx_percentile_cont_with_weight, average, correlation, covariance,
        percentile_cont, regr, stddev, sum, variance,
    },
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Operator, ReversedUDAF,
        SetMonotonicity, Signature, StatisticsArgs,
        expr::{AggregateFunction, AggregateFunctionParams, WindowFunctionParams},
        function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};
use std::sync::Arc;

/// A function of DataFusion whose arithmetic on doubles is ours. Names, types, coercions and clauses are DataFusion's, and so
/// is everything about other types, whose answers do not depend on the order of rows.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OrderFree {
    stock: Arc<AggregateUDF>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Statistic(Statistic),
    Percentile { weighted: bool },
    Exact,
}

/// Makes an accumulator of the states that a statistic needs. No function can: each is of another type.
macro_rules! with_moments {
    ($statistic:ident, |$moments:ident| $make:expr) => {
        match ($statistic.arguments(), $statistic.products().len()) {
            (1, 0) => with_moments!(@ $statistic, $moments, $make, 1, 0),
            (1, 1) => with_moments!(@ $statistic, $moments, $make, 1, 1),
            (2, 0) => with_moments!(@ $statistic, $moments, $make, 2, 0),
            (2, 1) => with_moments!(@ $statistic, $moments, $make, 2, 1),
            (2, 2) => with_moments!(@ $statistic, $moments, $make, 2, 2),
            (2, 3) => with_moments!(@ $statistic, $moments, $make, 2, 3),
            _ => internal_err!("no sums for {:?}", $statistic),
        }
    };
    (@ $statistic:ident, $moments:ident, $make:expr, $arguments:literal, $products:literal) => {{
        let $moments = Moments::<$arguments, $products>::new($statistic);
        Ok($make)
    }};
}

/// Returns the functions that replace DataFusion's of the same names.
pub fn order_free() -> Vec<AggregateUDF> {
    let statistics = [
        (sum::sum_udaf(), Statistic::Sum),
        (average::avg_udaf(), Statistic::Mean),
        (variance::var_samp_udaf(), Statistic::SampleVariance),
        (variance::var_pop_udaf(), Statistic::Variance),
        (stddev::stddev_udaf(), Statistic::SampleDeviation),
        (stddev::stddev_pop_udaf(), Statistic::Deviation),
        (covariance::covar_samp_udaf(), Statistic::SampleCovariance),
        (covariance::covar_pop_udaf(), Statistic::Covariance),
        (correlation::corr_udaf(), Statistic::Correlation),
        (regr::regr_slope_udaf(), Statistic::Slope),
        (regr::regr_intercept_udaf(), Statistic::Intercept),
        (regr::regr_r2_udaf(), Statistic::Determination),
        (regr::regr_avgx_udaf(), Statistic::MeanX),
        (regr::regr_avgy_udaf(), Statistic::MeanY),
        (regr::regr_sxx_udaf(), Statistic::SumXx),
        (regr::regr_syy_udaf(), Statistic::SumYy),
        (regr::regr_sxy_udaf(), Statistic::SumXy),
    ];
    let percentiles = [
        (approx_median::approx_median_udaf(), false),
        (approx_percentile_cont::approx_percentile_cont_udaf(), false),
        (approx_percentile_cont_with_weight::approx_percentile_cont_with_weight_udaf(), true),
    ];
    let statistics = statistics.map(|(stock, statistic)| (stock, Kind::Statistic(statistic)));
    let percentiles = percentiles.map(|(stock, weighted)| (stock, Kind::Percentile { weighted }));
    let exact = [(percentile_cont::percentile_cont_udaf(), Kind::Exact)];
    statistics
        .into_iter()
        .chain(percentiles)
        .chain(exact)
        .map(|(stock, kind)| OrderFree { stock, kind }.into())
        .collect()
}

impl OrderFree {
    /// Returns whether the arguments are ours: doubles for statistics, any floating-point numbers for percentiles.
    fn takes(&self, fields: &[FieldRef]) -> bool {
        let mut types = fields.iter().map(|field| field.data_type());
        match self.kind {
            Kind::Statistic(statistic) => {
                types.len() == statistic.arguments() && types.all(|argument| *argument == DataType::Float64)
            }
            Kind::Percentile { .. } | Kind::Exact => types.next().is_some_and(DataType::is_floating),
        }
    }

    /// Returns the percentile that is asked for, after DataFusion has looked at the arguments.
    fn percentile(&self, args: &AccumulatorArgs<'_>, weighted: bool) -> Result<Percentile> {
        if args.is_distinct {
            return not_impl_err!("{}(DISTINCT)", self.name());
        }
        self.stock.accumulator(args.clone())?;
        percentile::asked(args, weighted)
    }
}

impl AggregateUDFImpl for OrderFree {
    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if !self.takes(args.expr_fields) {
            return self.stock.accumulator(args);
        }
        match self.kind {
            Kind::Statistic(statistic) if args.is_distinct && statistic.arguments() == 1 => {
                Ok(Box::new(Distinct::new(self.stock.accumulator(args)?, statistic)))
            }
            Kind::Exact if args.is_distinct => self.stock.accumulator(args),
            Kind::Exact => Ok(Box::new(One::new(Ranked::one(self.percentile(&args, false)?)))),
            Kind::Statistic(_) if args.is_distinct => not_impl_err!("{}(DISTINCT)", self.name()),
            Kind::Statistic(statistic) => with_moments!(statistic, |moments| Box::new(One::new(moments))),
            Kind::Percentile { weighted: false } => {
                Ok(Box::new(One::new(Sketches::new(self.percentile(&args, false)?))))
            }
            Kind::Percentile { weighted: true } => {
                Ok(Box::new(One::new(percentile::WeightedSketches::new(self.percentile(&args, true)?))))
            }
        }
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        if !self.takes(args.expr_fields) {
            return self.stock.create_groups_accumulator(args);
        }
        match self.kind {
            Kind::Exact => Ok(Box::new(Many(Ranked::one(self.percentile(&args, false)?)))),
            Kind::Statistic(statistic) => with_moments!(statistic, |moments| Box::new(Many(moments))),
            Kind::Percentile { weighted: false } => Ok(Box::new(Many(Sketches::new(self.percentile(&args, false)?)))),
            Kind::Percentile { weighted: true } => {
                Ok(Box::new(Many(percentile::WeightedSketches::new(self.percentile(&args, true)?))))
            }
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        if self.takes(args.expr_fields) { !args.is_distinct } else { self.stock.groups_accumulator_supported(args) }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if self.takes(args.expr_fields) && !args.is_distinct {
            self.accumulator(args)
        } else {
            self.stock.create_sliding_accumulator(args)
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if args.is_distinct || !self.takes(args.input_fields) {
            return self.stock.state_fields(args);
        }
        Ok(match self.kind {
            Kind::Statistic(statistic) => moments::state_fields(statistic, args.name),
            Kind::Percentile { .. } => percentile::state_fields(args.name),
            Kind::Exact => ranked::state_fields(args.name),
        })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    /// DataFusion makes `sum(x) + 1 * count(x)` of `sum(x + 1)` where both occur. For doubles that is another number.
    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        argument: &Expr,
        operator: Operator,
        literal: &Expr,
        argument_is_left: bool,
    ) -> Result<Option<Expr>> {
        match literal {
            Expr::Literal(value, _) if value.data_type().is_floating() => Ok(None),
            _ => self.stock.simplify_expr_op_literal(function, argument, operator, literal, argument_is_left),
        }
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        // Sums in the statistics of files were added in some order.
        if statistics.return_type.is_floating() { None } else { self.stock.value_from_stats(statistics) }
    }

    fn name(&self) -> &str {
        self.stock.name()
    }

    fn aliases(&self) -> &[String] {
        self.stock.aliases()
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.stock.schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.stock.human_display(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.stock.window_function_schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.stock.display_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.stock.window_function_display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.stock.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.stock.return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.stock.return_field(fields)
    }

    fn is_nullable(&self) -> bool {
        self.stock.is_nullable()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.stock.coerce_types(types)
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.stock.simplify()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.stock.default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.stock.supports_null_handling_clause()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.stock.supports_within_group_clause()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.stock.inner().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.stock.documentation()
    }
}
