//! `array_agg`, which knows its size without a walk over all that it keeps.
//!
//! DataFusion's accumulators keep the arrays that they were given, and answer how large they are by asking each of them. That is
//! asked after every batch, so that time grows with the square of their number: minutes where a small limit has small batches.
//! Here what was added since the last answer is estimated by its own size, and the walk is repeated only when that is an eighth of
//! the whole. All answers together take time in proportion to what is kept.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, BooleanArray},
        datatypes::{DataType, FieldRef},
    },
    common::{Result, ScalarValue},
    functions_aggregate::array_agg::array_agg_udaf,
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};
use std::sync::Arc;

/// Of what is known, the part that may be added before it is looked at again.
const PART: usize = 8;

/// What a row of a group takes beside its value: where it stands.
const PLACE: usize = 8;

/// Returns the function that replaces DataFusion's of the same name.
pub fn array_agg() -> AggregateUDF {
    Lists { stock: array_agg_udaf() }.into()
}

/// DataFusion's `array_agg` with accumulators that estimate their size.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Lists {
    stock: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Lists {
    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Estimated::new(self.stock.accumulator(args)?)))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Estimated::new(self.stock.create_groups_accumulator(args)?)))
    }

    /// A frame that slides gives values back one at a time, for which each size would have to be asked again.
    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.stock.create_sliding_accumulator(args)
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let stock = self.stock.as_ref().clone().with_beneficial_ordering(beneficial_ordering)?;
        Ok(stock.map(|stock| Arc::new(Self { stock: Arc::new(stock) }) as _))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.stock.groups_accumulator_supported(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.stock.state_fields(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.stock.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Reversed(Arc::new(array_agg()))
    }

    fn name(&self) -> &str {
        self.stock.name()
    }

    fn signature(&self) -> &Signature {
        self.stock.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.stock.return_type(types)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.stock.supports_null_handling_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.stock.documentation()
    }
}

/// An accumulator, and how large it is about.
#[derive(Debug)]
struct Estimated<A: ?Sized> {
    /// What it was when it was asked last, and what was added since.
    known: usize,
    added: usize,
    stock: Box<A>,
}

/// What can be asked for its size: DataFusion has two traits that say so.
trait Weighed {
    fn bytes(&self) -> usize;
}

impl Weighed for dyn Accumulator {
    fn bytes(&self) -> usize {
        self.size()
    }
}

impl Weighed for dyn GroupsAccumulator {
    fn bytes(&self) -> usize {
        self.size()
    }
}

impl<A: Weighed + ?Sized> Estimated<A> {
    fn new(stock: Box<A>) -> Self {
        Self { known: stock.bytes(), added: 0, stock }
    }

    /// Counts what was given to the accumulator.
    fn add(&mut self, given: &[ArrayRef]) {
        let bytes = |array: &ArrayRef| {
            let held = array.to_data().get_slice_memory_size().unwrap_or_default();
            held + size_of::<ArrayRef>() + PLACE * array.len()
        };
        self.added += given.iter().map(bytes).sum::<usize>();
        if self.added > self.known / PART {
            self.ask();
        }
    }

    fn ask(&mut self) {
        (self.known, self.added) = (self.stock.bytes(), 0);
    }

    fn estimate(&self) -> usize {
        self.known + self.added
    }
}

impl Accumulator for Estimated<dyn Accumulator> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.stock.update_batch(values)?;
        self.add(values);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.stock.merge_batch(states)?;
        self.add(states);
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.stock.state();
        self.ask();
        state
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.stock.evaluate();
        self.ask();
        value
    }

    fn size(&self) -> usize {
        self.estimate()
    }
}

impl GroupsAccumulator for Estimated<dyn GroupsAccumulator> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.stock.update_batch(values, groups, filter, count)?;
        self.add(values);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.stock.merge_batch(states, groups, count)?;
        self.add(states);
        Ok(())
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let state = self.stock.state(emit);
        self.ask();
        state
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let values = self.stock.evaluate(emit);
        self.ask();
        values
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.stock.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.estimate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Int64Array;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Keeps arrays, and counts how many it was asked for.
    #[derive(Debug, Default)]
    struct Keeper {
        kept: Vec<ArrayRef>,
        asked: AtomicUsize,
    }

    impl Accumulator for Keeper {
        fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
            self.kept.extend_from_slice(values);
            Ok(())
        }

        fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
            Ok(())
        }

        fn state(&mut self) -> Result<Vec<ScalarValue>> {
            Ok(Vec::new())
        }

        fn evaluate(&mut self) -> Result<ScalarValue> {
            self.kept.clear();
            Ok(ScalarValue::UInt64(Some(self.asked.load(Relaxed) as u64)))
        }

        fn size(&self) -> usize {
            self.asked.fetch_add(self.kept.len(), Relaxed);
            self.kept.iter().map(|array| array.to_data().get_slice_memory_size().unwrap()).sum()
        }
    }

    #[test]
    fn all_sizes_together_take_time_in_proportion() {
        const ARRAYS: usize = 20_000;
        let mut lists: Estimated<dyn Accumulator> = Estimated::new(Box::<Keeper>::default());
        let array: ArrayRef = Arc::new(Int64Array::from(vec![7; 100]));
        for at in 1..=ARRAYS {
            lists.update_batch(&[Arc::clone(&array)]).unwrap();
            let (truth, size) = (at * 800, lists.size());
            assert!(size >= truth && size <= truth + truth / 4 + 2000, "{size} of {truth}");
        }
        let ScalarValue::UInt64(Some(asked)) = lists.evaluate().unwrap() else { panic!("a number") };
        assert!(asked < 25 * ARRAYS as u64, "{asked} arrays were looked at");
        assert_eq!(lists.size(), 0, "what was given away is not counted");
    }
}
