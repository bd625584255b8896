//! What is asked of a percentile function.

use datafusion::{
    arrow::{
        array::RecordBatch,
        datatypes::{DataType, Field, FieldRef, Schema},
    },
    common::{Result, ScalarValue, plan_err},
    logical_expr::{ColumnarValue, function::AccumulatorArgs, utils::format_state_name},
    physical_expr::PhysicalExpr,
};
use std::sync::Arc;

/// A percentile.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentile {
    /// From 0 to 1.
    pub fraction: f64,
    /// Whether it is counted from the greatest value.
    pub descending: bool,
    /// The type of the answer.
    pub data_type: DataType,
}

/// Returns the percentile that is asked for. DataFusion has looked at the arguments before; the number of centroids, which is
/// for t-digests, has no meaning here.
///
/// # Errors
/// If the fraction is not a literal number.
pub fn asked(args: &AccumulatorArgs<'_>, weighted: bool) -> Result<Percentile> {
    let fraction = match args.exprs.get(if weighted { 2 } else { 1 }) {
        // The median.
        None => 0.5,
        Some(expression) => literal(expression)?,
    };
    let descending = args.order_bys.first().is_some_and(|order| order.options.descending);
    Ok(Percentile { fraction, descending, data_type: args.return_field.data_type().clone() })
}

/// Returns a fraction.
///
/// # Errors
/// If it is not a literal number.
pub fn literal(expression: &Arc<dyn PhysicalExpr>) -> Result<f64> {
    match expression.evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty())))? {
        ColumnarValue::Scalar(ScalarValue::Float64(Some(fraction))) => Ok(fraction),
        ColumnarValue::Scalar(ScalarValue::Float32(Some(fraction))) => Ok(fraction.into()),
        _ => plan_err!("the percentile must be a literal number"),
    }
}

/// Returns the column of a state.
pub fn state_fields(name: &str) -> Vec<FieldRef> {
    vec![Arc::new(Field::new(format_state_name(name, "sketch"), DataType::LargeBinary, true))]
}
