//! Several exact percentiles of one argument: what several calls of `percentile_cont` are planned as.
//!
//! Each call would keep all values of its own. It cannot be called in a query: [`several_percentiles`] is made by a rewrite.

use super::{
    group_states::{Many, One},
    percentile::{Percentile, literal},
    ranked::{self, Ranked},
};
use datafusion::{
    arrow::datatypes::{DataType, FieldRef},
    common::{Result, internal_err},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

#[derive(Debug, PartialEq, Eq, Hash)]
struct SeveralPercentiles {
    signature: Signature,
}

/// Returns the function of an argument and any number of fractions, whose answer is a structure of [`ranked::answer_fields`].
pub fn several_percentiles() -> AggregateUDF {
    SeveralPercentiles { signature: Signature::variadic_any(Volatility::Immutable) }.into()
}

fn states(args: &AccumulatorArgs<'_>) -> Result<Ranked> {
    let Some((_, fractions)) = args.exprs.split_first() else {
        return internal_err!("percentiles of nothing");
    };
    let Some(data_type) = args.expr_fields.first().map(|field| field.data_type().clone()) else {
        return internal_err!("percentiles of no type");
    };
    let asked =
        |fraction| Ok(Percentile { fraction: literal(fraction)?, descending: false, data_type: data_type.clone() });
    Ok(Ranked::several(fractions.iter().map(asked).collect::<Result<_>>()?))
}

impl AggregateUDFImpl for SeveralPercentiles {
    fn name(&self) -> &'static str {
        "percentiles_cont"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let Some((argument, fractions)) = types.split_first() else {
            return internal_err!("percentiles of nothing");
        };
        Ok(DataType::Struct(ranked::answer_fields(fractions.len(), argument)))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One::new(states(&args)?)))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many(states(&args)?)))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(ranked::state_fields(args.name))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
