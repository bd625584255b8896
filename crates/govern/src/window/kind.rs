//! What a window function needs to know of its partition.

use super::{constant::Constant, pass::FirstPass, peers::Peers, peers::Ranking};
use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, ScalarValue},
    functions_window::{
        cume_dist::CumeDist,
        nth_value::{NthValue, NthValueKind},
        ntile::Ntile,
        rank::Rank,
    },
    logical_expr::{WindowFrameBound, WindowFrameUnits},
    physical_expr::{
        expressions::Literal,
        window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr},
    },
    physical_plan::windows::WindowUDFExpr,
};
use std::sync::Arc;

/// The most values from either end of a partition that are kept for `nth_value`.
const MOST_EDGE_ROWS: usize = 1024;

/// How the column of a window function can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An aggregate over the whole partition, or one of its first or last values.
    Constant,
    /// The same with a FILTER clause.
    Filtered,
    /// A number that follows from the row's place, its peers and the count of rows.
    Ranking(Ranking),
    /// What DataFusion computes as the rows come by.
    Streaming,
    /// What needs all rows at once.
    Whole,
}

impl Kind {
    /// Returns the kind of a function.
    pub(super) fn of(function: &Arc<dyn WindowExpr>) -> Self {
        let any = function.as_any();
        if any.is::<PlainAggregateWindowExpr>() && is_whole(function) {
            return if has_filter(function) { Self::Filtered } else { Self::Constant };
        }
        if let Some(standard) = any.downcast_ref::<StandardWindowExpr>() {
            return Self::of_standard(function, standard);
        }
        if function.uses_bounded_memory() { Self::Streaming } else { Self::Whole }
    }

    fn of_standard(function: &Arc<dyn WindowExpr>, standard: &StandardWindowExpr) -> Self {
        let Some(expression) = standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>() else {
            return Self::Whole;
        };
        let inner = expression.fun().inner();
        if inner.is::<Ntile>() {
            let tiles = integer(expression, 0).map(i64::unsigned_abs);
            return tiles.map_or(Self::Whole, |tiles| Self::Ranking(Ranking::Ntile(tiles)));
        }
        if inner.is::<CumeDist>() {
            return Self::Ranking(Ranking::CumeDist);
        }
        if inner.is::<Rank>() && expression.fun().name() == "percent_rank" {
            return Self::Ranking(Ranking::PercentRank);
        }
        if is_all(function) && edge_rows(function).is_some() {
            return Self::Constant;
        }
        // DataFusion streams `lead(x) IGNORE NULLS` by other rules than it evaluates it; it holds all rows anyway.
        let streams = !may_ignore_nulls(expression) || is_running(function) || looks_back(expression);
        if streams && function.uses_bounded_memory() { Self::Streaming } else { Self::Whole }
    }

    /// Returns what a function of this kind does in the first pass, if it does anything.
    pub(super) fn first_pass(self, function: &Arc<dyn WindowExpr>) -> Result<Option<Box<dyn FirstPass>>> {
        Ok(match self {
            Self::Constant => Some(Box::new(Constant::new(function)?)),
            Self::Filtered => Some(Box::new(Constant::filtered(function)?)),
            Self::Ranking(ranking) => Some(Box::new(Peers::new(function, ranking))),
            Self::Streaming | Self::Whole => None,
        })
    }
}

/// Returns whether the frame of every row is the whole partition. A function without ORDER BY has but peers.
fn is_whole(function: &Arc<dyn WindowExpr>) -> bool {
    let frame = function.get_window_frame();
    let peers = frame.units == WindowFrameUnits::Range && function.order_by().is_empty();
    let open = |bound: &WindowFrameBound| bound.is_unbounded() || (peers && *bound == WindowFrameBound::CurrentRow);
    open(&frame.start_bound) && open(&frame.end_bound)
}

/// Returns whether a function is an aggregate, or a value by its place, from the beginning of the partition to the last peer of
/// the current row. To the current row itself, DataFusion streams what does not ignore nulls.
pub(super) fn is_running(function: &Arc<dyn WindowExpr>) -> bool {
    let frame = function.get_window_frame();
    let to_peers = frame.units != WindowFrameUnits::Rows;
    frame.start_bound.is_unbounded()
        && frame.end_bound == WindowFrameBound::CurrentRow
        && !function.order_by().is_empty()
        && match by_place(function) {
            Some((expression, _)) => (to_peers || may_ignore_nulls(expression)) && edge_rows(function).is_some(),
            None => to_peers && function.as_any().is::<PlainAggregateWindowExpr>(),
        }
}

/// Returns how many values from either end of the frame can be the answer of a function that takes a value by its place, if
/// they are not many.
pub(super) fn edge_rows(function: &Arc<dyn WindowExpr>) -> Option<usize> {
    let (expression, kind) = by_place(function)?;
    let rows = match kind {
        NthValueKind::First | NthValueKind::Last => 1,
        NthValueKind::Nth => integer(expression, 1)?.unsigned_abs(),
    };
    usize::try_from(rows).ok().filter(|rows| *rows <= MOST_EDGE_ROWS)
}

/// Returns a function that takes a value by its place, and which.
pub(super) fn by_place(function: &Arc<dyn WindowExpr>) -> Option<(&WindowUDFExpr, &NthValueKind)> {
    let standard = function.as_any().downcast_ref::<StandardWindowExpr>()?;
    let expression = standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
    Some((expression, expression.fun().inner().downcast_ref::<NthValue>()?.kind()))
}

/// Returns whether a function is `lag` by rows before the current one.
fn looks_back(expression: &WindowUDFExpr) -> bool {
    let offset = if expression.args().len() > 1 { integer(expression, 1) } else { Some(1) };
    expression.fun().name() == "lag" && offset.is_some_and(|offset| offset >= 0)
}

fn is_all(function: &Arc<dyn WindowExpr>) -> bool {
    let frame = function.get_window_frame();
    frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded()
}

/// Returns whether an aggregate has a FILTER clause. DataFusion tells it nowhere but in the debug format, whose last field it
/// is: should that change, an aggregate is taken to have one, which is slower but as right.
pub(super) fn has_filter(function: &Arc<dyn WindowExpr>) -> bool {
    let any = function.as_any();
    let aggregate = any.is::<PlainAggregateWindowExpr>() || any.is::<SlidingAggregateWindowExpr>();
    aggregate && !format!("{function:?}").ends_with("filter: None }")
}

/// Returns whether a function may have IGNORE NULLS, by the same means.
pub(super) fn may_ignore_nulls(expression: &WindowUDFExpr) -> bool {
    !format!("{expression:?}").ends_with("ignore_nulls: false }")
}

/// Returns a literal integer argument.
fn integer(expression: &WindowUDFExpr, index: usize) -> Option<i64> {
    let literal = expression.args().get(index)?.downcast_ref::<Literal>()?.value();
    if literal.is_null() || !literal.data_type().is_integer() {
        return None;
    }
    match literal.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(value)) => value,
        _ => None,
    }
}
