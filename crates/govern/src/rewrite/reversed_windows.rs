//! Window functions that look to the end of the partition, turned around.
//!
//! For a frame that ends with the partition, DataFusion keeps all of its rows. In the reversed order the same frame begins with
//! the partition, and is streamed: `sum(x) OVER (ORDER BY t ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)` is
//! `sum(x) OVER (ORDER BY t DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`. So with `lead(x) IGNORE NULLS`, whose value
//! can be anywhere behind the row, and whose streamed form DataFusion 55.2 gets wrong: it is `lag(x) IGNORE NULLS`.
//!
//! Where rows are sorted in the first order already, DataFusion would turn the function back rather than sort them again. So it
//! must not see that the orders are alike: the reversed one is of [`Turned`] keys, which are the keys.

use datafusion::{
    arrow::datatypes::DataType,
    common::{DataFusionError, Result, ScalarValue, tree_node::Transformed},
    functions_window::{
        lead_lag::{WindowShift, lag_udwf, lead_udwf},
        nth_value::{NthValue, NthValueKind, first_value_udwf, last_value_udwf},
    },
    logical_expr::{
        ColumnarValue, Expr, LogicalPlan, Projection, ReversedUDAF, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
        Signature, Volatility, Window, WindowFunctionDefinition, WindowUDF,
        expr::{NullTreatment, WindowFunction},
    },
};
use std::{mem, ops::Not, sync::Arc};

/// Returns the node with those functions in a node of their own, if it has any.
pub(super) fn rewrite(window: Window) -> Result<Transformed<LogicalPlan>> {
    let turned: Vec<Option<Expr>> = window.window_expr.iter().map(reversed).collect();
    if turned.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Window(window)));
    }
    let input_columns = window.input.schema().fields().len();
    let kept = window.window_expr.iter().zip(&turned).filter(|(_, turned)| turned.is_none());
    let kept: Vec<Expr> = kept.map(|(function, _)| function.clone()).collect();
    let mut plan = window.input;
    if !kept.is_empty() {
        plan = Arc::new(LogicalPlan::Window(Window::try_new(kept, plan)?));
    }
    let last = Window::try_new(turned.iter().flatten().cloned().collect(), plan)?;
    // The columns of the input, of what was kept, and of what was turned around follow each other.
    let (mut next_kept, mut next_turned) = (input_columns, last.input.schema().fields().len());
    let mut columns = Vec::new();
    for (at, (qualifier, field)) in window.schema.iter().enumerate() {
        let next = match at.checked_sub(input_columns).and_then(|at| turned.get(at)) {
            Some(Some(_)) => &mut next_turned,
            Some(None) => &mut next_kept,
            None => {
                columns.push(Expr::from((qualifier, field)));
                continue;
            }
        };
        let column = Expr::from(last.schema.qualified_field(*next));
        columns.push(column.alias_qualified(qualifier.cloned(), field.name()));
        *next += 1;
    }
    let plan = Arc::new(LogicalPlan::Window(last));
    let projection = Projection::try_new_with_schema(columns, plan, window.schema)?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}

/// Returns the same function in the reversed order, if it looks to the end of the partition and there is one.
fn reversed(function: &Expr) -> Option<Expr> {
    match function {
        Expr::Alias(alias) => reversed(&alias.expr),
        Expr::WindowFunction(function) => turn(function).map(|turned| Expr::WindowFunction(Box::new(turned))),
        _ => None,
    }
}

fn turn(function: &WindowFunction) -> Option<WindowFunction> {
    let frame = &function.params.window_frame;
    if function.params.order_by.is_empty() {
        return None;
    }
    let to_end = frame.end_bound.is_unbounded() && !frame.start_bound.is_unbounded();
    let mut turned = function.clone();
    match &function.fun {
        WindowFunctionDefinition::AggregateUDF(aggregate) => {
            if !to_end || !matches!(aggregate.reverse_udf(), ReversedUDAF::Identical) {
                return None;
            }
        }
        WindowFunctionDefinition::WindowUDF(window) => {
            turned.fun = of_window(window, function, to_end, &mut turned.params.args)?.into();
        }
    }
    turned.params.window_frame = frame.reverse();
    let key = ScalarUDF::new_from_impl(Turned(Signature::any(1, Volatility::Immutable)));
    for sort in &mut turned.params.order_by {
        sort.expr = key.call(vec![mem::take(&mut sort.expr)]);
        sort.asc = sort.asc.not();
        sort.nulls_first = sort.nulls_first.not();
    }
    Some(turned)
}

/// Returns the function that is the same in the reversed order, and turns its arguments around.
fn of_window(
    window: &WindowUDF,
    function: &WindowFunction,
    to_end: bool,
    arguments: &mut [Expr],
) -> Option<Arc<WindowUDF>> {
    let inner = window.inner();
    if inner.is::<WindowShift>() {
        let ignores_nulls = function.params.null_treatment == Some(NullTreatment::IgnoreNulls);
        let ahead = match (window.name(), offset(&function.params.args)?) {
            ("lead", offset) => offset > 0,
            (_, offset) => offset < 0,
        };
        let other = || if window.name() == "lead" { lag_udwf() } else { lead_udwf() };
        return (ignores_nulls && ahead).then(other);
    }
    if !to_end {
        return None;
    }
    match inner.downcast_ref::<NthValue>()?.kind() {
        NthValueKind::First => Some(last_value_udwf()),
        NthValueKind::Last => Some(first_value_udwf()),
        NthValueKind::Nth => {
            let place = arguments.get_mut(1)?;
            let from_end = integer(place)?.checked_neg()?;
            *place = Expr::Literal(ScalarValue::Int64(Some(from_end)), None);
            Some(Arc::new(window.clone()))
        }
    }
}

/// Returns by how many rows a function shifts.
fn offset(arguments: &[Expr]) -> Option<i64> {
    arguments.get(1).map_or(Some(1), integer)
}

fn integer(argument: &Expr) -> Option<i64> {
    match argument {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(value)) => value,
            _ => None,
        },
        _ => None,
    }
}

/// A function that returns its argument, of which nobody knows that it keeps the order.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Turned(Signature);

impl ScalarUDFImpl for Turned {
    fn name(&self) -> &'static str {
        "turned"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        arguments.first().cloned().ok_or_else(without_argument)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        arguments.args.into_iter().next().ok_or_else(without_argument)
    }
}

fn without_argument() -> DataFusionError {
    DataFusionError::Internal("a turned key without a key".into())
}
