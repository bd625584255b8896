//! What a window function needs to know of its partition.

use super::{constant::Constant, edge::Edge, pass::FirstPass, peers::Peers, peers::Ranking, suffix::Suffix};
use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, ScalarValue},
    functions_window::{
        cume_dist::CumeDist,
        nth_value::{NthValue, NthValueKind},
        ntile::Ntile,
        rank::Rank,
    },
    logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits},
    physical_expr::{
        expressions::Literal,
        window::{PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr},
    },
    physical_plan::windows::WindowUDFExpr,
};
use std::sync::Arc;

/// The most values from either end of a partition that are kept for `nth_value`.
const MOST_EDGE_ROWS: u64 = 1024;

/// How the column of a window function can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An aggregate over the whole partition.
    Constant,
    /// The same with a FILTER clause.
    Filtered,
    /// One of the first or last so many values of the partition.
    Edge(usize),
    /// A number that follows from the row's place, its peers and the count of rows.
    Ranking(Ranking),
    /// An aggregate from the current row, or its first peer, to the end of the partition.
    Suffix,
    /// What DataFusion computes as the rows come by.
    Streaming,
    /// What needs all rows at once.
    Whole,
}

impl Kind {
    /// Returns the kind of a function.
    pub(super) fn of(function: &Arc<dyn WindowExpr>) -> Self {
        let frame = function.get_window_frame();
        let any = function.as_any();
        if any.is::<PlainAggregateWindowExpr>() && is_whole(function) {
            return if has_filter(function) { Self::Filtered } else { Self::Constant };
        }
        if any.is::<SlidingAggregateWindowExpr>()
            && frame.end_bound.is_unbounded()
            && frame.start_bound == WindowFrameBound::CurrentRow
            && !has_filter(function)
        {
            return Self::Suffix;
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
            return unsigned(expression, 0).map_or(Self::Whole, |tiles| Self::Ranking(Ranking::Ntile(tiles)));
        }
        if inner.is::<CumeDist>() {
            return Self::Ranking(Ranking::CumeDist);
        }
        if inner.is::<Rank>() && expression.fun().name() == "percent_rank" {
            return Self::Ranking(Ranking::PercentRank);
        }
        if let Some(value) = inner.downcast_ref::<NthValue>()
            && is_all(function.get_window_frame())
        {
            let edge = match value.kind() {
                NthValueKind::First | NthValueKind::Last => Some(1),
                NthValueKind::Nth => unsigned(expression, 1),
            };
            let edge = edge.filter(|edge| *edge <= MOST_EDGE_ROWS).and_then(|edge| usize::try_from(edge).ok());
            return edge.map_or(Self::Whole, Self::Edge);
        }
        // DataFusion streams `lead(x) IGNORE NULLS` by other rules than it evaluates it; it holds all rows anyway.
        if function.uses_bounded_memory() && !may_ignore_nulls(expression) { Self::Streaming } else { Self::Whole }
    }

    /// Returns what a function of this kind does in the first pass, if it does anything.
    pub(super) fn first_pass(self, function: &Arc<dyn WindowExpr>) -> Result<Option<Box<dyn FirstPass>>> {
        Ok(match self {
            Self::Constant => Some(Box::new(Constant::new(function)?)),
            Self::Filtered => Some(Box::new(Constant::filtered(function)?)),
            Self::Edge(rows) => Some(Box::new(Edge::new(function, rows)?)),
            Self::Ranking(ranking) => Some(Box::new(Peers::new(function, ranking))),
            Self::Suffix => Some(Box::new(Suffix::new(function)?)),
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

/// Returns whether a function is an aggregate from the beginning of the partition to the last peer of the current row.
pub(super) fn is_running(function: &Arc<dyn WindowExpr>) -> bool {
    let frame = function.get_window_frame();
    function.as_any().is::<PlainAggregateWindowExpr>()
        && !function.order_by().is_empty()
        && frame.units != WindowFrameUnits::Rows
        && frame.start_bound.is_unbounded()
        && frame.end_bound == WindowFrameBound::CurrentRow
}

fn is_all(frame: &WindowFrame) -> bool {
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
fn may_ignore_nulls(expression: &WindowUDFExpr) -> bool {
    !format!("{expression:?}").ends_with("ignore_nulls: false }")
}

/// Returns the magnitude of a literal integer argument.
fn unsigned(expression: &WindowUDFExpr, index: usize) -> Option<u64> {
    let literal = expression.args().get(index)?.downcast_ref::<Literal>()?.value();
    if literal.is_null() || !literal.data_type().is_integer() {
        return None;
    }
    match literal.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(Some(value))) => Some(value.unsigned_abs()),
        _ => None,
    }
}
