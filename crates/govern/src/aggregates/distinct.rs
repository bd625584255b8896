//! Statistics of distinct doubles: DataFusion's set of values, and our arithmetic at the end.

use super::{
    exact::{Change, ProductSum, Sum},
    moments::Statistic,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray},
        datatypes::Float64Type,
    },
    common::{Result, ScalarValue, internal_err},
    logical_expr::Accumulator,
};

/// An accumulator of distinct values, whose answer is computed from the set instead of in the order of a hash table.
#[derive(Debug)]
pub struct Distinct {
    stock: Box<dyn Accumulator>,
    statistic: Statistic,
}

impl Distinct {
    /// Takes DataFusion's accumulator, whose state is one list of doubles.
    pub fn new(stock: Box<dyn Accumulator>, statistic: Statistic) -> Self {
        Self { stock, statistic }
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.stock.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.stock.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.stock.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.stock.state()?;
        let [ScalarValue::List(list)] = state.as_slice() else {
            return internal_err!("distinct values of another form");
        };
        let (mut count, mut sum, mut product) = (0, Sum::Empty, ProductSum::Empty);
        let values = list.values().as_primitive::<Float64Type>();
        for value in values.iter().flatten() {
            count += 1;
            sum.change(value, Change::Enter);
            product.change(value, value, Change::Enter);
        }
        Ok(ScalarValue::Float64(self.statistic.answer(count, &[sum], &[product])))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.stock.size()
    }
}
